"""The engine alone, with the job store in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from ..bodies import nothing
from ..measuring import Stopwatch


def burst(parameters: dict[str, Any]) -> dict[str, Any]:
    """Perform due one-shots, from the moment at which the scheduler may begin until the last end was told."""
    from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler

    count = parameters["jobs"]
    left = [None] * count
    complete = Event()

    def ended(event: Any) -> None:
        left.pop()
        if not left:
            complete.set()

    executors = {"default": {"type": "threadpool", "max_workers": parameters["threads"]}}
    scheduler = BackgroundScheduler(executors=executors, timezone="UTC")
    scheduler.start(paused=True)
    scheduler.add_listener(ended, EVENT_JOB_EXECUTED)
    due = datetime.now(UTC) - timedelta(seconds=1)
    for index in range(count):
        scheduler.add_job(nothing, "date", id=f"once-{index}", run_date=due)
    watch = Stopwatch()
    scheduler.resume()
    assert complete.wait(300), f"{len(left)} runs are left"
    figures = watch.figures(count)
    scheduler.shutdown()
    return figures
