"""Stage A: due jobs become runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import connections

from ..declarations import moved_to
from ..duejob import DueJob, checked_trigger, read_due, to_view
from ..exceptions import CallableReferenceError, ConfigurationError
from ..jobstores.base import Passed
from ..ledger import Note, advance_row, rest_row, run_row, summary_row
from ..models import ScheduledJob
from ..planning import Plan, plan
from ..querysets import ScheduledJobQuerySet
from ..refs import load_callable
from ..rows import read_retry
from ..runs import Run, RunStatus
from ..serialization import read_arguments
from .batch import Batch, Call, Identity, Skip, Wait, check_allowed, sentence
from .overlaps import Overlaps
from .pending import PendingRuns

#: How often to look for jobs that others have not locked, on MariaDB; each look takes in four times as many jobs as the one before.
_LOOKS = 4
_WIDER = 4

#: Most jobs that a look takes in, unless there are more free slots.
_WIDEST = 1_000


class DueJobs:
    """Finds due jobs, and plans them."""

    def __init__(self, identity: Identity, pending: PendingRuns) -> None:
        """Look for jobs in the name of `identity`; what waits for one of their runs to end goes before their fire times."""
        self._identity = identity
        self._pending = pending
        self._overlaps = Overlaps(identity)
        #: Keys of jobs to leave alone.
        self.excluded: Collection[int] = ()
        #: Executors that jobs name and that this scheduler does not have.
        self.stray_executors: Collection[str] = ()

    def waiting(self, executors: Sequence[str], priority: str | None = None) -> ScheduledJobQuerySet:
        """Return the jobs of these executors, and of this level of priority (None = of all), that have a moment to be looked at."""
        return self._waiting(self._jobs.of(self._identity.namespace), executors, priority)

    @property
    def _jobs(self) -> ScheduledJobQuerySet:
        return ScheduledJob.objects.using(self._identity.using)

    def _waiting(
        self, jobs: ScheduledJobQuerySet, executors: Sequence[str], priority: str | None
    ) -> ScheduledJobQuerySet:
        jobs = jobs.served_in(self._identity.environment).of_queues(self._identity.queues)
        jobs = jobs.filter(executor__in=executors, wake_at__isnull=False)
        if priority is not None:
            jobs = jobs.filter(priority=priority)
        return jobs.exclude(pk__in=list(self.excluded)) if self.excluded else jobs

    def take(self, batch: Batch, priority: str, executors: Collection[str], only: int | None = None) -> None:
        """Lock due jobs, executor by executor in the order of their run times, and plan them.

        Args:
            batch: receives what is to be written.
            priority: level of the jobs.
            executors: those that have due jobs of this level.
            only: key of the one job to take; None = all.
        """
        for alias, free in list(batch.free.items()):
            if alias not in executors:
                continue
            if free <= 0:
                continue
            jobs = self.waiting([alias], priority).due(batch.now).order_by("wake_at")
            if only is not None:
                jobs = jobs.filter(pk=only)
            if connections[self._identity.using].vendor == "mysql":
                rows = self._locked_by_keys(jobs, alias, priority, batch.now, free)
            else:
                rows = read_due(self._identity.locked(jobs)[:free])
            self._plan_all(batch, rows)
            batch.claim.starved |= len(rows) == free

    def read(self, key: int) -> DueJob | None:
        """Return the job with this key; None where it was removed."""
        return next(iter(read_due(self._jobs.filter(pk=key))), None)

    def _plan_all(self, batch: Batch, rows: Sequence[DueJob]) -> None:
        live = self._identity.live(batch.ended) if rows else {}
        waiting = self._overlaps.waiting(rows)
        for row in rows:
            if batch.free[row.executor] <= 0:
                break
            try:
                self._plan(batch, row, live.get(row.pk, []), waiting.get(row.pk))
            except Exception as error:
                batch.declined.append((row, sentence(error)))

    def _locked_by_keys(
        self, jobs: ScheduledJobQuerySet, executor: str, priority: str, now: datetime, free: int
    ) -> list[DueJob]:
        """Find jobs by a plain read, and lock their rows by their keys; look further where others were faster.

        On MariaDB, a locking read by another index keeps the lock on the index entry of a row that it leaves out. The node that has
        locked the row waits for that entry when it updates the row: two nodes deadlock.
        """
        rows: dict[int, DueJob] = {}
        order: list[int] = []
        width = free
        for _ in range(_LOOKS):
            keys = list(jobs.values_list("pk", flat=True)[len(order) : len(order) + width])
            if not keys:
                break
            order += keys
            # without the namespace, with which the other index begins
            named = self._waiting(self._jobs.filter(pk__in=keys), [executor], priority).due(now).order_by("pk")
            rows.update({row.pk: row for row in read_due(self._identity.locked(named)[: free - len(rows)])})
            if len(rows) >= free or len(keys) < width:
                break
            width = min(width * _WIDER, max(_WIDEST, free))
        return [rows[key] for key in order if key in rows]

    def _plan(self, batch: Batch, row: DueJob, live: list[int], waiting: int | None) -> None:
        """Add to the batch what is to become of one job; `live` are its runs under way, `waiting` is one that waits for them."""
        if row.paused:
            batch.advances.append(rest_row(row))
            return
        trigger, call = checked_trigger(row), self._load(batch, row)
        view = to_view(row, trigger, len(live), waiting is not None)
        if waiting is not None and not view.full and self._pending.claim_first(batch, row, waiting):
            if batch.free[row.executor] <= 0:
                return
            live, waiting = [*live, waiting], None
            # what is due behind it waits its turn like any backlog
            view = view._replace(live=len(live), waiting=False, parked=not row.coalesce)
        planned = plan(view, batch.now, batch.free[row.executor])
        batch.jobs[row.pk] = (row, call)
        batch.advances.append(advance_row(row, planned, batch.now))
        batch.free[row.executor] -= len(planned.slots)
        for slot in planned.slots:
            start_until = None if view.grace is None else slot.due_at + view.grace
            batch.insert(run_row(row, slot, start_until), row.executor)
        if planned.waits is not None:
            until = None if view.grace is None else planned.waits.due_at + view.grace
            batch.waits.append(Wait(row, planned.waits, until, min(live)))
            waiting = waiting or 0
        for summary in planned.summaries:
            if summary.status is RunStatus.SKIPPED:
                batch.skips.append(Skip(row, summary, live, waiting))
                continue
            batch.insert(summary_row(row, summary, batch.now))
            batch.claim.passed.append(Passed(job_id=row.job_id, summary=summary))
        self._note(batch, row, planned)

    def _note(self, batch: Batch, row: DueJob, planned: Plan) -> None:
        if row.broken_reason:
            batch.notes.append(Note(row.pk, "repaired"))
        if planned.next_fire_time is None:
            batch.claim.ended.append(row.job_id)
            batch.notes.append(Note(row.pk, "finished", "its trigger has no further fire time"))

    def _load(self, batch: Batch, row: DueJob) -> Call:
        """Return what the runs of a job call; each callable is looked up once in a batch.

        Raises:
            SchedulerError: a part of the row cannot be read, or the callable is not there or not allowed.
        """
        if row.executor in self.stray_executors:
            raise ConfigurationError(
                f"Executor {row.executor!r} is not configured in this scheduler. "
                "Add it to APSCHEDULER['executors'], or change the job."
            )
        if row.retry:
            read_retry(row.retry)
        func = batch.callables.get(row.func_ref)
        if func is None:
            check_allowed(row.func_ref)
            func = batch.callables[row.func_ref] = _callable(row.func_ref)
        return (func, *read_arguments(row.args, row.kwargs))

    def add_run(self, batch: Batch, pk: int, job_key: int, slot: Any) -> None:
        """Add the run whose row was inserted with this key and slot, as the driver gives it; rows of summaries are passed over."""
        inserted = batch.inserted(job_key, slot)
        if inserted is None or inserted.slot is None or inserted.status != RunStatus.CLAIMED:
            return
        row, (func, args, kwargs) = batch.jobs[job_key]
        batch.holding[str(pk)] = (job_key, not row.coalesce)
        batch.claim.runs.append(
            Run(
                id=str(pk),
                job_id=row.job_id,
                name=row.name,
                jobstore=self._identity.alias,
                namespace=row.namespace,
                executor=row.executor,
                func=func,
                func_ref=row.func_ref,
                args=args,
                kwargs=kwargs,
                fire_time=inserted.slot,
                due_at=inserted.due_at,
                start_until=inserted.start_until,
                timeout=row.timeout,
                retry=read_retry(row.retry) if row.retry else None,
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
