"""The scheduler without its loop: configuration, life cycle, and the parts it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from threading import RLock
from typing import Any, ClassVar

from ..events import (
    EVENT_SCHEDULER_PAUSED,
    EVENT_SCHEDULER_RESUMED,
    EVENT_SCHEDULER_SHUTDOWN,
    EVENT_SCHEDULER_STARTED,
    SchedulerEvent,
)
from ..exceptions import SchedulerAlreadyRunningError, SchedulerNotRunningError
from .configuration import SchedulerOptions, read_options
from .parts import STATE_PAUSED, STATE_RUNNING, STATE_STOPPED, SchedulerParts
from .passes import Pass

__all__ = ["STATE_PAUSED", "STATE_RUNNING", "STATE_STOPPED", "BaseScheduler"]


#: The shortest time from the beginning of a pass to that of the next one, in seconds: what becomes due meanwhile is served together.
#: Whoever calls `wakeup()` need not wait for that.
MIN_INTERVAL = 0.02


class BaseScheduler(SchedulerParts):
    """Binds job stores and executors together; subclasses bring the loop.

    A subclass implements `wakeup()`, and calls `_process_in_pace()` from one thread at a time: when it was woken, and at the latest
    after the number of seconds that the last call returned.
    """

    #: Type of the executor that is there without being configured.
    _default_executor: ClassVar[str] = "threadpool"

    #: Names of options that only this kind of scheduler has; `_apply_own()` gets them.
    _own_options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, gconfig: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Configure the scheduler; see `configure()`."""
        super().__init__()
        self.jobstore_retry_interval = 1.0
        #: The longest time between two passes, in seconds: what changes unannounced is seen this soon.
        self.poll_interval = 1.5
        self._passing = RLock()
        self._pass = Pass(self, self._jobstores, self._executors)
        self.configure(gconfig, **options)

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
        self._apply(read_options(gconfig or {}, prefix, options, self._own_options))

    def _apply(self, options: SchedulerOptions) -> None:
        """Take over checked options."""
        self._apply_own(options.own)
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

    def _apply_own(self, options: Mapping[str, Any]) -> None:
        """Check and take over those of `_own_options` that were given."""

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
            self._start_parts()
            self.state = STATE_PAUSED if paused else STATE_RUNNING
            self._store_waiting(None)
        self._logger.info("Scheduler started%s.", " (paused)" if paused else "")
        self._dispatch(SchedulerEvent(EVENT_SCHEDULER_STARTED))
        if not paused:
            self.wakeup()

    def _start_parts(self) -> None:
        """Start the executors and the job stores, all or none."""
        with ExitStack() as started:
            for alias, executor in self._executors.items():
                executor.start(self, alias)
                started.callback(executor.shutdown)
            for alias, store in self._jobstores.items():
                store.start(self, alias)
                started.callback(store.shutdown)
            started.pop_all()

    def _add_defaults(self) -> None:
        if "default" not in self._executors:
            self.add_executor({"type": self._default_executor}, "default")
        if "default" not in self._jobstores:
            self.add_jobstore({"type": "memory"}, "default")

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

    # -- the loop's side --------------------------------------------------------------------------------------------

    def _process_jobs(self) -> float:
        """Make one pass where the scheduler is not paused; returns the seconds to wait for the next one at most."""
        with self._passing:
            return self._pass.run() if self.state == STATE_RUNNING else self.poll_interval

    def _process_in_pace(self) -> float:
        """Make one pass where the scheduler is not paused; returns the seconds to wait unless woken, so that passes do not chase."""
        begun = self.clock.monotonic()
        wait = self._process_jobs()
        return wait if self._pass.urgent else max(wait, MIN_INTERVAL - (self.clock.monotonic() - begun))

    def process_due(self) -> float:
        """Make one pass in the calling thread, even while the scheduler is paused; returns the seconds to the next one at most.

        For schedulers that are driven by hand.
        """
        with self._passing:
            return self._pass.run()
