"""More jobs at once than can start within their grace time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import SLOW_LOAD
from .bursts import Ends, due_jobs
from .stores import Memory, make_store


def overload(parameters: dict[str, Any]) -> dict[str, Any]:
    """Compare the rate at three times the load that fits within the grace time with that of the same load without one."""
    store, grace = make_store(parameters), int(parameters["grace"])
    first = _perform(store, parameters["jobs"], None, 0.0, SLOW_LOAD)
    count = int(first["rate"] * grace * parameters["times"])
    without = _perform(store, count, None, grace, 2 * first["load"])
    graced = _perform(store, count, grace, grace, 2 * first["load"])
    return {
        "jobs": count,
        "rate": graced["rate"],
        "rate_without": without["rate"],
        "kept": graced["rate"] / without["rate"],
        "kept_overall": graced["executed"] / graced["seconds"] / without["rate"],
        "executed": graced["executed"],
    }


def _perform(store: Memory, count: int, misfire_grace_time: int | None, window: float, load: float) -> dict[str, float]:
    """Perform jobs that become due together; see the function of this name in `this`."""
    store.clear()
    scheduler = store.scheduler()
    begun = datetime.now(UTC)
    due = begun + timedelta(seconds=4 + count * load)
    options = {"misfire_grace_time": misfire_grace_time}
    store.add(due_jobs(store.parameters | {"jobs": count}, scheduler, due, **options))
    stored = datetime.now(UTC)
    if stored >= due:  # the machine has become slower: again, with more time
        return _perform(store, count, misfire_grace_time, window, 3 * load)
    scheduler.start()
    ends = Ends(scheduler, count)
    time.sleep(max(due.timestamp() - time.time(), 0))
    ends.wait()
    handled = time.time()
    scheduler.shutdown()
    rate = ends.executed / max(ends.last_executed - due.timestamp(), window)
    return {
        "executed": ends.executed,
        "rate": rate,
        "seconds": handled - due.timestamp(),
        "load": (stored - begun).total_seconds() / count,
    }
