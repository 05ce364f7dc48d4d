"""The scheduler without its loop: configuration, life cycle, and the parts it is made of."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from threading import RLock
from typing import Any

from ..clock import SYSTEM_CLOCK, Clock
from ..events import (
    EVENT_ALL,
    EVENT_EXECUTOR_ADDED,
    EVENT_EXECUTOR_REMOVED,
    EVENT_JOBSTORE_ADDED,
    EVENT_JOBSTORE_REMOVED,
    EVENT_SCHEDULER_PAUSED,
    EVENT_SCHEDULER_RESUMED,
    EVENT_SCHEDULER_SHUTDOWN,
    EVENT_SCHEDULER_STARTED,
    SchedulerEvent,
)
from ..exceptions import (
    ConfigurationError,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerNotRunningError,
    did_you_mean,
)
from ..executors.base import BaseExecutor
from ..job import Job
from ..jobstores.base import BaseJobStore
from ..triggers.zones import default_zone
from .api import JobsApi
from .components import EXECUTORS, JOBSTORES, make_component
from .configuration import SchedulerOptions, read_options
from .listeners import Listener, Listeners
from .passes import Pass

STATE_STOPPED = 0
STATE_RUNNING = 1
STATE_PAUSED = 2


class BaseScheduler(JobsApi):
    """Binds job stores and executors together; subclasses bring the loop.

    A subclass implements `wakeup()`, and calls `_process_jobs()` from one thread at a time: when it was woken, and at the latest
    after the number of seconds that the last call returned.
    """

    def __init__(self, gconfig: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Configure the scheduler; see `configure()`."""
        self.clock: Clock = SYSTEM_CLOCK
        self.state = STATE_STOPPED
        self.listeners = Listeners()
        self.timezone: tzinfo = default_zone()
        self.jobstore_retry_interval = 1.0
        #: The longest time between two passes, in seconds: what changes unannounced is seen this soon.
        self.poll_interval = 1.0
        #: Reference of a context manager factory that is put around the body of each run.
        self.around_run: str | None = None
        self._logger = logging.getLogger("django_apscheduler_ng.scheduler")
        self._job_defaults: dict[str, Any] = {}
        self._executors: dict[str, BaseExecutor] = {}
        self._jobstores: dict[str, BaseJobStore] = {}
        self._waiting: list[tuple[Job, str, bool]] = []
        self._lifecycle = RLock()
        self._passing = RLock()
        self._pass = Pass(self, self._jobstores, self._executors)
        self.configure(gconfig, **options)

    @abstractmethod
    def wakeup(self) -> None:
        """Make a pass soon. May be called from any thread."""

    # -- configuration ----------------------------------------------------------------------------------------------

    def configure(self, gconfig: Mapping[str, Any] | None = None, prefix: str = "apscheduler.", **options: Any) -> None:
        """Set the options of the scheduler, those it has already staying where they are not named.

        Args:
            gconfig: options under dotted names (`apscheduler.executors.default.type`); values may be strings.
            prefix: what the names in `gconfig` begin with.
            **options: `jobstores`, `executors` (alias → instance, or dict of options with `type` or `class`), `job_defaults`,
                `timezone`, `jobstore_retry_interval`, `poll_interval` (seconds), `logger`, `clock`.

        Raises:
            SchedulerAlreadyRunningError: the scheduler is running.
            ConfigurationError: an option is unknown or impossible; the message names it.
        """
        if self.state != STATE_STOPPED:
            raise SchedulerAlreadyRunningError(
                "The scheduler is running, and its options cannot be changed. Call configure() before start()."
            )
        self._apply(read_options(gconfig or {}, prefix, options))

    def _apply(self, options: SchedulerOptions) -> None:
        """Take over checked options."""
        self._job_defaults.update(options.job_defaults)
        for name in ("timezone", "jobstore_retry_interval", "poll_interval", "clock"):
            value = getattr(options, name)
            if value is not None:
                setattr(self, name, value)
        if options.logger is not None:
            self._logger = options.logger
        for alias, executor in options.executors.items():
            self.add_executor(executor, alias)
        for alias, store in options.jobstores.items():
            self.add_jobstore(store, alias)

    # -- life cycle -------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the scheduler was started and not shut down; a paused one is running."""
        return self.state != STATE_STOPPED

    def start(self, paused: bool = False) -> None:
        """Start the executors and job stores, plan the jobs that wait for it, and begin to look for due jobs.

        Args:
            paused: do not look for due jobs until `resume()` is called.

        Raises:
            SchedulerAlreadyRunningError: the scheduler is running.
        """
        with self._lifecycle:
            if self.state != STATE_STOPPED:
                raise SchedulerAlreadyRunningError(
                    "The scheduler is already running. Call shutdown() before starting it again."
                )
            self._add_defaults()
            for alias, executor in self._executors.items():
                executor.start(self, alias)
            for alias, store in self._jobstores.items():
                store.start(self, alias)
            self.state = STATE_PAUSED if paused else STATE_RUNNING
            self._store_waiting(None)
        self._logger.info("Scheduler started%s.", " (paused)" if paused else "")
        self._dispatch(SchedulerEvent(EVENT_SCHEDULER_STARTED))
        if not paused:
            self.wakeup()

    def _add_defaults(self) -> None:
        if "default" not in self._executors:
            self.add_executor({"type": "threadpool"}, "default")
        if "default" not in self._jobstores:
            self.add_jobstore({"type": "memory"}, "default")

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

    def shutdown(self, wait: bool = True) -> None:
        """Stop looking for jobs, and shut the executors and job stores down.

        Args:
            wait: wait until the runs under way have ended.

        Raises:
            SchedulerNotRunningError: the scheduler is not running.
        """
        with self._lifecycle:
            self._require_running()
            self.state = STATE_STOPPED
        with self._passing:
            pass  # the last pass has handed over what it claimed
        for executor in list(self._executors.values()):
            executor.shutdown(wait)
        for store in list(self._jobstores.values()):
            store.shutdown()
        self._logger.info("Scheduler shut down.")
        self._dispatch(SchedulerEvent(EVENT_SCHEDULER_SHUTDOWN))

    def pause(self) -> None:
        """Stop looking for due jobs until `resume()`; runs under way go on. What was claimed has been started when this returns.

        Raises:
            SchedulerNotRunningError: the scheduler is not running.
        """
        self._require_running()
        if self.state == STATE_RUNNING:
            with self._passing:
                self.state = STATE_PAUSED
            self._logger.info("Scheduler paused.")
            self._dispatch(SchedulerEvent(EVENT_SCHEDULER_PAUSED))

    def resume(self) -> None:
        """Look for due jobs again.

        Raises:
            SchedulerNotRunningError: the scheduler is not running.
        """
        self._require_running()
        if self.state == STATE_PAUSED:
            self.state = STATE_RUNNING
            self._logger.info("Scheduler resumed.")
            self._dispatch(SchedulerEvent(EVENT_SCHEDULER_RESUMED))
            self.wakeup()

    def _require_running(self) -> None:
        if self.state == STATE_STOPPED:
            raise SchedulerNotRunningError("The scheduler is not running. Call start() first.")

    # -- parts ------------------------------------------------------------------------------------------------------

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

    def add_listener(self, callback: Listener, mask: int = EVENT_ALL) -> None:
        """Call `callback(event)` for each event whose code is in `mask`, in the thread where it happens."""
        self.listeners.add(callback, mask)

    def remove_listener(self, callback: Listener) -> None:
        """Stop calling `callback`."""
        self.listeners.remove(callback)

    # -- the loop's side --------------------------------------------------------------------------------------------

    def _process_jobs(self) -> float:
        """Make one pass where the scheduler is not paused; returns the seconds to wait for the next one at most."""
        with self._passing:
            return self._pass.run() if self.state == STATE_RUNNING else self.poll_interval

    def process_due(self) -> float:
        """Make one pass in the calling thread, even while the scheduler is paused; returns the seconds to the next one at most.

        For schedulers that are driven by hand.
        """
        with self._passing:
            return self._pass.run()

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
