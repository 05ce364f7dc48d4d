"""The composition root: from settings to a scheduler that asks, and to one that performs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from django.db import router

from .asyncapi import AsyncJobsApi
from .conf import Config, get_config
from .documents import Reader
from .events import SchedulerEvent
from .exceptions import ConfigurationError, SchedulerError
from .job import Job
from .jobstores.base import BaseJobStore
from .jobstores.django import DjangoJobStore
from .models import ScheduledJob
from .relay import send_on_commit
from .schedulers.api import Imported
from .schedulers.components import JOBSTORES, make_component

if TYPE_CHECKING:
    from .schedulers.background import BackgroundScheduler


class RequestScheduler(AsyncJobsApi):
    """The scheduler's API for any process: what is asked of it is written to the database, and a node performs it.

    Jobs are added, changed and removed inside the caller's transaction.
    """

    def __init__(self, config: Config) -> None:
        """Bind to the ORM job stores of the settings; those that live in a node's memory are out of reach from here."""
        self.timezone: tzinfo = config.timezone
        self._job_defaults = asdict(config.job_defaults)
        self._executors = list(config.executors)
        self._jobstores: dict[str, BaseJobStore] = {}
        for alias, options in config.jobstores.items():
            store: BaseJobStore = make_component(JOBSTORES, options, alias, {}, BaseJobStore)
            if isinstance(store, DjangoJobStore):
                store.bind(alias)
                self._jobstores[alias] = store

    def start(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: this object performs nothing.

        Raises:
            SchedulerError: always; it says what to start instead.
        """
        raise SchedulerError(
            "get_scheduler() returns a scheduler that asks and does not perform. "
            "Start `manage.py runscheduler` in a process of its own."
        )

    def reader(self, source: str, jobstore: str = "default") -> Reader:
        """Return what makes jobs for a job store of descriptions that are no document; messages call them `source`."""
        return self._reader(source, jobstore)

    def add_moved(self, jobs: Sequence[Job], jobstore: str, *, replace_existing: bool, dry_run: bool) -> Imported:
        """Add jobs that were made so, all or none; see `import_jobs()`."""
        return self._add_moved(jobs, jobstore, replace_existing=replace_existing, dry_run=dry_run)

    def shared_stores(self) -> list[DjangoJobStore]:
        """Return the ORM job stores of the settings."""
        return [store for store in self._jobstores.values() if isinstance(store, DjangoJobStore)]

    def databases(self) -> list[str]:
        """Return the aliases of the databases that hold the job stores."""
        return sorted({store.using for store in self.shared_stores()})

    def alias_of(self, namespace: str) -> str:
        """Return the alias of the ORM job store that keeps its jobs under `namespace`.

        Raises:
            ConfigurationError: no job store of the settings does.
        """
        for alias, store in self._jobstores.items():
            if isinstance(store, DjangoJobStore) and store.namespace == namespace:
                return alias
        raise ConfigurationError(
            f"No job store keeps its jobs under {namespace!r}; there are: {', '.join(map(repr, self._jobstores)) or 'none'}. "
            "Add it to APSCHEDULER['jobstores'] in the settings of this process."
        )

    @property
    def database(self) -> str:
        """Alias of the database in which the first of the ORM job stores keeps its jobs."""
        stores = (store for store in self._jobstores.values() if isinstance(store, DjangoJobStore))
        first = next(stores, None)
        return router.db_for_write(ScheduledJob) if first is None else first.using

    def _executor_names(self) -> list[str]:
        return self._executors

    def _dispatch(self, event: SchedulerEvent) -> None:
        alias = getattr(event, "jobstore", None) or event.alias or "default"
        store = self._jobstores.get(alias)
        send_on_commit(event, store.using if isinstance(store, DjangoJobStore) else None)


_cached: tuple[Config, RequestScheduler] | None = None


def get_scheduler() -> RequestScheduler:
    """Return the scheduler API of this process; it follows the settings, and is always ready."""
    global _cached
    config = get_config()
    if _cached is None or _cached[0] is not config:
        _cached = (config, RequestScheduler(config))
    return _cached[1]


def make_node(config: Config, **overrides: Any) -> BackgroundScheduler:
    """Return a scheduler that performs jobs, configured by the settings; `overrides` are options of `configure()`."""
    from .schedulers.background import BackgroundScheduler

    options: dict[str, Any] = {
        "jobstores": config.jobstores,
        "executors": config.executors,
        "job_defaults": asdict(config.job_defaults),
        "timezone": config.timezone,
        "poll_interval": config.poll_interval,
        "jobstore_retry_interval": config.poll_interval,
        **overrides,
    }
    return BackgroundScheduler(**options)
