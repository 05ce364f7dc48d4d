"""What every job store does: keep jobs, and serve the pass.

A store that keeps jobs for one scheduler implements the eight small methods on top and inherits the pass: claims are then decided
in this process, and live runs are counted in memory. A store that several nodes share overrides `claim()`, `start_runs()`,
`finish()` and `request_run()` as well.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, ClassVar, Protocol
from uuid import uuid4

from ..clock import SYSTEM_CLOCK, Clock
from ..exceptions import ConflictingIdError, JobLookupError
from ..job import Job
from ..planning import Plan, Summary, plan
from ..runs import Outcome, Run

logger = logging.getLogger(__name__)

#: Called with a locked, current job; returns the options to change (`next_run_time` and `pause_reason` among them).
Change = Callable[[Job], Mapping[str, Any]]

__all__ = ["BaseJobStore", "Change", "Claim", "ConflictingIdError", "JobLookupError", "Passed", "StoreHost"]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """Fire times of a job that got no run."""

    job_id: str
    summary: Summary


@dataclass(kw_only=True)
class Claim:
    """What one look at a job store brought."""

    #: Claimed, not started.
    runs: list[Run] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    #: Ids of jobs whose schedule has ended.
    ended: list[str] = field(default_factory=list)
    #: When to look again, in the store's time; None = not before something changes.
    next_look: datetime | None = None
    #: Due work was left because executors had no free slots.
    starved: bool = False


class BaseJobStore(ABC):
    """Base class of the job stores. All methods may be called from any thread."""

    #: Name of the store's type in configurations.
    alias_type: ClassVar[str] = ""

    def __init__(self) -> None:
        """Start without jobs under way."""
        self.clock: Clock = SYSTEM_CLOCK
        self.alias = "default"
        self._host: StoreHost | None = None
        self._lock = RLock()
        self._live: Counter[str] = Counter()
        self._requested: deque[tuple[Job, Run]] = deque()
        self._declined: dict[str, datetime] = {}

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

    @abstractmethod
    def add_job(self, job: Job) -> None:
        """Add a new job.

        Raises:
            ConflictingIdError: the id is taken.
        """

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

    def missing(self, job_id: str) -> JobLookupError:
        """Return the error that says the job is not in this store."""
        return JobLookupError(
            f"Job {job_id!r} is not in job store {self.alias!r}. It may have finished; get_jobs() lists what is there."
        )

    def conflict(self, job_id: str) -> ConflictingIdError:
        """Return the error that says the id is taken."""
        return ConflictingIdError(
            f"Job {job_id!r} already exists in job store {self.alias!r}. Pass replace_existing=True to replace it."
        )

    # -- the pass ---------------------------------------------------------------------------------------------------

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim runs that are due at `now`, at most `free[alias]` for each executor.

        Due fire times that get no run are accounted for as missed, skipped or coalesced. A job that cannot be planned, or whose
        executor is not there, is left alone for a while and logged; it never disturbs the others.
        """
        slots = dict(free)
        claim = Claim()
        with self._lock:
            self._claim_requested(claim, slots)
            for job in self.get_due_jobs(now):
                if not any(slots.values()):
                    claim.starved = True
                    break
                if (job.broken_reason and self._declined.get(job.id, now) > now) or (
                    job.parked and self._live[job.id] >= job.max_instances
                ):
                    continue
                if job.executor in slots and slots[job.executor] <= 0:
                    claim.starved = True
                    continue
                try:
                    self._claim_job(job, now, slots, claim)
                except Exception as error:
                    self._decline(job, error, now)
            claim.next_look = self._next_look(now)
        return claim

    def _claim_job(self, job: Job, now: datetime, slots: dict[str, int], claim: Claim) -> None:
        if job.executor not in slots:
            raise LookupError(
                f"Executor {job.executor!r} is not configured in this scheduler; it has {', '.join(slots)}."
            )
        func = job.func
        planned = plan(job.view(self._live[job.id]), now, slots[job.executor])
        self._advance(job, planned)
        for slot in planned.slots:
            claim.runs.append(self._make_run(job, func, slot.fire_time, slot.due_at))
        slots[job.executor] -= len(planned.slots)
        claim.passed.extend(Passed(job_id=job.id, summary=summary) for summary in planned.summaries)
        if planned.next_fire_time is None:
            claim.ended.append(job.id)

    def _advance(self, job: Job, planned: Plan) -> None:
        """Write the plan's outcome to the job, or remove the job where its schedule has ended."""
        ends = [slot.fire_time for slot in planned.slots] + [summary.span.last for summary in planned.summaries]
        job.claimed_through = max(ends, default=job.claimed_through)
        job.next_fire_time, job.next_run_time = planned.next_fire_time, planned.next_run_time
        job.parked = planned.parked
        job.broken_reason = ""
        if planned.next_fire_time is None:
            self.remove_job(job.id)
        else:
            self.update_job(job)

    def _make_run(self, job: Job, func: Callable[..., Any], fire_time: datetime | None, due: datetime) -> Run:
        self._live[job.id] += 1
        return Run(
            id=uuid4().hex,
            job_id=job.id,
            name=job.name,
            jobstore=self.alias,
            executor=job.executor,
            func=func,
            func_ref=job.func_ref,
            args=job.args,
            kwargs=job.kwargs,
            fire_time=fire_time,
            due_at=due,
            start_until=None if job.grace is None or fire_time is None else due + job.grace,
        )

    def _claim_requested(self, claim: Claim, slots: dict[str, int]) -> None:
        """Claim the runs that were asked for by hand and for which there is a slot."""
        waiting: deque[tuple[Job, Run]] = deque()
        while self._requested:
            job, run = self._requested.popleft()
            if slots.get(run.executor, 0) > 0 and self._live[run.job_id] < job.max_instances:
                slots[run.executor] -= 1
                self._live[run.job_id] += 1
                claim.runs.append(run)
            else:
                waiting.append((job, run))
                claim.starved = True
        self._requested = waiting

    def _decline(self, job: Job, error: Exception, now: datetime) -> None:
        """Leave the job alone for a minute, and say why once."""
        reason = f"{type(error).__name__}: {error}"
        self._declined[job.id] = now + timedelta(minutes=1)
        if job.broken_reason != reason:
            logger.error("Job %r cannot be planned and is kept as broken: %s", job.id, reason, extra={"job_id": job.id})
            job.broken_reason = reason
            self.update_job(job)

    def _next_look(self, now: datetime) -> datetime | None:
        """Return when the next job becomes due; None where what is due already was left (the poll interval finds it)."""
        earliest = self.get_next_run_time()
        return earliest if earliest is not None and earliest > now else None

    def start_runs(self, runs: Sequence[Run], now: datetime) -> tuple[list[Run], list[Run]]:
        """Promise that the bodies of `runs` start now; returns those that may start, and those that came too late.

        A run that is in neither list is none of this scheduler's business any more.
        """
        late = [run for run in runs if run.start_until is not None and now > run.start_until]
        with self._lock:
            for run in late:
                self._release(run)
        return [run for run in runs if run not in late] if late else list(runs), late

    def finish(self, run: Run, outcome: Outcome) -> None:
        """Take note that the run has ended. Returns at once; never raises."""
        with self._lock:
            self._release(run)

    def _release(self, run: Run) -> None:
        """Give back the instance that the run held, and wake its job where that waits for one."""
        self._live[run.job_id] -= 1
        if self._live[run.job_id] <= 0:
            del self._live[run.job_id]
        job = self.lookup_job(run.job_id)
        if job is not None and job.parked and self._host is not None:
            self._host.wakeup()

    def request_run(self, job_id: str) -> str:
        """Ask for one run of the job now, beside its schedule; returns the id of the run.

        Raises:
            JobLookupError: the job is not here.
        """
        with self._lock:
            job = self.lookup_job(job_id)
            if job is None:
                raise self.missing(job_id)
            run = self._make_run(job, job.func, None, self.clock.now())
            self._live[job_id] -= 1
            self._requested.append((job, run))
        if self._host is not None:
            self._host.wakeup()
        return run.id


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


def _is_closed(job: Job) -> bool:
    return (
        job.claimed_through is not None and job.next_run_time is not None and job.next_run_time <= job.claimed_through
    )
