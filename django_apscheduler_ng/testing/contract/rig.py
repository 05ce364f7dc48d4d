"""What the parts of the contract share: a store on a fake clock, jobs for it, and short words for the protocol of the pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ...clock import Clock
from ...job import Job
from ...jobstores.base import BaseJobStore, Claim
from ...planning import first_plan
from ...retries import class_name, class_names
from ...runs import Outcome, Run, RunStatus, current_run
from ...triggers.base import BaseTrigger
from ...triggers.date import DateTrigger
from ...triggers.interval import IntervalTrigger
from ..clock import FakeClock

#: When every test begins.
START = datetime(2026, 1, 5, 9, tzinfo=UTC)

#: What `note()` was called with, and for which fire time; emptied before each test.
notes: list[tuple[Any, datetime | None]] = []


def note(value: Any = None) -> Any:
    """Be a job: remember the call, and return the argument."""
    run = current_run()
    notes.append((value, run.fire_time if run else None))
    return value


def other(value: Any = None) -> str:
    """Be another job."""
    return f"other {value}"


def fail(value: Any = None) -> None:
    """Be a job that fails."""
    notes.append((value, None))
    raise ValueError("on purpose")


def at(seconds: float) -> datetime:
    """Return the moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def every(seconds: float, **options: Any) -> IntervalTrigger:
    """Return a trigger that fires every so many seconds from the start on."""
    return IntervalTrigger(**{"seconds": seconds, "start_date": START, "timezone": "UTC", **options})


def once(seconds: float = 0) -> DateTrigger:
    """Return a trigger that fires once, so many seconds after the start."""
    return DateTrigger(at(seconds), timezone="UTC")


class Host:
    """A scheduler as a job store sees it."""

    driven_by_hand = True

    def __init__(self, clock: FakeClock) -> None:
        """Live on `clock`, with the executors `default` and `other`."""
        self.clock: Clock = clock
        self.wakeups = 0
        self.aliases = ["default", "other"]

    def wakeup(self) -> None:
        """Count."""
        self.wakeups += 1

    def executor_aliases(self) -> Sequence[str]:
        """Return `default` and `other`, and what a test has added."""
        return self.aliases

    def executors(self) -> Mapping[str, Any]:
        """Return nothing: no run is performed."""
        return {}


class Rig:
    """Base class of the parts of the contract."""

    def make_store(self) -> BaseJobStore:
        """Return a new, empty store that was not started. To be implemented by the test class."""
        raise NotImplementedError(f"{type(self).__name__}.make_store() must return a job store. Implement it.")

    @pytest.fixture(autouse=True)
    def _rig(self) -> Iterator[None]:
        notes.clear()
        self.clock = FakeClock(START)
        self.host = Host(self.clock)
        self.store = self.make_store()
        self.store.start(self.host, "default")
        yield
        self.store.shutdown()

    def job(
        self,
        id: str = "job",  # noqa: A002 - the public name
        trigger: BaseTrigger | None = None,
        func: Callable[..., Any] = note,
        **options: Any,
    ) -> Job:
        """Return a job that is planned and not in the store."""
        job = Job(id=id, func=func, trigger=trigger or every(10), **options)
        first = first_plan(job.id, job.trigger, self.clock.now())
        job.next_fire_time, job.next_run_time = first.next_fire_time, first.next_run_time
        return job

    def add(self, *args: Any, **options: Any) -> Job:
        """Add a job to the store and return it."""
        job = self.job(*args, **options)
        self.store.add_job(job)
        return job

    def stored(self, job_id: str = "job") -> Job:
        """Return the job as the store has it."""
        found = self.store.lookup_job(job_id)
        assert found is not None, f"job {job_id!r} is not in the store"
        return found

    def pause(self, job_id: str = "job") -> Job:
        """Pause the job."""
        return self.store.modify_job(job_id, lambda job: {"next_run_time": None})

    def claim(self, free: int | Mapping[str, int] = 10) -> Claim:
        """Claim what is due now, for executors with so many free slots."""
        slots = {"default": free, "other": free} if isinstance(free, int) else free
        return self.store.claim(self.clock.now(), slots)

    def run_due(self, free: int | Mapping[str, int] = 10) -> list[Run]:
        """Claim what is due now and start it."""
        runs = self.claim(free).runs
        started, late = self.store.start_runs(runs, self.clock.now())
        assert (started, late) == (runs, [])
        return runs

    def end(self, *runs: Run) -> None:
        """End the runs successfully."""
        now = self.clock.now()
        for run in runs:
            self.store.finish(run, Outcome(status=RunStatus.SUCCEEDED, started_at=now, finished_at=now))

    def fail(self, *runs: Run, status: RunStatus = RunStatus.FAILED, error: type[Exception] = ValueError) -> None:
        """End the runs with an exception of this class."""
        now = self.clock.now()
        for run in runs:
            outcome = Outcome(
                status=status,
                started_at=now,
                finished_at=now,
                exception_type=class_name(error),
                exception_names=class_names(error),
            )
            self.store.finish(run, outcome)

    def travel(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)


def times(runs: Sequence[Run]) -> list[datetime | None]:
    """Return the fire times of runs."""
    return [run.fire_time for run in runs]


def passed(claim: Claim) -> list[tuple[str, RunStatus, datetime, datetime, int]]:
    """Return what a claim says of fire times without a run: job, status, first, last, count."""
    return [
        (one.job_id, one.summary.status, one.summary.span.first, one.summary.span.last, one.summary.span.count)
        for one in claim.passed
    ]
