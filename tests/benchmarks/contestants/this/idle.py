"""Many jobs, none of them due."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import FIGURES, cpu_seconds, rss
from . import project


def idle(parameters: dict[str, Any]) -> dict[str, Any]:
    """Store the jobs; then start a node in a process of its own, and watch it wait."""
    project.prepare(parameters)
    if parameters["jobs"]:
        project.add_one_shots(parameters["jobs"], datetime.now(UTC) + timedelta(days=1))
    return in_a_fresh_process("tests.benchmarks.contestants.this", parameters | {"benchmark": "idle-node"})


def in_a_fresh_process(module: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a process that knows when it was started."""
    command = [sys.executable, "-W", "ignore", "-m", module, json.dumps(parameters | {"started": time.time()})]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(FIGURES))
    figures: dict[str, Any] = json.loads(line.removeprefix(FIGURES))
    return figures


def watch(parameters: dict[str, Any]) -> dict[str, Any]:
    """Start a node, until its first pass is done; then let it wait."""
    project.configure(parameters)
    imported = time.time()
    from ..statements import Statements
    from .node import Node

    statements = Statements() if parameters.get("count") else None
    with Node() as node:
        node.wait_for_a_pass()
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
    return figures
