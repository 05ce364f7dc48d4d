"""The benchmarks can be run; what they find is not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import CHECKOUT


def test_a_quick_burst_prints_a_table(tmp_path: Path):
    command = [sys.executable, "-m", "tests.benchmarks", "burst", "--quick", "--here", "--database", "sqlite"]

    done = subprocess.run(
        [*command, "--environments", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, timeout=100
    )

    assert done.returncode == 0, done.stderr
    title, head, _, row = done.stdout.strip().splitlines()
    assert title == "Burst"
    assert head.split()[:4] == ["database", "contestant", "runs/s", "statements/run"]
    assert row.startswith("SQLite    this project")
