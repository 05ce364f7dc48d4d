"""Listing jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import TextIO

from ..job import Job
from .access import StoreAccess


class ListJobs(StoreAccess):
    """Get one job, or all, or print them."""

    def get_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Return a job, or None when there is no such job."""
        for job, alias, _ in self._tentative() or ():
            if job.id == job_id and jobstore in (None, alias):
                return job
        for alias in self._aliases(jobstore):
            job_or_none = self._jobstores[alias].lookup_job(job_id)
            if job_or_none is not None:
                return self._attach(job_or_none, alias)
        return None

    def get_jobs(self, jobstore: str | None = None, pending: bool | None = None) -> list[Job]:
        """Return the jobs of one job store, or of all; in each in the order of next run times, paused ones last.

        Args:
            jobstore: alias of the job store; None = all.
            pending: True = only those that wait for the start, False = only the others.
        """
        waiting = (
            [job for job, alias, _ in self._tentative() or () if jobstore in (None, alias)]
            if pending is not False
            else []
        )
        if pending is True:
            return waiting
        stored = (
            [self._attach(job, alias) for job in self._jobstores[alias].get_all_jobs()]
            for alias in self._aliases(jobstore)
        )
        return [*waiting, *chain.from_iterable(stored)]

    def iter_jobs(self, jobstore: str | None = None) -> Iterator[Job]:
        """Yield the jobs of one job store, or of all, in any order.

        However many there are, a store in a database holds a few thousand of them in memory at once. It does not read them at one
        moment: a job that is added or removed meanwhile may come or not.
        """
        for job, alias, _ in list(self._tentative() or ()):
            if jobstore in (None, alias):
                yield job
        for alias in self._aliases(jobstore):
            for job in self._jobstores[alias].iter_all_jobs():
                yield self._attach(job, alias)

    def print_jobs(self, jobstore: str | None = None, out: TextIO | None = None) -> None:
        """Print the jobs, their triggers and next run times, a job store at a time."""
        out = out or sys.stdout
        waiting = self.get_jobs(jobstore, pending=True)
        if waiting:
            _print_section(out, "Pending jobs", waiting)
        for alias in self._aliases(jobstore):
            _print_section(out, f"Jobstore {alias}", self.get_jobs(alias, pending=False))


def _print_section(out: TextIO, title: str, jobs: list[Job]) -> None:
    lines = [f"    {job}" for job in jobs] or [
        "    No scheduled jobs" if title != "Pending jobs" else "    No pending jobs"
    ]
    print(f"{title}:", *lines, sep="\n", file=out)
