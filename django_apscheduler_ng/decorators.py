"""Declare jobs where their functions are: `@scheduled_job("cron", hour=3)` in the module `jobs` of any app.

Both decorators return the function unchanged. What is wrong with a declaration is raised where it stands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, overload

from .declarations import Declaration, Origin, Registration, declare, register
from .exceptions import InvalidJobError, InvalidTriggerError
from .policies import checked_id, checked_option, refuse_misspelt
from .refs import check_arguments, own_ref
from .retries import Retry
from .schedulers.api import undefined
from .serialization import dump_trigger, dump_value
from .triggers.base import BaseTrigger
from .triggers.registry import create_trigger

AnyCallable = TypeVar("AnyCallable", bound=Callable[..., Any])


@overload
def job(func: AnyCallable, /) -> AnyCallable: ...


@overload
def job(*, name: str | None = None) -> Callable[[AnyCallable], AnyCallable]: ...


def job(func: Any = None, /, *, name: str | None = None) -> Any:
    """Register a callable, so that jobs made by `add_job()` may run it.

    Used as `@job` or `@job(name="Nightly report")`.

    Args:
        func: the callable.
        name: for people; the callable's name when left out.

    Raises:
        CallableReferenceError: no other process could find the callable.
        InvalidJobError: another callable has the same reference.
    """
    origin = Origin.of(_caller())
    if func is None:
        return partial(_register, name=name, origin=origin)
    return _register(func, name=name, origin=origin)


def scheduled_job(
    trigger: BaseTrigger | str,
    args: Iterable[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    id: str | None = None,  # noqa: A002 - the public name
    name: str | None = None,
    misfire_grace_time: float | None = undefined,
    coalesce: bool = undefined,
    max_instances: int = undefined,
    *,
    jobstore: str = "default",
    executor: str = "default",
    on_abandoned: str = undefined,
    timeout: float | timedelta | None = undefined,
    retry: Retry | Mapping[str, Any] | int | None = undefined,
    overlap: str = undefined,
    queue: str = undefined,
    priority: str = undefined,
    **trigger_args: Any,
) -> Callable[[AnyCallable], AnyCallable]:
    """Return a decorator that declares the function as a job.

    A node that starts adds the job to the job store, or updates it there.

    Args:
        trigger: a trigger, or the name of one (`date`, `interval`, `cron`, `calendarinterval`).
        args: positional arguments of each call.
        kwargs: keyword arguments of each call.
        id: unique among all declarations; the path of the function (`shop.jobs.report`) when left out. It ties the
            declaration to the stored job: a new id is a new job.
        name: for people; the function's name when left out.
        misfire_grace_time: how late a run may start, in seconds; None = however late.
        coalesce: make one run of several fire times that are due together.
        max_instances: how many runs may be under way at once, over all nodes.
        jobstore: alias of the job store.
        executor: alias of the executor.
        on_abandoned: `abandon` or `rerun`, for runs whose node died.
        timeout: how long a run may take, in seconds; None = as long as it takes.
        retry: how often a failed run is tried again, and when: a number of attempts, a mapping, or a `Retry`; None = never.
        overlap: `skip`, `queue` or `replace`: what becomes of a fire time that meets as many runs as there may be.
        queue: name of the queue; a node may serve some queues only.
        priority: `high`, `normal` or `low`: who goes first where executors are full.
        **trigger_args: arguments of the trigger that was named.

    Raises:
        SchedulerError: a part of the declaration is impossible; the message says which.
    """
    policies = {
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
    options = {
        "trigger": _trigger(trigger, trigger_args),
        "args": args,
        "kwargs": {} if kwargs is None else kwargs,
        "executor": executor,
        **{option: value for option, value in policies.items() if value is not undefined},
    }
    checked = {option: checked_option(option, value) for option, value in options.items()}
    return partial(_declare, job_id=id, name=name, jobstore=jobstore, options=checked, origin=Origin.of(_caller()))


def _caller() -> Any:
    """Return the frame that called the decorator of this module."""
    frame = inspect.currentframe()
    return frame and frame.f_back and frame.f_back.f_back


def _trigger(trigger: BaseTrigger | str, trigger_args: Mapping[str, Any]) -> BaseTrigger:
    """Return the trigger; refuse what would change with every start of a node."""
    if "next_run_time" in trigger_args:
        raise InvalidJobError(
            f"Option 'next_run_time' must not be part of a declaration, got {trigger_args['next_run_time']!r}: "
            "every start of a node would set it again. Give the trigger a start_date, or use add_job()."
        )
    if trigger == "date" and trigger_args.get("run_date") is None:
        raise InvalidTriggerError(
            "Trigger 'date' of a declaration needs the argument 'run_date', got none: every start of a node would be "
            "another date. Pass run_date=…."
        )
    try:
        return create_trigger(trigger, trigger_args)
    except InvalidTriggerError:
        refuse_misspelt(trigger, trigger_args)
        raise


def _register(func: AnyCallable, *, name: str | None, origin: Origin) -> AnyCallable:
    ref = own_ref(func)
    summary, _, _ = (inspect.getdoc(func) or "").partition("\n")
    shown = ref.partition(":")[2] if name is None else checked_option("name", name)
    register(Registration(func_ref=ref, func=func, name=shown, summary=summary, origin=origin))
    return func


def _declare(
    func: AnyCallable, *, job_id: str | None, name: str | None, jobstore: str, options: dict[str, Any], origin: Origin
) -> AnyCallable:
    ref = own_ref(func)
    checked = checked_id(ref.replace(":", ".") if job_id is None else job_id)
    check_arguments(func, options["args"], options["kwargs"])
    for part in ("args", "kwargs"):
        dump_value(options[part], where=part)
    dump_trigger(options["trigger"])
    shown = ref.partition(":")[2] if name is None else checked_option("name", name)
    declaration = Declaration(
        id=checked, func_ref=ref, func=func, name=shown, jobstore=jobstore, origin=origin, **options
    )
    _register(func, name=name, origin=origin)
    declare(declaration)
    return func
