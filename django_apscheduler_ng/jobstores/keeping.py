"""The half of a job store that keeps jobs: what each kind of store implements, and what follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from threading import RLock
from typing import Any, ClassVar, NoReturn, Protocol

from ..clock import SYSTEM_CLOCK, Clock
from ..exceptions import ConflictingIdError, JobLookupError, in_a_series
from ..job import Job

#: Called with a locked, current job; returns the options to change (`next_run_time` and `pause_reason` among them).
Change = Callable[[Job], Mapping[str, Any]]


class StoreHost(Protocol):
    """What a job store may ask of the scheduler that starts it."""

    clock: Clock

    def wakeup(self) -> None:
        """Look for due jobs soon."""
        ...

    def executor_aliases(self) -> Sequence[str]:
        """Return the aliases of the executors that this scheduler has."""
        ...

    def executors(self) -> Mapping[str, Any]:
        """Return the executors by alias; each tells its `capacity` and how many runs it is `running()`."""
        ...


class JobKeeper(ABC):
    """The half of a job store that keeps jobs. All methods may be called from any thread."""

    #: Name of the store's type in configurations.
    alias_type: ClassVar[str] = ""

    #: Whether an answer may take long, as from a disk or a network. An event loop is not held up by such a store.
    blocks: ClassVar[bool] = True

    def __init__(self) -> None:
        """Belong to nobody yet."""
        self.clock: Clock = SYSTEM_CLOCK
        self.alias = "default"
        self._host: StoreHost | None = None
        self._lock = RLock()

    def start(self, host: StoreHost, alias: str) -> None:
        """Get ready to serve `host` under the name `alias`; called once before the first pass.

        A host with a true `driven_by_hand` makes its passes in the caller's thread, and calls `care()` itself: the store then starts
        no thread, takes the time from the host alone, and records at once.
        """
        self._host = host
        self.clock = host.clock
        self.alias = alias

    def care(self) -> None:  # noqa: B027 - most stores are nobody else's
        """Do what is to be done now and then beside the pass. Stores that need it call it themselves, unless driven by hand."""

    def shutdown(self) -> None:  # noqa: B027 - most stores hold nothing
        """Release what the store holds. A second call does nothing."""

    def leave(self) -> None:  # noqa: B027 - likewise
        """Release what belongs to the calling thread, which has made passes and makes no more."""

    @abstractmethod
    def lookup_job(self, job_id: str) -> Job | None:
        """Return the job, or None when it is not here."""

    @abstractmethod
    def get_due_jobs(self, now: datetime) -> Iterable[Job]:
        """Return the jobs whose next run time is at or before `now`, in the order of their next run times."""

    @abstractmethod
    def get_next_run_time(self) -> datetime | None:
        """Return the earliest next run time of all jobs, or None when no job is waiting for one."""

    @abstractmethod
    def get_all_jobs(self) -> list[Job]:
        """Return all jobs in the order of their next run times, paused ones last."""

    def iter_all_jobs(self) -> Iterator[Job]:
        """Yield all jobs in any order; stores that can do it hold few of them in memory at once."""
        return iter(self.get_all_jobs())

    @abstractmethod
    def add_job(self, job: Job) -> None:
        """Add a new job.

        Raises:
            ConflictingIdError: the id is taken.
        """

    def add_jobs(self, jobs: Sequence[Job]) -> None:
        """Add new jobs, all or none.

        Raises:
            ConflictingIdError: an id is taken; it is named.
            SchedulerError: a job cannot be stored; the message says which.
        """
        with self._lock:
            added: list[str] = []
            try:
                for index, job in enumerate(jobs):
                    in_a_series(index, job.id, self.add_job, job)
                    added.append(job.id)
            except BaseException:
                for job_id in added:
                    self.remove_job(job_id)
                raise

    @abstractmethod
    def update_job(self, job: Job) -> None:
        """Replace the stored job of the same id.

        Raises:
            JobLookupError: the job is not here.
        """

    @abstractmethod
    def remove_job(self, job_id: str) -> None:
        """Remove the job.

        Raises:
            JobLookupError: the job is not here.
        """

    @abstractmethod
    def remove_all_jobs(self) -> None:
        """Remove every job."""

    # -- changes to what is there -----------------------------------------------------------------------------------

    def replace_job(self, job: Job) -> bool:
        """Add the job, or let it take the place of the one with its id; returns whether there was one.

        With an equal trigger, and unless the new job brings a run time of its own, the next run time and a pause stay as they are:
        declaring a job again is no reason for it to run sooner or later.
        """
        with self._lock:
            existing = self.lookup_job(job.id)
            if existing is None:
                self.add_job(job)
                return False
            carry_over(existing, job, self.clock.now())
            self.update_job(job)
            return True

    def modify_job(self, job_id: str, change: Change) -> Job:
        """Apply `change` to the current state of the job, undisturbed by others, and return the result.

        Raises:
            JobLookupError: the job is not here.
        """
        with self._lock:
            job = self.lookup_job(job_id)
            if job is None:
                raise self.missing(job_id)
            apply_change(job, change(job), self.clock.now())
            self.update_job(job)
            return job

    # -- jobs that come from another store ----------------------------------------------------------------------------

    #: Whether what is done inside of `as_one()` is undone by itself where it fails.
    transactional: ClassVar[bool] = False

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Do what is done inside the `with` block undisturbed by others; in one transaction where the store has them."""
        with self._lock:
            yield

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that jobs here have."""
        return {job_id for job_id in ids if self.lookup_job(job_id) is not None}

    def check_callable(self, ref: str) -> None:  # noqa: B027 - most stores know no such rule
        """Refuse the reference of a callable that may not run here; it is not followed before.

        Raises:
            CallableReferenceError: the callable is not allowed.
        """

    def missing(self, job_id: str) -> JobLookupError:
        """Return the error that says the job is not in this store."""
        return JobLookupError(
            f"Job {job_id!r} is not in job store {self.alias!r}. It may have finished; get_jobs() lists what is there."
        )

    def refuse(self, job_id: str) -> NoReturn:
        """Raise the error that says the id is taken."""
        raise self.conflict(job_id)

    def conflict(self, job_id: str) -> ConflictingIdError:
        """Return the error that says the id is taken."""
        return ConflictingIdError(
            f"Job {job_id!r} already exists in job store {self.alias!r}. Pass replace_existing=True to replace it."
        )


def carry_over(existing: Job, job: Job, now: datetime) -> None:
    """Give `job` the state that `existing` has reached: a pause in any case, the schedule where the trigger is the same."""
    keep_closed(job, existing.claimed_through, now)
    if job.run_time_chosen:
        return
    paused = existing.next_run_time is None
    if paused or job.trigger == existing.trigger:
        job.next_run_time, job.next_fire_time = existing.next_run_time, existing.next_fire_time
        job.pause_reason, job.parked = existing.pause_reason, existing.parked


def keep_closed(job: Job, claimed_through: datetime | None, now: datetime) -> None:
    """Let the slots up to `claimed_through` stay closed for `job`; a run time that was chosen among them becomes now."""
    job.claimed_through = claimed_through
    if job.run_time_chosen and _is_closed(job):
        job.next_run_time = job.next_fire_time = now


def apply_change(job: Job, changes: Mapping[str, Any], now: datetime) -> None:
    """Apply changed options to `job`, and what follows from them for its runtime."""
    runtime = {name: changes[name] for name in ("next_fire_time", "pause_reason") if name in changes}
    job.apply({name: value for name, value in changes.items() if name not in runtime})
    for name, value in runtime.items():
        setattr(job, name, value)
    if "trigger" in changes and job.claimed_through is not None:
        job.claimed_through = min(job.claimed_through, now)
    if not {"next_run_time", "max_instances", "coalesce"}.isdisjoint(changes):
        job.parked = False
    if "next_run_time" in changes:
        if job.next_run_time is None:
            job.next_fire_time = None
        elif "next_fire_time" not in changes:
            job.next_fire_time = job.next_run_time = (
                max(job.next_run_time, now) if _is_closed(job) else job.next_run_time
            )
    job.broken_reason = ""


def called_with(job: Job, args: Iterable[Any] | None, kwargs: Mapping[str, Any] | None) -> Job:
    """Return the job as one run is to call it; what is None stays as the job has it. The job itself is not changed.

    Raises:
        InvalidJobError: the arguments do not fit the callable.
    """
    given = {name: value for name, value in (("args", args), ("kwargs", kwargs)) if value is not None}
    if not given:
        return job
    called = copy(job)
    called.apply(given)
    return called


def _is_closed(job: Job) -> bool:
    return (
        job.claimed_through is not None and job.next_run_time is not None and job.next_run_time <= job.claimed_through
    )
