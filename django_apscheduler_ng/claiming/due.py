"""Stage A: due jobs become runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connections

from ..declarations import moved_to
from ..exceptions import CallableReferenceError, ConfigurationError
from ..job import Job
from ..jobstores.base import Passed
from ..ledger import advance_row, run_row, summary_row
from ..models import ScheduledJob
from ..planning import JobView, Plan, plan
from ..querysets import ScheduledJobQuerySet
from ..refs import load_callable
from ..rows import problem_of, to_job
from ..runs import Run
from .batch import Batch, Identity, check_allowed, sentence

#: What becomes of the run times of a job that was paused behind the scheduler's back.
_NO_TIMES = Plan(next_fire_time=None, next_run_time=None)

#: How often to look for jobs that others have not locked, on MariaDB.
_LOOKS = 4


class DueJobs:
    """Finds due jobs, and plans them."""

    def __init__(self, identity: Identity) -> None:
        """Look for jobs in the name of `identity`."""
        self._identity = identity
        #: Keys of jobs to leave alone.
        self.excluded: Collection[int] = ()
        #: Executors that jobs name and that this scheduler does not have.
        self.stray_executors: Collection[str] = ()

    def waiting(self, executors: Sequence[str]) -> ScheduledJobQuerySet:
        """Return the jobs of these executors that have a moment to be looked at."""
        return self._waiting(self._jobs.of(self._identity.namespace), executors)

    @property
    def _jobs(self) -> ScheduledJobQuerySet:
        return ScheduledJob.objects.using(self._identity.using)

    def _waiting(self, jobs: ScheduledJobQuerySet, executors: Sequence[str]) -> ScheduledJobQuerySet:
        jobs = jobs.served_in(self._identity.environment).filter(executor__in=executors, wake_at__isnull=False)
        return jobs.exclude(pk__in=list(self.excluded)) if self.excluded else jobs

    def take(self, batch: Batch, only: int | None = None) -> None:
        """Lock due jobs, executor by executor in the order of their run times, and plan them.

        Args:
            batch: receives what is to be written.
            only: key of the one job to take; None = all.
        """
        for alias, free in list(batch.free.items()):
            if free <= 0:
                batch.claim.starved = True
                continue
            jobs = self.waiting([alias]).due(batch.now).order_by("wake_at")
            if only is not None:
                jobs = jobs.filter(pk=only)
            if connections[self._identity.using].vendor == "mysql":
                rows = self._locked_by_keys(jobs, alias, batch.now, free)
            else:
                rows = list(self._identity.locked(jobs)[:free])
            self._plan_all(batch, rows)
            batch.claim.starved |= len(rows) == free

    def _plan_all(self, batch: Batch, rows: Sequence[ScheduledJob]) -> None:
        live = self._identity.live(row.pk for row in rows)
        for row in rows:
            if batch.free[row.executor] <= 0:
                break
            try:
                self._plan(batch, row, live[row.pk])
            except Exception as error:
                batch.declined.append((row, sentence(error)))

    def _locked_by_keys(
        self, jobs: ScheduledJobQuerySet, executor: str, now: datetime, free: int
    ) -> list[ScheduledJob]:
        """Find jobs by a plain read, and lock their rows by their keys; look further where others were faster.

        On MariaDB, a locking read by another index keeps the lock on the index entry of a row that it leaves out. The node that has
        locked the row waits for that entry when it updates the row: two nodes deadlock.
        """
        rows: dict[int, ScheduledJob] = {}
        for begin in range(0, _LOOKS * free, free):
            keys = list(jobs.values_list("pk", flat=True)[begin : begin + free])
            # without the namespace, with which the other index begins
            named = self._waiting(self._jobs.filter(pk__in=keys), [executor]).due(now).order_by("pk")
            rows.update({row.pk: row for row in self._identity.locked(named)[: free - len(rows)]})
            if len(rows) >= free or len(keys) < free:
                break
        return sorted(rows.values(), key=lambda row: row.wake_at or now)

    def _plan(self, batch: Batch, row: ScheduledJob, live: int) -> None:
        """Add to the batch what is to become of one job."""
        if row.paused:
            batch.advances.append({**advance_row(row, _NO_TIMES, batch.now), "finished_at": None})
            return
        job = self._load(row)
        planned = plan(_view(row, job, live), batch.now, batch.free[row.executor])
        batch.jobs[row.pk] = (row, job)
        batch.advances.append(advance_row(row, planned, batch.now))
        batch.free[row.executor] -= len(planned.slots)
        for slot in planned.slots:
            start_until = None if job.grace is None else slot.due_at + job.grace
            made = run_row(row, slot, self._identity.node, batch.now, start_until)
            batch.inserts.append(made)
            batch.planned[row.pk, slot.fire_time] = made
        for summary in planned.summaries:
            batch.inserts.append(summary_row(row, summary, self._identity.node, batch.now))
            batch.claim.passed.append(Passed(job_id=row.job_id, summary=summary))
        self._note(batch, row, planned)

    def _note(self, batch: Batch, row: ScheduledJob, planned: Plan) -> None:
        if row.broken_reason:
            batch.note(row, "repaired", "")
        if planned.next_fire_time is None:
            batch.claim.ended.append(row.job_id)
            batch.note(row, "finished", "its trigger has no further fire time")

    def _load(self, row: ScheduledJob) -> Job:
        """Return the job with its callable imported.

        Raises:
            SchedulerError: a part of the row cannot be read, or the callable is not there or not allowed.
        """
        if row.executor in self.stray_executors:
            raise ConfigurationError(
                f"Executor {row.executor!r} is not configured in this scheduler. "
                "Add it to APSCHEDULER['executors'], or change the job."
            )
        job = to_job(row)
        if job.broken_reason and (problem := problem_of(row)):
            raise ConfigurationError(problem)
        check_allowed(row.func_ref)
        job.use_callable(_callable(row.func_ref))
        return job

    def add_run(self, batch: Batch, pk: int, job_key: int, slot: datetime) -> None:
        """Add the run whose row was inserted with this key; rows of summaries are passed over."""
        inserted = batch.planned.get((job_key, slot))
        if inserted is None:
            return
        row, job = batch.jobs[job_key]
        batch.holding[str(pk)] = (job_key, not row.coalesce)
        batch.claim.runs.append(
            Run(
                id=str(pk),
                job_id=row.job_id,
                name=row.name,
                jobstore=self._identity.alias,
                executor=row.executor,
                func=job.func,
                func_ref=row.func_ref,
                args=job.args,
                kwargs=job.kwargs,
                fire_time=slot,
                due_at=inserted["due_at"],
                start_until=inserted["start_until"],
            )
        )


def _callable(ref: str) -> Callable[..., Any]:
    """Return the callable; where it is gone, say which registered one it may have become.

    Raises:
        CallableReferenceError: it is not there.
    """
    try:
        return load_callable(ref)
    except CallableReferenceError as error:
        moved = moved_to(ref)
        hint = f" It may have moved: modify_job(…, func={moved!r}) points the job there." if moved else ""
        raise CallableReferenceError(f"{error}{hint}") from error


def _view(row: ScheduledJob, job: Job, live: int) -> JobView:
    """Return what the planner has to know; a job whose trigger changed is planned from now on, whatever was planned before."""
    view = job.view(live)
    if row.trigger == row.planned_trigger:
        return view
    return replace(view, next_fire_time=None, next_run_time=None, parked=False)
