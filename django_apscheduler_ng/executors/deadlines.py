"""Calls that are due at a time: one heap and one thread for all of them, which is started with the first."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from django_apscheduler_ng.clock import Clock

logger = logging.getLogger(__name__)

#: The heap is cleared of calls that are not wanted any more when there are more of them than this, and than of the others.
_MOST_STALE = 64


class Deadline:
    """A call to come."""

    __slots__ = ("_number", "at", "call")

    _numbers = itertools.count()

    def __init__(self, at: float, call: Callable[[], object]) -> None:
        """Plan `call` for the monotonic time `at`."""
        self.at = at
        self.call: Callable[[], object] | None = call
        self._number = next(self._numbers)

    def __lt__(self, other: Deadline) -> bool:
        """Order by time; the one that was planned first where that is the same."""
        return (self.at, self._number) < (other.at, other._number)


class Deadlines:
    """Makes calls when their time has come, on the monotonic clock. Calls should be short: the next one waits."""

    def __init__(self, clock: Clock, name: str) -> None:
        """Plan nothing yet; the thread will be called `name`."""
        self._clock = clock
        self._name = name
        self._changed = threading.Condition()
        self._heap: list[Deadline] = []
        self._stale = 0
        self._thread: threading.Thread | None = None
        self._stopped = False

    def call_after(self, seconds: float, call: Callable[[], object]) -> Deadline:
        """Call `call` after so many seconds, on the thread of the deadlines."""
        deadline = Deadline(self._clock.monotonic() + seconds, call)
        with self._changed:
            heapq.heappush(self._heap, deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
                self._thread.start()
            elif self._heap[0] is deadline:
                self._changed.notify()
        return deadline

    def discard(self, deadline: Deadline) -> None:
        """Do not make this call, unless it was made already."""
        with self._changed:
            if deadline.call is None:
                return
            deadline.call = None
            self._stale += 1
            if self._stale > max(_MOST_STALE, len(self._heap) // 2):
                self._heap = [planned for planned in self._heap if planned.call is not None]
                heapq.heapify(self._heap)
                self._stale = 0

    def stop(self) -> None:
        """Make no further call, and end the thread."""
        with self._changed:
            self._stopped = True
            self._heap.clear()
            self._changed.notify()

    def __len__(self) -> int:
        """Return how many calls are kept, wanted or not."""
        return len(self._heap)

    def _loop(self) -> None:
        while True:
            call = self._next()
            if call is None:
                return
            try:
                call()
            except Exception:
                logger.exception("What was due in %s failed; going on.", self._name)
            del call

    def _next(self) -> Callable[[], object] | None:
        """Wait for the next call that is due and return it; None when stopped."""
        with self._changed:
            while not self._stopped:
                wait = self._heap[0].at - self._clock.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    deadline = heapq.heappop(self._heap)
                    if deadline.call is None:
                        self._stale -= 1
                        continue
                    call, deadline.call = deadline.call, None
                    return call
                self._changed.wait(wait)
        return None
