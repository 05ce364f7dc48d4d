"""The scheduler's API for async views: each method of `JobsApi` with an `a` before its name, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async

from .job import Job
from .runs import RunStatus
from .schedulers.api import Imported, JobsApi
from .schedulers.moving import JobsFile

#: Jobs that `aiter_jobs()` fetches at once.
_BATCH = 500


class AsyncJobsApi(JobsApi):
    """Does what the methods without the `a` do, with their arguments and errors, in the thread of Django's synchronous code."""

    async def aadd_job(self, *args: Any, **options: Any) -> Job:
        """Add a job; see `add_job()`."""
        return await sync_to_async(self.add_job)(*args, **options)

    async def aadd_jobs(self, jobs: Iterable[Mapping[str, Any]], jobstore: str = "default") -> list[Job]:
        """Add many jobs at once, all or none; see `add_jobs()`."""
        return await sync_to_async(self.add_jobs)(jobs, jobstore)

    async def amodify_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> Job:
        """Change options of a job; see `modify_job()`."""
        return await sync_to_async(self.modify_job)(job_id, jobstore, **changes)

    async def aedit_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> Job:
        """Change options of a job, and plan a new trigger from now on; see `edit_job()`."""
        return await sync_to_async(self.edit_job)(job_id, jobstore, **changes)

    async def areschedule_job(
        self, job_id: str, jobstore: str | None = None, trigger: Any = None, **trigger_args: Any
    ) -> Job:
        """Give a job a new trigger; see `reschedule_job()`."""
        return await sync_to_async(self.reschedule_job)(job_id, jobstore, trigger, **trigger_args)

    async def apause_job(self, job_id: str, jobstore: str | None = None, *, reason: str = "") -> Job:
        """Stop a job from running until it is resumed; see `pause_job()`."""
        return await sync_to_async(self.pause_job)(job_id, jobstore, reason=reason)

    async def aresume_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Let a paused job run again; see `resume_job()`."""
        return await sync_to_async(self.resume_job)(job_id, jobstore)

    async def aremove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Remove a job; see `remove_job()`."""
        await sync_to_async(self.remove_job)(job_id, jobstore)

    async def aremove_all_jobs(self, jobstore: str | None = None) -> None:
        """Remove every job; see `remove_all_jobs()`."""
        await sync_to_async(self.remove_all_jobs)(jobstore)

    async def aget_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Return a job, or None; see `get_job()`."""
        return await sync_to_async(self.get_job)(job_id, jobstore)

    async def aget_jobs(self, jobstore: str | None = None, pending: bool | None = None) -> list[Job]:
        """Return the jobs; see `get_jobs()`."""
        return await sync_to_async(self.get_jobs)(jobstore, pending)

    async def aiter_jobs(self, jobstore: str | None = None) -> AsyncIterator[Job]:
        """Yield the jobs; see `iter_jobs()`."""
        jobs = self.iter_jobs(jobstore)
        while batch := await sync_to_async(lambda: list(islice(jobs, _BATCH)))():
            for job in batch:
                yield job

    async def arun_job(self, job_id: str, jobstore: str | None = None, **arguments: Any) -> str:
        """Ask for one run of a job now; see `run_job()`."""
        return await sync_to_async(self.run_job)(job_id, jobstore, **arguments)

    async def acancel_run(self, run_id: str | int, jobstore: str = "default", *, reason: str = "") -> RunStatus:
        """Cancel a run that has not ended; see `cancel_run()`."""
        return await sync_to_async(self.cancel_run)(run_id, jobstore, reason=reason)

    async def aretry_run(self, run_id: str | int, jobstore: str = "default") -> str:
        """Ask for a further attempt of a run that has ended; see `retry_run()`."""
        return await sync_to_async(self.retry_run)(run_id, jobstore)

    async def aexport_jobs(self, outfile: JobsFile, jobstore: str | None = None) -> int:
        """Write the jobs to a JSON document; see `export_jobs()`."""
        return await sync_to_async(self.export_jobs)(outfile, jobstore)

    async def aimport_jobs(self, infile: JobsFile, jobstore: str = "default", **options: Any) -> Imported:
        """Add the jobs of a JSON document; see `import_jobs()`."""
        return await sync_to_async(self.import_jobs)(infile, jobstore, **options)
