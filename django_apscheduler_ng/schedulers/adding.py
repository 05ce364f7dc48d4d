"""Adding jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from ..events import EVENT_JOB_ADDED, EVENT_JOB_MODIFIED, JobEvent
from ..exceptions import InvalidTriggerError
from ..job import Job
from ..planning import first_plan
from ..policies import refuse_misspelt
from ..triggers.base import BaseTrigger
from ..triggers.registry import create_trigger
from .access import StoreAccess

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


class AddJobs(StoreAccess):
    """`add_job()`, and the decorator for it."""

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
            trigger=self._make_trigger(trigger, trigger_args, jobstore),
            args=() if args is None else args,
            kwargs=kwargs,
            name=name,
            executor=executor,
            **policies,
        )
        if next_run_time is not undefined:
            job.choose_run_time(self._moment(next_run_time))
        self._check_executor(executor)
        self._attach(job, None)
        tentative = self._tentative()
        if tentative is None:
            self._store_job(job, jobstore, replace_existing)
        else:
            tentative.append((job, jobstore, replace_existing))
        return job

    def _make_trigger(
        self, trigger: BaseTrigger | str | None, trigger_args: Mapping[str, Any], jobstore: str
    ) -> BaseTrigger:
        """Make the trigger; an argument it does not know may be a misspelt option of the job."""
        try:
            return create_trigger(trigger, trigger_args, timezone=self.timezone, now=self._now(jobstore))
        except InvalidTriggerError:
            refuse_misspelt(trigger_args)
            raise

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
        self._attach(job, alias)
        self._dispatch(JobEvent(EVENT_JOB_MODIFIED if replaced else EVENT_JOB_ADDED, job.id, alias))
        self._jobs_changed()

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
