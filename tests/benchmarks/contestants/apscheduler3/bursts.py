"""Many jobs that are due at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MISSED
from apscheduler.job import Job
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from ..bodies import nothing
from ..measuring import Stopwatch
from .stores import job, make_store


class Ends:
    """Counts the runs that the scheduler tells the end of."""

    def __init__(self, scheduler: Any, expected: int) -> None:
        """Wait for that many."""
        self.executed = self.missed = 0
        self.expected = expected
        #: Seconds since the epoch.
        self.last_executed = 0.0
        self._lock = Lock()
        self._complete = Event()
        scheduler.add_listener(self._count, EVENT_JOB_EXECUTED | EVENT_JOB_MISSED | EVENT_JOB_ERROR)

    def _count(self, event: Any) -> None:
        with self._lock:
            if event.code == EVENT_JOB_EXECUTED:
                self.executed += 1
                self.last_executed = time.time()
            else:
                self.missed += 1
        if self.executed + self.missed >= self.expected:
            self._complete.set()

    def wait(self, seconds: float = 300.0) -> None:
        """Wait until they have all ended."""
        if not self._complete.wait(seconds):
            raise TimeoutError(f"{self.expected} runs were expected, {self.executed} ended and {self.missed} missed.")


def burst(parameters: dict[str, Any]) -> dict[str, Any]:
    """Perform due jobs, from the moment at which the scheduler may begin until the last end was told, and recorded."""
    store, count = make_store(parameters), parameters["jobs"]
    scheduler = store.scheduler()
    store.add(due_jobs(parameters, scheduler, datetime.now(UTC) - timedelta(seconds=1)))
    statements = store.count_statements() if parameters.get("count") else None
    scheduler.start(paused=True)
    ends = Ends(scheduler, count)  # after start(), so that the job store has recorded an end before it is counted
    before = statements.total if statements else 0
    watch = Stopwatch()
    scheduler.resume()
    ends.wait()
    figures: dict[str, Any] = watch.figures(count)
    scheduler.shutdown()
    if statements:
        figures["statements_per_run"] = (statements.total - before) / count
    return figures | {"complete": ends.executed / count}


def due_jobs(parameters: dict[str, Any], scheduler: Any, due: datetime, **options: Any) -> Iterator[Job]:
    """Return jobs that are due once.

    django-apscheduler deletes the history of a job together with it, so its jobs are to run again tomorrow.
    """
    trigger = DateTrigger(due)
    if parameters["contestant"] == "django-apscheduler":
        trigger = IntervalTrigger(days=1, start_date=due, timezone=UTC)
    return (job(scheduler, nothing, trigger, due, f"once-{index}", **options) for index in range(parameters["jobs"]))
