"""Stage B: runs that were asked for by hand, or were given back, become runs of this node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef

from ..models import JobRun, ScheduledJob
from ..querysets import JobRunQuerySet, by_keys
from ..refs import load_callable
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

    def waiting(self, executors: Sequence[str]) -> JobRunQuerySet:
        """Return the pending runs of these executors."""
        runs = self._runs.filter(namespace=self._identity.namespace, status=RunStatus.PENDING)
        runs = runs.filter(executor__in=executors)
        if not self._identity.environment:
            return runs
        jobs = ScheduledJob.objects.using(self._identity.using).served_in(self._identity.environment)
        return runs.filter(Exists(jobs.filter(pk=OuterRef("job_key"))))

    def take(self, batch: Batch) -> None:
        """Claim by due time, under the locks of the jobs."""
        executors = [alias for alias, free in batch.free.items() if free > 0]
        due = self.waiting(executors).filter(due_at__lte=batch.now).order_by("due_at")
        waiting = list(due[: sum(batch.free[alias] for alias in executors)])
        if not waiting:
            return
        keys = {run.job_key for run in waiting}
        jobs = ScheduledJob.objects.using(self._identity.using).filter(pk__in=keys).order_by("pk")
        locked = {row.pk: row for row in self._identity.locked(jobs)}
        live = self._identity.live(batch.ended)
        for run in waiting:
            row = locked.get(run.job_key)
            if row is None or batch.free[run.executor] <= 0 or not _has_room(row, live[row.pk], batch.now):
                batch.claim.starved = True
            else:
                live[row.pk] += self._claim(batch, row, run)
        self._cancel_orphans(keys - set(locked), batch.now)

    def _claim(self, batch: Batch, row: ScheduledJob, pending: JobRun) -> int:
        """Claim one run; one that cannot be loaded fails with the reason. Returns how many became live."""
        mine = self._runs.filter(pk=pending.pk, status=RunStatus.PENDING)
        try:
            func, args, kwargs = _call(pending)
        except Exception as error:
            mine.update(
                status=RunStatus.FAILED,
                finished_at=batch.now,
                exception_type=type(error).__name__,
                exception_message=sentence(error),
            )
            return 0
        if not mine.update(status=RunStatus.CLAIMED, claimed_at=batch.now, **self._owner(batch, pending.executor)):
            return 0
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
            )
        )
        return 1

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


def _has_room(row: ScheduledJob, live: int, now: datetime) -> bool:
    """Return whether the job has an instance free; one is kept for a fire time that is due at the same moment."""
    due = row.wake_at is not None and row.wake_at <= now
    return live + due < row.max_instances


def _call(pending: JobRun) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the callable and the arguments of a pending run.

    Raises:
        SchedulerError: the callable is not there or not allowed, or the arguments cannot be read.
    """
    check_allowed(pending.func_ref)
    return (load_callable(pending.func_ref), *read_arguments(pending.args, pending.kwargs))
