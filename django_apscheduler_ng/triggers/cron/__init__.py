"""The cron trigger: fires whenever the clock on the wall shows a time that its fields describe."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Self

from ...exceptions import InvalidTriggerError
from ..arguments import call_text, check_order, choice_argument, jitter_argument, moment_argument, without_defaults
from ..base import BaseTrigger, FireSpan
from ..walltime import DAY, EPOCH, OnGap, OnOverlap
from ..wording import between, delayed
from ..zones import as_zone, default_zone
from .crontab import parse_crontab
from .fields import FIELDS, FieldValues, parse
from .rule import Rule, is_possible
from .search import LAST_SECOND, Search
from .words import describe

__all__ = ["CronTrigger"]


class CronTrigger(BaseTrigger):
    """Fires at the local times that its fields describe.

    A field takes `*`, `*/a`, `a`, `a-b`, `a-b/c`, names of months and weekdays (`jan`, `mon`), and lists of these with
    commas; `day` also takes `2nd tue`, `last fri` and `last`. A date has to match all fields. Fields that are left out
    are `*` if they are coarser than the finest one given, else as low as possible; `week` and `day_of_week` are always
    `*`. Without any field it fires each second.

    Where clocks change, the rules of vixie cron hold (`cron(8)`). If neither hour nor minute starts with `*`, the times
    are fixed: one that the clocks skip happens at the first instant after the gap, one that they show twice happens the
    first time. `on_gap="skip"` and `on_overlap="both"` choose otherwise. With a starred hour or minute the trigger
    follows real time: it fires at each moment at which the clock shows a matching time, whatever the two options.
    """

    alias = "cron"

    def __init__(
        self,
        year: int | str | None = None,
        month: int | str | None = None,
        day: int | str | None = None,
        week: int | str | None = None,
        day_of_week: int | str | None = None,
        hour: int | str | None = None,
        minute: int | str | None = None,
        second: int | str | None = None,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: tzinfo | str | None = None,
        jitter: float | None = None,
        on_gap: OnGap = "shift",
        on_overlap: OnOverlap = "first",
    ) -> None:
        """Fire at the times that the fields describe.

        Args:
            year: within 1970-9999.
            month: within 1-12, or jan-dec.
            day: day of the month, within 1-31, `last`, or a weekday's position such as `2nd tue` or `last fri`.
            week: ISO week, within 1-53.
            day_of_week: within 0-6, Monday is 0, or mon-sun.
            hour: within 0-23.
            minute: within 0-59.
            second: within 0-59.
            start_date: no fire time lies before it. A datetime, a date (its midnight) or an ISO 8601 string; without an
                offset it is time in `timezone`.
            end_date: no fire time lies after it; at it, one may.
            timezone: name of the zone, or the zone; None = the default zone.
            jitter: upper bound of the delay added to each start, in seconds.
            on_gap: what becomes of a fixed time that does not exist: "shift" to the first instant after the gap, or
                "skip".
            on_overlap: when a fixed time fires that exists twice: "first", or "both" times.

        Raises:
            InvalidTriggerError: An argument is impossible, or the fields never match a date.
        """
        written = (year, month, day, week, day_of_week, hour, minute, second)
        given = {name: text for name, text in zip(FIELDS, written, strict=True) if text is not None}
        self.crontab: str | None = None
        self._rule = Rule({name: _field_values(name, value) for name, value in given.items()})
        if not is_possible(self._rule.dates):
            _refuse_impossible(", ".join(f"{name}={value!r}" for name, value in given.items()))
        self.fields = {name: self._rule.fields[name].text for name in given}
        self._set_options(timezone, start_date, end_date, jitter, on_gap, on_overlap)

    @classmethod
    def from_crontab(
        cls,
        expr: str,
        timezone: tzinfo | str | None = None,
        *,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        jitter: float | None = None,
        on_gap: OnGap = "shift",
        on_overlap: OnOverlap = "first",
    ) -> Self:
        """Make the trigger that `expr` describes as `crontab(5)` does.

        0 and 7 are Sunday. If neither the day of the month nor the day of the week starts with `*`, one of them
        suffices.

        Args:
            expr: minute, hour, day of the month, month, day of the week; or `@yearly`, `@annually`, `@monthly`,
                `@weekly`, `@daily`, `@midnight`, `@hourly`.
            timezone: as in the constructor, like all that follow.
            start_date: see there.
            end_date: see there.
            jitter: see there.
            on_gap: see there.
            on_overlap: see there.

        Raises:
            InvalidTriggerError: The expression says nothing that a crontab can say, or an argument is impossible.
        """
        trigger = cls.__new__(cls)
        trigger._rule = Rule(parse_crontab(expr), crontab=True)
        trigger.crontab = " ".join(expr.lower().split())
        if not is_possible(trigger._rule.dates):
            _refuse_impossible(repr(expr))
        trigger.fields = {}
        trigger._set_options(timezone, start_date, end_date, jitter, on_gap, on_overlap)
        return trigger

    def _set_options(
        self,
        timezone: tzinfo | str | None,
        start_date: datetime | date | str | None,
        end_date: datetime | date | str | None,
        jitter: float | None,
        on_gap: OnGap,
        on_overlap: OnOverlap,
    ) -> None:
        self.timezone = default_zone() if timezone is None else as_zone(timezone)
        self.start_date = moment_argument(self.alias, "start_date", start_date, self.timezone)
        self.end_date = moment_argument(self.alias, "end_date", end_date, self.timezone)
        check_order(self.alias, self.start_date, self.end_date)
        self.jitter = jitter_argument(self.alias, jitter)
        choice_argument(self.alias, "on_gap", on_gap, ("shift", "skip"))
        choice_argument(self.alias, "on_overlap", on_overlap, ("first", "both"))
        self.on_gap: OnGap = on_gap
        self.on_overlap: OnOverlap = on_overlap
        self._search = Search(self._rule, self.timezone, on_gap, on_overlap)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time after `previous_fire_time`; without one, the first at or after `now`."""
        after = _before(now) if previous_fire_time is None else _floor(previous_fire_time)
        if self.start_date is not None:
            after = max(after, _before(self.start_date))
        second = self._search.after(after)
        if second is None or (self.end_date is not None and second > _floor(self.end_date)):
            return None
        return datetime.fromtimestamp(second, self.timezone)

    @property
    def fixed(self) -> bool:
        """Whether hour and minute are named, so that `on_gap` and `on_overlap` apply."""
        return self._rule.fixed

    def span(self, first: datetime, until: datetime) -> FireSpan:
        """Return the fire times from `first` up to and including `until`, calculated, not visited."""
        start, end = _floor(first), min(_floor(until), LAST_SECOND)
        if self.end_date is not None:
            end = min(end, _floor(self.end_date))
        last = datetime.fromtimestamp(self._search.latest(start, end), self.timezone)
        return FireSpan(first=first, last=last, count=max(1, self._search.count(start, end)))

    def to_state(self) -> dict[str, Any]:
        """Return the fields, or the crontab expression, the limits with their offsets, and the name of the zone."""
        return without_defaults(
            {
                "crontab": self.crontab,
                **self.fields,
                "start_date": self.start_date and self.start_date.isoformat(),
                "end_date": self.end_date and self.end_date.isoformat(),
                "timezone": self.timezone.key,
                "jitter": self.jitter,
                "on_gap": None if self.on_gap == "shift" else self.on_gap,
                "on_overlap": None if self.on_overlap == "first" else self.on_overlap,
            }
        )

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Make the trigger that `to_state()` described."""
        if "crontab" not in state:
            return cls(**state)
        options = {name: value for name, value in state.items() if name != "crontab"}
        return cls.from_crontab(state["crontab"], **options)

    def describe(self) -> str:
        """Return, for instance, `at 09:00 on Monday to Friday`, with its limits and its jitter where it has some."""
        limits = between(self.start_date, self.end_date, self.timezone.key)
        return describe(self._rule) + limits + delayed(self.jitter)

    def __str__(self) -> str:
        given = self.fields if self.crontab is None else {"crontab": self.crontab}
        return f"cron[{', '.join(f'{name}={text!r}' for name, text in given.items())}]"

    def __repr__(self) -> str:
        if self.crontab is None:
            return call_text(self)
        return call_text(self).replace("(crontab=", ".from_crontab(", 1)


def _field_values(name: str, value: object) -> FieldValues:
    """Return what a keyword argument says."""
    if type(value) is not int and not isinstance(value, str):
        raise InvalidTriggerError(
            f"Cron field {name!r} must be a whole number or text, got {value!r}. Write several values as '1,2,3'."
        )
    return parse(FIELDS[name], str(value))


def _refuse_impossible(written: str) -> None:
    raise InvalidTriggerError(f"Cron fields must match some date, got {written}. Choose values that one date can have.")


def _floor(moment: datetime) -> int:
    """Return the aware `moment` in seconds since the epoch, fractions cut off."""
    since: timedelta = moment - EPOCH
    return since.days * DAY + since.seconds


def _before(moment: datetime) -> int:
    """Return the last whole second before `moment`."""
    return _floor(moment) - (moment.microsecond == 0)
