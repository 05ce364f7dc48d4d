"""The benchmarks can be run; what they find is not tested."""

from __future__ import annotations

import json
import os
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


def test_the_pages_of_the_admin_are_measured(tmp_path: Path):
    sizes = ["--jobs", "60", "--runs", "1000", "--events", "100"]

    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.admin", "sqlite", *sizes],
        cwd=CHECKOUT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
    )

    assert done.returncode == 0, done.stderr
    _, head, _, first, *_ = done.stdout.splitlines()
    assert head.split() == ["page", "queries", "ms", "CPU", "ms", "slowest", "(ms)", "kB"]
    assert first.split()[:2] == ["app", "2"]
    assert (
        len(json.loads((tmp_path / "django_apscheduler_ng-benchmarks" / "admin.json").read_text())["sqlite"]["costs"])
        > 100
    )
