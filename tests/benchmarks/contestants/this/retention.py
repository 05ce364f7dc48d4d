"""Old history is deleted among much that stays, while somebody else adds jobs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from ..bodies import nothing
from ..measuring import spread
from . import project

#: Time between two additions, in seconds.
_PAUSE = 0.02


def retention(parameters: dict[str, Any]) -> dict[str, Any]:
    """Delete as `manage.py scheduler prune` does: half of the runs are too old, and of the others each job has twice too many."""
    project.prepare(parameters)
    from django_apscheduler_ng.models import JobRun
    from django_apscheduler_ng.retention import Pruned, steps

    rows, now = parameters["rows"], datetime.now(UTC)
    for age in (100, 1):
        _fill(rows // 2, parameters["jobs"], now - timedelta(days=age))
    project.refresh()
    most = rows // 4 // parameters["jobs"]
    pruned, took = Pruned(), []
    with _Adding() as adding:
        going = steps("default", now, max_age_days=30, max_runs_per_job=most)
        begun = before = time.perf_counter()
        for step in going:
            pruned += step or Pruned()
            took.append(time.perf_counter() - before)
            before = time.perf_counter()
        seconds = time.perf_counter() - begun
    assert (pruned.runs, JobRun.objects.count()) == (rows // 4 * 3, rows // 4), f"{pruned} of {rows}"
    figures = {"deleted": pruned.runs, "seconds": seconds, "rate": pruned.runs / seconds}
    figures |= {f"step_{name}": value for name, value in spread(took).items()}
    return figures | {f"add_{name}": value for name, value in spread(adding.took).items()}


def _fill(rows: int, jobs: int, ended: datetime) -> None:
    """Add that many runs that ended at this moment, most of them by copying rows inside of the database."""
    from django.db import connection

    from django_apscheduler_ng.models import JobRun, ScheduledJob

    if not ScheduledJob.objects.exists():
        project.add_one_shots(jobs, datetime.now(UTC) + timedelta(days=1))
    keys = list(ScheduledJob.objects.values_list("pk", "job_id"))
    columns = {
        "job_name": "nothing",
        "executor": "default",
        "status": "succeeded",
        "due_at": ended,
        "finished_at": ended,
    }
    first = JobRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    JobRun.objects.bulk_create(JobRun(job_key=key, job_id=job_id, **columns) for key, job_id in keys)
    table, there = JobRun._meta.db_table, jobs
    fields = [f.column for f in JobRun._meta.concrete_fields if f.column not in ("id", "slot")]
    names = ", ".join(map(connection.ops.quote_name, fields))
    while there < rows:
        more = min(there, rows - there)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE id > %s ORDER BY id LIMIT {more}",
                [first],
            )
        there += more


class _Adding:
    """Adds jobs in a thread of its own, as a web process does."""

    def __init__(self) -> None:
        #: How long each took, in seconds.
        self.took: list[float] = []
        self._ended = Event()
        self._thread = Thread(target=self._add)

    def __enter__(self) -> _Adding:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _add(self) -> None:
        from django.db import connection

        from django_apscheduler_ng import get_scheduler

        scheduler = get_scheduler()
        while not self._ended.wait(_PAUSE):
            begun = time.perf_counter()
            scheduler.add_job(nothing, "interval", days=1, id=f"added-{len(self.took)}")
            self.took.append(time.perf_counter() - begun)
        connection.close()
