"""A scheduler that is the only thing running in its process."""

from __future__ import annotations

from threading import Event
from typing import Any

from .base import STATE_STOPPED, BaseScheduler

#: The shortest time from the beginning of a pass to that of the next one, in seconds: what becomes due meanwhile is served together.
#: Whoever calls `wakeup()` need not wait for that.
MIN_INTERVAL = 0.02


class BlockingScheduler(BaseScheduler):
    """Runs its loop in the thread that calls `start()`, which returns when the scheduler was shut down."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`."""
        self._wake = Event()
        super().__init__(*args, **options)

    def start(self, paused: bool = False) -> None:
        """Start the scheduler and serve jobs until `shutdown()` is called from another thread or from a job."""
        super().start(paused)
        self._loop()

    def shutdown(self, wait: bool = True) -> None:
        """Stop the loop, and shut the executors and job stores down; see `BaseScheduler.shutdown()`."""
        super().shutdown(wait)
        self._wake.set()

    def wakeup(self) -> None:
        """Make a pass soon."""
        self._wake.set()

    def _loop(self) -> None:
        while self.state != STATE_STOPPED:
            self._wake.clear()
            begun = self.clock.monotonic()
            wait = self._process_jobs()
            if not self._pass.urgent:
                wait = max(wait, MIN_INTERVAL - (self.clock.monotonic() - begun))
            self._wake.wait(wait)
        for store in self.jobstores().values():
            store.leave()
