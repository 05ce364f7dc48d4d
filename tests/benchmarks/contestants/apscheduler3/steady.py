"""Jobs that fire every second."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.triggers.interval import IntervalTrigger

from ..bodies import began, note
from ..measuring import SLOW_LOAD, cpu_seconds, lateness
from .stores import job, make_store


def steady(parameters: dict[str, Any]) -> dict[str, Any]:
    """Perform every job once a second, for so many seconds."""
    store, count, seconds = make_store(parameters), parameters["jobs"], parameters["seconds"]
    scheduler = store.scheduler()
    base = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5 + count * 3 * SLOW_LOAD)
    firsts = [base + timedelta(seconds=index / count if parameters["spread"] else 0) for index in range(count)]
    store.add(
        job(
            scheduler,
            note,
            IntervalTrigger(seconds=1, start_date=first, timezone=UTC),
            first,
            f"steady-{index}",
            args=(f"steady-{index}",),
        )
        for index, first in enumerate(firsts)
    )
    begun: deque[tuple[str, float, float]] = deque()
    scheduler.start()
    scheduler.add_listener(
        lambda event: begun.append((event.job_id, event.scheduled_run_time.timestamp(), began[event.job_id])),
        EVENT_JOB_EXECUTED,
    )
    time.sleep(base.timestamp() - time.time())
    cpu = cpu_seconds()
    time.sleep(base.timestamp() + seconds - time.time())
    cpu = cpu_seconds() - cpu
    time.sleep(2.5)  # for those that are late
    figures = lateness(list(begun), base.timestamp(), seconds, count)
    return figures | {"cpu_percent": 100 * cpu / seconds}
