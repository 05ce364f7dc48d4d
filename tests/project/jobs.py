"""Callables for test jobs; nothing here is declared, so that starting a scheduler adds no job by itself."""

import asyncio
import itertools
import logging
import os
import time

from django_apscheduler_ng import current_run

from .models import Mark

log = logging.getLogger(__name__)


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


def append(path: str, seconds: float = 0) -> None:
    """Add a line to a file that says which fire time of which job was run, then sleep.

    A run that was asked for by hand is named by its id. One `write()` with `O_APPEND` is never mixed with that of another
    process, and no transaction can take it back.
    """
    run = current_run()
    assert run is not None
    fire_time = run.fire_time.isoformat() if run.fire_time else f"run-{run.id}"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{run.job_id} {fire_time} {run.attempt} {os.getpid()}\n".encode())
    finally:
        os.close(file)
    time.sleep(seconds)


def append_and_fail(path: str, seconds: float, attempts: int) -> None:
    """Do what `append` does, and fail so many attempts."""
    append(path, seconds)
    run = current_run()
    if run is not None and run.attempt <= attempts:
        raise ConnectionError(f"attempt {run.attempt} fails, on purpose")


async def append_async(path: str, seconds: float = 0) -> None:
    """Do what `append` does, in an event loop."""
    append(path)
    await asyncio.sleep(seconds)


async def mark_async(text: str = "") -> None:
    """Do what `mark` does, in an event loop."""
    run = current_run()
    fire_time = run.fire_time if run else None
    await Mark.objects.acreate(job_id=run.job_id if run else "", fire_time=fire_time, text=text, pid=os.getpid())


def mark(text: str = "") -> None:
    """Leave a row that says which fire time of which job was run, and in which process."""
    run = current_run()
    Mark.objects.create(
        job_id=run.job_id if run else "",
        fire_time=run.fire_time if run else None,
        text=text,
        pid=os.getpid(),
    )


def spin(path: str, seconds: float) -> None:
    """Do what `append` does, then keep the processor busy with Python code: no call ever waits."""
    append(path)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))


def work_aloud(path: str) -> str:
    """Say how it is getting on until a file of this name is there, and return the key of the run."""
    run = current_run()
    assert run is not None
    log.warning("began attempt %d", run.attempt)
    for step in itertools.count(1):
        run.progress(step, 1000, f"step {step}")
        if os.path.exists(path):
            break
        time.sleep(0.01)
    log.warning("ended")
    return run.key


async def work_aloud_async(path: str) -> str:
    """Do what `work_aloud` does, in an event loop."""
    return await asyncio.to_thread(work_aloud, path)


def append_until_cancelled(path: str) -> None:
    """Do what `append` does, then go on until the run is to end."""
    append(path)
    run = current_run()
    while run is not None:
        run.check()
        time.sleep(0.02)
