"""A thread that sends what is new: soon after it is told so, and never too often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread

logger = logging.getLogger(__name__)

#: Least time from one send to the next, in seconds.
INTERVAL = 1.0

#: How long what is new waits for more, in seconds. Short runs have ended by then.
DELAY = 0.5


class Reporter:
    """Calls `send` in a thread of its own, which is started when there is something to send for the first time."""

    def __init__(
        self,
        send: Callable[[], None],
        rest: Callable[[], object] = lambda: None,
        *,
        name: str,
        delay: float = DELAY,
        interval: float = INTERVAL,
    ) -> None:
        """Prepare.

        Args:
            send: sends all that is new, and survives what goes wrong.
            rest: called when nothing new has come after a send, and at the end.
            name: of the thread.
            delay: how long what is new waits for more, in seconds.
            interval: least time from one send to the next, in seconds; not less than `delay`.
        """
        self._send = send
        self._rest = rest
        self._name = name
        self._delay = delay
        self._interval = interval
        self._noted = Event()
        self._stopping = Event()
        self._lock = Lock()
        self._thread: Thread | None = None

    def note(self) -> None:
        """Say that there is something new. May be called from any thread, and returns at once."""
        if not self._noted.is_set():
            self._noted.set()
            if self._thread is None:
                self._start()

    def stop(self, timeout: float) -> None:
        """Send what is left, and end the thread; for at most `timeout` seconds."""
        self._stopping.set()
        self._noted.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                thread = Thread(target=self._loop, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    self._noted.clear()  # the system has no thread to give; the next note tries again
                    logger.warning("No thread could be started to report how runs are getting on; it is tried again.")
                    return
                self._thread = thread

    def _loop(self) -> None:
        last = False
        while not last:
            self._noted.wait()
            last = self._stopping.wait(self._delay)
            self._noted.clear()
            self._send()
            self._stopping.wait(self._interval - self._delay)
            if last or not self._noted.is_set():
                self._rest()
