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


class OffsetClock:
    """Another clock shifted by a measured offset, for instance to agree with the clock of a database."""

    def __init__(self, base: Clock, offset: timedelta = timedelta(0)) -> None:
        """Start with `offset` added to the wall reading of `base`."""
        self.base = base
        self.offset = offset

    def now(self) -> datetime:
        """Return the shifted moment, aware and in UTC."""
        return self.base.now() + self.offset

    def monotonic(self) -> float:
        """Return the monotonic reading of the base clock, unshifted."""
        return self.base.monotonic()


#: Used wherever no clock was given.
SYSTEM_CLOCK = SystemClock()
