"""What can be done with jobs, wherever the caller runs: in the scheduler's process, or in one that only asks.

Nothing here performs a job or waits for one.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import chain
from typing import Any, TextIO, TypeVar

from ..clock import SYSTEM_CLOCK
from ..events import (
    EVENT_ALL_JOBS_REMOVED,
    EVENT_JOB_ADDED,
    EVENT_JOB_MODIFIED,
    EVENT_JOB_REMOVED,
    JobEvent,
    SchedulerEvent,
)
from ..exceptions import ConfigurationError, InvalidTriggerError, JobLookupError, did_you_mean
from ..job import Job
from ..jobstores.base import BaseJobStore, Change, apply_change
from ..planning import first_plan
from ..policies import checked_option
from ..triggers.base import BaseTrigger
from ..triggers.registry import create_trigger

AnyCallable = TypeVar("AnyCallable", bound=Callable[..., Any])


class Undefined:
    """The type of `undefined`: an option that was not given, where None would be a value."""

    def __bool__(self) -> bool:
        """Count as not given."""
        return False

    def __repr__(self) -> str:
        """Show a word instead of an address."""
        return "<undefined>"


undefined: Any = Undefined()


class JobsApi(ABC):
    """Add, change, list and remove jobs. Where the job store is left out, all are searched, or `default` is used to add."""

    _jobstores: dict[str, BaseJobStore]
    _job_defaults: dict[str, Any]
    #: Zone of triggers and run times that name none.
    timezone: tzinfo

    @abstractmethod
    def _dispatch(self, event: SchedulerEvent) -> None:
        """Tell whoever listens."""

    def _tentative(self) -> list[tuple[Job, str, bool]] | None:
        """Return the list in which jobs wait for the scheduler to start; None when they go to their store at once."""
        return None

    def _executor_names(self) -> Collection[str] | None:
        """Return the aliases that jobs may name as their executor; None while that is not known."""
        return None

    def _now(self, alias: str) -> datetime:
        """Return the time of a job store."""
        store = self._jobstores.get(alias)
        return (SYSTEM_CLOCK if store is None else store.clock).now()

    def add_job(
        self,
        func: Callable[..., Any] | str,
        trigger: BaseTrigger | str | None = None,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - the public name
        name: str | None = None,
        misfire_grace_time: float | None = undefined,
        coalesce: bool = undefined,
        max_instances: int = undefined,
        next_run_time: datetime | str | None = undefined,
        jobstore: str = "default",
        executor: str = "default",
        replace_existing: bool = False,
        on_abandoned: str = undefined,
        **trigger_args: Any,
    ) -> Job:
        """Add a job and return it.

        Args:
            func: the callable, or its reference (`package.module:function`).
            trigger: a trigger, or the name of one (`date`, `interval`, `cron`, `calendarinterval`); left out: run once, now.
            args: positional arguments of each call.
            kwargs: keyword arguments of each call.
            id: unique within the job store; a random one when left out.
            name: for people; the callable's name when left out.
            misfire_grace_time: how late a run may start, in seconds; None = however late.
            coalesce: make one run of several fire times that are due together.
            max_instances: how many runs may be under way at once.
            next_run_time: when to run first, instead of when the trigger says; None adds the job paused.
            jobstore: alias of the job store.
            executor: alias of the executor.
            replace_existing: take the place of a job with this id instead of failing. With an equal trigger the old job's next
                run time and pause stay.
            on_abandoned: `abandon` or `rerun`, for runs whose node died.
            **trigger_args: arguments of the trigger that was named.

        Raises:
            ConflictingIdError: the id is taken and `replace_existing` is False.
            SchedulerError: a part of the definition is impossible; the message says which, and nothing was added.
        """
        given = {
            "misfire_grace_time": misfire_grace_time,
            "coalesce": coalesce,
            "max_instances": max_instances,
            "on_abandoned": on_abandoned,
        }
        policies = {**self._job_defaults, **{key: value for key, value in given.items() if value is not undefined}}
        job = Job(
            id=id,
            func=func,
            trigger=create_trigger(trigger, trigger_args, timezone=self.timezone, now=self._now(jobstore)),
            args=() if args is None else args,
            kwargs=kwargs,
            name=name,
            executor=executor,
            **policies,
        )
        if next_run_time is not undefined:
            job.choose_run_time(self._moment(next_run_time))
        self._check_executor(executor)
        job.attach(self, None)
        tentative = self._tentative()
        if tentative is None:
            self._store_job(job, jobstore, replace_existing)
        else:
            tentative.append((job, jobstore, replace_existing))
        return job

    def _store_job(self, job: Job, alias: str, replace_existing: bool) -> None:
        """Plan the job from now on and put it into its store."""
        store = self._store(alias)
        if not job.run_time_chosen:
            first = first_plan(job.id, job.trigger, store.clock.now())
            if first.next_fire_time is None:
                raise InvalidTriggerError(
                    f"Trigger {job.trigger} of job {job.id!r} never fires after now. Give it a fire time in the future."
                )
            job.next_fire_time, job.next_run_time = first.next_fire_time, first.next_run_time
        replaced = False
        if replace_existing:
            replaced = store.replace_job(job)
        else:
            store.add_job(job)
        job.attach(self, alias)
        self._dispatch(JobEvent(EVENT_JOB_MODIFIED if replaced else EVENT_JOB_ADDED, job.id, alias))
        self._jobs_changed()

    def _jobs_changed(self) -> None:  # noqa: B027 - only a running scheduler has somebody to wake
        """Do what is needed for a change to take effect soon."""

    def scheduled_job(
        self,
        trigger: BaseTrigger | str,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - the public name
        name: str | None = None,
        misfire_grace_time: float | None = undefined,
        coalesce: bool = undefined,
        max_instances: int = undefined,
        next_run_time: datetime | str | None = undefined,
        jobstore: str = "default",
        executor: str = "default",
        **trigger_args: Any,
    ) -> Callable[[AnyCallable], AnyCallable]:
        """Return a decorator that adds the function as a job, as `add_job(…, replace_existing=True)` does."""

        def decorate(func: AnyCallable) -> AnyCallable:
            self.add_job(
                func,
                trigger,
                args,
                kwargs,
                id,
                name,
                misfire_grace_time,
                coalesce,
                max_instances,
                next_run_time,
                jobstore,
                executor,
                True,
                **trigger_args,
            )
            return func

        return decorate

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

        def change(job: Job) -> dict[str, Any]:
            if job.pending or job.next_run_time is None:
                job.run_time_chosen &= job.next_run_time is None
                return {"trigger": created}
            return {"trigger": created, **self._from_now_on(job, created)}

        return self._change(job_id, jobstore, change)

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
        last: JobLookupError | None = None
        for alias in self._aliases(jobstore):
            try:
                changed = self._jobstores[alias].modify_job(job_id, self._attached(change, alias))
            except JobLookupError as error:
                last = error
                continue
            self._dispatch(JobEvent(EVENT_JOB_MODIFIED, job_id, alias))
            self._jobs_changed()
            return changed.attach(self, alias)
        raise last if jobstore and last else self._not_found(job_id)

    def _attached(self, change: Change, alias: str) -> Change:
        """Return `change` for a job that is attached to the job store `alias`."""
        return lambda job: change(job.attach(self, alias))

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Remove a job. Runs under way go on.

        Raises:
            JobLookupError: there is no such job.
        """
        tentative = self._tentative()
        for entry in tentative or ():
            if entry[0].id == job_id and jobstore in (None, entry[1]):
                (tentative or []).remove(entry)
                return
        last: JobLookupError | None = None
        for alias in self._aliases(jobstore):
            try:
                self._jobstores[alias].remove_job(job_id)
            except JobLookupError as error:
                last = error
                continue
            self._dispatch(JobEvent(EVENT_JOB_REMOVED, job_id, alias))
            return
        raise last if jobstore and last else self._not_found(job_id)

    def remove_all_jobs(self, jobstore: str | None = None) -> None:
        """Remove every job of one job store, or of all."""
        tentative = self._tentative()
        if tentative is not None:
            tentative[:] = [entry for entry in tentative if jobstore not in (None, entry[1])]
        for alias in self._aliases(jobstore):
            self._jobstores[alias].remove_all_jobs()
        self._dispatch(SchedulerEvent(EVENT_ALL_JOBS_REMOVED, jobstore))

    def get_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Return a job, or None when there is no such job."""
        for job, alias, _ in self._tentative() or ():
            if job.id == job_id and jobstore in (None, alias):
                return job
        for alias in self._aliases(jobstore):
            job_or_none = self._jobstores[alias].lookup_job(job_id)
            if job_or_none is not None:
                return job_or_none.attach(self, alias)
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
            [job.attach(self, alias) for job in self._jobstores[alias].get_all_jobs()]
            for alias in self._aliases(jobstore)
        )
        return [*waiting, *chain.from_iterable(stored)]

    def print_jobs(self, jobstore: str | None = None, out: TextIO | None = None) -> None:
        """Print the jobs, their triggers and next run times, a job store at a time."""
        out = out or sys.stdout
        waiting = self.get_jobs(jobstore, pending=True)
        if waiting:
            _print_section(out, "Pending jobs", waiting)
        for alias in self._aliases(jobstore):
            _print_section(out, f"Jobstore {alias}", self.get_jobs(alias, pending=False))

    def run_job(self, job_id: str, jobstore: str | None = None) -> str:
        """Ask for one run of a job now, beside its schedule, and return the id of the run at once.

        Raises:
            JobLookupError: there is no such job.
        """
        last: JobLookupError | None = None
        for alias in self._aliases(jobstore):
            try:
                run_id = self._jobstores[alias].request_run(job_id)
            except JobLookupError as error:
                last = error
                continue
            self._jobs_changed()
            return run_id
        raise last if jobstore and last else self._not_found(job_id)

    def _aliases(self, jobstore: str | None) -> list[str]:
        """Return the aliases to search."""
        if jobstore is None:
            return list(self._jobstores)
        if self._tentative() is None or jobstore in self._jobstores:
            self._store(jobstore)
            return [jobstore]
        return []

    def _store(self, alias: str) -> BaseJobStore:
        """Return the job store.

        Raises:
            ConfigurationError: there is none with this alias.
        """
        if alias not in self._jobstores:
            raise ConfigurationError(
                f"Job store {alias!r} is not configured.{did_you_mean(alias, self._jobstores)} "
                f"There are: {', '.join(map(repr, self._jobstores)) or 'none'}. Add it with add_jobstore() or in the configuration."
            )
        return self._jobstores[alias]

    def _check_executor(self, alias: object) -> None:
        """Refuse an executor that is not there, where it is known which ones are."""
        names = self._executor_names()
        if names is not None and alias not in names:
            raise ConfigurationError(
                f"Executor {alias!r} is not configured.{did_you_mean(alias, names)} "
                f"There are: {', '.join(map(repr, names))}. Add it with add_executor() or in the configuration."
            )

    def _not_found(self, job_id: str) -> JobLookupError:
        places = ", ".join(map(repr, self._jobstores)) or "none"
        return JobLookupError(
            f"Job {job_id!r} is in no job store ({places}). It may have finished; get_jobs() lists what is there."
        )

    def _moment(self, value: datetime | str | None) -> datetime | None:
        """Return a moment given as an (aware or naive) datetime or an ISO string, in UTC; naive ones are in the scheduler's zone."""
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.timezone)
            return moment.astimezone(UTC)
        except (ValueError, AttributeError, TypeError, OverflowError):
            raise ConfigurationError(
                f"Job option 'next_run_time' must be a datetime or an ISO string like '2026-01-31 09:00:00', got {value!r}."
            ) from None


def _change_tentative(job: Job, change: Change) -> Job:
    """Apply a change to a job that waits for the start; a run time or a pause given now is kept then."""
    changes = change(job)
    apply_change(job, changes, SYSTEM_CLOCK.now())
    if "next_run_time" in changes:
        job.choose_run_time(job.next_run_time)
    return job


def _print_section(out: TextIO, title: str, jobs: list[Job]) -> None:
    lines = [f"    {job}" for job in jobs] or [
        "    No scheduled jobs" if title != "Pending jobs" else "    No pending jobs"
    ]
    print(f"{title}:", *lines, sep="\n", file=out)
