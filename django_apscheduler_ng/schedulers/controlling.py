"""What can be done with runs: cancelling those that have not ended, and retrying those that have."""

from __future__ import annotations

from ..events import EVENT_JOB_ERROR, JobExecutionEvent
from ..runs import RunCancelled, RunStatus
from .access import StoreAccess


class ControlRuns(StoreAccess):
    """Cancel and retry. Ids of runs are those that `run_job()` returns, and that events carry as `run_id`."""

    def cancel_run(self, run_id: str | int, jobstore: str = "default", *, reason: str = "") -> RunStatus:
        """Cancel a run that has not ended, and return at once.

        One that has not begun is cancelled when this returns. One that is under way is asked to end, wherever it runs: its process is
        killed, its task is cancelled, its thread sees `current_run().cancelled`. A thread that takes no notice goes on; its run is
        cancelled after some seconds.

        Args:
            run_id: id of the run.
            jobstore: alias of the job store that its job is in.
            reason: why, for those who look at the run later.

        Returns:
            `RunStatus.CANCELLED`, or how the run stands until it ends.

        Raises:
            RunLookupError: there is no such run.
            RunStateError: the run has ended.
        """
        cancelled = self._store(jobstore).request_cancel(str(run_id), reason)
        if cancelled.status is RunStatus.CANCELLED:
            event = JobExecutionEvent(
                EVENT_JOB_ERROR,
                cancelled.job_id,
                jobstore,
                cancelled.fire_time,
                exception=RunCancelled(cancelled.message),
                run_id=str(run_id),
            )
            self._dispatch(event)
        self._jobs_changed()
        return cancelled.status

    def retry_run(self, run_id: str | int, jobstore: str = "default") -> str:
        """Ask for a further attempt of a run that has ended, with the callable and arguments it had; returns the id of the attempt.

        However it ended, and whatever its job says about retries: this is for people who know better. The attempt is due now, and
        waits where its job has no instance free.

        Args:
            run_id: id of the run.
            jobstore: alias of the job store that its job is in.

        Raises:
            RunLookupError: there is no such run.
            RunStateError: the run has not ended, was tried again already, stands for several fire times, or its job was removed;
                or the job store keeps no runs.
        """
        attempt = self._store(jobstore).retry_run(str(run_id))
        self._jobs_changed()
        return attempt
