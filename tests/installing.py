"""Installs a package from its source, as its users do, without a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def install_project(project: Path, target: Path) -> None:
    """Build the project in the folder `project`, and install it into the folder `target`."""
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir", "--upgrade"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"pip install {project} failed:\n{done.stdout}{done.stderr}")
