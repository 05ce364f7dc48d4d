"""The only place that reads the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A wall reading that may step, and a monotonic one that may not."""

    def now(self) -> datetime:
        """Return the current moment, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the current moment, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        return time.monotonic()


class AnchoredClock:
    """The clock of somebody else, a database for one: told once in a while, and carried on by the monotonic reading between.

    A step of this machine's wall clock changes nothing, then. Before it is anchored it is the base clock.
    """

    #: How far the wall clock may move from the monotonic one until the anchor is in doubt.
    TOLERANCE = timedelta(milliseconds=500)

    def __init__(self, base: Clock, *, follows: bool = True) -> None:
        """Carry on with the readings of `base`; one that does not follow stays with these, whatever it is told."""
        self.base = base
        self.follows = follows
        self._anchor: tuple[datetime, float, datetime] | None = None

    def anchor(self, moment: datetime, trip: float = 0.0) -> None:
        """Go by `moment`, which was the time there when it was read, at some instant of the last `trip` seconds.

        All that this tells is a span which the time is in now. What was known before and agrees with it stays: an answer that waited
        for a lock moves nothing, therefore. The first one is taken for read in the middle of the trip.
        """
        if not self.follows:
            return
        latest = moment + timedelta(seconds=trip)
        known = moment + (latest - moment) / 2 if self._anchor is None else self.now()
        self._anchor = (min(max(known, moment), latest), self.base.monotonic(), self.base.now())

    def now(self) -> datetime:
        """Return the current moment, aware and in UTC."""
        if self._anchor is None:
            return self.base.now()
        moment, monotonic, _ = self._anchor
        return moment + timedelta(seconds=self.base.monotonic() - monotonic)

    def monotonic(self) -> float:
        """Return the monotonic reading of the base clock."""
        return self.base.monotonic()

    @property
    def in_doubt(self) -> bool:
        """Whether the wall clock was set, or the machine slept, since the anchor: the monotonic reading stands still then."""
        if self._anchor is None:
            return False
        _, monotonic, wall = self._anchor
        passed = timedelta(seconds=self.base.monotonic() - monotonic)
        return abs(self.base.now() - wall - passed) > self.TOLERANCE


class Timing:
    """When something began, and when it ended, as far apart as it took: a step of the wall clock between counts for nothing."""

    def __init__(self, clock: Clock) -> None:
        """Begin now."""
        self._clock = clock
        self.started_at = clock.now()
        self._begun = clock.monotonic()

    @property
    def finished_at(self) -> datetime:
        """The end, if it is now."""
        return self.started_at + timedelta(seconds=self._clock.monotonic() - self._begun)


#: Used wherever no clock was given.
SYSTEM_CLOCK = SystemClock()
