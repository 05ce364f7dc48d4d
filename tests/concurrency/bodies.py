"""Bodies of jobs that several nodes of one process run; what they did is kept in memory."""

from __future__ import annotations

import time
from collections import Counter
from threading import Event, Lock

from django_apscheduler_ng import current_run

_lock = Lock()

#: (job id, fire time as text, attempt) of each body that began.
began: list[tuple[str, str, int]] = []

#: How many bodies of each job are under way, and how many were at most.
under_way: Counter[str] = Counter()
most: Counter[str] = Counter()

#: Held bodies wait for this.
gate = Event()

#: Held bodies fail in the end while this is set.
broken = Event()

_gates: dict[str, Event] = {}


def reset() -> None:
    """Forget everything, and hold bodies that want to be held."""
    with _lock:
        began.clear()
        under_way.clear()
        most.clear()
        gate.clear()
        broken.clear()
        _gates.clear()


def count(seconds: float = 0, *_unused: object) -> None:
    """Be counted, and take a while."""
    with _counted():
        time.sleep(seconds)


def hold() -> None:
    """Be counted, and wait for the gate to open."""
    with _counted():
        gate.wait(30)
        if broken.is_set():
            raise ConnectionError("on purpose")


def hold_one() -> None:
    """Be counted, and wait until this run is let go."""
    run = current_run()
    assert run is not None
    with _counted():
        _gate_of(run.id).wait(30)


def let_go(run_id: str) -> None:
    """Let one held run end."""
    _gate_of(run_id).set()


def let_all_go() -> None:
    """Let all held runs end."""
    for own in list(_gates.values()):
        own.set()


def _gate_of(run_id: str) -> Event:
    with _lock:
        return _gates.setdefault(run_id, Event())


def fail(seconds: float = 0) -> None:
    """Be counted, and fail."""
    with _counted():
        time.sleep(seconds)
        raise ConnectionError("on purpose")


def fail_until(attempt: int) -> None:
    """Be counted, and fail before that attempt."""
    with _counted():
        run = current_run()
        assert run is not None
        if run.attempt < attempt:
            raise ConnectionError("on purpose")


def attentive(seconds: float) -> None:
    """Be counted, and take a while, unless the run is to end."""
    run = current_run()
    assert run is not None
    until = time.monotonic() + seconds
    with _counted():
        while time.monotonic() < until:
            run.check()
            time.sleep(0.002)


def obedient() -> None:
    """Be counted, and go on until the run is to end."""
    run = current_run()
    assert run is not None
    with _counted():
        while True:
            run.check()
            time.sleep(0.01)


class _counted:
    def __enter__(self) -> None:
        run = current_run()
        assert run is not None
        self._job_id = run.job_id
        with _lock:
            began.append((run.job_id, run.fire_time.isoformat() if run.fire_time else f"by hand {run.id}", run.attempt))
            under_way[run.job_id] += 1
            most[run.job_id] = max(most[run.job_id], under_way[run.job_id])

    def __exit__(self, *_error: object) -> None:
        with _lock:
            under_way[self._job_id] -= 1
