"""A whole cron expression: which dates and which times of day it means, without any time zone."""

from __future__ import annotations

from array import array
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from ..walltime import EPOCH_ORDINAL
from .fields import FIELDS, LAST, FieldValues, highest, lowest, parse, values_of

#: The values of fields that were left out and are finer than the finest one given; the others are `*`.
_LOWEST = {"month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
FIRST_YEAR = FIELDS["year"].low
#: The calendar repeats itself, weekdays and ISO weeks included.
CALENDAR_YEARS = 400

_EVERY_7TH = sum(1 << day for day in range(1, 32, 7))
_ALL_WEEKS = parse(FIELDS["week"], "*").mask
_ALL_YEARS = parse(FIELDS["year"], "*").mask
#: The days that every month has.
_SURE_DAYS = parse(FIELDS["day"], "1-28").mask


class Days(NamedTuple):
    """The days that a cron expression means in each of its months. Those that are numbers are bit masks of the values."""

    numbers: int
    last: bool
    #: Weekdays by their position in the month.
    positions: frozenset[tuple[int, int]]
    weeks: int
    weekdays: int
    #: Whether the day of the month or the day of the week suffices.
    either: bool

    def bits(self, first_weekday: int, length: int) -> int:
        """Return the bits of the days in a month, leaving weeks aside."""
        numbers = self.numbers
        if self.last or self.positions:
            numbers = self._numbers_in(first_weekday, length)
        weekdays = _by_weekday(self.weekdays, first_weekday)
        return (numbers | weekdays if self.either else numbers & weekdays) & (2 << length) - 2

    def _numbers_in(self, first_weekday: int, length: int) -> int:
        """Return the bits of the days that the field for the day of the month means."""
        bits = self.numbers | self.last << length
        for position, weekday in self.positions:
            day = (weekday - first_weekday) % 7 + 1
            weeks = (length - day) // 7 if position == LAST else position - 1
            bits |= 1 << day + 7 * weeks
        return bits

    def in_week(self, day: date) -> bool:
        """Return whether the ISO week of `day` is meant."""
        return bool(self.weeks >> day.isocalendar().week & 1)


class Month(NamedTuple):
    """The days of a month that an expression means, counted since the epoch."""

    first: int
    #: Not included.
    end: int
    #: A bit for each day that is meant; the lowest stands for the first of the month.
    bits: int

    def day_from(self, day: int) -> int | None:
        """Return the first day at or after `day`, one of this month, that is meant."""
        bits = self.bits >> day - self.first
        return day + lowest(bits) if bits else None


@lru_cache(maxsize=1024)
def month_of(days: Days, year: int, month: int) -> Month:
    """Return the `days` of a month, be the month itself meant or not; many triggers mean the same ones."""
    first, following = date(year, month, 1).toordinal(), _first_of_next(year, month)
    bits = days.bits((first - 1) % 7, following - first)
    if days.weeks != _ALL_WEEKS:
        bits = sum(1 << day for day in values_of(bits) if days.in_week(date(year, month, day)))
    return Month(first - EPOCH_ORDINAL, following - EPOCH_ORDINAL, bits >> 1)


def _first_of_next(year: int, month: int) -> int:
    """Return the ordinal of the first day of the month after that one."""
    return date(year, month + 1, 1).toordinal() if month < 12 else date(year, 12, 31).toordinal() + 1


def _by_weekday(weekdays: int, first_weekday: int) -> int:
    """Return the bits of the days of a month that fall on `weekdays`, if its first day is a `first_weekday`."""
    turned = weekdays >> first_weekday | weekdays << 7 - first_weekday & 0b1111111
    return turned * _EVERY_7TH


class Dates(NamedTuple):
    """The dates that a cron expression means; years and months are bit masks of the values."""

    years: int
    months: int
    days: Days

    def next_month(self, year: int, month: int) -> tuple[int, int] | None:
        """Return year and number of the first month at or after that one, which may be a 13th, that is meant."""
        if self._has_year(year) and (later := self.months >> month):
            return year, month + lowest(later)
        following = year + 1 if self._has_year(year + 1) else next_year(self.years, year + 1)
        return None if following is None else (following, lowest(self.months))

    def _has_year(self, year: int) -> bool:
        # Thousands of bits take their time to be shifted, and nearly always all of them are set.
        return year >= FIRST_YEAR and (self.years == _ALL_YEARS or bool(self.years >> year & 1))


def next_year(years: int, year: int) -> int | None:
    """Return the first year at or after `year` whose bit is set."""
    bits = years >> year
    return year + lowest(bits) if bits else None


@lru_cache(maxsize=512)
def days_of_year(dates: Dates, year: int) -> tuple[int, ...]:
    """Return the dates of a year as days since the epoch, in order."""
    if not dates.years >> year & 1:
        return ()
    months = (month_of(dates.days, year, number) for number in values_of(dates.months))
    return tuple(month.first + day for month in months for day in values_of(month.bits))


def is_possible(dates: Dates) -> bool:
    """Return whether there is any such date."""
    # A day that all months have falls on each weekday in some year: most expressions need no search.
    if dates.years == _ALL_YEARS and dates.days.weeks == _ALL_WEEKS and dates.days.numbers & _SURE_DAYS:
        return True
    return _has_date(dates)


@lru_cache(maxsize=1024)
def _has_date(dates: Dates) -> bool:
    """Return whether there is any such date, found by looking for the first."""
    end = lowest(dates.years) + CALENDAR_YEARS
    found = dates.next_month(lowest(dates.years), 1)
    while found is not None and found[0] < end:
        year, number = found
        if month_of(dates.days, year, number).bits:
            return True
        found = dates.next_month(year, number + 1)
    return False


class Times(NamedTuple):
    """The times of day that a cron expression means, as bit masks; times are seconds since midnight."""

    hours: int
    minutes: int
    seconds: int

    @property
    def first(self) -> int:
        """The first time of the day."""
        return lowest(self.hours) * 3600 + lowest(self.minutes) * 60 + lowest(self.seconds)

    @property
    def last(self) -> int:
        """The last time of the day."""
        return highest(self.hours) * 3600 + highest(self.minutes) * 60 + highest(self.seconds)

    def at_or_after(self, time: int) -> int:
        """Return the first time at or after `time`, which must not lie after the last one."""
        hour, minute, second = time // 3600, time // 60 % 60, time % 60
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (later := self.seconds >> second):
                return time + lowest(later)
            if later := self.minutes >> minute + 1:
                return (hour * 60 + minute + 1 + lowest(later)) * 60 + lowest(self.seconds)
        hour += 1 + lowest(self.hours >> hour + 1)
        return hour * 3600 + lowest(self.minutes) * 60 + lowest(self.seconds)


@lru_cache(maxsize=128)
def table(times: Times) -> array[int]:
    """Return all times of day, in order."""
    of_minute = list(values_of(times.seconds))
    of_hour = [minute * 60 + second for minute in values_of(times.minutes) for second in of_minute]
    return array("l", [hour * 3600 + rest for hour in values_of(times.hours) for rest in of_hour])


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
        days = Days(
            numbers=day.mask,
            last=day.last,
            positions=day.positions,
            weeks=self.fields["week"].mask,
            weekdays=weekday.mask,
            either=crontab and not day.starred and not weekday.starred,
        )
        self.dates = Dates(self.fields["year"].mask, self.fields["month"].mask, days)
        self.times = Times(self.fields["hour"].mask, self.fields["minute"].mask, self.fields["second"].mask)

    @property
    def fixed(self) -> bool:
        """Whether hour and minute are named, so that it is the times that count and not their rhythm."""
        return not self.fields["hour"].starred and not self.fields["minute"].starred


def _completed(fields: dict[str, FieldValues]) -> dict[str, FieldValues]:
    """Return all fields: coarser than the finest given one, they default to `*`, finer ones to their lowest value."""
    for name, defaults in _DEFAULTS.items():
        if name in fields:
            return defaults | fields
    return _DEFAULTS["second"]


def _defaults(finest: str) -> dict[str, FieldValues]:
    """Return the defaults of all fields if `finest` is the finest one given."""
    names = list(FIELDS)
    finer = names[names.index(finest) + 1 :]
    return {name: parse(field, _LOWEST.get(name, "*") if name in finer else "*") for name, field in FIELDS.items()}


#: By the finest field that is given, the finest first.
_DEFAULTS = {name: _defaults(name) for name in reversed(FIELDS)}
