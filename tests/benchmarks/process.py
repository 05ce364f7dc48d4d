"""Runs a contestant in a process of its own, for a limited time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import Any

from .contestants.measuring import FIGURES
from .environments import CHECKOUT


class ContestantFailed(Exception):
    """A contestant gave no figures."""


def perform(python: str, module: str, parameters: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """Return the figures that `python -m module parameters` prints.

    Raises:
        ContestantFailed: it did not end within so many seconds, or ended without figures.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [python, "-W", "ignore", "-m", module, json.dumps(parameters)],
            cwd=CHECKOUT,
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ContestantFailed(f"it did not end within {seconds:g} s") from None
        finally:
            _end(process)
        for line in printed.splitlines():
            if line.startswith(FIGURES):
                figures: dict[str, Any] = json.loads(line.removeprefix(FIGURES))
                return figures
        errors.seek(0)
        raise ContestantFailed(f"it ended with {process.returncode}: {errors.read()[-500:]}")


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and its children, which are a group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
