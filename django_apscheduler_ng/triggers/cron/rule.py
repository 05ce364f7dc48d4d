"""A whole cron expression: which dates and which times of day it means, without any time zone."""

from __future__ import annotations

from array import array
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple

from ..walltime import EPOCH_ORDINAL
from .fields import FIELDS, LAST, FieldValues, parse, values_of

#: The values of fields that were left out and are finer than the finest one given; the others are `*`.
_LOWEST = {"month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
#: The calendar repeats itself, weekdays and ISO weeks included.
CALENDAR_YEARS = 400

_EVERY_7TH = sum(1 << day for day in range(1, 32, 7))
_ALL_WEEKS = parse(FIELDS["week"], "*").mask


class Dates(NamedTuple):
    """The dates that a cron expression means. All but `either` are bit masks of the values."""

    years: int
    months: int
    days: int
    last_day: bool
    #: Weekdays by their position in the month.
    positions: frozenset[tuple[int, int]]
    weeks: int
    weekdays: int
    #: Whether the day of the month or the day of the week suffices.
    either: bool

    def months_in(self, year: int) -> list[int]:
        """Return the months of a year that are meant."""
        return [month for month in range(1, 13) if self.months >> month & 1] if self.years >> year & 1 else []

    def of_month(self, year: int, month: int) -> Iterator[int]:
        """Yield the days of the month that are meant, in order."""
        first_weekday, length = monthrange(year, month)
        days = self._days(first_weekday, length)
        weekdays = _by_weekday(self.weekdays, first_weekday)
        bits = days | weekdays if self.either else days & weekdays
        for day in values_of(bits & (2 << length) - 1):
            if self.weeks == _ALL_WEEKS or self._in_week(date(year, month, day)):
                yield day

    def _days(self, first_weekday: int, length: int) -> int:
        """Return the bits of the days that the field for the day of the month means."""
        bits = self.days | self.last_day << length
        for position, weekday in self.positions:
            day = (weekday - first_weekday) % 7 + 1
            weeks = (length - day) // 7 if position == LAST else position - 1
            bits |= 1 << day + 7 * weeks
        return bits

    def _in_week(self, day: date) -> bool:
        return bool(self.weeks >> day.isocalendar().week & 1)


def _by_weekday(weekdays: int, first_weekday: int) -> int:
    """Return the bits of the days of a month that fall on `weekdays`, if its first day is a `first_weekday`."""
    turned = weekdays >> first_weekday | weekdays << 7 - first_weekday & 0b1111111
    return turned * _EVERY_7TH


def next_year(years: int, year: int) -> int | None:
    """Return the first year at or after `year` whose bit is set."""
    bits = years >> year
    return year + (bits & -bits).bit_length() - 1 if bits else None


@lru_cache(maxsize=512)
def days_of_year(dates: Dates, year: int) -> tuple[int, ...]:
    """Return the dates of a year as days since the epoch, in order."""
    found: list[int] = []
    for month in dates.months_in(year):
        eve = date(year, month, 1).toordinal() - EPOCH_ORDINAL - 1
        found.extend(eve + day for day in dates.of_month(year, month))
    return tuple(found)


@lru_cache(maxsize=1024)
def is_possible(dates: Dates) -> bool:
    """Return whether there is any such date."""
    year = next_year(dates.years, 0)
    limit = (year or 0) + CALENDAR_YEARS
    while year is not None and year < limit:
        if any(True for month in dates.months_in(year) for _ in dates.of_month(year, month)):
            return True
        year = next_year(dates.years, year + 1)
    return False


@lru_cache(maxsize=128)
def _times(hours: int, minutes: int, seconds: int) -> array[int]:
    """Return the times of day, in seconds since midnight, in order."""
    of_minute = [second for second in range(60) if seconds >> second & 1]
    of_hour = [minute * 60 + second for minute in range(60) if minutes >> minute & 1 for second in of_minute]
    return array("l", [hour * 3600 + rest for hour in range(24) if hours >> hour & 1 for rest in of_hour])


class Rule:
    """The fields of a cron expression together."""

    def __init__(self, fields: dict[str, FieldValues], *, crontab: bool = False) -> None:
        """Fill in the fields that were left out.

        Args:
            fields: what the given fields say, by name.
            crontab: whether, as in `crontab(5)`, day or day of week suffices where neither is starred.
        """
        self.fields = _completed(fields)
        day, weekday = self.fields["day"], self.fields["day_of_week"]
        self.dates = Dates(
            years=self.fields["year"].mask,
            months=self.fields["month"].mask,
            days=day.mask,
            last_day=day.last,
            positions=day.positions,
            weeks=self.fields["week"].mask,
            weekdays=weekday.mask,
            either=crontab and not day.starred and not weekday.starred,
        )

    @property
    def fixed(self) -> bool:
        """Whether hour and minute are named, so that it is the times that count and not their rhythm."""
        return not self.fields["hour"].starred and not self.fields["minute"].starred

    @cached_property
    def times(self) -> array[int]:
        """The times of day, in seconds since midnight, in order."""
        return _times(self.fields["hour"].mask, self.fields["minute"].mask, self.fields["second"].mask)


def _completed(fields: dict[str, FieldValues]) -> dict[str, FieldValues]:
    """Return all fields: coarser than the finest given one, they default to `*`, finer ones to their lowest value."""
    finest = next((name for name in reversed(FIELDS) if name in fields), "second")
    return _DEFAULTS[finest] | fields


def _defaults(finest: str) -> dict[str, FieldValues]:
    """Return the defaults of all fields if `finest` is the finest one given."""
    names = list(FIELDS)
    finer = names[names.index(finest) + 1 :]
    return {name: parse(field, _LOWEST.get(name, "*") if name in finer else "*") for name, field in FIELDS.items()}


_DEFAULTS = {name: _defaults(name) for name in FIELDS}
