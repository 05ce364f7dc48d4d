"""The task that workers of Django's tasks know: of `django.tasks` since Django 6, before that of the package django-tasks."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

import django

from ..exceptions import needs_extra

_tasks: Any
if django.VERSION >= (6, 0):
    from django import tasks as _tasks
else:
    with needs_extra("TasksExecutor", "tasks"):
        import django_tasks as _tasks


def _perform(run: int, ledger: str) -> None:
    """Perform a run that its executor published, unless another worker has begun with it."""
    from .worker import perform_run

    worker = f"{socket.gethostname()} {threading.current_thread().name} (pid {os.getpid()})"
    perform_run(run, ledger, worker=worker, own_process=False)


def _home() -> dict[str, str]:
    """Return a back end and a queue that the project has; a task is checked against one when it is made."""
    backends = _tasks.task_backends
    backend = "default" if "default" in list(backends) else next(iter(backends))
    queues = backends[backend].queues
    return {"backend": backend, "queue_name": "default" if not queues or "default" in queues else min(queues)}


_perform.__name__ = _perform.__qualname__ = "perform"  # under which workers find the task
perform = _tasks.task(**_home())(_perform)
