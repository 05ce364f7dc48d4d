"""What the scheduler tells its listeners: the constants to select events by, and their classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

EVENT_SCHEDULER_STARTED = EVENT_SCHEDULER_START = 2**0
EVENT_SCHEDULER_SHUTDOWN = 2**1
EVENT_SCHEDULER_PAUSED = 2**2
EVENT_SCHEDULER_RESUMED = 2**3
EVENT_EXECUTOR_ADDED = 2**4
EVENT_EXECUTOR_REMOVED = 2**5
EVENT_JOBSTORE_ADDED = 2**6
EVENT_JOBSTORE_REMOVED = 2**7
EVENT_ALL_JOBS_REMOVED = 2**8
EVENT_JOB_ADDED = 2**9
EVENT_JOB_REMOVED = 2**10
EVENT_JOB_MODIFIED = 2**11
EVENT_JOB_EXECUTED = 2**12
EVENT_JOB_ERROR = 2**13
EVENT_JOB_MISSED = 2**14
EVENT_JOB_SUBMITTED = 2**15
EVENT_JOB_MAX_INSTANCES = 2**16
EVENT_ALL = 2**17 - 1


class SchedulerEvent:
    """Something that happened to the scheduler, or to the executor or job store named by `alias`."""

    def __init__(self, code: int, alias: str | None = None) -> None:
        """Keep what happened (one of the constants) and to what."""
        self.code = code
        self.alias = alias

    def __repr__(self) -> str:
        """Show the class, the code and what it is about."""
        return f"<{type(self).__name__} (code={self.code})>"


class JobEvent(SchedulerEvent):
    """Something that happened to a job."""

    def __init__(self, code: int, job_id: str, jobstore: str | None) -> None:
        """Keep what happened, and to which job in which job store."""
        super().__init__(code)
        self.job_id = job_id
        self.jobstore = jobstore

    def __repr__(self) -> str:
        """Show the class, the code and the job."""
        return f"<{type(self).__name__} (code={self.code} job_id={self.job_id!r})>"


class JobSubmissionEvent(JobEvent):
    """A job was handed to its executor, or was not because it already has all its instances running."""

    def __init__(
        self,
        code: int,
        job_id: str,
        jobstore: str | None,
        scheduled_run_times: Sequence[datetime],
        run_ids: Sequence[str] = (),
    ) -> None:
        """Keep the fire times this is about, oldest first, and the ids of the runs where there are any."""
        super().__init__(code, job_id, jobstore)
        self.scheduled_run_times = list(scheduled_run_times)
        self.run_ids = list(run_ids)


class JobExecutionEvent(JobEvent):
    """A run ended, or a fire time was missed."""

    def __init__(
        self,
        code: int,
        job_id: str,
        jobstore: str | None,
        scheduled_run_time: datetime | None,
        retval: Any = None,
        exception: BaseException | None = None,
        traceback: str | None = None,
        *,
        run_id: str | None = None,
        count: int = 1,
        attempt: int = 1,
        retry_at: datetime | None = None,
    ) -> None:
        """Keep the outcome.

        Args:
            code: one of the constants.
            job_id: the job.
            jobstore: alias of its job store.
            scheduled_run_time: the fire time; the last one where the event stands for several.
            retval: what the callable returned.
            exception: what it raised.
            traceback: the formatted traceback of the exception.
            run_id: the run, where there was one.
            count: how many fire times this event stands for (missed ones come together).
            attempt: which attempt of the run this was; 1 for the first.
            retry_at: when the next attempt is due; None = this was the last one.
        """
        super().__init__(code, job_id, jobstore)
        self.scheduled_run_time = scheduled_run_time
        self.retval = retval
        self.exception = exception
        self.traceback = traceback
        self.run_id = run_id
        self.count = count
        self.attempt = attempt
        self.retry_at = retry_at
