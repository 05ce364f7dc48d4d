"""Jobs that fire every second."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import SLOW_LOAD, cpu_seconds, lateness
from . import project
from .bodies import begun, note
from .node import Node


def steady(parameters: dict[str, Any]) -> dict[str, Any]:
    """Perform every job once a second, for so many seconds."""
    project.prepare(parameters)
    count, seconds = parameters["jobs"], parameters["seconds"]
    base = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5 + count * 3 * SLOW_LOAD)
    _add(count, base, spread=parameters["spread"])
    with Node():
        time.sleep(base.timestamp() - time.time())
        cpu = cpu_seconds()
        time.sleep(base.timestamp() + seconds - time.time())
        cpu = cpu_seconds() - cpu
        time.sleep(2.5)  # for those that are late
    figures = lateness(begun, base.timestamp(), seconds, count)
    return figures | {
        "cpu_percent": 100 * cpu / seconds,
        "recorded": 100 * _recorded(base, seconds) / (count * seconds),
    }


def _add(count: int, base: datetime, *, spread: bool) -> None:
    from django_apscheduler_ng.models import ScheduledJob
    from django_apscheduler_ng.triggers.interval import IntervalTrigger

    def row(index: int) -> ScheduledJob:
        first = base + timedelta(seconds=index / count if spread else 0)
        columns = project.columns_of(note, IntervalTrigger(seconds=1, start_date=first))
        return ScheduledJob(job_id=f"steady-{index}", next_fire_time=first, next_run_time=first, **columns)

    project.store(row(index) for index in range(count))
    project.refresh()


def _recorded(base: datetime, seconds: int) -> int:
    """Return how many fire times of the window have a run in the ledger that succeeded."""
    from django_apscheduler_ng.models import JobRun

    until = base + timedelta(seconds=seconds)
    return JobRun.objects.filter(slot__gte=base, slot__lt=until, status="succeeded").count()
