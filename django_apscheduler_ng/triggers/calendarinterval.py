"""The trigger that fires at one time of day, every so many years, months, weeks and days of the calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Self

from ..exceptions import InvalidTriggerError
from .arguments import (
    call_text,
    check_order,
    choice_argument,
    day_argument,
    jitter_argument,
    whole_argument,
    without_defaults,
)
from .base import BaseTrigger, FireSpan, as_utc
from .interval import ANCHOR
from .walltime import OnGap, OnOverlap, moments
from .wording import between, delayed, every, gettext
from .zones import as_zone, default_zone

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


class CalendarIntervalTrigger(BaseTrigger):
    """Fires at the same time of day, every so many years, months, weeks and days of the calendar.

    From one date to the next, years and months are added first, then weeks and days. A month that lacks the day is
    passed over, so that a monthly trigger on the 31st fires on the 31st for ever. With `start_date` the dates are
    counted from it. Without, they are counted from the date on which the job is planned first; two such triggers made
    on different days are equal.

    A time inside a gap happens at the first instant after it, one inside an overlap the first time; `on_gap` and
    `on_overlap` choose otherwise.
    """

    alias = "calendarinterval"

    def __init__(
        self,
        *,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        timezone: tzinfo | str | None = None,
        jitter: float | None = None,
        on_gap: OnGap = "shift",
        on_overlap: OnOverlap = "first",
    ) -> None:
        """Fire at `hour`:`minute`:`second` of each date that is so many units after the one before.

        Args:
            years: number of years.
            months: number of months.
            weeks: number of weeks.
            days: number of days.
            hour: the time of day, like `minute` and `second`.
            minute: see `hour`.
            second: see `hour`.
            start_date: the first date, a date or an ISO 8601 string of one.
            end_date: the last date; it still counts.
            timezone: name of the zone in which dates and times are meant, or the zone; None = the default zone.
            jitter: upper bound of the delay added to each start, in seconds; at most the shortest time from one date to
                the next.
            on_gap: `"shift"` or `"skip"` the fire time on a date on which its time of day does not exist.
            on_overlap: fire the `"first"` time or `"both"` on a date on which the time of day exists twice.

        Raises:
            InvalidTriggerError: An argument is impossible; an interval of 0 is.
        """
        amounts = {"years": years, "months": months, "weeks": weeks, "days": days}
        self._months, self._days = self._steps(amounts)
        self._time = time(
            whole_argument(self.alias, "hour", hour, 23),
            whole_argument(self.alias, "minute", minute, 59),
            whole_argument(self.alias, "second", second, 59),
        )
        choice_argument(self.alias, "on_gap", on_gap, ("shift", "skip"))
        choice_argument(self.alias, "on_overlap", on_overlap, ("first", "both"))
        self.on_gap: OnGap = on_gap
        self.on_overlap: OnOverlap = on_overlap
        self.timezone = default_zone() if timezone is None else as_zone(timezone)
        self.start_date = day_argument(self.alias, "start_date", start_date)
        self._last_day = day_argument(self.alias, "end_date", end_date)
        check_order(self.alias, self.start_date, self._last_day)
        #: The end of the last date, as a moment.
        self.end_date = self._end_of(self._last_day)
        self.jitter = jitter_argument(self.alias, jitter, timedelta(days=28 * self._months + self._days))

    @classmethod
    def _steps(cls, amounts: dict[str, int]) -> tuple[int, int]:
        """Return the interval as months and days."""
        checked = {unit: whole_argument(cls.alias, unit, amount, 10_000) for unit, amount in amounts.items()}
        if not any(checked.values()):
            raise InvalidTriggerError(
                f"Trigger {cls.alias!r} must have an interval of at least a day, got nothing. "
                "Pass at least one of years, months, weeks, days, such as months=1."
            )
        return 12 * checked["years"] + checked["months"], 7 * checked["weeks"] + checked["days"]

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time after `previous_fire_time`; without one, the first at or after `now`."""
        try:
            if previous_fire_time is None:
                return self._search(self.start_date or now.astimezone(self.timezone).date(), as_utc(now))
            previous = as_utc(previous_fire_time)
            return self._search(self.start_date or self._day_of(previous), previous + _INSTANT)
        except OverflowError:
            return None

    def _search(self, start: date, earliest: datetime) -> datetime | None:
        """Return the first fire time at or after `earliest` (UTC) of the dates counted from `start`."""
        # A fire time may lie on the day after its date, pushed there by a gap before midnight.
        day: date | None = self._leap(start, earliest.astimezone(self.timezone).date() - _DAY)
        while day is not None and (self._last_day is None or day <= self._last_day):
            for moment in self._moments(day):
                if moment >= earliest and (self.end_date is None or moment <= as_utc(self.end_date)):
                    return moment.astimezone(self.timezone)
            day = self._step(day)
        return None

    def _moments(self, day: date) -> tuple[datetime, ...]:
        """Return the fire times (UTC) that `day` stands for."""
        return moments(datetime.combine(day, self._time), self.timezone, self.on_gap, self.on_overlap)

    def _day_of(self, fired: datetime) -> date:
        """Return the date that the fire time `fired` (UTC) stands for."""
        local = fired.astimezone(self.timezone).date()
        return next((day for day in (local, local - _DAY) if fired in self._moments(day)), local)

    def _leap(self, start: date, target: date) -> date:
        """Return the last date at or before `target` counted from `start`, at least `start`, in few steps."""
        if not self._months:
            return start + max(0, (target - start).days // self._days) * timedelta(days=self._days)
        day = start
        if not self._days:
            apart = 12 * (target.year - start.year) + target.month - start.month
            # Back to a month that has the day: 97 months at most, from 1904-02-29 to 1896-02-29.
            for steps in range(apart // self._months, 0, -1):
                candidate = _in_month(start, steps * self._months)
                if candidate is not None and candidate <= target:
                    return candidate
            return start
        while (following := self._step(day)) is not None and following <= target:
            day = following
        return day

    def _step(self, day: date) -> date | None:
        """Return the date that follows `day`, None beyond the year 9999."""
        if not self._months:
            return day + timedelta(days=self._days)
        for months in range(self._months, 12 * (date.max.year + 1 - day.year), self._months):
            candidate = _in_month(day, months)
            if candidate is not None:
                return candidate + timedelta(days=self._days)
        return None

    def _end_of(self, day: date | None) -> datetime | None:
        """Return the last moment of `day`, None if it lies at the end of time."""
        try:
            ends = day and moments(datetime.combine(day, time.max), self.timezone, on_overlap="both")
        except OverflowError:
            return None
        return ends[-1].astimezone(self.timezone) if ends else None

    def span(self, first: datetime, until: datetime) -> FireSpan:
        """Return the fire times from `first` up to and including `until`."""
        if self.start_date is not None:
            return super().span(first, until)
        return self._counted_from(self._day_of(as_utc(first))).span(first, until)

    def anchored(self) -> Self:
        """Return this trigger, with the start 2001-01-01 if it has none."""
        return self if self.start_date is not None else self._counted_from(ANCHOR.date())

    def _counted_from(self, start: date) -> Self:
        return self.from_state({**self.to_state(), "start_date": start})

    def to_state(self) -> dict[str, Any]:
        """Return the interval, the time of day, the limits, the name of the zone, and what was chosen besides."""
        return without_defaults(
            {
                **self._units(),
                "hour": self._time.hour,
                "minute": self._time.minute,
                "second": self._time.second,
                "start_date": self.start_date and self.start_date.isoformat(),
                "end_date": self._last_day and self._last_day.isoformat(),
                "timezone": self.timezone.key,
                "jitter": self.jitter,
                "on_gap": None if self.on_gap == "shift" else self.on_gap,
                "on_overlap": None if self.on_overlap == "first" else self.on_overlap,
            }
        )

    def _units(self) -> dict[str, int]:
        """Return the interval in the largest units of which it is a whole number."""
        months = {"months": self._months} if self._months % 12 else {"years": self._months // 12}
        days = {"days": self._days} if self._days % 7 else {"weeks": self._days // 7}
        return {unit: amount for unit, amount in (months | days).items() if amount}

    def describe(self) -> str:
        """Return `every 2 months at 09:00`, with its limits and its jitter where it has some."""
        at = self._time.isoformat() if self._time.second else f"{self._time:%H:%M}"
        words = gettext("%(rhythm)s at %(time)s") % {"rhythm": every(self._units()), "time": at}
        return words + between(self.start_date, self._last_day, self.timezone.key) + delayed(self.jitter)

    def __str__(self) -> str:
        units = ", ".join(f"{unit}={amount}" for unit, amount in self._units().items())
        return f"calendarinterval[{units}, time={self._time.isoformat()}]"

    def __repr__(self) -> str:
        return call_text(self)


def _in_month(day: date, months: int) -> date | None:
    """Return the same day of the month that is so many `months` later, None where it lacks that day."""
    years, month = divmod(day.month - 1 + months, 12)
    try:
        return day.replace(year=day.year + years, month=month + 1)
    except ValueError:
        return None
