"""How much an executor has to do, and how much more it can take."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from django_apscheduler_ng.clock import Clock

#: Runs that wait in an executor should begin within this many seconds.
HORIZON = 0.1

#: Most runs that may wait in an executor, however fast it is.
MAX_AHEAD = 1000

#: Weight of the latest body in the mean duration of bodies.
_WEIGHT = 0.2


_R = TypeVar("_R")


class Load(Generic[_R]):
    """The runs an executor has taken on, each waiting or begun, and the mean duration of the latest bodies.

    A run that was left has ended, but its body goes on: it still takes up a worker.

    All methods may be called from any thread. A run ends once: `end()` says whether this call was the one.
    """

    def __init__(self, capacity: int, clock: Clock) -> None:
        """Start empty, for an executor that performs `capacity` runs at once."""
        #: How many runs are performed at once.
        self.capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: set[_R] = set()
        #: When each body began, in monotonic seconds.
        self._begun: dict[_R, float] = {}
        self._left: set[_R] = set()
        self._mean: float | None = None

    def __len__(self) -> int:
        """Return how many runs have not ended."""
        with self._lock:
            return self._size()

    def add(self, run: _R) -> None:
        """Take on a run; it waits."""
        with self._lock:
            self._waiting.add(run)

    def begin(self, run: _R) -> bool:
        """Note that the body begins; return False where the run has ended already, and must not be performed."""
        with self._lock:
            if run not in self._waiting:
                return False
            self._waiting.remove(run)
            self._begun[run] = self._clock.monotonic()
            return True

    def end(self, run: _R) -> bool:
        """Note that the run ended; return False where it had ended already."""
        with self._lock:
            if run in self._waiting:
                self._waiting.remove(run)
                return True
            begun = self._begun.pop(run, None)
            if begun is None:
                return False
            self._measure(self._clock.monotonic() - begun)
            return True

    def end_waiting(self, run: _R) -> bool:
        """Note that the run ended before its body began; return False where that has begun, or the run has ended already."""
        with self._lock:
            if run not in self._waiting:
                return False
            self._waiting.remove(run)
            return True

    def leave(self, run: _R) -> bool:
        """Note that the run ended and its body goes on; return False where the body has not begun, or the run has ended already."""
        with self._lock:
            if self._begun.pop(run, None) is None:
                return False
            self._left.add(run)
            return True

    def return_left(self, run: _R) -> bool:
        """Note that the body of a run that was left has ended as well; return whether there is such a run."""
        with self._lock:
            if run not in self._left:
                return False
            self._left.remove(run)
            return True

    def left(self) -> list[_R]:
        """Return the runs that have ended while their bodies go on."""
        with self._lock:
            return list(self._left)

    def occupied(self) -> int:
        """Return how many runs take up a worker, or wait for one."""
        with self._lock:
            return self._size() + len(self._left)

    def runs(self) -> list[_R]:
        """Return the runs that have not ended."""
        with self._lock:
            return [*self._begun, *self._waiting]

    def free(self) -> int:
        """Return how many more runs would begin within about `HORIZON` seconds; 0 until that is worth a look for more.

        These are the free workers, and what the workers will get to at the measured rate. A worker that has been with
        one body for longer than that gets to nothing, so slow jobs never wait here while another node is idle. Where
        runs wait, it is only when half of them are gone that there is room again: many are claimed as cheaply as one.
        """
        with self._lock:
            spare = self.capacity - self._size() - len(self._left)
            at_best = min(MAX_AHEAD, self.capacity * self._each())
            if spare + at_best <= at_best // 2:
                return 0  # the usual answer in a burst, and asked for after each end
            ahead = self._ahead()
            free = spare + ahead
            return free if free > ahead // 2 else 0

    def _size(self) -> int:
        return len(self._waiting) + len(self._begun)

    def _measure(self, duration: float) -> None:
        self._mean = duration if self._mean is None else self._mean + _WEIGHT * (duration - self._mean)

    def _each(self) -> int:
        """Return how many runs each worker gets to within `HORIZON` seconds, at most."""
        if self._mean is None or self._mean >= HORIZON:
            return 0
        return int(HORIZON / max(self._mean, HORIZON / MAX_AHEAD))

    def _ahead(self) -> int:
        """Return how many runs may wait: as many as the workers that are not held up get to."""
        each = self._each()
        if not each:
            return 0
        now = self._clock.monotonic()
        held_up = sum(now - begun >= HORIZON for begun in self._begun.values())
        moving = self.capacity - len(self._left) - held_up
        return min(MAX_AHEAD, moving * each)
