"""Many jobs, none of them due."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from ..measuring import FIGURES, cpu_seconds, rss
from .bursts import due_jobs
from .stores import make_store


def idle(parameters: dict[str, Any]) -> dict[str, Any]:
    """Store the jobs; then start a scheduler in a process of its own, and watch it wait."""
    store = make_store(parameters)
    if parameters["jobs"]:
        store.add(due_jobs(parameters, store.scheduler(), datetime.now(UTC) + timedelta(days=1)))
    return in_a_fresh_process(parameters | {"benchmark": "idle-node"})


def in_a_fresh_process(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a process that knows when it was started."""
    text = json.dumps(parameters | {"started": time.time()})
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.contestants.apscheduler3", text]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(FIGURES))
    figures: dict[str, Any] = json.loads(line.removeprefix(FIGURES))
    return figures


def watch(parameters: dict[str, Any]) -> dict[str, Any]:
    """Start a scheduler, until its first pass is done; then let it wait."""
    imported = time.time()
    store = make_store(parameters)
    scheduler = store.scheduler()
    statements = store.count_statements() if parameters.get("count") else None
    passed, look = Event(), scheduler._process_jobs

    def look_and_tell() -> Any:
        found = look()
        passed.set()
        return found

    scheduler._process_jobs = look_and_tell
    scheduler.start()
    assert passed.wait(120)
    first = time.time()
    time.sleep(3)
    before, cpu, wall = statements.total if statements else 0, cpu_seconds(), time.perf_counter()
    time.sleep(parameters["seconds"])
    cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    figures = {
        "start": first - parameters["started"],
        "start_without_django": first - imported,
        "cpu_percent": 100 * cpu / wall,
        "rss_mb": rss() / 2**20,
    }
    if statements:
        figures["statements_per_second"] = (statements.total - before) / wall
    scheduler.shutdown()
    return figures
