"""What every job store does: keep jobs, and serve the pass.

A store that keeps jobs for one scheduler implements the abstract methods of `JobKeeper` and inherits the pass: claims are then
decided in this process, and live runs are counted in memory. A store that several nodes share overrides `claim()`, `start_runs()`,
`finish()` and `request_run()` as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..exceptions import ConflictingIdError, JobLookupError, RunLookupError, RunStateError
from ..job import Job
from ..planning import Plan, Summary, plan
from ..runs import Outcome, Run, RunStatus, cancelled_words
from .beside import LiveRuns, WaitingRuns, new_run_id
from .keeping import Change, JobKeeper, StoreHost, apply_change, called_with, carry_over, keep_closed

logger = logging.getLogger(__name__)

__all__ = [
    "BaseJobStore",
    "CancelledRun",
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
    #: Why, where there is more to say than the status does.
    reason: str = ""


@dataclass(kw_only=True)
class Claim:
    """What one look at a job store brought."""

    #: Claimed, not started.
    runs: list[Run] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    #: Ids of jobs whose schedule has ended.
    ended: list[str] = field(default_factory=list)
    #: Live runs that are to be cancelled, because a fire time waits to take their place; only of stores that belong to one scheduler.
    replaced: list[Run] = field(default_factory=list)
    #: When to look again, in the store's time; None = not before something changes.
    next_look: datetime | None = None
    #: Due work was left because executors had no free slots.
    starved: bool = False
    #: Whether the store was asked at all; False tells nothing of whether it would have answered.
    asked: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelledRun:
    """What became of the wish to cancel a run."""

    #: How it stands now: cancelled where it had not begun.
    status: RunStatus
    job_id: str = ""
    #: The fire time, or when it was due where it has none.
    fire_time: datetime | None = None
    #: The wish as a sentence.
    message: str = ""


class BaseJobStore(JobKeeper):
    """Base class of the job stores, with the pass of a store that belongs to one scheduler."""

    def __init__(self) -> None:
        """Start without jobs under way."""
        super().__init__()
        self._live = LiveRuns()
        self._waiting_runs = WaitingRuns()
        #: Jobs whose schedule has ended, and of which runs may still be made: further attempts, fire times that wait.
        self._over: dict[str, Job] = {}
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
        self._live.take_back()
        self._claim_waiting(claim, now, slots)
        # jobs of which a fire time has just been claimed that had to wait
        behind = {run.job_id for run in claim.runs if run.fire_time is not None and run.attempt == 1}
        left = sum(slots.values())
        for job in self.get_due_jobs(now):
            if left <= 0:
                claim.starved = True
                break
            if (job.broken_reason and self._declined.get(job.id, now) > now) or (
                job.parked and self._live.count(job.id) >= job.max_instances
            ):
                continue
            if job.executor in slots and slots[job.executor] <= 0:
                claim.starved = True
                continue
            try:
                left -= self._claim_job(job, now, slots, claim, behind=job.id in behind)
            except Exception as error:
                self._decline(job, error, now)
        looks = (self._next_look(now), self._waiting_runs.next_due(now))
        claim.next_look = min((moment for moment in looks if moment is not None), default=None)
        if self._parked and self._live.has_released:
            claim.next_look = now  # an end that came meanwhile may be the one that a job was parked for just now

    def _claim_job(self, job: Job, now: datetime, slots: dict[str, int], claim: Claim, *, behind: bool) -> int:
        """Plan the job and claim its runs; returns how many. What is due `behind` one that waited is a backlog, where each counts."""
        func = job.func
        if job.executor not in slots:
            raise LookupError(
                f"Executor {job.executor!r} is not configured in this scheduler; it has {', '.join(slots)}."
            )
        live = self._live.count(job.id)
        waiting = job.overlap != "skip" and live >= job.max_instances and self._waiting_runs.has_fire_time_of(job.id)
        view = job.view(live, waiting=waiting)
        if behind and not job.coalesce:
            view = view._replace(parked=True)
        planned = plan(view, now, slots[job.executor])
        self._advance(job, planned)
        if planned.waits is not None:
            self._waiting_runs.add(self._make_run(job, func, planned.waits.fire_time, planned.waits.due_at))
            if job.overlap == "replace":
                claim.replaced.append(self._live.oldest(job.id))
        claim.passed.extend(self._passed(job, summary) for summary in planned.summaries)
        for slot in planned.slots:
            run = self._make_run(job, func, slot.fire_time, slot.due_at)
            self._live.add(run)
            claim.runs.append(run)
        slots[job.executor] -= len(planned.slots)
        if planned.next_fire_time is None:
            claim.ended.append(job.id)
        return len(planned.slots)

    def _passed(self, job: Job, summary: Summary) -> Passed:
        """Return what is told of fire times without a run."""
        reason = ""
        if summary.status is RunStatus.SKIPPED:
            holder = self._live.oldest(job.id)
            reason = f"run {holder.id}, which was due at {holder.due_at:%Y-%m-%d %H:%M:%S %Z}, has not ended"
        return Passed(job_id=job.id, summary=summary, reason=reason)

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
            if job.retry is not None or job.overlap != "skip":
                self._over[job.id] = job
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
        return Run(
            id=new_run_id(),
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
            timeout=job.timeout,
            retry=job.retry,
        )

    def _claim_waiting(self, claim: Claim, now: datetime, slots: dict[str, int]) -> None:
        """Claim the runs beside the schedule that are due and for which there is a slot."""
        for run, asked_of in self._waiting_runs.due(now):
            job = asked_of or self.lookup_job(run.job_id) or self._over.get(run.job_id)
            if job is None:
                self._waiting_runs.remove(run)
                logger.info("Run %s of job %r is dropped: the job was removed.", run.id, run.job_id)
            elif asked_of is None and job.next_run_time is None and job.id not in self._over:
                continue  # it rests with its job, which is paused
            elif slots.get(run.executor, 0) > 0 and self._has_room(job, run, now):
                self._waiting_runs.remove(run)
                slots[run.executor] -= 1
                self._live.add(run)
                claim.runs.append(run)
            else:
                claim.starved = True
        self._forget_over()

    def _has_room(self, job: Job, run: Run, now: datetime) -> bool:
        """Return whether the job has an instance free; further attempts keep one for a fire time that is due at the same moment."""
        due = run.attempt > 1 and job.next_run_time is not None and job.next_run_time <= now
        return self._live.count(job.id) + due < job.max_instances

    def _forget_over(self) -> None:
        """Forget jobs whose schedule has ended, once nothing more can come of them."""
        for job_id in list(self._over):
            if not self._live.count(job_id) and not self._waiting_runs.has_any_of(job_id):
                del self._over[job_id]

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
        delay = None if run.retry is None else run.retry_after(outcome)
        if delay is not None:
            self._waiting_runs.try_again(run, self.clock.now(), delay)
        self._release(run)
        if delay is not None and self._host is not None:
            self._host.wakeup()

    def report(self, run: Run) -> None:
        """Take note that the run has said something, where there is a place to keep it. Returns at once; never raises."""

    def _release(self, run: Run) -> None:
        """Give back the instance that the run held, and wake its job where that waits for one."""
        self._live.release(run)
        if run.job_id in self._parked and self._host is not None:
            self._host.wakeup()

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
            self._waiting_runs.add(run, job)
        if self._host is not None:
            self._host.wakeup()
        return run.id

    def request_cancel(self, run_id: str, reason: str = "") -> CancelledRun:
        """Cancel a run that waits here, or have the executors of this scheduler end it.

        Raises:
            RunLookupError: no such run is under way.
        """
        with self._lock:
            run = self._waiting_runs.withdraw(run_id)
        if run is not None:
            message = cancelled_words("", reason)
            return CancelledRun(status=RunStatus.CANCELLED, job_id=run.job_id, fire_time=run.due_at, message=message)
        for executor in [] if self._host is None else self._host.executors().values():
            if executor.cancel(self.alias, run_id, reason=reason) is not None:
                return CancelledRun(status=RunStatus.RUNNING)  # how it ends is the executor's to tell
        raise RunLookupError(run_id, self.alias, "This store knows a run as long as it has not ended.")

    def retry_run(self, run_id: str) -> str:
        """Ask for a further attempt of a run that has ended; returns its id. Only stores that keep runs can do it.

        Raises:
            RunStateError: this store keeps no runs.
        """
        raise RunStateError(
            f"Run {run_id!r} cannot be retried: job store {self.alias!r} is a {type(self).__name__}, which keeps no runs that have "
            "ended. Call run_job() to run the job again."
        )
