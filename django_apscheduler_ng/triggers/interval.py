"""The trigger that fires at equal distances of absolute time."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Self

from ..exceptions import InvalidTriggerError
from .arguments import call_text, check_order, jitter_argument, moment_argument, number_argument, without_defaults
from .base import BaseTrigger, FireSpan, as_utc
from .walltime import moments
from .wording import between, delayed, every
from .zones import as_zone, default_zone

#: Where the fire times of an interval lie that has no start and no previous fire time to count from: a Monday, a first
#: of January, at midnight in the zone of the trigger.
ANCHOR = datetime(2001, 1, 1)  # noqa: DTZ001 - wall-clock time of any zone

_INSTANT = timedelta(microseconds=1)


class IntervalTrigger(BaseTrigger):
    """Fires every so many weeks, days, hours, minutes and seconds of absolute time.

    A day is 24 hours, across a clock change, too.

    With `start_date` the fire times are `start_date`, `start_date + interval`, and so on. Without, the first lies one
    interval after the moment of planning, and each later one an interval after the one before; two such triggers made
    at different times are equal.
    """

    alias = "interval"

    def __init__(
        self,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: tzinfo | str | None = None,
        jitter: float | None = None,
    ) -> None:
        """Fire each time the sum of the given units has passed.

        Args:
            weeks: number of weeks; like all units, it may be a fraction.
            days: number of days of 24 hours.
            hours: number of hours.
            minutes: number of minutes.
            seconds: number of seconds.
            start_date: the first fire time. A datetime, a date (its midnight) or an ISO 8601 string; without an offset
                it is time in `timezone`.
            end_date: no fire time lies after this moment; at it, one may.
            timezone: name of the zone, or the zone; None = the default zone.
            jitter: upper bound of the delay added to each start, in seconds; at most the interval.

        Raises:
            InvalidTriggerError: An argument is impossible; an interval of 0 is.
        """
        units = {"weeks": weeks, "days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        self.interval = self._interval(units)
        self.timezone = default_zone() if timezone is None else as_zone(timezone)
        self.start_date = moment_argument(self.alias, "start_date", start_date, self.timezone)
        self.end_date = moment_argument(self.alias, "end_date", end_date, self.timezone)
        check_order(self.alias, self.start_date, self.end_date)
        self.jitter = jitter_argument(self.alias, jitter, self.interval)

    @classmethod
    def _interval(cls, units: dict[str, float]) -> timedelta:
        checked = {unit: number_argument(cls.alias, unit, amount) for unit, amount in units.items()}
        try:
            interval = timedelta(**checked)
        except OverflowError:
            interval = timedelta(0)
        if not interval:
            given = ", ".join(f"{unit}={amount!r}" for unit, amount in checked.items() if amount) or "nothing"
            raise InvalidTriggerError(
                f"Trigger {cls.alias!r} must have an interval of at least a microsecond "
                f"and at most {timedelta.max.days} days, got {given}. "
                "Pass at least one of weeks, days, hours, minutes, seconds, such as minutes=5."
            )
        return interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time after `previous_fire_time`; without one, the first at or after `now`."""
        try:
            found = self._next(previous_fire_time and as_utc(previous_fire_time), as_utc(now))
            return (
                None if self.end_date is not None and found > as_utc(self.end_date) else found.astimezone(self.timezone)
            )
        except OverflowError:
            return None

    def _next(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the next fire time in UTC, whatever the end; all arguments are in UTC."""
        if self.start_date is None:
            return (previous or now) + self.interval
        start = as_utc(self.start_date)
        earliest = now if previous is None else previous + _INSTANT
        return start + max(0, -((start - earliest) // self.interval)) * self.interval

    def span(self, first: datetime, until: datetime) -> FireSpan:
        """Return the fire times from `first` up to and including `until`, calculated, not counted."""
        second = self.get_next_fire_time(first, until)
        end = as_utc(until) if self.end_date is None else min(as_utc(until), as_utc(self.end_date))
        if second is None or as_utc(second) > end:
            return FireSpan(first=first, last=first, count=1)
        steps = (end - as_utc(second)) // self.interval
        last = as_utc(second) + steps * self.interval
        return FireSpan(first=first, last=last.astimezone(self.timezone), count=steps + 2)

    def anchored(self) -> Self:
        """Return this trigger, with a start at midnight of 2001-01-01 in its zone if it has none."""
        if self.start_date is not None:
            return self
        return self.from_state({**self.to_state(), "start_date": moments(ANCHOR, self.timezone)[0]})

    def to_state(self) -> dict[str, Any]:
        """Return the interval in the units people would use, the limits with their offsets, the zone and the jitter."""
        return without_defaults(
            {
                **self._units(),
                "start_date": self.start_date and self.start_date.isoformat(),
                "end_date": self.end_date and self.end_date.isoformat(),
                "timezone": self.timezone.key,
                "jitter": self.jitter,
            }
        )

    def _units(self) -> dict[str, float]:
        """Return the interval as units: weeks where it is made of nothing else, otherwise days and below."""
        hours, rest = divmod(self.interval.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        units: dict[str, float] = {"days": self.interval.days, "hours": hours, "minutes": minutes, "seconds": seconds}
        if self.interval.microseconds:
            units["seconds"] = seconds + self.interval.microseconds / 10**6
        if self.interval % timedelta(weeks=1):
            return units
        return {"weeks": self.interval // timedelta(weeks=1)}

    def describe(self) -> str:
        """Return `every 5 minutes`, with its limits and its jitter where it has some."""
        limits = between(self.start_date, self.end_date, self.timezone.key)
        return every(self._units()) + limits + delayed(self.jitter)

    def __str__(self) -> str:
        return f"interval[{self.interval}]"

    def __repr__(self) -> str:
        return call_text(self)
