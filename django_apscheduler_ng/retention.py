"""Retention: old history is deleted in small batches, each a transaction of its own, so that nobody waits for long.

Every statement walks along an index and reads a bounded number of rows. The rows of a batch are locked by their primary keys, in the
order of these, and those that somebody else has locked are left for the next round. So pruning waits for nobody, and two nodes can
prune at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import OuterRef, QuerySet, Subquery

from .connections import transaction_of_its_own
from .models import JobLogEntry, JobRun, NodeState, ScheduledJob, SchedulerNode
from .runs import OPEN_STATUSES

#: Rows read or deleted by one statement at most.
BATCH = 1_000

#: Jobs that one statement looks at the runs of, at most.
JOBS = 500

#: Jobs among which one statement looks for finished ones.
JOBS_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """How many rows were deleted."""

    runs: int = 0
    entries: int = 0
    jobs: int = 0
    nodes: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        """Return the sums."""
        return Pruned(
            runs=self.runs + other.runs,
            entries=self.entries + other.entries,
            jobs=self.jobs + other.jobs,
            nodes=self.nodes + other.nodes,
        )


def prune(using: str, now: datetime, *, max_age_days: int | None, max_runs_per_job: int | None) -> Pruned:
    """Delete ended runs that are too old or too many, and what else is too old; see `steps()`."""
    pruned = steps(using, now, max_age_days=max_age_days, max_runs_per_job=max_runs_per_job)
    return sum(filter(None, pruned), Pruned())


def steps(
    using: str, now: datetime, *, max_age_days: int | None, max_runs_per_job: int | None
) -> Iterator[Pruned | None]:
    """Do the same in small steps; yields what each has deleted, None for one that found nothing.

    Between two steps no transaction is open.

    Args:
        using: alias of the database.
        now: the current moment, aware.
        max_age_days: age in days at which ended runs, events, finished jobs and stopped nodes are deleted; None = never.
        max_runs_per_job: ended runs kept of each job, the latest; None = all.
    """
    if max_age_days is not None:
        oldest = now - timedelta(days=max_age_days)
        yield from _old_runs(JobRun.objects.using(using), oldest)
        yield from _old_entries(JobLogEntry.objects.using(using), oldest)
        yield from _old_jobs(ScheduledJob.objects.using(using), oldest)
        yield from _old_nodes(SchedulerNode.objects.using(using), oldest)
    if max_runs_per_job is not None:
        yield from _spare_runs(using, max_runs_per_job)


def _old_runs(runs: QuerySet[JobRun], oldest: datetime) -> Iterator[Pruned | None]:
    """Delete from the first key on, until a batch has ended runs and none of them is old.

    Keys grow with the time of the claim, and nothing ends before it was claimed: what follows is hardly older. An index on the end of
    runs would find the rest, and be written with every run.
    """
    for page in _walk(runs, "status", "finished_at", "due_at"):
        ended = [(key, finished or due) for key, status, finished, due in page if status not in OPEN_STATUSES]
        old = [key for key, at in ended if at < oldest]
        yield Pruned(runs=_delete(runs, old)) if old else None
        if ended and not old:
            return


def _old_entries(entries: QuerySet[JobLogEntry], oldest: datetime) -> Iterator[Pruned | None]:
    for page in _walk(entries, "at"):
        old = [key for key, at in page if at < oldest]
        yield Pruned(entries=_delete(entries, old)) if old else None
        if not old:
            return


def _old_jobs(jobs: QuerySet[ScheduledJob], oldest: datetime) -> Iterator[Pruned | None]:
    """Delete jobs that finished long ago; declared ones stay, or they would run again when their code is loaded."""
    finished = jobs.filter(finished_at__lt=oldest, declared="")
    keys = jobs.order_by("pk").values_list("pk", flat=True)
    first: int | None = 0
    while first is not None:
        beyond = keys.filter(pk__gte=first)[JOBS_AT_ONCE : JOBS_AT_ONCE + 1].first()
        page = finished.filter(pk__gte=first) if beyond is None else finished.filter(pk__gte=first, pk__lt=beyond)
        old = list(page.order_by("pk").values_list("pk", flat=True))
        for begin in range(0, len(old), BATCH):
            yield Pruned(jobs=_delete(finished, old[begin : begin + BATCH]))
        if not old:
            yield None
        first = beyond


def _old_nodes(nodes: QuerySet[SchedulerNode], oldest: datetime) -> Iterator[Pruned | None]:
    gone = nodes.filter(state__in=(NodeState.STOPPED, NodeState.DEAD), seen_at__lt=oldest)
    old = list(gone.values_list("pk", flat=True)[:BATCH])
    yield Pruned(nodes=_delete(gone, old)) if old else None


def _spare_runs(using: str, most: int) -> Iterator[Pruned | None]:
    """Delete what each job has beyond its latest `most` ended runs. What is left of a removed job grows no more: it only gets old."""
    runs = JobRun.objects.using(using)
    spare: list[int] = []
    for crowded in _crowded(using, most):
        yield Pruned() if crowded else None
        for job_key in crowded:
            for keys in _spare_of(runs.filter(job_key=job_key), most):
                spare += keys
                yield Pruned()
                while len(spare) >= BATCH:
                    yield Pruned(runs=_delete(runs, spare[:BATCH]))
                    del spare[:BATCH]
    if spare:
        yield Pruned(runs=_delete(runs, spare))


def _crowded(using: str, most: int) -> Iterator[list[int]]:
    """Yield the keys of jobs that have more than `most` runs, page by page.

    Of each job's runs an index is read that far and no farther, in no particular order: this one is asked for whether it exists.
    """
    mine = JobRun.objects.using(using).filter(job_key=OuterRef("pk"))
    beyond = Subquery(mine.values("pk")[most : most + 1])
    jobs = ScheduledJob.objects.using(using).annotate(beyond=beyond)
    for page in _walk(jobs, "beyond", number=JOBS):
        yield [job_key for job_key, key in page if key is not None]


def _spare_of(runs: QuerySet[JobRun], most: int) -> Iterator[list[int]]:
    """Yield the keys of the ended ones among these runs of one job, all but the latest `most`.

    The moment of the end is read because it is in no index: of two indexes that begin with the job, MariaDB would rather take one that
    has all columns, and sort, than the one that has the order.
    """
    kept = 0
    for page in _walk(runs, "status", "finished_at", backwards=True):
        ended = [key for key, status, _ in page if status not in OPEN_STATUSES]
        yield ended[max(most - kept, 0) :]
        kept += len(ended)


def _walk(
    rows: QuerySet[Any], *columns: str, backwards: bool = False, number: int | None = None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield key (a positive number) and columns of the rows, so many at a time, in the order of their keys."""
    number = number or BATCH
    rest = rows.order_by("-pk" if backwards else "pk").values_list("pk", *columns)
    page = list((rest if backwards else rest.filter(pk__gt=0))[:number])
    while page:
        yield page
        if len(page) < number:
            return
        last = page[-1][0]
        page = list(rest.filter(**{"pk__lt" if backwards else "pk__gt": last})[:number])


def _delete(rows: QuerySet[Any], keys: Collection[Any]) -> int:
    """Delete those with these keys that are still among the rows and locked by nobody; returns how many there were."""
    if not keys:
        return 0
    connection = connections[rows.db]
    with transaction_of_its_own(rows.db):
        if connection.vendor == "mysql":
            return _delete_by_primary_key(rows, keys)
        mine = rows.filter(pk__in=sorted(keys))
        if connection.features.has_select_for_update_skip_locked:
            locked = mine.order_by("pk").select_for_update(skip_locked=True)
            mine = rows.filter(pk__in=list(locked.values_list("pk", flat=True)))
        return mine._raw_delete(rows.db) or 0  # None where no key is left


def _delete_by_primary_key(rows: QuerySet[Any], keys: Collection[Any]) -> int:
    """Do so on MariaDB, which has to be told by which index.

    It reads a table of some megabytes from end to end rather than look up a thousand keys, and waits for each row that others have
    locked; or it takes the rows by another index than they do, and the two deadlock.
    """
    options = rows.model._meta
    table, key = options.db_table, options.pk.column
    source = f"FROM {table} FORCE INDEX (PRIMARY) WHERE {key} IN"
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"SELECT {key} {source} %s ORDER BY {key} FOR UPDATE SKIP LOCKED", [sorted(keys)])
        mine = [key for (key,) in cursor.fetchall()]
        if mine and rows.query.where:
            mine = list(rows.filter(pk__in=mine).values_list("pk", flat=True))
        return cursor.execute(f"DELETE {table} {source} %s", [mine]) if mine else 0
