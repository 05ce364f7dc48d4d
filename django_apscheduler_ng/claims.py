"""The claim on the ORM store: due jobs and pending runs become runs of this node.

Invariant: a slot is claimed at most once, because one transaction advances the job (`claimed_through`, next run time) and inserts
the run's row, holding the lock on the job's row; the unique key on (job, slot, attempt) stands behind it. Whatever creates a live
run of a job holds that lock while it counts the live ones, so `max_instances` holds over all nodes.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import Count, QuerySet, Subquery

from .connections import PASSING_ERRORS, own_connection, transaction_of_its_own
from .conf import get_config
from .declarations import is_allowed
from .exceptions import CallableReferenceError, ConfigurationError
from .fields import UTCDateTimeField, moment_from_db
from .hotsql import HotSQL
from .job import Job
from .jobstores.base import Claim, Passed
from .ledger import advance_row, run_row, summary_row
from .models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from .planning import JobView, Plan, plan
from .refs import load_callable
from .rows import read_arguments, to_job
from .runs import Run, RunStatus

logger = logging.getLogger(__name__)

#: How long a node leaves a job alone that it could not load or plan.
BACK_OFF = timedelta(minutes=1)

#: The longest pause between two tries of a broken job.
LONGEST_BACK_OFF = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose claims these are."""

    using: str
    namespace: str
    #: Alias of the job store in its scheduler.
    alias: str
    node: str
    environment: str = ""


@dataclass(kw_only=True)
class _Batch:
    """What one claim transaction is about to write."""

    now: datetime
    free: dict[str, int]
    claim: Claim = field(default_factory=Claim)
    advances: list[dict[str, Any]] = field(default_factory=list)
    inserts: list[dict[str, Any]] = field(default_factory=list)
    #: Rows of runs by job key and slot.
    planned: dict[tuple[int, datetime], dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, tuple[ScheduledJob, Job]] = field(default_factory=dict)
    log: list[JobLogEntry] = field(default_factory=list)
    declined: list[tuple[ScheduledJob, str]] = field(default_factory=list)


class Claims:
    """Looks for work and claims it. Belongs to the scheduler's loop."""

    def __init__(self, identity: Identity, sql: HotSQL) -> None:
        """Claim in the name of `identity`, with the hot writes of its database."""
        self._identity = identity
        self._sql = sql
        #: Jobs that this node could not load or plan → until when it leaves them alone.
        self._declined: dict[int, datetime] = {}
        self._holding: dict[str, tuple[int, bool]] = {}
        #: Executors that jobs name and no one here has; set by the node with its heartbeat.
        self.stray_executors: Collection[str] = ()

    def next_due(self, now: datetime, executors: Sequence[str]) -> datetime | None:
        """Return the earliest moment at which there is work for these executors: the one read of an idle poll."""
        reads = [self._due_jobs([alias]).order_by("wake_at").values("wake_at")[:1] for alias in executors]
        reads.append(self._pending(executors).order_by("due_at").values("due_at")[:1])
        node = SchedulerNode.objects.using(self._identity.using).filter(pk=self._identity.node)
        found = node.values_list(*(Subquery(read, output_field=UTCDateTimeField()) for read in reads)).first()
        return min((moment for moment in found or () if moment is not None), default=None)

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim what is due, and never let one job that cannot be claimed stand in the way of the others."""
        self._declined = {pk: until for pk, until in self._declined.items() if until > now}
        slots = {**{alias: 1 for alias in self.stray_executors}, **free}
        try:
            return self._claim(now, slots)
        except PASSING_ERRORS:
            raise
        except DatabaseError as error:
            logger.warning("A batch of jobs was refused by the database (%s); they are claimed one by one.", error)
            return self._claim_one_by_one(now, slots)

    def _claim_one_by_one(self, now: datetime, slots: dict[str, int]) -> Claim:
        """Claim with a transaction for each job; the one that the database refuses is declined."""
        together = Claim()
        for pk in list(self._due_jobs(list(slots)).due(now).order_by("wake_at").values_list("pk", flat=True)[:100]):
            try:
                claim = self._claim(now, slots, only=pk)
            except PASSING_ERRORS:
                raise
            except DatabaseError as error:
                self._decline_alone(pk, f"{type(error).__name__}: {error}", now)
            else:
                together.runs += claim.runs
                together.passed += claim.passed
                together.ended += claim.ended
        return together

    def _claim(self, now: datetime, slots: Mapping[str, int], only: int | None = None) -> Claim:
        """Claim in one transaction; the ids of the runs are known when it is committed."""
        batch = _Batch(now=now, free=dict(slots))
        with transaction_of_its_own(self._identity.using):
            self._lock_database()
            if only is None:
                self._take_pending(batch)
            self._take_due(batch, only)
            self._write(batch)
        for row, _ in batch.declined:
            self._declined[row.pk] = now + BACK_OFF
        return batch.claim

    def _lock_database(self) -> None:
        """On SQLite, begin with a write: a transaction that reads first and writes then fails at once if somebody wrote between."""
        if connections[self._identity.using].vendor == "sqlite":
            node = SchedulerNode.objects.using(self._identity.using).filter(pk=self._identity.node)
            node.update(namespace=self._identity.namespace)

    # -- stage A: due jobs ------------------------------------------------------------------------------------------

    def _due_jobs(self, executors: Sequence[str]) -> QuerySet[ScheduledJob]:
        jobs = ScheduledJob.objects.using(self._identity.using).of(self._identity.namespace)
        jobs = jobs.served_in(self._identity.environment).filter(executor__in=executors, wake_at__isnull=False)
        return jobs.exclude(pk__in=list(self._declined)) if self._declined else jobs

    def _take_due(self, batch: _Batch, only: int | None) -> None:
        """Lock due jobs in the order of their executors and run times, and plan them."""
        for alias, free in list(batch.free.items()):
            if free <= 0:
                batch.claim.starved = True
                continue
            jobs = self._due_jobs([alias]).due(batch.now).order_by("wake_at")
            if only is not None:
                jobs = jobs.filter(pk=only)
            rows = list(jobs.select_for_update(skip_locked=True)[:free] if self._locks else jobs[:free])
            live = self._live(row.pk for row in rows)
            for row in rows:
                if batch.free[alias] <= 0:
                    batch.claim.starved = True
                    break
                self._plan(batch, row, live[row.pk])
            if len(rows) == free:
                batch.claim.starved = True

    @property
    def _locks(self) -> bool:
        return connections[self._identity.using].features.has_select_for_update_skip_locked

    def _live(self, keys: Any) -> Counter[int]:
        """Return how many runs of each job are claimed or running, on any node."""
        runs = JobRun.objects.using(self._identity.using).live().filter(job_key__in=list(keys))
        return Counter(dict(runs.values_list("job_key").annotate(Count("pk")).order_by()))

    def _plan(self, batch: _Batch, row: ScheduledJob, live: int) -> None:
        """Plan one job; one that cannot be loaded or planned is declined, and its neighbours go on."""
        try:
            if row.paused:
                batch.advances.append({**advance_row(row, _NOTHING, batch.now), "finished_at": None})
                return
            job = self._load(row)
            view = job.view(live)
            if row.trigger != row.planned_trigger:
                view = _unplanned(view)
            planned = plan(view, batch.now, batch.free[row.executor])
        except Exception as error:
            batch.declined.append((row, _sentence(error)))
            return
        node = self._identity.node
        grace = job.grace
        batch.jobs[row.pk] = (row, job)
        batch.advances.append(advance_row(row, planned, batch.now))
        batch.free[row.executor] -= len(planned.slots)
        for slot in planned.slots:
            made = run_row(row, slot, node, batch.now, None if grace is None else slot.due_at + grace)
            batch.inserts.append(made)
            batch.planned[row.pk, slot.fire_time] = made
        for summary in planned.summaries:
            batch.inserts.append(summary_row(row, summary, node, batch.now))
            batch.claim.passed.append(Passed(job_id=row.job_id, summary=summary))
        if row.broken_reason:
            batch.log.append(_log(row, "repaired", batch.now, ""))
        if planned.next_fire_time is None:
            batch.claim.ended.append(row.job_id)
            batch.log.append(_log(row, "finished", batch.now, "its trigger has no further fire time"))

    def _load(self, row: ScheduledJob) -> Job:
        """Return the job with its callable imported.

        Raises:
            SchedulerError: a part of the row cannot be read, or the callable is not there or not allowed.
        """
        if row.executor in self.stray_executors:
            raise ConfigurationError(
                f"Executor {row.executor!r} is not configured in this scheduler. Add it to APSCHEDULER['executors'], or change the job."
            )
        job = to_job(row)
        if job.broken_reason and job.broken_reason != row.broken_reason:
            raise ConfigurationError(job.broken_reason)
        read_arguments(row.args, row.kwargs)
        if not is_allowed(row.func_ref, get_config()):
            raise CallableReferenceError(not_allowed(row.func_ref))
        job._func = load_callable(row.func_ref)
        return job

    # -- stage B: pending runs --------------------------------------------------------------------------------------

    def _pending(self, executors: Sequence[str]) -> QuerySet[JobRun]:
        runs = JobRun.objects.using(self._identity.using).filter(namespace=self._identity.namespace)
        return runs.filter(status=RunStatus.PENDING, executor__in=executors)

    def _take_pending(self, batch: _Batch) -> None:
        """Claim runs that were asked for by hand or given back, by their due time, where their job has a free instance."""
        most = sum(batch.free.values())
        waiting = list(self._pending(list(batch.free)).filter(due_at__lte=batch.now).order_by("due_at")[:most])
        if not waiting:
            return
        keys = {run.job_key for run in waiting}
        jobs = ScheduledJob.objects.using(self._identity.using).filter(pk__in=keys).order_by("pk")
        locked = {row.pk: row for row in (jobs.select_for_update(skip_locked=True) if self._locks else jobs)}
        live = self._live(keys)
        for run in waiting:
            row = locked.get(run.job_key)
            if row is None or batch.free[run.executor] <= 0 or live[row.pk] >= row.max_instances:
                batch.claim.starved = True
            elif not self._identity.environment or row.environment in ("", self._identity.environment):
                live[row.pk] += self._claim_pending(batch, row, run)
        self._cancel_orphans(keys - set(locked), batch.now)

    def _claim_pending(self, batch: _Batch, row: ScheduledJob, pending: JobRun) -> int:
        """Claim one pending run; one that cannot be loaded fails with the reason. Returns how many became live."""
        mine = JobRun.objects.using(self._identity.using).filter(pk=pending.pk, status=RunStatus.PENDING)
        try:
            if not is_allowed(pending.func_ref, get_config()):
                raise CallableReferenceError(not_allowed(pending.func_ref))
            func = load_callable(pending.func_ref)
            args, kwargs = read_arguments(pending.args, pending.kwargs)
        except Exception as error:
            mine.update(
                status=RunStatus.FAILED,
                finished_at=batch.now,
                exception_type=type(error).__name__,
                exception_message=_sentence(error),
            )
            return 0
        if not mine.update(status=RunStatus.CLAIMED, node=self._identity.node, claimed_at=batch.now):
            return 0
        batch.free[pending.executor] -= 1
        self._holding[str(pending.pk)] = (row.pk, not row.coalesce)
        batch.claim.runs.append(
            Run(
                id=str(pending.pk),
                job_id=pending.job_id,
                name=pending.job_name,
                jobstore=self._identity.alias,
                executor=pending.executor,
                func=func,
                func_ref=pending.func_ref,
                args=args,
                kwargs=kwargs,
                fire_time=pending.slot,
                due_at=pending.due_at,
                start_until=pending.start_until,
                attempt=pending.attempt,
            )
        )
        batch.jobs[row.pk] = (row, to_job(row))
        return 1

    def _cancel_orphans(self, keys: Collection[int], now: datetime) -> None:
        """Cancel pending runs of jobs that were removed (jobs that are merely locked still exist)."""
        if not keys:
            return
        jobs = ScheduledJob.objects.using(self._identity.using).filter(pk__in=keys)
        gone = set(keys) - set(jobs.values_list("pk", flat=True))
        orphans = JobRun.objects.using(self._identity.using).filter(job_key__in=gone, status=RunStatus.PENDING)
        orphans.update(status=RunStatus.CANCELLED, finished_at=now, reason="its job was removed before it could start")

    # -- writing ----------------------------------------------------------------------------------------------------

    def _write(self, batch: _Batch) -> None:
        """Write the batch with a constant number of statements, and make the runs it brought."""
        using = self._identity.using
        with connections[using].cursor() as cursor:
            if batch.advances:
                self._sql.advance(cursor, batch.advances)
            if batch.inserts:
                for pk, job_key, slot in self._sql.insert(cursor, batch.inserts):
                    moment = moment_from_db(slot)
                    if moment is not None:
                        self._add_run(batch, pk, job_key, moment)
        for row, reason in batch.declined:
            self._write_decline(row, reason, batch)
        if batch.log:
            JobLogEntry.objects.using(using).bulk_create(batch.log)

    def _add_run(self, batch: _Batch, pk: int, job_key: int, slot: datetime) -> None:
        row, job = batch.jobs[job_key]
        self._holding[str(pk)] = (job_key, not row.coalesce)
        inserted = batch.planned.get((job_key, slot))
        if inserted is None:
            return
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

    # -- declining --------------------------------------------------------------------------------------------------

    def _decline_alone(self, pk: int, reason: str, now: datetime) -> None:
        """Decline a job in a transaction of its own."""
        batch = _Batch(now=now, free={})
        with transaction_of_its_own(self._identity.using):
            self._lock_database()
            row = ScheduledJob.objects.using(self._identity.using).filter(pk=pk).first()
            if row is not None:
                self._write_decline(row, reason, batch)
                JobLogEntry.objects.using(self._identity.using).bulk_create(batch.log)
        self._declined[pk] = now + BACK_OFF

    def _write_decline(self, row: ScheduledJob, reason: str, batch: _Batch) -> None:
        """Note that this node declines the job; it is broken once every live node has declined it."""
        using = self._identity.using
        nodes = SchedulerNode.objects.using(using).alive().filter(namespace=self._identity.namespace)
        alive = set(nodes.values_list("pk", flat=True))
        declined_by = (set(row.declined_by.split()) & alive) | {self._identity.node}
        changes: dict[str, Any] = {"declined_by": " ".join(sorted(declined_by))}
        if alive <= declined_by:
            retries = row.retries + 1
            pause = min(BACK_OFF * 2 ** min(retries - 1, 10), LONGEST_BACK_OFF)
            changes.update(
                broken_reason=reason, planned_trigger=row.trigger, retries=retries, retry_at=batch.now + pause, declined_by=""
            )
            if row.broken_reason != reason:
                logger.error("Job %r is broken and kept: %s", row.job_id, reason, extra={"job_id": row.job_id})
                batch.log.append(_log(row, "broken", batch.now, reason))
        ScheduledJob.objects.using(using).filter(pk=row.pk, revision=row.revision).update(**changes)

    def forgive(self) -> None:
        """Try declined jobs again."""
        self._declined.clear()

    def holding(self, run: Run) -> tuple[int, bool]:
        """Return the key of the run's job, and whether the job may be parked until the run ends."""
        return self._holding.pop(run.id)

    # -- starting ---------------------------------------------------------------------------------------------------

    def start(self, runs: Sequence[Run], now: datetime) -> set[str]:
        """Turn claimed runs into running ones; returns the ids of those that may start."""
        if not runs:
            return set()
        with own_connection(self._identity.using), connections[self._identity.using].cursor() as cursor:
            started = self._sql.start(cursor, [int(run.id) for run in runs], self._identity.node, now)
        return {str(pk) for pk in started}

    def give_up(self, runs: Sequence[Run], now: datetime) -> None:
        """Record claimed runs as missed: their grace time ended before they could start."""
        mine = JobRun.objects.using(self._identity.using).filter(
            pk__in=[int(run.id) for run in runs], status=RunStatus.CLAIMED, node=self._identity.node
        )
        mine.update(status=RunStatus.MISSED, finished_at=now, reason="later than the grace time of the job allows")


#: What becomes of the run times of a job that was paused behind the scheduler's back.
_NOTHING = Plan(next_fire_time=None, next_run_time=None)


def _unplanned(view: JobView) -> JobView:
    """Return the view of a job whose trigger changed: planned from now on, whatever was planned before."""
    return replace(view, next_fire_time=None, next_run_time=None, parked=False)


def not_allowed(ref: str) -> str:
    """Return the message for a callable that nodes do not run."""
    return (
        f"Callable {ref!r} is not allowed to run. Decorate it with @job, put it into a module of an installed app, "
        "or add a pattern for it to APSCHEDULER['allowed_callables']."
    )


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _log(row: ScheduledJob, action: str, now: datetime, reason: str) -> JobLogEntry:
    return JobLogEntry(
        namespace=row.namespace, job_key=row.pk, job_id=row.job_id, at=now, action=action, reason=reason, actor_name="scheduler"
    )
