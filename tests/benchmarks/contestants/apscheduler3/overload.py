"""More jobs at once than can start within their grace time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from .bursts import Ends, due_jobs
from .stores import Memory, make_store


def overload(parameters: dict[str, Any]) -> dict[str, Any]:
    """Compare the rate at three times the load that fits within the grace time with that of the same load without one."""
    store, grace = make_store(parameters), int(parameters["grace"])
    rate = _perform(store, parameters["jobs"], None, 0.0)["rate"]
    count = int(rate * grace * parameters["times"])
    without = _perform(store, count, None, 0.0)
    graced = _perform(store, count, grace, grace)
    return {
        "jobs": count,
        "rate": graced["rate"],
        "rate_without": without["rate"],
        "kept": graced["rate"] / without["rate"],
        "executed": graced["executed"],
    }


def _perform(store: Memory, count: int, misfire_grace_time: int | None, window: float) -> dict[str, float]:
    """Perform jobs that become due together; returns how many ran, and their rate."""
    store.clear()
    scheduler = store.scheduler()
    due = datetime.now(UTC) + timedelta(seconds=2 + count / 2000)
    options = {"misfire_grace_time": misfire_grace_time}
    store.add(due_jobs(store.parameters | {"jobs": count}, scheduler, due, **options))
    scheduler.start()
    ends = Ends(scheduler, count)
    assert datetime.now(UTC) < due, "the jobs were due before all of them were stored"
    time.sleep(due.timestamp() - time.time())
    ends.wait()
    scheduler.shutdown()
    return {"executed": ends.executed, "rate": ends.executed / max(ends.last_executed - due.timestamp(), window)}
