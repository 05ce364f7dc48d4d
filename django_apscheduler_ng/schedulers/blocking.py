"""A scheduler that is the only thing running in its process."""

from __future__ import annotations

from threading import Event
from typing import Any

from .base import STATE_STOPPED, BaseScheduler


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
            self._wake.wait(self._process_in_pace())
        for store in self.jobstores().values():
            store.leave()
