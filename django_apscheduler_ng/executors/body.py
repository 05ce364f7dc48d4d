"""Performing the body of a run: its surroundings, the call, and an outcome whatever happens.

Each body has an empty context of its own, so no context variable passes from one run to the next. Within it
`current_run()` is set, and the context manager that the scheduler wants around each body is entered.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
from contextvars import Context, copy_context
from functools import cache
from types import TracebackType
from typing import Any

from django_apscheduler_ng.clock import Clock, Timing
from django_apscheduler_ng.handover import HandedOver
from django_apscheduler_ng.refs import load_callable
from django_apscheduler_ng.retries import class_name, class_names
from django_apscheduler_ng.runs import Outcome, RunContext, RunStatus, enter_run, run_context

logger = logging.getLogger(__name__)

#: Runs an async function to its end from synchronous code, as `asgiref.sync.async_to_sync` does.
Driver = Callable[[Callable[[], Awaitable[Any]]], Callable[[], Any]]

#: Packages whose frames stand above a body in a traceback and tell nothing about it.
_PLUMBING = ("django_apscheduler_ng.executors", "django_apscheduler_ng.refs", "asyncio", "asgiref", "concurrent")


def perform(
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    context: RunContext,
    *,
    clock: Clock,
    around: str | None,
    worker: str,
) -> Outcome:
    """Call `func` as the body of a run and return how that ended. Whatever is raised becomes the outcome.

    Args:
        func: the callable; what it returns is awaited in an event loop of its own where that is possible.
        args: positional arguments.
        kwargs: keyword arguments.
        context: what `current_run()` returns in the body.
        clock: tells when the body started and finished.
        around: reference of a function that is called with `context` and returns a context manager to run the body
            in. What that manager returns on entry is a `Driver` for async bodies, or None.
        worker: name of the thread or process.
    """
    timing = Timing(clock)
    result, error = Context().run(_attempt, func, args, kwargs, context, around)
    return outcome_of(result, error, started_at=timing.started_at, finished_at=timing.finished_at, worker=worker)


def _attempt(
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    context: RunContext,
    around: str | None,
) -> tuple[Any, BaseException | None]:
    """Return what the body returned and None, or None and what it raised."""
    try:
        enter_run(context)
        if around is None:
            return _call(func, args, kwargs, None), None
        with surroundings(around, context) as driver:
            return _call(func, args, kwargs, driver), None
    except BaseException as error:
        return None, error


def _call(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], driver: Driver | None) -> Any:
    """Return what the body returned, awaited where that is possible."""
    result = func(*args, **kwargs)
    if result is not None and inspect.isawaitable(result):
        return _drive(driver or _own_loop, result)
    return result


def surroundings(around: str | None, context: RunContext) -> Any:
    """Return the context manager that `around` refers to, made for one run."""
    return _load_once(around)(context) if around else nullcontext()


_load_once = cache(load_callable)


@cache
def prepare(around: str | None, func_ref: str) -> None:
    """Import what a body needs before its time begins to count; once in each process for each of them.

    What goes wrong goes wrong again in the run, and fails it.
    """
    try:
        hook = getattr(load_callable(around), "begin_worker", None) if around else None
        if hook is not None:
            hook()
        load_callable(func_ref)
    except BaseException as error:
        logger.debug("Preparing %s failed: %r", func_ref, error)


#: After so many seconds without a run a worker lets go of what its surroundings hold for the next one, connections for instance.
IDLE = 3.0


def end_worker(around: str | None) -> None:
    """Tell the surroundings that this thread performs no more bodies, or none for a while, if they want to know."""
    try:
        hook = getattr(load_callable(around), "end_worker", None) if around else None
        if hook is not None:
            hook()
    except Exception:
        logger.warning("Ending a worker failed in %s; going on", around, exc_info=True)


def _own_loop(func: Callable[[], Awaitable[Any]]) -> Callable[[], Any]:
    async def main() -> Any:
        return await func()

    return lambda: asyncio.run(main())


def _drive(driver: Driver, awaitable: Awaitable[Any]) -> Any:
    """Run an awaitable to its end: in this thread, or beside it where a loop is already running in this one."""

    async def body() -> Any:
        return await awaitable

    return _beside(driver(body)) if _in_loop() else driver(body)()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _beside(call: Callable[[], Any]) -> Any:
    """Return what `call` returns in a thread of its own, which shares this one's context variables."""
    ends: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            ends.append((call(), None))
        except BaseException as error:
            ends.append((None, error))

    thread = threading.Thread(target=copy_context().run, args=[run])
    thread.start()
    thread.join()
    result, error = ends[0]
    if error is not None:
        raise error
    return result


async def perform_async(
    func: Callable[..., Coroutine[Any, Any, Any]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    context: RunContext,
    *,
    clock: Clock,
    around: str | None,
    worker: str,
) -> Outcome:
    """Await an async function as the body of a run in the running loop; like `perform()` in everything else.

    The caller gives the task an empty context. The context manager is entered as an async one where it is one.

    Raises:
        asyncio.CancelledError: the task was cancelled from outside; a body that raises it by itself has failed.
    """
    timing = Timing(clock)
    result, error = None, None
    try:
        with run_context(context):
            manager = surroundings(around, context)
            if hasattr(manager, "__aenter__"):
                async with manager:
                    result = await func(*args, **kwargs)
            else:
                with manager:
                    result = await func(*args, **kwargs)
    except BaseException as raised:
        task = asyncio.current_task()
        if isinstance(raised, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        error = raised
    return outcome_of(result, error, started_at=timing.started_at, finished_at=timing.finished_at, worker=worker)


def outcome_of(result: Any, error: BaseException | None, **measured: Any) -> Outcome:
    """Return the outcome of a body that returned `result`, or raised `error` where that is not None."""
    if isinstance(result, HandedOver):
        return Outcome(status=RunStatus.HANDED_OVER, result=result.task_id, **measured)
    if error is None:
        return Outcome(status=RunStatus.SUCCEEDED, result=result, **measured)
    error.__traceback__ = _own_part(error.__traceback__)
    return Outcome(
        status=RunStatus.FAILED,
        exception=error,
        exception_type=class_name(type(error)),
        exception_names=class_names(type(error)),
        exception_message=_text_of(error),
        traceback=_format(error),
        **measured,
    )


def _own_part(tb: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the first frame that belongs to the body; None where there is no such frame."""
    while tb is not None and is_plumbing(str(tb.tb_frame.f_globals.get("__name__"))):
        tb = tb.tb_next
    return tb


def is_plumbing(module: str) -> bool:
    """Return whether a module is one of those whose frames stand above a body."""
    return any(module == package or module.startswith(f"{package}.") for package in _PLUMBING)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as failure:  # a broken __str__ must not cost the outcome
        return f"<str() of this exception raised {class_name(type(failure))}>"


def _format(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except BaseException as failure:  # likewise
        return f"{class_name(type(error))}: <formatting this exception raised {class_name(type(failure))}>\n"
