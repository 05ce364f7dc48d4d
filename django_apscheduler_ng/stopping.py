"""OS signals that ask the process to stop, turned into something the main thread can wait for."""

from __future__ import annotations

import select
import signal
import socket
import time
from types import FrameType
from typing import Any, Self

#: Asked for by service managers, by Ctrl-C, and by a terminal that closes.
_NAMES = ("SIGTERM", "SIGINT", "SIGHUP")


class StopRequests:
    """Counts requests to stop.

    The interpreter itself writes each signal to a socket, at the instant at which it comes. A handler in Python would be late: it
    runs between two steps of the main thread, and a signal that comes just before that thread begins to wait would be heard only when
    the waiting ends.
    """

    def __init__(self) -> None:
        """Prepare; nothing is installed yet."""
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._before: dict[int, Any] = {}
        self._wakeup_before = -1
        self.count = 0

    def install(self) -> Self:
        """Handle the signals from now on. Only the main thread may call this."""
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
                continue  # started by `nohup`: to outlive its terminal
            self._before[number] = signal.signal(number, _go_on)
        self._wakeup_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        return self

    def close(self, *, ignore: bool) -> None:
        """Take no more requests.

        Args:
            ignore: let further signals pass unheard, because the process is about to end anyway; False = handle them as before
                `install()`.
        """
        if not ignore:
            for number, handler in self._before.items():
                signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._read.close()
        self._write.close()

    def wait(self, seconds: float | None, *, more_than: int = 0) -> bool:
        """Wait until there were more than so many requests, at most `seconds` (None = for ever); returns whether there were."""
        until = None if seconds is None else time.monotonic() + seconds
        while self.count <= more_than:
            left = None if until is None else max(until - time.monotonic(), 0.0)
            ready, _, _ = select.select([self._read], [], [], left)
            if ready:
                self.count += sum(number in self._before for number in self._read.recv(4096))
            elif until is not None and time.monotonic() >= until:
                return False
        return True


def _go_on(number: int, frame: FrameType | None) -> None:
    """Do nothing: what is to be done is done by whoever waits."""
