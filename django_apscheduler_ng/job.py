"""A job: a callable, the trigger that says when it runs, and the policies that say how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from .exceptions import SchedulerError, StoredDataError
from .planning import JobView
from .policies import checked_id, checked_option
from .refs import check_arguments, load_callable
from .retries import Retry
from .triggers.base import BaseTrigger

if TYPE_CHECKING:
    from .schedulers.api import JobsApi


class Job:
    """What a job store knows about one job.

    Made by `add_job()`. The attributes are for reading; `modify()`, `reschedule()`, `pause()`, `resume()` and `remove()` change
    the job in its store.
    """

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the public name
        func: Callable[..., Any] | str,
        trigger: BaseTrigger,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        executor: str = "default",
        coalesce: bool = True,
        max_instances: int = 1,
        misfire_grace_time: float | timedelta | None = None,
        on_abandoned: str = "abandon",
        timeout: float | timedelta | None = None,
        retry: Retry | Mapping[str, Any] | int | None = None,
        overlap: str = "skip",
        queue: str = "default",
        priority: str = "normal",
    ) -> None:
        """Check every part and keep it.

        Args:
            id: unique within the job store; a random one when left out.
            func: a callable, or the reference of one (`package.module:function`).
            trigger: says when the job runs.
            args: positional arguments of each call.
            kwargs: keyword arguments of each call.
            name: for people; the callable's name when left out.
            executor: alias of the executor that performs the runs.
            coalesce: make one run of several fire times that are due together.
            max_instances: how many runs may be under way at once, over all nodes.
            misfire_grace_time: how late a run may start, in seconds; None = however late.
            on_abandoned: `abandon` or `rerun`, for runs whose node died.
            timeout: how long a run may take, in seconds; None = as long as it takes.
            retry: how often a failed run is tried again, and when: a number of attempts, a mapping, or a `Retry`; None = never.
            overlap: `skip`, `queue` or `replace`: what becomes of a fire time that meets as many runs as there may be.
            queue: name of the queue; a node may serve some queues only.
            priority: `high`, `normal` or `low`: who goes first where executors are full.

        Raises:
            InvalidJobError: a part has an impossible value, or the arguments do not fit the callable.
        """
        self.id = checked_id(uuid4().hex if id is None else id)
        self._func: Callable[..., Any] | None = None
        self.func_ref: str | None = None
        self.name = ""
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.trigger = trigger
        self.executor = executor
        self.coalesce = coalesce
        self.max_instances = max_instances
        self.misfire_grace_time: float | None = None
        self.on_abandoned = on_abandoned
        self.timeout: float | None = None
        self.retry: Retry | None = None
        self.overlap = overlap
        self.queue = queue
        self.priority = priority
        #: When the job runs next, jitter included; None while it is paused or before it was planned.
        self.next_run_time: datetime | None = None
        #: The same without jitter.
        self.next_fire_time: datetime | None = None
        #: Whether `next_run_time` was chosen by hand when the job was made.
        self.run_time_chosen = False
        self.claimed_through: datetime | None = None
        self.parked = False
        self.pause_reason = ""
        #: Why the job cannot be loaded or planned; empty = it can.
        self.broken_reason = ""
        #: What is wrong with the stored form of the job, which then never runs; empty = nothing.
        self.unreadable = ""
        #: The jobs of a store are numbered in the order in which they came, where the store needs it.
        self.arrival = 0
        self._scheduler: JobsApi | None = None
        self._jobstore_alias: str | None = None
        self.apply(
            {
                "func": func,
                "args": args,
                "kwargs": {} if kwargs is None else kwargs,
                "trigger": trigger,
                "executor": executor,
                "coalesce": coalesce,
                "max_instances": max_instances,
                "misfire_grace_time": misfire_grace_time,
                "on_abandoned": on_abandoned,
                "timeout": timeout,
                "retry": retry,
                "overlap": overlap,
                "queue": queue,
                "priority": priority,
            }
        )
        self.name = checked_option("name", name) if name is not None else _name_of(self)

    @classmethod
    def restored(cls, **attributes: Any) -> Job:
        """Return the job with these attributes, which a store has kept. Nothing is checked, and the callable is not imported."""
        job = cls.__new__(cls)
        job.__dict__.update(_UNBOUND, **attributes)
        return job

    def sibling(
        self,
        *,
        id: str | None,  # noqa: A002 - the public name
        trigger: BaseTrigger,
        args: Iterable[Any],
        kwargs: Mapping[str, Any] | None,
    ) -> Job:
        """Return a new job with the callable and the policies of this one, which was not planned yet; they are not checked again.

        Raises:
            InvalidJobError: the id is impossible, or the arguments do not fit the callable.
        """
        job = type(self).__new__(type(self))
        job.__dict__.update(self.__dict__, id=checked_id(uuid4().hex if id is None else id), trigger=trigger)
        if args or kwargs or self.args or self.kwargs:
            job.apply({"args": args, "kwargs": {} if kwargs is None else kwargs})
        return job

    @property
    def func(self) -> Callable[..., Any]:
        """The callable, imported when first needed.

        Raises:
            CallableReferenceError: the reference leads nowhere any more.
            StoredDataError: the stored form of the job cannot be read.
        """
        if self.unreadable:
            raise StoredDataError(self.unreadable)
        if self._func is None:
            self._func = load_callable(self.func_ref or "")
        return self._func

    def point_to(self, ref: str) -> None:
        """Take the callable that a reference leads to, without following it before it is needed."""
        self._func, self.func_ref = None, ref

    @property
    def pending(self) -> bool:
        """Whether the job waits for its scheduler to start before it gets its first run time."""
        return self._jobstore_alias is None

    def apply(self, changes: Mapping[str, Any]) -> None:
        """Check `changes` (option name → value) and take them over, all or none; the job store is not touched.

        Raises:
            InvalidJobError: an option is unknown or its value impossible.
        """
        checked = {name: checked_option(name, value) for name, value in changes.items()}
        if "func" in checked:
            func, ref = checked.pop("func")
            self._check_call(func, checked)
            self._func, self.func_ref = func, ref
        elif ("args" in checked or "kwargs" in checked) and self._callable_or_none() is not None:
            self._check_call(self._callable_or_none(), checked)
        for name, value in checked.items():
            setattr(self, name, value)

    def choose_run_time(self, moment: datetime | None) -> None:
        """Take `moment` (aware) as the next run time of a job that is not planned yet; None = it begins paused."""
        self.apply({"next_run_time": moment})
        self.run_time_chosen, self.next_fire_time = True, self.next_run_time

    def _check_call(self, func: Callable[..., Any] | None, checked: Mapping[str, Any]) -> None:
        if func is not None:
            check_arguments(func, checked.get("args", self.args), checked.get("kwargs", self.kwargs))

    def _callable_or_none(self) -> Callable[..., Any] | None:
        try:
            return self.func
        except SchedulerError:
            return None

    def view(self, live: int, *, waiting: bool = False) -> JobView:
        """Return what the planner has to know, given how many runs of the job are under way, and whether a fire time waits."""
        return JobView(
            job_id=self.id,
            trigger=self.trigger,
            next_fire_time=self.next_fire_time,
            next_run_time=self.next_run_time,
            coalesce=self.coalesce,
            max_instances=self.max_instances,
            grace=self.grace,
            claimed_through=self.claimed_through,
            live=live,
            parked=self.parked,
            overlap=self.overlap,
            waiting=waiting,
        )

    @property
    def grace(self) -> timedelta | None:
        """The grace time as a duration; None = a run may start however late."""
        return None if self.misfire_grace_time is None else timedelta(seconds=self.misfire_grace_time)

    def attach(self, scheduler: JobsApi | None, jobstore: str | None) -> Self:
        """Bind the job to the scheduler and job store that its methods act on."""
        self._scheduler, self._jobstore_alias = scheduler, jobstore
        return self

    @property
    def jobstore(self) -> str | None:
        """Alias of the job store the job is in; None while it is pending."""
        return self._jobstore_alias

    def _owner(self) -> JobsApi:
        if self._scheduler is None:
            raise SchedulerError(f"Job {self.id!r} belongs to no scheduler. Get it from get_job() or add_job().")
        return self._scheduler

    def modify(self, **changes: Any) -> Self:
        """Change options of the job in its store, and here."""
        self._owner().modify_job(self.id, self._jobstore_alias, **changes)
        return self._refresh()

    def reschedule(self, trigger: BaseTrigger | str, **trigger_args: Any) -> Self:
        """Give the job a new trigger; its next run time is calculated from now on."""
        self._owner().reschedule_job(self.id, self._jobstore_alias, trigger, **trigger_args)
        return self._refresh()

    def pause(self, reason: str = "") -> Self:
        """Stop the job from running until it is resumed."""
        self._owner().pause_job(self.id, self._jobstore_alias, reason=reason)
        return self._refresh()

    def resume(self) -> Self:
        """Let the job run again, from now on."""
        self._owner().resume_job(self.id, self._jobstore_alias)
        return self._refresh()

    def remove(self) -> None:
        """Remove the job from its store."""
        self._owner().remove_job(self.id, self._jobstore_alias)

    def _refresh(self) -> Self:
        """Take over the state that the store now holds, where the job is still there."""
        stored = self._owner().get_job(self.id, self._jobstore_alias)
        if stored is not None:
            self.__dict__.update(stored.__dict__)
        return self

    def __str__(self) -> str:
        """Show name, trigger and next run time on one line."""
        if self.pending:
            status = "pending"
        elif self.broken_reason:
            status = "broken"
        elif self.next_run_time is None:
            status = "paused"
        else:
            status = f"next run at: {self.next_run_time:%Y-%m-%d %H:%M:%S %Z}"
        return f"{self.name} (trigger: {self.trigger}, {status})"

    def __repr__(self) -> str:
        """Show id and name."""
        return f"<Job (id={self.id} name={self.name})>"

    def __eq__(self, other: object) -> bool:
        """Two jobs are the same when their ids are."""
        return self.id == other.id if isinstance(other, Job) else NotImplemented

    def __hash__(self) -> int:
        """Hash the id."""
        return hash(self.id)


#: What no store keeps of a job.
_UNBOUND = {
    "run_time_chosen": False,
    "unreadable": "",
    "arrival": 0,
    "_func": None,
    "_scheduler": None,
    "_jobstore_alias": None,
}


def _name_of(job: Job) -> str:
    """Return the name a job gets when nobody gave it one."""
    if job.func_ref is not None:
        return job.func_ref.rpartition(":")[2]
    return str(getattr(job.func, "__qualname__", None) or type(job.func).__qualname__)
