"""A cron that knows no shortcuts: it looks at the clock on the wall at every minute or second of real time.

It shares nothing with the package: fields come as sets, the clock as `datetime.fromtimestamp()`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

EVERY = range(10_000)


#: Moments, in seconds since the epoch, and what the clock on the wall shows.
Clock = tuple[tuple[int, datetime], ...]


@lru_cache(maxsize=1024)
def _clock(zone: ZoneInfo, moments: range) -> Clock:
    return tuple((moment, datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)) for moment in moments)


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """Fields as collections of values; what `CronTrigger` is given as text."""

    zone: ZoneInfo
    days: Collection[int] = EVERY
    weekdays: Collection[int] = EVERY
    hours: Collection[int] = EVERY
    minutes: Collection[int] = EVERY
    seconds: Collection[int] = (0,)
    fixed: bool
    on_gap: str = "shift"
    on_overlap: str = "first"

    def fire_times(self, start: datetime, end: datetime, step: int = 60) -> list[datetime]:
        """Return the fire times in [`start`, `end`) in UTC; transitions lie inside, hours away from both ends."""
        clock = _clock(self.zone, range(int(start.timestamp()), int(end.timestamp()), step))
        found = self._fixed(clock) if self.fixed else self._following(clock)
        return [datetime.fromtimestamp(moment, UTC) for moment in sorted(found)]

    def _following(self, clock: Clock) -> set[int]:
        return {moment for moment, wall in clock if self._matches(wall)}

    def _fixed(self, clock: Clock) -> set[int]:
        found: set[int] = set()
        seen: set[datetime] = set()
        for moment, wall in clock:
            if self._matches(wall) and (self.on_overlap == "both" or wall not in seen):
                found.add(moment)
            seen.add(wall)
        if self.on_gap == "shift":
            found.update(self._shifted(clock))
        return found

    def _shifted(self, clock: Clock) -> Iterator[int]:
        """Yield the moments at which the clock jumped over a time that matches."""
        step = timedelta(seconds=clock[1][0] - clock[0][0])
        for (_, wall), (moment, following) in pairwise(clock):
            while (wall := wall + step) < following:
                if self._matches(wall):
                    yield moment

    def _matches(self, wall: datetime) -> bool:
        return (
            wall.minute in self.minutes
            and wall.second in self.seconds
            and wall.hour in self.hours
            and wall.day in self.days
            and wall.weekday() in self.weekdays
        )


def transitions(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """Return the first instants (UTC) with a new UTC offset, found by looking at every hour."""
    start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp())
    found = []
    known = _offset(zone, start)
    for hour in range(start + 3600, end, 3600):
        if (offset := _offset(zone, hour)) != known:
            minute = next(moment for moment in range(hour - 3540, hour + 60, 60) if _offset(zone, moment) == offset)
            found.append(datetime.fromtimestamp(minute, UTC))
            known = offset
    return found


def _offset(zone: ZoneInfo, moment: int) -> timedelta | None:
    return datetime.fromtimestamp(moment, zone).utcoffset()
