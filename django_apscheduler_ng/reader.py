"""The part of the ORM job store that finds jobs; what changes them is the keeper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import router

from .job import Job
from .jobstores.base import BaseJobStore
from .models import ScheduledJob
from .rows import ListedJob, to_job

#: Jobs that are read together when all are visited.
PAGE_SIZE = 2_000


class DjangoJobReader(BaseJobStore):
    """Finds jobs in the table of this app."""

    alias_type = "django"

    def __init__(self, using: str | None = None, namespace: str | None = None) -> None:
        """Name the database and the namespace.

        Args:
            using: alias of the database; left out, the one that the database routers choose for writing.
            namespace: keeps the jobs of several stores in one database apart; left out, the alias of the store.
        """
        super().__init__()
        self._using = using
        self._namespace = namespace

    @property
    def using(self) -> str:
        """Alias of the database."""
        return self._using or router.db_for_write(ScheduledJob)

    @property
    def namespace(self) -> str:
        """What keeps the jobs of this store apart from others in the same tables."""
        return self._namespace or self.alias

    def bind(self, alias: str) -> None:
        """Take requests under the name `alias`, without being a node."""
        self.alias = alias

    @property
    def _jobs(self) -> Any:
        return ScheduledJob.objects.using(self.using).of(self.namespace)

    def lookup_job(self, job_id: str) -> Job | None:
        """Return the job, or None when it is not here or its schedule has ended."""
        row = self._jobs.unfinished().filter(job_id=job_id).first()
        return None if row is None else to_job(row)

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """Return the jobs that a node would look at now."""
        return [to_job(row) for row in self._jobs.due(now).in_order()]

    def get_next_run_time(self) -> datetime | None:
        """Return the earliest next run time of jobs that are not paused."""
        waiting = self._jobs.unfinished().filter(paused=False, retired_at=None, next_run_time__isnull=False)
        moment: datetime | None = waiting.order_by("next_run_time").values_list("next_run_time", flat=True).first()
        return moment

    def get_all_jobs(self) -> list[Job]:
        """Return all jobs whose schedule has not ended, in the order of their next run times."""
        rows = self._jobs.unfinished().in_order().values_list(*ListedJob._fields)
        return [to_job(ListedJob._make(row)) for row in rows.iterator()]

    def iter_all_jobs(self) -> Iterator[Job]:
        """Yield all jobs whose schedule has not ended, page by page, in the order in which they were added."""
        last = 0
        rows = self._jobs.unfinished().order_by("pk").values_list(*ListedJob._fields)
        while page := list(map(ListedJob._make, rows.filter(pk__gt=last)[:PAGE_SIZE])):
            yield from map(to_job, page)
            last = page[-1].pk

    def row(self, job_id: str) -> ScheduledJob | None:
        """Return the row of a job, also of one whose schedule has ended; None when there is none."""
        found: ScheduledJob | None = self._jobs.filter(job_id=job_id).first()
        return found

    def count(self) -> int:
        """Return how many jobs there are whose schedule has not ended."""
        return int(self._jobs.unfinished().count())
