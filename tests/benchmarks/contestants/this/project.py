"""A Django project with nothing but this app, its tables, and jobs in bulk."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import django
from django.conf import settings

from ..connecting import for_django, refresh_statistics

TABLES = ("django_apscheduler_ng_scheduledjob", "django_apscheduler_ng_jobrun")


def configure(parameters: Mapping[str, Any]) -> None:
    """Be such a project; a second call changes nothing."""
    if settings.configured:
        return
    logging.basicConfig(level=logging.ERROR)
    settings.configure(
        DATABASES={"default": for_django(parameters["database"])},
        INSTALLED_APPS=["django_apscheduler_ng"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        APSCHEDULER={
            "allowed_callables": ("tests.benchmarks.*:*",),
            "executors": {"default": {"type": "threadpool", "max_workers": parameters.get("threads", 10)}},
            **parameters.get("options", {}),
        },
    )
    django.setup()


def prepare(parameters: Mapping[str, Any]) -> None:
    """Be such a project, and make its tables."""
    configure(parameters)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def refresh() -> None:
    """Renew the statistics that the database keeps of the tables."""
    from django.db import connection

    with connection.cursor() as cursor:
        refresh_statistics(cursor, {"postgresql": "postgres", "mysql": "mariadb"}.get(connection.vendor, ""), TABLES)


def columns_of(func: Any, trigger: Any, **options: Any) -> dict[str, Any]:
    """Return the columns that such jobs have in common."""
    from django_apscheduler_ng.job import Job
    from django_apscheduler_ng.rows import definition

    columns = definition(Job(id="template", func=func, trigger=trigger, **options))
    now = datetime.now(UTC)
    return {**columns, "planned_trigger": columns["trigger"], "created_at": now, "updated_at": now}


def store(rows: Iterator[Any]) -> None:
    """Write jobs without the API."""
    from django_apscheduler_ng.models import ScheduledJob

    while batch := list(islice(rows, 500)):
        ScheduledJob.objects.bulk_create(batch)


def add_one_shots(count: int, due: datetime, *, prefix: str = "once", **options: Any) -> None:
    """Add that many jobs that do nothing, once, all at the same moment."""
    from django_apscheduler_ng.models import ScheduledJob
    from django_apscheduler_ng.triggers.date import DateTrigger

    from .. import bodies

    columns = columns_of(bodies.nothing, DateTrigger(due), **options) | {"next_fire_time": due, "next_run_time": due}
    store(ScheduledJob(job_id=f"{prefix}-{index}", **columns) for index in range(count))
    refresh()


def clear() -> None:
    """Remove all jobs and their history."""
    from django_apscheduler_ng.models import JobRun, ScheduledJob

    ScheduledJob.objects.all().delete()
    JobRun.objects.all().delete()
