"""The last outcome of jobs: it is in no column of theirs, and is found from the end of an index on runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import OuterRef, Subquery

from .models import JobRun, ScheduledJob
from .runs import RunStatus


def last_runs(rows: Sequence[ScheduledJob]) -> dict[int, JobRun]:
    """Return the latest ended run of each job, found from the end of an index."""
    using = rows[0]._state.db or "default"
    runs = JobRun.objects.using(using)
    latest = (
        runs.ended().exclude(status=RunStatus.COALESCED).filter(job_key=OuterRef("pk")).order_by("-pk").values("pk")
    )
    jobs = ScheduledJob.objects.using(using).filter(pk__in=[row.pk for row in rows])
    keys = [key for key in jobs.values_list(Subquery(latest[:1]), flat=True) if key is not None]
    return {run.job_key: run for run in _without_long_texts(runs.filter(pk__in=keys))}


def _without_long_texts(runs: Any) -> Any:
    return runs.defer("result", "traceback", "args", "kwargs", "log")
