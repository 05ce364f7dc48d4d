"""A scheduler in a thread of its own, beside whatever the process does."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Thread, current_thread
from typing import Any

from .base import BaseScheduler
from .blocking import BlockingScheduler
from .options import as_bool


class BackgroundScheduler(BlockingScheduler):
    """Runs its loop in a thread; `start()` returns at once."""

    _own_options = ("daemon",)

    def __init__(self, gconfig: dict[str, Any] | None = None, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`, and `daemon`.

        Args:
            gconfig: options under dotted names.
            **options: options by keyword; `daemon` (True) lets the process end while the scheduler is running.
        """
        self._daemon = True
        self._thread: Thread | None = None
        super().__init__(gconfig, **options)

    def _apply_own(self, options: Mapping[str, Any]) -> None:
        self._daemon = as_bool(options.get("daemon", self._daemon), "daemon")

    def start(self, paused: bool = False) -> None:
        """Start the scheduler; see `BaseScheduler.start()`."""
        BaseScheduler.start(self, paused)
        self._thread = Thread(target=self._loop, name="django_apscheduler_ng", daemon=self._daemon)
        self._thread.start()

    def shutdown(self, wait: bool = True) -> None:
        """Stop the thread, and shut the executors and job stores down; see `BaseScheduler.shutdown()`."""
        super().shutdown(wait)
        thread, self._thread = self._thread, None
        if thread is not None and thread is not current_thread():
            thread.join()
