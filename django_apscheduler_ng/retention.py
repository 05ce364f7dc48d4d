"""Retention: old history is deleted in small batches, each a transaction of its own, so that nobody waits for long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet

from .models import JobLogEntry, JobRun, NodeState, ScheduledJob, SchedulerNode
from .querysets import JobRunQuerySet

#: Rows deleted by one statement at most.
BATCH = 1_000


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """How many rows were deleted."""

    runs: int
    entries: int
    jobs: int
    nodes: int


def prune(using: str, now: datetime, *, max_age_days: int | None, max_runs_per_job: int | None) -> Pruned:
    """Delete ended runs that are too old or too many, and what else is too old.

    Args:
        using: alias of the database.
        now: the current moment, aware.
        max_age_days: age in days at which ended runs, events, finished jobs and stopped nodes are deleted; None = never.
        max_runs_per_job: ended runs kept of each job, the latest; None = all.
    """
    ended = JobRun.objects.using(using).ended()
    runs = sum(_delete(excess) for excess in _excess(ended, max_runs_per_job))
    if max_age_days is None:
        return Pruned(runs=runs, entries=0, jobs=0, nodes=0)
    oldest = now - timedelta(days=max_age_days)
    gone = SchedulerNode.objects.using(using).filter(state__in=(NodeState.STOPPED, NodeState.DEAD), seen_at__lt=oldest)
    return Pruned(
        runs=runs + _delete(ended.filter(finished_at__lt=oldest)),
        entries=_delete(JobLogEntry.objects.using(using).filter(at__lt=oldest)),
        jobs=_delete(ScheduledJob.objects.using(using).filter(finished_at__lt=oldest, declared="")),
        nodes=_delete(gone),
    )


def _excess(ended: JobRunQuerySet, most: int | None) -> Iterator[JobRunQuerySet]:
    """Yield for each job that has too many ended runs those that are too many."""
    if most is None:
        return
    crowded = ended.values("job_key").annotate(kept=Count("pk")).filter(kept__gt=most).order_by()
    for job_key in list(crowded.values_list("job_key", flat=True)):
        mine = ended.filter(job_key=job_key)
        first_kept = mine.order_by("-pk").values_list("pk", flat=True)[most - 1]
        yield mine.filter(pk__lt=first_kept)


def _delete(rows: QuerySet[JobRun] | QuerySet[JobLogEntry] | QuerySet[ScheduledJob] | QuerySet[SchedulerNode]) -> int:
    """Delete the rows in batches, by their keys; returns how many there were."""
    deleted = 0
    while True:
        keys: list[Any] = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            return deleted
        rows.model._default_manager.using(rows.db).filter(pk__in=keys).delete()
        deleted += len(keys)
