"""From a change in one process to a run in another."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ..bodies import say
from ..measuring import spread
from . import project
from .child import ChildNode


def latency(parameters: dict[str, Any]) -> dict[str, Any]:
    """Ask for runs in this process, and see when they begin in a node; counted from the commit."""
    project.prepare(parameters)
    from django_apscheduler_ng import get_scheduler

    scheduler = get_scheduler()
    scheduler.add_job(say, "interval", days=1, args=["asked"], id="asked")
    scheduler.add_job(say, "interval", days=1, args=["moved"], id="moved")

    def add(number: int) -> str:
        scheduler.add_job(say, "date", run_date=datetime.now(UTC), args=[f"added-{number}"], id=f"added-{number}")
        return f"added-{number}"

    def ask(number: int) -> str:
        scheduler.run_job("asked")
        return "asked"

    def move(number: int) -> str:
        scheduler.modify_job("moved", next_run_time=datetime.now(UTC))
        return "moved"

    figures: dict[str, float] = {}
    with ChildNode(parameters) as node:
        for name, act in (("run", ask), ("add", add), ("modify", move)):
            waits = _waits(node, act, parameters[f"{name}_tries"])
            figures |= {f"{name}_{word}": value for word, value in spread(waits).items()}
    return figures


def _waits(node: ChildNode, act: Callable[[int], str], tries: int) -> list[float]:
    """Return how long each run was waited for, in seconds."""
    chance = random.Random(1)
    found = []
    for number in range(tries):
        time.sleep(chance.uniform(0.05, 1.05))  # at any phase of the polling of the node
        job_id = act(number)
        committed = time.time()
        found.append(max(node.next_begin(job_id) - committed, 0.0))
    return found
