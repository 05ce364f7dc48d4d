"""The latest runs of jobs, found from the end of an index. Which they are is in no column of a job."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_

from django.db import connections
from django.db.models import OuterRef, Q, Subquery

from .models import JobRun, ScheduledJob
from .querysets import JobRunQuerySet
from .runs import OPEN_STATUSES, RunStatus

#: What is no outcome: runs that have not ended, and summaries of fire times that another run made up for.
NO_OUTCOMES = (*OPEN_STATUSES, RunStatus.COALESCED)


def latest_of(using: str, keys: Collection[int], each: int, without: Collection[str] = ()) -> JobRunQuerySet:
    """Return the latest `each` runs of each of these jobs, the latest first; makes a query, and reading the runs is another one.

    The first one walks each job's end of the index (job_key, id), the second reads what lies behind: a window function would read the
    whole history of the jobs.

    Args:
        using: alias of the database.
        keys: primary keys of the jobs.
        each: how many.
        without: statuses of runs that do not count.
    """
    runs = JobRun.objects.using(using).exclude(status__in=without)
    find = _first_keys_by_parts if connections[using].vendor == "mysql" else _first_keys
    found = find(runs, sorted(keys), each) if keys else {}
    ends = [Q(job_key=key, pk__gte=found.get(key) or 0) for key in sorted(keys)]
    return runs.filter(reduce(or_, ends)).order_by("-pk") if ends else runs.none()


def _first_keys(runs: JobRunQuerySet, keys: Collection[int], each: int) -> dict[int, int | None]:
    """Return the key of the first of the latest runs of each job; none where there are not so many."""
    # as a range: for an equal key, PostgreSQL expects so few runs that it sorts all of them, which may be very many
    of_job = runs.filter(job_key__range=(OuterRef("pk"), OuterRef("pk")))
    nth = of_job.order_by("-job_key", "-pk").values("pk")[each - 1 : each]
    jobs = ScheduledJob.objects.using(runs.db).filter(pk__in=keys).order_by()
    return dict(jobs.values_list("pk", Subquery(nth)))


def _first_keys_by_parts(runs: JobRunQuerySet, keys: Collection[int], each: int) -> dict[int, int | None]:
    """Return the same on MariaDB, which takes the wrong index and sorts the whole history where the job is not a constant."""
    parts = [runs.filter(job_key=key).order_by("-pk").values_list("job_key", "pk")[each - 1 : each] for key in keys]
    return dict(parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])


def last_runs(rows: Sequence[ScheduledJob]) -> dict[int, JobRun]:
    """Return the latest outcome of each job, in two queries."""
    using = rows[0]._state.db or "default"
    runs = latest_of(using, [row.pk for row in rows], 1, NO_OUTCOMES)
    return {run.job_key: run for run in runs.defer("result", "traceback", "args", "kwargs", "log").order_by("pk")}
