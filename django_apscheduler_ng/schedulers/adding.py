"""Adding jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from ..events import EVENT_JOB_ADDED, EVENT_JOB_MODIFIED, JobEvent
from ..exceptions import InvalidJobError, InvalidTriggerError, in_a_series
from ..job import Job
from ..policies import JOB_OPTIONS, refuse_misspelt
from ..retries import Retry
from ..triggers.base import BaseTrigger
from ..triggers.registry import create_trigger
from .access import StoreAccess
from .series import Series, plan_first, refuse_doubles

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
    """`add_job()`, many of them at once, and the decorator for it."""

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
        timeout: float | timedelta | None = undefined,
        retry: Retry | Mapping[str, Any] | int | None = undefined,
        overlap: str = undefined,
        queue: str = undefined,
        priority: str = undefined,
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
            timeout: how long a run may take, in seconds; None = as long as it takes.
            retry: how often a failed run is tried again, and when: a number of attempts, a mapping, or a `Retry`; None = never.
            overlap: `skip`, `queue` or `replace`: what becomes of a fire time that meets as many runs as there may be.
            queue: name of the queue; a node may serve some queues only.
            priority: `high`, `normal` or `low`: who goes first where executors are full.
            **trigger_args: arguments of the trigger that was named.

        Raises:
            ConflictingIdError: the id is taken and `replace_existing` is False.
            SchedulerError: a part of the definition is impossible; the message says which, and nothing was added.
        """
        job = self._make_job(
            func,
            self._make_trigger(trigger, trigger_args, jobstore),
            id=id,
            args=() if args is None else args,
            kwargs=kwargs,
            name=name,
            executor=executor,
            next_run_time=next_run_time,
            misfire_grace_time=misfire_grace_time,
            coalesce=coalesce,
            max_instances=max_instances,
            on_abandoned=on_abandoned,
            timeout=timeout,
            retry=retry,
            overlap=overlap,
            queue=queue,
            priority=priority,
        )
        self._check_executor(executor)
        tentative = self._tentative()
        if tentative is None:
            self._store_job(job, jobstore, replace_existing)
        else:
            tentative.append((job, jobstore, replace_existing))
        return job

    def add_jobs(self, jobs: Iterable[Mapping[str, Any]], jobstore: str = "default") -> list[Job]:
        """Add many jobs at once, all or none, and return them in their order. Much faster than one by one.

        Args:
            jobs: of each job the arguments of `add_job()` by name (`func` among them), but `jobstore` and `replace_existing`:
                these jobs are new.
            jobstore: alias of the job store for all of them.

        Raises:
            ConflictingIdError: an id is taken, or comes twice.
            SchedulerError: the definition of a job is impossible; the message says of which.
        """
        series = Series(partial(self._make_trigger, jobstore=jobstore))
        made = [
            in_a_series(index, options.get("id"), self._described, options, series)
            for index, options in enumerate(jobs)
        ]
        refuse_doubles(made)
        tentative = self._tentative()
        if tentative is not None:
            tentative.extend((job, jobstore, False) for job in made)
            return made
        store = self._store(jobstore)
        now = store.clock.now()
        for index, job in enumerate(made):
            in_a_series(index, job.id, series.plan, job, now)
        store.add_jobs(made)
        for job in made:
            self._attach(job, jobstore)
            self._dispatch(JobEvent(EVENT_JOB_ADDED, job.id, jobstore))
        self._jobs_changed()
        return made

    def _described(self, options: Mapping[str, Any], series: Series) -> Job:
        """Return the job that one of the mappings given to `add_jobs()` describes."""
        named = dict(options)
        for name in ("jobstore", "replace_existing"):
            if name in named:
                raise InvalidJobError(
                    f"Job option {name!r} must not be given to a job of a series, got {named[name]!r}. "
                    + ("Pass it to add_jobs()." if name == "jobstore" else "Use add_job() to replace one.")
                )
        if "func" not in named:
            raise InvalidJobError("Job option 'func' must be given, got none. Write {'func': function, …}.")
        job_options = {name: named.pop(name) for name in _OPTIONS if name in named}
        if job_options.get("args", ()) is None:
            del job_options["args"]
        self._check_executor(job_options.get("executor", "default"))
        func, trigger = named.pop("func"), named.pop("trigger", None)
        return series.job(func, series.trigger(trigger, named), job_options, self._make_job)

    def _make_job(
        self,
        func: Callable[..., Any] | str,
        trigger: BaseTrigger,
        *,
        next_run_time: datetime | str | None = undefined,
        **options: Any,
    ) -> Job:
        """Return the job with the default policies where its own are undefined; it is in no store yet."""
        policies = {**self._job_defaults, **{name: value for name, value in options.items() if value is not undefined}}
        job = Job(func=func, trigger=trigger, **policies)
        if next_run_time is not undefined:
            job.choose_run_time(self._moment(next_run_time))
        self._attach(job, None)
        return job

    def _make_trigger(
        self, trigger: BaseTrigger | str | None, trigger_args: Mapping[str, Any], jobstore: str
    ) -> BaseTrigger:
        """Make the trigger; an argument it does not know may be a misspelt option of the job."""
        try:
            return create_trigger(trigger, trigger_args, timezone=self.timezone, now=self._now(jobstore))
        except InvalidTriggerError:
            refuse_misspelt(trigger, trigger_args)
            raise

    def _store_job(self, job: Job, alias: str, replace_existing: bool) -> None:
        """Plan the job from now on and put it into its store."""
        store = self._store(alias)
        plan_first(job, store.clock.now())
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


#: The options of a job in a series, besides its callable and its trigger.
_OPTIONS = ("id", *(name for name in JOB_OPTIONS if name not in ("func", "trigger")))
