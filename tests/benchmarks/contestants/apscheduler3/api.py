"""Adding and listing jobs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..bodies import nothing
from ..measuring import peak_rss, rss
from .bursts import due_jobs
from .idle import in_a_fresh_process
from .stores import make_store


def api(parameters: dict[str, Any]) -> dict[str, Any]:
    """Add jobs one by one, with the scheduler that runs them started and paused; list many in a fresh process."""
    store, singles = make_store(parameters), parameters["singles"]
    scheduler = store.scheduler()
    scheduler.start(paused=True)
    begun = time.perf_counter()
    for index in range(singles):
        scheduler.add_job(nothing, "interval", hours=1, id=f"single-{index}")
    figures = {"adds": singles / (time.perf_counter() - begun)}
    scheduler.shutdown()
    store.clear()
    listed = parameters | {"jobs": parameters["listed"]}
    store.add(due_jobs(listed, store.scheduler(), datetime.now(UTC) + timedelta(days=1)))
    return figures | in_a_fresh_process(parameters | {"benchmark": "api-list"})


def listing(parameters: dict[str, Any]) -> dict[str, Any]:
    """List the jobs, all at once: there is no other way."""
    scheduler = make_store(parameters).scheduler()
    scheduler.start(paused=True)
    before, begun = rss(), time.perf_counter()
    assert len(scheduler.get_jobs()) == parameters["listed"]
    figures = {"list_seconds": time.perf_counter() - begun, "list_mb": (peak_rss() - before) / 2**20}
    scheduler.shutdown()
    return figures
