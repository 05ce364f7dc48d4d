"""Bodies of runs; worker processes import them from here."""

import asyncio
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django_apscheduler_ng.runs import RunContext, current_run

colour: ContextVar[str] = ContextVar("colour", default="none")
surroundings: ContextVar[str] = ContextVar("surroundings", default="none")
initialized_with: list[int] = []


def add(one: int, other: int = 0) -> int:
    return one + other


async def add_async(one: int, other: int = 0) -> int:
    await asyncio.sleep(0)
    return one + other


def fail(text: str = "on purpose") -> None:
    raise ValueError(text)


async def fail_async(text: str = "on purpose") -> None:
    await asyncio.sleep(0)
    raise ValueError(text)


def leave(code: int) -> None:
    sys.exit(code)


def interrupt() -> None:
    raise KeyboardInterrupt


def seen_run() -> RunContext | None:
    return current_run()


async def seen_run_async() -> RunContext | None:
    await asyncio.sleep(0)
    return current_run()


def swap_colour(new: str) -> str:
    old = colour.get()
    colour.set(new)
    return old


async def swap_colour_async(new: str) -> str:
    return swap_colour(new)


def seen_surroundings() -> str:
    return surroundings.get()


async def seen_surroundings_async() -> str:
    return surroundings.get()


class NotedFence:
    """Surroundings that want to know when a thread or process performs no more bodies."""

    def __init__(self, context: RunContext) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass

    @staticmethod
    def end_worker() -> None:
        name = f"{multiprocessing.current_process().name} {threading.current_thread().name}"
        Path(os.environ["NOTES"]).write_text(name)
        raise RuntimeError("somebody must not care")


@contextmanager
def fence(context: RunContext) -> Iterator[None]:
    """Surroundings that a body can see."""
    surroundings.set(f"around {context.job_id}")
    yield


@contextmanager
def broken_fence(context: RunContext) -> Iterator[None]:
    raise RuntimeError("no surroundings")
    yield


class Unspeakable(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def fail_unspeakably() -> None:
    raise Unspeakable


class Demanding(Exception):
    """An exception that does not unpickle, because its arguments are not those it is made from."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")


def fail_demandingly() -> None:
    raise Demanding(7, "too few arguments")


class Unpicklable(Exception):
    """An exception that does not pickle."""

    def __reduce__(self) -> str:
        raise TypeError("I stay here")


def fail_unpicklably() -> None:
    raise Unpicklable("a lock in it")


def return_lock() -> object:
    return threading.Lock()


class Exploding:
    """Pickles, but does not unpickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return fail, ("while unpickling",)


def return_exploding() -> object:
    return Exploding()


def pid() -> int:
    return os.getpid()


def vanish(code: int) -> None:
    os._exit(code)


def kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def signal_oneself() -> str:
    """Survive the signals that ask the scheduler to stop."""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    assert not signal.sigpending()
    return "alive"


def child_dies_of_sigterm() -> int:
    """Return how a program that this process starts reacts to SIGTERM."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode


def leave_orphan_and_vanish(path: str) -> None:
    """Leave a program behind that holds every inherited file open, and die."""
    program = f"import pathlib, time; pathlib.Path({path!r}).touch(); time.sleep(60)"
    pid = subprocess.Popen([sys.executable, "-c", program], close_fds=False).pid
    Path(f"{path}.pid").write_text(str(pid))
    os._exit(5)


def initialize(value: int) -> None:
    initialized_with.append(value)


def seen_initialized() -> list[int]:
    return list(initialized_with)


def initialize_badly() -> None:
    raise OSError("no licence")


def announce_and_hang(path: str) -> None:
    """Say in a file which process this is, then never end."""
    partial = Path(f"{path}.partial")
    partial.write_text(str(os.getpid()))
    partial.rename(path)
    while True:
        time.sleep(60)


def large(size: int) -> bytes:
    return b"x" * size


def wait_for_writer(path: str) -> str:
    """Return what somebody writes to the named pipe at `path`; until then this body is under way."""
    return Path(path).read_text()


def hold_pipe_and_hang(path: str) -> None:
    """Keep the writing end of the named pipe at `path` open as long as this process lives, and never end."""
    with Path(path).open("w") as pipe:
        pipe.write(f"{os.getpid()}\n")
        pipe.flush()
        while True:
            time.sleep(60)


speaker = logging.getLogger("bodies.speaker")


def say(total: int = 3) -> str:
    """Say all that a body can say."""
    run = current_run()
    assert run is not None
    for step in range(1, total + 1):
        run.progress(step, total, f"step {step}")
        speaker.warning("did step %d", step)
    return f"{run.name} {run.attempt} {run.key}"


async def say_async(total: int = 3) -> str:
    await asyncio.sleep(0)
    return await asyncio.create_task(_say_later(total))


async def _say_later(total: int) -> str:
    return say(total)


def say_and_fail() -> None:
    say()
    raise ValueError("on purpose")


def say_and_wait(path: str) -> None:
    """Say something and wait until a file of this name is there."""
    say()
    while not Path(path).exists():
        time.sleep(0.01)
    say(5)


def say_and_be_killed(path: str) -> None:
    """Say something, wait until a file of this name is there, and die."""
    say()
    while not Path(path).exists():
        time.sleep(0.01)
    kill_oneself()


def say_and_return_lock() -> object:
    say()
    return threading.Lock()


def chatter(times: int) -> float:
    """Say how far it has come, very often, and return how long that took."""
    run = current_run()
    assert run is not None
    begun = time.perf_counter()
    for step in range(times):
        run.progress(step, times)
    return time.perf_counter() - begun


def say_for(seconds: float) -> str:
    """Say something all the time, and return the id of the run."""
    run = current_run()
    assert run is not None
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        run.progress(1)
    run.progress(2)
    return run.id


def announce_and_spin(path: str) -> None:
    """Say in a file which process this is, then never end, and never wait."""
    Path(path).write_text(str(os.getpid()))
    while True:
        pass


def tell(path: str, text: str) -> None:
    """Write to a file in one step."""
    partial = Path(f"{path}.partial")
    partial.write_text(text)
    partial.rename(path)


async def announce_and_wait(path: str) -> None:
    tell(path, "waiting")
    await asyncio.sleep(3600)


async def announce_and_insist(path: str, turns: int) -> str:
    """Wait on, however often this is cancelled, and end after so many turns."""
    tell(path, "waiting")
    for _ in range(turns):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue
    return "insisted"


class SlowFence(NotedFence):
    """Surroundings that take long to make ready."""

    @staticmethod
    def begin_worker() -> None:
        time.sleep(1.0)

    @staticmethod
    def end_worker() -> None:
        pass


class BrokenSlowFence(SlowFence):
    """Surroundings that cannot be made ready."""

    @staticmethod
    def begin_worker() -> None:
        raise SystemExit("no settings")
