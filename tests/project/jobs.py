"""Callables for test jobs; nothing here is declared, so that starting a scheduler adds no job by itself."""

import os
import time

from django_apscheduler_ng import current_run

from .models import Mark


def noop(*args: object, **kwargs: object) -> None:
    """Do nothing, whatever the arguments."""


def echo(value: object = None) -> object:
    """Return the argument."""
    return value


def fail(message: str = "on purpose") -> None:
    """Raise `ValueError`."""
    raise ValueError(message)


def leave(code: int = 3) -> None:
    """Raise `SystemExit`."""
    raise SystemExit(code)


def nap(seconds: float) -> float:
    """Sleep, and return for how long."""
    time.sleep(seconds)
    return seconds


async def echo_async(value: object = None) -> object:
    """Return the argument, from an event loop."""
    return value


def mark(text: str = "") -> None:
    """Leave a row that says which fire time of which job was run, and in which process."""
    run = current_run()
    Mark.objects.create(
        job_id=run.job_id if run else "",
        fire_time=run.fire_time if run else None,
        text=text,
        pid=os.getpid(),
    )
