"""The claim of the few jobs that are due among more and more that are not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import spread
from . import project
from .node import Node

_DUE = 100


def growth(parameters: dict[str, Any]) -> dict[str, Any]:
    """Time claims of 100 due jobs at each size of the table."""
    project.prepare(parameters)
    _add_template(_DUE, "due")
    figures: dict[str, Any] = {}
    with Node(paused=True) as node:
        for size in parameters["sizes"]:
            _grow_to(size)
            claims = spread([_claim(node) for _ in range(parameters["claims"])])
            figures |= {f"claim_{size}_{name}": value for name, value in claims.items()}
    return figures


def _add_template(count: int, prefix: str) -> None:
    """Add jobs that run daily, from tomorrow on."""
    from django_apscheduler_ng.models import ScheduledJob
    from django_apscheduler_ng.triggers.interval import IntervalTrigger

    from ..bodies import nothing

    first = datetime.now(UTC) + timedelta(days=1)
    trigger = IntervalTrigger(days=1, start_date=first)
    columns = project.columns_of(nothing, trigger) | {"next_fire_time": first, "next_run_time": first}
    project.store(ScheduledJob(job_id=f"{prefix}-{index}", **columns) for index in range(count))


def _grow_to(size: int) -> None:
    """Copy rows inside of the database until there are so many."""
    from django.db import connection

    from django_apscheduler_ng.models import ScheduledJob

    table = ScheduledJob._meta.db_table
    names = [
        connection.ops.quote_name(f.column)
        for f in ScheduledJob._meta.concrete_fields
        if f.column not in ("id", "wake_at", "job_id")
    ]
    columns = ", ".join(names)
    number = 0
    while (there := ScheduledJob.objects.count()) < size:
        new_id = f"'far-{there}-{number}-' || id" if connection.vendor != "mysql" else f"CONCAT('far-{there}-', id)"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (job_id, {columns}) SELECT {new_id}, {columns} FROM {table} "
                f"WHERE next_run_time > %s LIMIT {min(there, size - there)}",
                [datetime.now(UTC).replace(tzinfo=None)],
            )
        number += 1
    project.refresh()


#: Moves on with each claim, so that each is for new fire times.
_step = 0


def _claim(node: Node) -> float:
    """Make the jobs due, and return how long their claim takes, in seconds. The runs are ended afterwards, as by an executor."""
    from django_apscheduler_ng.models import ScheduledJob
    from django_apscheduler_ng.runs import Outcome, RunStatus

    global _step
    _step += 1
    due = datetime.now(UTC) - timedelta(hours=1) + timedelta(seconds=_step)
    keys = list(ScheduledJob.objects.filter(job_id__startswith="due-").values_list("pk", flat=True))
    ScheduledJob.objects.filter(pk__in=keys).update(next_fire_time=due, next_run_time=due)
    store, now = node.store, datetime.now(UTC)
    begun = time.perf_counter()
    claim = store.claim(store.clock.now(), {"default": _DUE})
    took = time.perf_counter() - begun
    assert len(claim.runs) == _DUE, f"{len(claim.runs)} runs were claimed"
    node.expect(_DUE)
    started, _ = store.start_runs(claim.runs, store.clock.now())
    for run in started:
        store.finish(run, Outcome(status=RunStatus.SUCCEEDED, started_at=now, finished_at=now))
    node.wait()
    return took
