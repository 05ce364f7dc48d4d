"""What every job store does: keep jobs, and serve the pass.

A store that keeps jobs for one scheduler implements the abstract methods of `JobKeeper` and inherits the pass: claims are then
decided in this process, and live runs are counted in memory. A store that several nodes share overrides `claim()`, `start_runs()`,
`finish()` and `request_run()` as well.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from os import urandom
from typing import Any

from ..exceptions import ConflictingIdError, JobLookupError
from ..job import Job
from ..planning import Plan, Summary, plan
from ..runs import Outcome, Run
from .keeping import Change, JobKeeper, StoreHost, apply_change, called_with, carry_over, keep_closed

logger = logging.getLogger(__name__)

__all__ = [
    "BaseJobStore",
    "Change",
    "Claim",
    "ConflictingIdError",
    "JobLookupError",
    "Passed",
    "StoreHost",
    "apply_change",
    "called_with",
    "carry_over",
    "keep_closed",
]


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
    #: Whether the store was asked at all; False tells nothing of whether it would have answered.
    asked: bool = True


class BaseJobStore(JobKeeper):
    """Base class of the job stores, with the pass of a store that belongs to one scheduler."""

    def __init__(self) -> None:
        """Start without jobs under way."""
        super().__init__()
        self._live: Counter[str] = Counter()
        #: Ids of the jobs of runs that have ended, to be taken from `_live` by the next claim: an end waits for no claim.
        self._released: deque[str] = deque()
        self._requested: deque[tuple[Job, Run]] = deque()
        self._declined: dict[str, datetime] = {}
        #: Ids of jobs that wait for one of their runs to end.
        self._parked: set[str] = set()

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim runs that are due at `now`, at most `free[alias]` for each executor.

        Due fire times that get no run are accounted for as missed, skipped or coalesced. A job that cannot be planned, or whose
        executor is not there, is left alone for a while and logged; it never disturbs the others.
        """
        claim = Claim()
        with self._lock:
            self._fill(claim, now, dict(free))
        return claim

    def _fill(self, claim: Claim, now: datetime, slots: dict[str, int]) -> None:
        """Put into `claim` what is due at `now` and fits into the free `slots`."""
        self._take_back()
        self._claim_requested(claim, slots)
        left = sum(slots.values())
        for job in self.get_due_jobs(now):
            if left <= 0:
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
                left -= self._claim_job(job, now, slots, claim)
            except Exception as error:
                self._decline(job, error, now)
        claim.next_look = self._next_look(now)
        if self._parked and self._released:
            claim.next_look = now  # an end that came meanwhile may be the one that a job was parked for just now

    def _claim_job(self, job: Job, now: datetime, slots: dict[str, int], claim: Claim) -> int:
        """Plan the job and claim its runs; returns how many."""
        func = job.func
        if job.executor not in slots:
            raise LookupError(
                f"Executor {job.executor!r} is not configured in this scheduler; it has {', '.join(slots)}."
            )
        planned = plan(job.view(self._live[job.id]), now, slots[job.executor])
        self._advance(job, planned)
        for slot in planned.slots:
            claim.runs.append(self._make_run(job, func, slot.fire_time, slot.due_at))
        slots[job.executor] -= len(planned.slots)
        claim.passed.extend(Passed(job_id=job.id, summary=summary) for summary in planned.summaries)
        if planned.next_fire_time is None:
            claim.ended.append(job.id)
        return len(planned.slots)

    def _advance(self, job: Job, planned: Plan) -> None:
        """Write the plan's outcome to the job, or remove the job where its schedule has ended."""
        job.claimed_through = planned.closed_through or job.claimed_through
        job.next_fire_time, job.next_run_time = planned.next_fire_time, planned.next_run_time
        job.parked = planned.parked
        job.broken_reason = ""
        if planned.parked:
            self._parked.add(job.id)
        else:
            self._parked.discard(job.id)
        if planned.next_fire_time is None:
            self._remove_ended(job)
        else:
            self._save_runtime(job)

    def _save_runtime(self, job: Job) -> None:
        """Write what the pass has changed of the job: its run times, what is claimed, and why it is broken."""
        self.update_job(job)

    def _remove_ended(self, job: Job) -> None:
        """Remove the job, whose schedule has ended."""
        self.remove_job(job.id)

    def _make_run(self, job: Job, func: Callable[..., Any], fire_time: datetime | None, due: datetime) -> Run:
        self._live[job.id] += 1
        return Run(
            id=urandom(16).hex(),
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
            self._save_runtime(job)

    def _next_look(self, now: datetime) -> datetime | None:
        """Return when the next job becomes due; None where what is due already was left (the poll interval finds it)."""
        earliest = self.get_next_run_time()
        return earliest if earliest is not None and earliest > now else None

    def start_runs(self, runs: Sequence[Run], now: datetime) -> tuple[list[Run], list[Run]]:
        """Promise that the bodies of `runs` start now; returns those that may start, and those that came too late.

        A run that is in neither list is none of this scheduler's business any more.
        """
        late = [run for run in runs if run.start_until is not None and now > run.start_until]
        for run in late:
            self._release(run)
        return [run for run in runs if run not in late] if late else list(runs), late

    def finish(self, run: Run, outcome: Outcome) -> None:
        """Take note that the run has ended. Returns at once; never raises."""
        self._release(run)

    def _release(self, run: Run) -> None:
        """Give back the instance that the run held, and wake its job where that waits for one."""
        self._released.append(run.job_id)
        if run.job_id in self._parked and self._host is not None:
            self._host.wakeup()

    def _take_back(self) -> None:
        """Count the instances that were given back."""
        while self._released:
            job_id = self._released.popleft()
            self._live[job_id] -= 1
            if self._live[job_id] <= 0:
                del self._live[job_id]

    def request_run(
        self, job_id: str, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> str:
        """Ask for one run of the job now, beside its schedule; returns the id of the run.

        Args:
            job_id: id of the job.
            args: positional arguments of this run; None = those of the job.
            kwargs: keyword arguments of this run; None = those of the job.

        Raises:
            JobLookupError: the job is not here.
            InvalidJobError: the arguments do not fit the callable.
        """
        with self._lock:
            job = self.lookup_job(job_id)
            if job is None:
                raise self.missing(job_id)
            called = called_with(job, args, kwargs)
            run = self._make_run(called, called.func, None, self.clock.now())
            self._live[job_id] -= 1
            self._requested.append((job, run))
        if self._host is not None:
            self._host.wakeup()
        return run.id
