"""A job store that forgets everything when its process ends."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from math import inf

from ..job import Job
from .base import BaseJobStore

#: Sort key of a job: POSIX timestamp of its next run time (infinite while paused), then the order in which it came.
_Key = tuple[float, int, str]


class MemoryJobStore(BaseJobStore):
    """Keeps jobs in this process. Anything callable can be a job here, and any object an argument: nothing is serialized."""

    alias_type = "memory"
    blocks = False

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._jobs: dict[str, tuple[Job, _Key]] = {}
        self._order: list[_Key] = []
        self._arrivals = 0

    def lookup_job(self, job_id: str) -> Job | None:
        """Return a copy of the job, or None when it is not here."""
        with self._lock:
            found = self._jobs.get(job_id)
            return copy(found[0]) if found else None

    def get_due_jobs(self, now: datetime) -> Iterator[Job]:
        """Yield the due jobs in the order of their next run times; the caller may update or remove what it was given."""
        with self._lock:
            due = self._order[: bisect_right(self._order, (now.timestamp(), inf))]
            for _, _, job_id in due:
                found = self._jobs.get(job_id)
                if found:
                    yield found[0]

    def get_next_run_time(self) -> datetime | None:
        """Return the earliest next run time, or None."""
        with self._lock:
            return self._moment(0)

    def _next_look(self, now: datetime) -> datetime | None:
        return self._moment(bisect_right(self._order, (now.timestamp(), inf)))

    def _moment(self, index: int) -> datetime | None:
        """Return the run time at `index` of the order; None at its end and for paused jobs."""
        if index >= len(self._order) or self._order[index][0] == inf:
            return None
        return self._jobs[self._order[index][2]][0].next_run_time

    def get_all_jobs(self) -> list[Job]:
        """Return copies of all jobs in the order of their next run times, paused ones last."""
        with self._lock:
            return [copy(self._jobs[job_id][0]) for _, _, job_id in self._order]

    def add_job(self, job: Job) -> None:
        """Add a new job."""
        with self._lock:
            if job.id in self._jobs:
                raise self.conflict(job.id)
            self._arrivals += 1
            self._insert(job, self._arrivals)

    def update_job(self, job: Job) -> None:
        """Replace the job of the same id."""
        with self._lock:
            if job.id not in self._jobs:
                raise self.missing(job.id)
            self._insert(job, self._take_out(job.id)[1])

    def remove_job(self, job_id: str) -> None:
        """Remove the job."""
        with self._lock:
            if job_id not in self._jobs:
                raise self.missing(job_id)
            self._take_out(job_id)

    def remove_all_jobs(self) -> None:
        """Remove every job."""
        with self._lock:
            self._jobs.clear()
            self._order.clear()

    def _insert(self, job: Job, arrival: int) -> None:
        key = (job.next_run_time.astimezone(UTC).timestamp() if job.next_run_time else inf, arrival, job.id)
        self._jobs[job.id] = (job, key)
        insort(self._order, key)

    def _take_out(self, job_id: str) -> _Key:
        key = self._jobs.pop(job_id)[1]
        del self._order[bisect_left(self._order, key)]
        return key
