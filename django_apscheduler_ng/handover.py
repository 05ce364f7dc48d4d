"""Tasks of Celery and of Django: a run of a job that names one does not call it, but hands the call to the task's own back end.

Neither package is imported here before there is a task, whose owner has imported it already.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: How long to try to reach Celery's broker, in seconds.
_TIMEOUT = 5.0


@dataclass(frozen=True)
class HandedOver:
    """What the body of such a run returns."""

    #: What the back end calls the task that it took.
    task_id: str


class Handover:
    """The callable in place of a task: hands its arguments over. It has the name, the reference and the signature of the task."""

    def __init__(self, task: Any, function: Callable[..., Any], enqueue: Callable[..., str]) -> None:
        """Stand for `task`, which performs `function`; `enqueue` hands a call over, and returns what it is called there."""
        self.task = task
        self._enqueue = enqueue
        self.__module__ = function.__module__
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__doc__ = function.__doc__
        self.__signature__ = inspect.signature(function)

    def __call__(self, *args: Any, **kwargs: Any) -> HandedOver:
        """Hand the call over."""
        return HandedOver(self._enqueue(*args, **kwargs))

    def __eq__(self, other: object) -> bool:
        """Return whether the other one is, or stands for, the same task."""
        return bool(self.task == (other.task if isinstance(other, Handover) else other))

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((self.__module__, self.__qualname__))

    def __repr__(self) -> str:
        """Show the task."""
        return repr(self.task)


def as_callable(value: Any) -> Any:
    """Return what a run can call in place of a task; anything else as it is."""
    if _is_a(value, "celery.app.task"):
        return _celery(value)
    if _is_a(value, "django.tasks.base") or _is_a(value, "django_tasks.base"):
        return _django(value)
    return value


def _is_a(value: Any, module: str) -> bool:
    """Return whether it is a task of the class that the module defines, if anybody has imported that."""
    kind = getattr(sys.modules.get(module), "Task", None)
    return kind is not None and isinstance(value, kind)


def celery_app() -> Any:
    """Return the Celery app of this process, whatever the thread.

    Celery knows it only in the thread that made it. In all others it takes an app of its own making, which is of no project, unless
    somebody has called `app.set_default()`.
    """
    from celery import _state

    current = _state.get_current_app()
    if current.set_as_current:
        return current
    others = [app for app in _state._get_active_apps() if app.set_as_current]
    return others[0] if len(others) == 1 else current


def _celery(value: Any) -> Handover:
    task = value
    if type(value).__name__ == "Proxy":  # what shared_task() makes: it has a task in each app
        task = celery_app().tasks[value.name]
    elif hasattr(value, "_get_current_object"):
        task = value._get_current_object()

    def enqueue(*args: Any, **kwargs: Any) -> str:
        if task.app.conf.task_always_eager:
            return str(task.apply_async(args, kwargs).id)
        # by itself Celery would wait for its broker for as long as that is away
        with task.app.connection_for_write(connect_timeout=_TIMEOUT) as connection:
            connection.ensure_connection(max_retries=1, timeout=_TIMEOUT)
            return str(task.apply_async(args, kwargs, connection=connection, retry=False).id)

    return Handover(task, task.run, enqueue)


def _django(task: Any) -> Handover:
    handover = Handover(task, task.func, lambda *args, **kwargs: str(task.enqueue(*args, **kwargs).id))
    if task.takes_context:
        _context, *others = handover.__signature__.parameters.values()
        handover.__signature__ = handover.__signature__.replace(parameters=others)
    return handover
