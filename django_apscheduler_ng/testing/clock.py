"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock

#: Where a fake clock stands that was given no start: a Monday morning.
DEFAULT_START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class FakeClock:
    """A `Clock` with readings that change only on demand; safe to use from any thread.

    `advance()` and `set()` let time pass: both readings move. `step()` is what a correction of the system's time does: the wall
    reading jumps and the monotonic one does not notice.
    """

    def __init__(self, start: datetime | str = DEFAULT_START) -> None:
        """Stand at `start`, an aware datetime or an ISO string with an offset."""
        self._lock = Lock()
        self._now = as_moment(start, "start")
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the current moment, aware and in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that have passed since the clock was made, steps not counted."""
        return self._monotonic

    def advance(self, by: timedelta | float) -> datetime:
        """Let a duration (or a number of seconds) pass, and return the new moment.

        Raises:
            ValueError: the duration is negative; `step()` sets the wall reading back.
        """
        duration = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if duration < timedelta(0):
            raise ValueError(
                f"advance() must get a duration of at least 0, got {by!r}. Use step() to set the clock back."
            )
        with self._lock:
            self._now += duration
            self._monotonic += duration.total_seconds()
            return self._now

    def set(self, moment: datetime | str) -> datetime:
        """Let time pass until `moment`, an aware datetime or an ISO string with an offset, and return it in UTC.

        Raises:
            ValueError: the moment has passed; `step()` sets the wall reading back.
        """
        target = as_moment(moment, "moment")
        with self._lock:
            if target < self._now:
                raise ValueError(
                    f"set() must get a moment at or after {self._now.isoformat()}, got {target.isoformat()}. "
                    "Use step() to set the clock back."
                )
            self._monotonic += (target - self._now).total_seconds()
            self._now = target
            return target

    def step(self, by: timedelta | float) -> datetime:
        """Move the wall reading alone, forth or back, by a duration (or a number of seconds), and return the new moment."""
        with self._lock:
            self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
            return self._now

    def __repr__(self) -> str:
        """Show where the clock stands."""
        return f"<FakeClock ({self._now.isoformat()})>"


def as_moment(value: datetime | str, name: str) -> datetime:
    """Return an aware datetime, or an ISO string with an offset, as a moment in UTC.

    Raises:
        ValueError: it is neither.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (AttributeError, TypeError, ValueError):
        pass
    raise ValueError(
        f"{name!r} must be an aware datetime or an ISO string with an offset, got {value!r}. "
        "Write it as '2026-03-29T01:30:00+01:00'."
    )
