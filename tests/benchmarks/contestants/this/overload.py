"""More jobs at once than can start within their grace time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import SLOW_LOAD
from . import project
from .node import Node


def overload(parameters: dict[str, Any]) -> dict[str, Any]:
    """Compare the rate at three times the load that fits within the grace time with that of the same load without one."""
    project.prepare(parameters)
    grace = parameters["grace"]
    with Node() as node:
        first = _perform(node, parameters["jobs"], None, 0.0, SLOW_LOAD)
        count = int(first["rate"] * grace * parameters["times"])
        without = _perform(node, count, None, grace, 2 * first["load"])
        graced = _perform(node, count, grace, grace, 2 * first["load"])
    return {
        "jobs": count,
        "rate": graced["rate"],
        "rate_without": without["rate"],
        "kept": graced["rate"] / without["rate"],
        "kept_overall": graced["executed"] / graced["seconds"] / without["rate"],
        "executed": graced["executed"],
    }


def _perform(node: Node, count: int, misfire_grace_time: float | None, window: float, load: float) -> dict[str, float]:
    """Perform one-shots that become due together.

    Args:
        node: performs them.
        count: how many there are.
        misfire_grace_time: theirs.
        window: how long they are performed at least, in seconds.
        load: how long it takes at most to store one of them, in seconds.

    Returns:
        How many ran, and their rate; how long it took to deal with all, missed ones included, and to store one.
    """
    project.clear()
    begun = datetime.now(UTC)
    due = begun + timedelta(seconds=4 + count * load)
    node.expect(count)
    before, ends = node.recorded, [due.timestamp()]
    node.on_recorded = lambda recorded: ends.append(time.time())
    project.add_one_shots(count, due, misfire_grace_time=misfire_grace_time)
    stored = datetime.now(UTC)
    if stored >= due:  # the machine has become slower: again, with more time
        _wait_until_none_is_due(due)
        return _perform(node, count, misfire_grace_time, window, 3 * load)
    if misfire_grace_time is None:
        node.wait()
    else:
        _wait_until_none_is_due(due)
    handled = time.time()
    executed = node.recorded - before
    rate = executed / max(ends[-1] - due.timestamp(), window)
    return {
        "executed": executed,
        "rate": rate,
        "seconds": handled - due.timestamp(),
        "load": (stored - begun).total_seconds() / count,
    }


def _wait_until_none_is_due(due: datetime) -> None:
    from django_apscheduler_ng.models import JobRun, ScheduledJob

    time.sleep(max(due.timestamp() - time.time(), 0) + 1)
    until = time.monotonic() + 200
    while ScheduledJob.objects.filter(finished_at=None).exists() or JobRun.objects.open().exists():
        assert time.monotonic() < until, "jobs are left that are neither run nor missed"
        time.sleep(0.05)
