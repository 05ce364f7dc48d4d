"""Changing, removing and running jobs that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..clock import SYSTEM_CLOCK
from ..events import (
    EVENT_ALL_JOBS_REMOVED,
    EVENT_JOB_MODIFIED,
    EVENT_JOB_REMOVED,
    JobEvent,
    SchedulerEvent,
)
from ..exceptions import InvalidTriggerError
from ..job import Job
from ..jobstores.base import BaseJobStore, Change, apply_change
from ..planning import first_plan
from ..policies import checked_option
from ..triggers.base import BaseTrigger
from ..triggers.registry import create_trigger
from .access import StoreAccess


class ChangeJobs(StoreAccess):
    """Modify, reschedule, pause, resume, remove, run now. Where the job store is left out, all are searched."""

    def modify_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> Job:
        """Change options of a job (any of `add_job`'s but `id`); `next_run_time=None` pauses it.

        Raises:
            JobLookupError: there is no such job.
            InvalidJobError: an option is unknown or its value impossible; nothing was changed.
        """
        if changes.get("next_run_time") is not None:
            changes["next_run_time"] = self._moment(changes["next_run_time"])
        if "executor" in changes:
            self._check_executor(checked_option("executor", changes["executor"]))
        return self._change(job_id, jobstore, lambda job: changes)

    def reschedule_job(
        self, job_id: str, jobstore: str | None = None, trigger: BaseTrigger | str | None = None, **trigger_args: Any
    ) -> Job:
        """Give a job a new trigger and calculate its next run time from now on; a paused job stays paused.

        Raises:
            JobLookupError: there is no such job.
            InvalidTriggerError: the trigger is impossible or never fires; nothing was changed.
        """
        created = create_trigger(trigger, trigger_args, timezone=self.timezone, now=self._now(jobstore or "default"))

        return self._change(job_id, jobstore, lambda job: self._replanned(job, created))

    def edit_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> Job:
        """Change options of a job as `modify_job()` does, and plan a new trigger among them from now on, as `reschedule_job()` does.

        All of it is one change, with one event.

        Raises:
            JobLookupError: there is no such job.
            InvalidJobError: an option is unknown or its value impossible; nothing was changed.
            InvalidTriggerError: the trigger never fires; nothing was changed.
        """
        if "executor" in changes:
            self._check_executor(checked_option("executor", changes["executor"]))

        def change(job: Job) -> dict[str, Any]:
            if "trigger" not in changes:
                return changes
            return {**changes, **self._replanned(job, checked_option("trigger", changes["trigger"]))}

        return self._change(job_id, jobstore, change)

    def _replanned(self, job: Job, trigger: BaseTrigger) -> dict[str, Any]:
        """Return what changes where `job` gets `trigger`: its run times too, unless it is paused or not planned yet."""
        if job.pending or job.next_run_time is None:
            job.run_time_chosen &= job.next_run_time is None
            return {"trigger": trigger}
        return {"trigger": trigger, **self._from_now_on(job, trigger)}

    def pause_job(self, job_id: str, jobstore: str | None = None, *, reason: str = "") -> Job:
        """Stop a job from running until it is resumed. Runs under way go on.

        Raises:
            JobLookupError: there is no such job.
        """
        return self._change(job_id, jobstore, lambda job: {"next_run_time": None, "pause_reason": reason})

    def resume_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Let a paused job run again, from now on; what it would have run meanwhile is not made up for.

        Returns None when its schedule has ended meanwhile: the job is then removed. Resuming a job that is not paused changes nothing.

        Raises:
            JobLookupError: there is no such job.
        """

        def change(job: Job) -> dict[str, Any]:
            if job.next_run_time is not None:
                return {}
            if job.pending:
                job.run_time_chosen = False
                return {"pause_reason": ""}
            return {"pause_reason": "", **self._from_now_on(job, job.trigger)}

        try:
            return self._change(job_id, jobstore, change)
        except InvalidTriggerError:
            self.remove_job(job_id, jobstore)
            return None

    def _from_now_on(self, job: Job, trigger: BaseTrigger) -> dict[str, Any]:
        """Return the run times of `trigger` for `job` from now on."""
        now = self._store(job.jobstore or "default").clock.now()
        first = first_plan(job.id, trigger, now)
        if first.next_fire_time is None or (trigger == job.trigger and first.next_fire_time < now):
            raise InvalidTriggerError(
                f"Trigger {trigger} of job {job.id!r} never fires after now. Give it a fire time in the future."
            )
        return {"next_run_time": first.next_run_time, "next_fire_time": first.next_fire_time}

    def _change(self, job_id: str, jobstore: str | None, change: Change) -> Job:
        """Apply `change` to the job in its store, or where it still waits for the start."""
        for job, alias, _ in self._tentative() or ():
            if job.id == job_id and jobstore in (None, alias):
                return _change_tentative(job, change)

        def act(alias: str, store: BaseJobStore) -> Job:
            return store.modify_job(job_id, lambda job: change(self._attach(job, alias)))

        alias, changed = self._in_its_store(job_id, jobstore, act)
        self._dispatch(JobEvent(EVENT_JOB_MODIFIED, job_id, alias))
        self._jobs_changed()
        return self._attach(changed, alias)

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Remove a job. Runs under way go on.

        Raises:
            JobLookupError: there is no such job.
        """
        tentative = self._tentative() or []
        for entry in tentative:
            if entry[0].id == job_id and jobstore in (None, entry[1]):
                tentative.remove(entry)
                return
        alias, _ = self._in_its_store(job_id, jobstore, lambda _, store: store.remove_job(job_id))
        self._dispatch(JobEvent(EVENT_JOB_REMOVED, job_id, alias))

    def remove_all_jobs(self, jobstore: str | None = None) -> None:
        """Remove every job of one job store, or of all."""
        tentative = self._tentative()
        if tentative is not None:
            tentative[:] = [entry for entry in tentative if jobstore not in (None, entry[1])]
        for alias in self._aliases(jobstore):
            self._jobstores[alias].remove_all_jobs()
        self._dispatch(SchedulerEvent(EVENT_ALL_JOBS_REMOVED, jobstore))

    def run_job(
        self,
        job_id: str,
        jobstore: str | None = None,
        *,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> str:
        """Ask for one run of a job now, beside its schedule, and return the id of the run at once.

        Args:
            job_id: id of the job.
            jobstore: alias of its job store; None = search all.
            args: positional arguments of this run instead of those of the job; None = those of the job.
            kwargs: keyword arguments of this run instead of those of the job; None = those of the job.

        Raises:
            JobLookupError: there is no such job.
            InvalidJobError: the arguments do not fit the callable.
        """
        _, run_id = self._in_its_store(job_id, jobstore, lambda _, store: store.request_run(job_id, args, kwargs))
        self._jobs_changed()
        return run_id


def _change_tentative(job: Job, change: Change) -> Job:
    """Apply a change to a job that waits for the start; a run time or a pause given now is kept then."""
    changes = change(job)
    apply_change(job, changes, SYSTEM_CLOCK.now())
    if "next_run_time" in changes:
        job.choose_run_time(job.next_run_time)
    return job
