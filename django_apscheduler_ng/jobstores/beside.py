"""Runs that a job store knows of by itself, because it belongs to one scheduler: live ones, and those that wait beside the schedule."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from os import urandom
from typing import NamedTuple

from ..job import Job
from ..runs import Cancellation, Run


def new_run_id() -> str:
    """Return an id for a run."""
    return urandom(16).hex()


class LiveRuns:
    """Runs that were claimed and have not ended: they count against `max_instances`.

    `release()` may be called from any thread and waits for nobody; the rest belongs to who holds the store.
    """

    def __init__(self) -> None:
        """Know of none."""
        self._runs: dict[str, dict[str, Run]] = {}
        self._released: deque[Run] = deque()

    def add(self, run: Run) -> None:
        """Count a run."""
        self._runs.setdefault(run.job_id, {})[run.id] = run

    def count(self, job_id: str) -> int:
        """Return how many runs the job has."""
        return len(self._runs.get(job_id, ()))

    def oldest(self, job_id: str) -> Run:
        """Return the run of the job that was claimed first; there is one."""
        return next(iter(self._runs[job_id].values()))

    def release(self, run: Run) -> None:
        """Note that a run has ended; it is counted until `take_back()`."""
        self._released.append(run)

    @property
    def has_released(self) -> bool:
        """Whether runs have ended that are still counted."""
        return bool(self._released)

    def take_back(self) -> None:
        """Count the runs no longer that have ended."""
        while self._released:
            run = self._released.popleft()
            runs = self._runs.get(run.job_id, {})
            runs.pop(run.id, None)
            if not runs:
                self._runs.pop(run.job_id, None)


class Waiting(NamedTuple):
    """A run that waits to be claimed."""

    run: Run
    #: The job as it was when the run was asked for by hand; None = the run follows what becomes of its job.
    job: Job | None


class WaitingRuns:
    """Runs that were asked for by hand, next attempts, and fire times that wait for a run of their job to end.

    `try_again()` may be called from any thread and waits for nobody; the rest belongs to who holds the store.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._waiting: dict[str, Waiting] = {}
        self._again: deque[Run] = deque()

    def add(self, run: Run, job: Job | None = None) -> None:
        """Let a run wait."""
        self._waiting[run.id] = Waiting(run, job)

    def try_again(self, run: Run, ended_at: datetime, delay: timedelta) -> None:
        """Let the next attempt of a run wait that ended in vain; it may start however late."""
        self._again.append(
            replace(
                run,
                id=new_run_id(),
                attempt=run.attempt + 1,
                first_id=run.first_id or run.id,
                due_at=ended_at + delay,
                start_until=None,
                cancellation=Cancellation(),
            )
        )

    def due(self, now: datetime) -> Iterator[Waiting]:
        """Yield the runs that are due, in the order in which they came; one may be removed when it is given."""
        self._take_over()
        yield from [waiting for waiting in self._waiting.values() if waiting.run.due_at <= now]

    def remove(self, run: Run) -> None:
        """Let a run wait no longer."""
        del self._waiting[run.id]

    def withdraw(self, run_id: str) -> Run | None:
        """Let a run wait no longer, and return it; None where it does not wait."""
        self._take_over()
        waiting = self._waiting.pop(run_id, None)
        return None if waiting is None else waiting.run

    def _take_over(self) -> None:
        while self._again:
            self.add(self._again.popleft())

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next one becomes due that is not due yet."""
        moments = (waiting.run.due_at for waiting in self._waiting.values())
        return min((moment for moment in moments if moment > now), default=None)

    def has_fire_time_of(self, job_id: str) -> bool:
        """Return whether a fire time of the job waits."""
        return any(_is_fire_time(waiting.run, job_id) for waiting in self._waiting.values())

    def has_any_of(self, job_id: str) -> bool:
        """Return whether any run of the job waits."""
        again = self._again.copy()  # in one step, whatever other threads do
        return any(run.job_id == job_id for run in [*again, *(waiting.run for waiting in self._waiting.values())])


def _is_fire_time(run: Run, job_id: str) -> bool:
    return run.job_id == job_id and run.fire_time is not None and run.attempt == 1
