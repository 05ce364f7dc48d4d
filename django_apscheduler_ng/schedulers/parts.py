"""The parts of a scheduler: job stores, executors and listeners, added and removed at any time."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from threading import RLock
from typing import Any

from ..capture import LogCapture
from ..clock import SYSTEM_CLOCK, Clock
from ..events import (
    EVENT_ALL,
    EVENT_EXECUTOR_ADDED,
    EVENT_EXECUTOR_REMOVED,
    EVENT_JOBSTORE_ADDED,
    EVENT_JOBSTORE_REMOVED,
    SchedulerEvent,
)
from ..exceptions import ConfigurationError, SchedulerError, did_you_mean
from ..executors.base import BaseExecutor
from ..job import Job
from ..jobstores.base import BaseJobStore
from ..runs import Run
from ..triggers.zones import default_zone
from .api import JobsApi
from .components import EXECUTORS, JOBSTORES, make_component
from .listeners import Listener, Listeners

STATE_STOPPED = 0
STATE_RUNNING = 1
STATE_PAUSED = 2


class SchedulerParts(JobsApi):
    """Keeps the parts by alias, and starts those that come while the scheduler runs."""

    def __init__(self) -> None:
        """Start stopped, and without parts."""
        self.clock: Clock = SYSTEM_CLOCK
        self.state = STATE_STOPPED
        self.listeners = Listeners()
        self.timezone: tzinfo = default_zone()
        self._logger = logging.getLogger("django_apscheduler_ng.scheduler")
        self._job_defaults: dict[str, Any] = {}
        self._executors: dict[str, BaseExecutor] = {}
        self._jobstores: dict[str, BaseJobStore] = {}
        self._waiting: list[tuple[Job, str, bool]] = []
        self._lifecycle = RLock()
        #: Reference of a context manager factory that is put around the body of each run.
        self.around_run: str | None = None
        #: What worker processes keep of what runs log; set by job stores that have a place for it.
        self.log_capture: LogCapture | None = None

    @abstractmethod
    def wakeup(self) -> None:
        """Make a pass soon. May be called from any thread."""

    def add_executor(
        self, executor: BaseExecutor | Mapping[str, Any] | str, alias: str = "default", **options: Any
    ) -> None:
        """Add an executor: an instance, the name of a type with its options, or a dict of options; also while running.

        Raises:
            ConfigurationError: the alias is taken, or the type or an option is unknown.
        """
        made: BaseExecutor = make_component(EXECUTORS, executor, alias, options, BaseExecutor)
        with self._lifecycle:
            if alias in self._executors:
                raise ConfigurationError(
                    f"Executor {alias!r} already exists. Remove it first, or choose another alias."
                )
            if self.state != STATE_STOPPED:
                made.start(self, alias)
            self._executors[alias] = made
        self._dispatch(SchedulerEvent(EVENT_EXECUTOR_ADDED, alias))
        self._jobs_changed()

    def remove_executor(self, alias: str, shutdown: bool = True) -> None:
        """Remove an executor, and shut it down (waiting for its runs) unless told otherwise.

        Raises:
            ConfigurationError: there is none with this alias.
        """
        with self._lifecycle:
            if alias not in self._executors:
                raise ConfigurationError(f"Executor {alias!r} is not configured.{did_you_mean(alias, self._executors)}")
            executor = self._executors.pop(alias)
        if shutdown:
            executor.shutdown()
        self._dispatch(SchedulerEvent(EVENT_EXECUTOR_REMOVED, alias))

    def add_jobstore(
        self, jobstore: BaseJobStore | Mapping[str, Any] | str, alias: str = "default", **options: Any
    ) -> None:
        """Add a job store: an instance, the name of a type with its options, or a dict of options; also while running.

        Raises:
            ConfigurationError: the alias is taken, or the type or an option is unknown.
        """
        made: BaseJobStore = make_component(JOBSTORES, jobstore, alias, options, BaseJobStore)
        with self._lifecycle:
            if alias in self._jobstores:
                raise ConfigurationError(
                    f"Job store {alias!r} already exists. Remove it first, or choose another alias."
                )
            if self.state != STATE_STOPPED:
                made.start(self, alias)
            self._jobstores[alias] = made
        self._dispatch(SchedulerEvent(EVENT_JOBSTORE_ADDED, alias))
        if self.state != STATE_STOPPED:
            self._store_waiting(alias)
        self._jobs_changed()

    def remove_jobstore(self, alias: str, shutdown: bool = True) -> None:
        """Remove a job store from the scheduler, and shut it down unless told otherwise; its jobs stay in it.

        Raises:
            ConfigurationError: there is none with this alias.
        """
        with self._lifecycle:
            store = self._store(alias)
            del self._jobstores[alias]
        if shutdown:
            store.shutdown()
        self._dispatch(SchedulerEvent(EVENT_JOBSTORE_REMOVED, alias))

    def executor_aliases(self) -> Sequence[str]:
        """Return the aliases of the executors."""
        return list(self._executors)

    def executors(self) -> Mapping[str, BaseExecutor]:
        """Return the executors by alias."""
        return dict(self._executors)

    def jobstores(self) -> Mapping[str, BaseJobStore]:
        """Return the job stores by alias."""
        return dict(self._jobstores)

    def report(self, run: Run) -> None:
        """Take note that a run has something new to report; called by executors, on any thread."""
        store = self._jobstores.get(run.jobstore)
        if store is not None:
            store.report(run)

    def add_listener(self, callback: Listener, mask: int = EVENT_ALL) -> None:
        """Call `callback(event)` for each event whose code is in `mask`, in the thread where it happens."""
        self.listeners.add(callback, mask)

    def remove_listener(self, callback: Listener) -> None:
        """Stop calling `callback`."""
        self.listeners.remove(callback)

    def _store_waiting(self, only: str | None) -> None:
        """Plan the jobs that were added before the start; one that cannot be stored is logged and does not stop the others."""
        waiting, self._waiting = self._waiting, []
        for job, alias, replace in waiting:
            if only not in (None, alias):
                self._waiting.append((job, alias, replace))
                continue
            try:
                self._store_job(job, alias, replace)
            except SchedulerError as error:
                self._logger.error("Job %r could not be added to job store %r: %s", job.id, alias, error)

    def _dispatch(self, event: SchedulerEvent) -> None:
        self.listeners.dispatch(event)

    def _executor_names(self) -> Sequence[str] | None:
        return self.executor_aliases() if self.state != STATE_STOPPED else None

    def _now(self, alias: str) -> datetime:
        return self.clock.now() if self.state == STATE_STOPPED else super()._now(alias)

    def _tentative(self) -> list[tuple[Job, str, bool]] | None:
        return self._waiting if self.state == STATE_STOPPED else None

    def _jobs_changed(self) -> None:
        if self.state == STATE_RUNNING:
            self.wakeup()
