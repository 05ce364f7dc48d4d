"""The fire times of a crontab line, read from `crontab(5)` and `cron(8)` a second time, as plainly as possible.

It is the old side of a proof, and shares nothing with the trigger that it is compared with: sets of numbers, and a look at each day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from .candidates import OldTimes

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_MINUTE = timedelta(minutes=1)

#: Days that are looked at: enough for a hundred leap days.
_MOST_DAYS = 300_000


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The five fields as sets of numbers; Sunday is 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    #: Whether one of the two fields for days begins with `*`: both have to match then, else one is enough.
    both_days: bool
    #: Whether minute or hour begins with `*`: it follows real time then, whatever the clocks do.
    follows: bool

    def has(self, day: date) -> bool:
        """Return whether there are fire times on this date."""
        if day.month not in self.months:
            return False
        matches = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return all(matches) if self.both_days else any(matches)


def read_schedule(text: str) -> Schedule:
    """Return what five fields, or a nickname, say."""
    minute, hour, day, month, weekday = _NICKNAMES.get(text.strip().lower(), text).lower().split()
    return Schedule(
        minutes=_numbers(minute, 0, 59),
        hours=_numbers(hour, 0, 23),
        days=_numbers(day, 1, 31),
        months=_numbers(month, 1, 12, _MONTHS, 1),
        weekdays=frozenset(number % 7 for number in _numbers(weekday, 0, 7, _DAYS)),
        both_days=day.startswith("*") or weekday.startswith("*"),
        follows=minute.startswith("*") or hour.startswith("*"),
    )


def _numbers(text: str, low: int, high: int, names: tuple[str, ...] = (), first_name: int = 0) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        bounds, _, step = part.partition("/")
        if bounds == "*":
            begin, end = low, high
        else:
            words = [names.index(word) + first_name if word in names else int(word) for word in bounds.split("-")]
            begin, end = words[0], words[-1]
            if step and len(words) == 1:
                end = high
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def times_of(text: str, zone: ZoneInfo) -> OldTimes:
    """Return what computes the fire times that cron has for this schedule in this zone."""
    schedule = read_schedule(text)

    def compute(now: datetime, count: int) -> list[datetime]:
        return list(islice((moment for moment in _moments(schedule, zone, now) if moment >= now), count))

    return compute


def _moments(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Iterator[datetime]:
    """Yield fire times in UTC, in order, from the day before `now` on."""
    begin = now.astimezone(zone).date() - timedelta(days=1)
    last = datetime.min.replace(tzinfo=UTC)
    for offset in range(_MOST_DAYS):
        day = begin + timedelta(days=offset)
        if not schedule.has(day):
            continue
        for moment in sorted(_following(schedule, zone, day) if schedule.follows else _fixed(schedule, zone, day)):
            if moment > last:
                last = moment
                yield moment


def _following(schedule: Schedule, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    """Yield each minute of real time at which the clocks show a time that matches, on this date."""
    start = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    for minute in range(54 * 60):
        moment = start + minute * _MINUTE
        shown = moment.astimezone(zone)
        if shown.date() == day and shown.minute in schedule.minutes and shown.hour in schedule.hours:
            yield moment


def _fixed(schedule: Schedule, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    """Yield the first moment at which the clocks show each time; where they never do, the first one after the gap."""
    for hour in schedule.hours:
        for minute in schedule.minutes:
            wall = datetime.combine(day, time(hour, minute))
            moment = wall.replace(tzinfo=zone).astimezone(UTC)
            if moment.astimezone(zone).replace(tzinfo=None) != wall:
                shown = moment.astimezone(zone)
                while (moment - _MINUTE).astimezone(zone).utcoffset() == shown.utcoffset():
                    moment -= _MINUTE
            yield moment
