"""Tasks of Celery and of Django, which jobs hand over instead of calling them."""

import os

import django
from celery import Task, shared_task

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task


def _append(path: str, line: str) -> str:
    """Add a line to a file, in one write, and return it."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)
    return line


@shared_task
def celery_append(path: str, text: str = "by Celery") -> str:
    """Add a line to a file."""
    return _append(path, text)


@shared_task(bind=True)
def celery_append_id(self: Task, path: str) -> str:
    """Add what Celery calls this call to a file."""
    return _append(path, self.request.id)


@task
def django_append(path: str, text: str = "by Django") -> str:
    """Add a line to a file."""
    return _append(path, text)


@task(takes_context=True)
def django_append_id(context: object, path: str) -> str:
    """Add what the back end calls this call to a file."""
    return _append(path, context.task_result.id)


@task(takes_context=True, backend="immediate")
def immediate_append(context: object, path: str) -> str:
    """Add what the back end calls this call to a file, while it is enqueued."""
    return _append(path, context.task_result.id)
