"""The task that Celery's workers know; `app.autodiscover_tasks()` of the project finds it here."""

from __future__ import annotations

from typing import Any

from .exceptions import needs_extra

with needs_extra("The task of Celery's workers", "celery"):
    from billiard.process import current_process
    from celery import shared_task


@shared_task(  # type: ignore[untyped-decorator]
    name="django_apscheduler_ng.perform",
    bind=True,
    ignore_result=True,
    acks_late=False,
    max_retries=0,
    typing=False,
)
def perform(task: Any, *, run: int, ledger: str) -> None:
    """Perform a run that its executor published, unless another worker has begun with it.

    The message is acknowledged before that: whether the run was done is the business of its row, and of the lease that a worker holds.
    """
    from .cluster.worker import perform_run

    process = current_process()
    perform_run(
        run,
        ledger,
        worker=f"{task.request.hostname} {process.name} (pid {process.pid})",
        own_process=process.name != "MainProcess",
    )
