"""The job stores of APScheduler 3, filled in bulk with what its `add_job()` would have written."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.util import datetime_to_utc_timestamp

from ..connecting import LOCK_TIMEOUT, PRAGMAS, for_django, for_sqlalchemy, refresh_statistics

#: Nothing is dropped for being late, and fire times that are due together are one run: what this project does by default.
DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Memory:
    """Jobs in memory."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Make an empty job store."""
        logging.basicConfig(level=logging.CRITICAL)
        self.parameters = parameters
        self.jobstore: Any = MemoryJobStore()

    def scheduler(self) -> BackgroundScheduler:
        """Return a scheduler for the job store."""
        executors = {"default": ThreadPoolExecutor(self.parameters["threads"])}
        return BackgroundScheduler(
            jobstores={"default": self.jobstore}, executors=executors, job_defaults=DEFAULTS, timezone=UTC
        )

    def add(self, jobs: Iterable[Job]) -> None:
        """Add jobs."""
        for job in jobs:
            self.jobstore.add_job(job)

    def clear(self) -> None:
        """Remove all jobs."""
        self.jobstore.remove_all_jobs()

    def count_statements(self) -> Any:
        """Return an object whose `total` says how many statements there were since."""
        raise NotImplementedError("Memory knows no statements.")


class _Total:
    total = 0

    def __call__(self, connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        self.total += len(parameters) if many else 1


class SQLAlchemy(Memory):
    """Jobs in a database, through SQLAlchemy: no history."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Make an empty job store."""
        super().__init__(parameters)
        from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
        from sqlalchemy import create_engine, event

        self.key = parameters["database"]["key"]
        options = {"connect_args": {"timeout": LOCK_TIMEOUT}} if self.key == "sqlite" else {}
        self.engine = create_engine(for_sqlalchemy(parameters["database"]), **options)
        if self.key == "sqlite":
            event.listen(self.engine, "connect", _set_pragmas)
        self.jobstore = SQLAlchemyJobStore(engine=self.engine)
        self.jobstore.jobs_t.create(self.engine, True)

    def add(self, jobs: Iterable[Job]) -> None:
        """Add jobs."""
        rows = [
            {
                "id": job.id,
                "next_run_time": datetime_to_utc_timestamp(job.next_run_time),
                "job_state": pickle.dumps(job.__getstate__(), pickle.HIGHEST_PROTOCOL),
            }
            for job in jobs
        ]
        with self.engine.begin() as connection:
            connection.execute(self.jobstore.jobs_t.insert(), rows)
        connection = self.engine.raw_connection()
        refresh_statistics(connection.cursor(), self.key, ("apscheduler_jobs",))
        connection.commit()
        connection.close()

    def clear(self) -> None:
        """Remove all jobs."""
        with self.engine.begin() as connection:
            connection.execute(self.jobstore.jobs_t.delete())

    def count_statements(self) -> Any:
        """Count what the engine is asked."""
        from sqlalchemy import event

        total = _Total()
        event.listen(self.engine, "before_cursor_execute", total)
        return total


def _set_pragmas(connection: Any, record: Any) -> None:
    for pragma in PRAGMAS:
        connection.execute(pragma)


class Django(Memory):
    """Jobs in a database, through the Django ORM, with history: django-apscheduler."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Be a Django project with that app, make its tables, and an empty job store."""
        super().__init__(parameters)
        import django
        from django.conf import settings
        from django.core.management import call_command

        settings.configure(
            DATABASES={"default": for_django(parameters["database"])},
            INSTALLED_APPS=["django_apscheduler"],
            USE_TZ=True,
            TIME_ZONE="UTC",
        )
        django.setup()
        call_command("migrate", verbosity=0)
        from django_apscheduler.jobstores import DjangoJobStore

        self.jobstore = DjangoJobStore()

    def add(self, jobs: Iterable[Job]) -> None:
        """Add jobs."""
        from django.db import connection
        from django_apscheduler.models import DjangoJob

        rows = [
            DjangoJob(id=job.id, next_run_time=job.next_run_time, job_state=pickle.dumps(job.__getstate__(), 4))
            for job in jobs
        ]
        DjangoJob.objects.bulk_create(rows, batch_size=300)
        with connection.cursor() as cursor:
            refresh_statistics(cursor, self.parameters["database"]["key"], (DjangoJob._meta.db_table,))

    def clear(self) -> None:
        """Remove all jobs and their history."""
        self.jobstore.remove_all_jobs()

    def count_statements(self) -> Any:
        """Count what Django is asked."""
        from ..statements import Statements

        return Statements()


STORES = {"apscheduler-memory": Memory, "apscheduler": SQLAlchemy, "django-apscheduler": Django}


def make_store(parameters: dict[str, Any]) -> Memory:
    """Return the job store of the contestant that was asked for."""
    return STORES[parameters["contestant"]](parameters)


def job(scheduler: BackgroundScheduler, func: Any, trigger: Any, due: datetime, job_id: str, **options: Any) -> Job:
    """Return a job as `add_job()` makes it."""
    values: dict[str, Any] = {"args": (), "kwargs": {}, "name": "nothing", "executor": "default", **DEFAULTS, **options}
    return Job(scheduler, id=job_id, func=func, trigger=trigger, next_run_time=due, **values)
