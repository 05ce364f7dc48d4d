"""Stage B: runs that wait become runs of this node: asked for by hand, next attempts, fire times that waited, given back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from ..duejob import DueJob
from ..models import JobRun, Overlap, RunOrigin, ScheduledJob
from ..querysets import JobRunQuerySet, by_keys
from ..refs import load_callable
from ..rows import read_retry
from ..runs import Run, RunStatus
from ..serialization import read_arguments
from .batch import Batch, Identity, check_allowed, sentence


class PendingRuns:
    """Finds pending runs, and claims them where their job has a free instance."""

    def __init__(self, identity: Identity) -> None:
        """Look for runs in the name of `identity`."""
        self._identity = identity

    @property
    def _runs(self) -> JobRunQuerySet:
        return JobRun.objects.using(self._identity.using)

    def waiting(self, executors: Sequence[str], priority: str) -> JobRunQuerySet:
        """Return the pending runs of these executors and this level of priority.

        While a job is paused or retired, only what was asked for by hand is run, once: fire times that wait and further attempts rest.
        """
        runs = self._runs.filter(namespace=self._identity.namespace, status=RunStatus.PENDING, priority=priority)
        runs = runs.of_queues(self._identity.queues).filter(executor__in=executors)
        jobs = ScheduledJob.objects.using(self._identity.using).filter(pk=OuterRef("job_key"))
        resting = jobs.filter(Q(paused=True) | Q(retired_at__isnull=False))
        runs = runs.filter(Q(origin=RunOrigin.MANUAL, attempt=1) | ~Exists(resting))
        if not self._identity.environment:
            return runs
        return runs.filter(Exists(jobs.served_in(self._identity.environment)))

    def take(self, batch: Batch, priority: str) -> None:
        """Claim runs of one level of priority by due time, under the locks of the jobs."""
        executors = [alias for alias, free in batch.free.items() if free > 0]
        due = self.waiting(executors, priority).filter(due_at__lte=batch.now).order_by("due_at")
        waiting = list(due[: sum(batch.free[alias] for alias in executors)])
        if not waiting:
            return
        keys = {run.job_key for run in waiting}
        jobs = ScheduledJob.objects.using(self._identity.using).filter(pk__in=keys).order_by("pk")
        locked = {row.pk: row for row in self._identity.locked(jobs)}
        live = self._identity.live(batch.ended)
        for run in waiting:
            row = locked.get(run.job_key)
            if row is None or batch.free[run.executor] <= 0:
                batch.claim.starved = True
            elif not _rests(row, run):
                holders = live.setdefault(row.pk, [])
                if not _has_room(row, run, len(holders), batch.now):
                    batch.claim.starved = True
                elif self._claim(batch, row, run):
                    holders.append(run.pk)
        self._cancel_orphans(keys - set(locked), batch.now)

    def claim_first(self, batch: Batch, row: DueJob, key: int) -> bool:
        """Claim a fire time that waits before the next one of its job, whose row is locked; returns whether it is live now.

        Another node may have been about to claim it, and found the job locked.
        """
        pending = self._runs.filter(pk=key, status=RunStatus.PENDING).first()
        there = pending is not None and batch.free.get(pending.executor, 0) > 0
        return there and pending is not None and self._claim(batch, row, pending)

    def _claim(self, batch: Batch, row: ScheduledJob | DueJob, pending: JobRun) -> bool:
        """Claim one run; one that cannot be loaded fails with the reason. Returns whether it is live now."""
        mine = self._runs.filter(pk=pending.pk, status=RunStatus.PENDING)
        try:
            func, args, kwargs = _call(pending)
            retry = read_retry(row.retry)
        except Exception as error:
            mine.update(
                status=RunStatus.FAILED,
                finished_at=batch.now,
                exception_type=type(error).__name__,
                exception_message=sentence(error),
            )
            return False
        if not mine.update(status=RunStatus.CLAIMED, claimed_at=batch.now, **self._owner(batch, pending.executor)):
            return False
        batch.free[pending.executor] -= 1
        batch.holding[str(pending.pk)] = (row.pk, not row.coalesce)
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
                namespace=pending.namespace,
                first_id=str(pending.first_attempt or ""),
                timeout=pending.timeout,
                retry=retry,
            )
        )
        return True

    def _owner(self, batch: Batch, executor: str) -> dict[str, Any]:
        """Return the columns that say who holds a run of this executor."""
        cluster = batch.clusters.get(executor)
        if cluster is None:
            return {"node": self._identity.node}
        return {"on_cluster": True, "publish_at": batch.now + cluster.republish_after}

    def _cancel_orphans(self, keys: Collection[int], now: datetime) -> None:
        """Cancel pending runs of jobs that were removed (jobs that are merely locked still exist)."""
        if not keys:
            return
        jobs = ScheduledJob.objects.using(self._identity.using).filter(pk__in=keys)
        gone = set(keys) - set(jobs.values_list("pk", flat=True))
        orphans = self._runs.filter(namespace=self._identity.namespace, job_key__in=gone, status=RunStatus.PENDING)
        by_keys(orphans).filter(status=RunStatus.PENDING).update(
            status=RunStatus.CANCELLED, finished_at=now, reason="its job was removed before it could start"
        )


def _rests(row: ScheduledJob, pending: JobRun) -> bool:
    """Return whether the run rests with its job; that may have been paused since the run was read."""
    by_hand = pending.origin == RunOrigin.MANUAL and pending.attempt == 1
    return not by_hand and (row.paused or row.retired_at is not None)


def _has_room(row: ScheduledJob, pending: JobRun, live: int, now: datetime) -> bool:
    """Return whether the job has an instance free for a run.

    One is kept for a fire time that is due at the same moment, unless this is an earlier one that had to wait. Behind that one, what is
    due of a job that runs each of its fire times is a backlog: with the fire times in view, `DueJobs` claims it.
    """
    waited = row.overlap != Overlap.SKIP and row.coalesce and pending.slot is not None and pending.attempt == 1
    due = not waited and row.wake_at is not None and row.wake_at <= now
    return live + due < row.max_instances


def _call(pending: JobRun) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the callable and the arguments of a pending run.

    Raises:
        SchedulerError: the callable is not there or not allowed, or the arguments cannot be read.
    """
    check_allowed(pending.func_ref)
    return (load_callable(pending.func_ref), *read_arguments(pending.args, pending.kwargs))
