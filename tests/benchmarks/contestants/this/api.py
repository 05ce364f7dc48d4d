"""Adding and listing jobs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..bodies import nothing
from ..measuring import peak_rss, rss
from . import project
from .idle import in_a_fresh_process


def api(parameters: dict[str, Any]) -> dict[str, Any]:
    """Add jobs one by one and in bulk, as a web process does; list many in a fresh process."""
    project.prepare(parameters)
    from django_apscheduler_ng import get_scheduler

    scheduler, singles, bulk = get_scheduler(), parameters["singles"], parameters["bulk"]
    begun = time.perf_counter()
    for index in range(singles):
        scheduler.add_job(nothing, "interval", hours=1, id=f"single-{index}")
    figures = {"adds": singles / (time.perf_counter() - begun)}
    if hasattr(scheduler, "add_jobs"):
        begun = time.perf_counter()
        scheduler.add_jobs(
            {"func": nothing, "trigger": "interval", "hours": 1, "id": f"bulk-{index}"} for index in range(bulk)
        )
        figures["bulk_adds"] = bulk / (time.perf_counter() - begun)
    project.clear()
    project.add_one_shots(parameters["listed"], datetime.now(UTC) + timedelta(days=1))
    listed = in_a_fresh_process("tests.benchmarks.contestants.this", parameters | {"benchmark": "api-list"})
    return figures | listed


def listing(parameters: dict[str, Any]) -> dict[str, Any]:
    """List the jobs: all at once, and one after the other where the store can."""
    project.configure(parameters)
    from django_apscheduler_ng import get_scheduler

    scheduler = get_scheduler()
    figures = {}
    if hasattr(scheduler, "iter_jobs"):
        before, begun = rss(), time.perf_counter()
        assert sum(1 for _ in scheduler.iter_jobs()) == parameters["listed"]
        figures["stream_seconds"] = time.perf_counter() - begun
        figures["stream_mb"] = (peak_rss() - before) / 2**20
    before, begun = rss(), time.perf_counter()
    assert len(scheduler.get_jobs()) == parameters["listed"]
    figures["list_seconds"] = time.perf_counter() - begun
    figures["list_mb"] = (peak_rss() - before) / 2**20
    return figures
