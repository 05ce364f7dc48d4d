"""Triggers of APScheduler 3, as they are pickled: as triggers of this package, and as APScheduler's own where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from ..exceptions import InvalidTriggerError, SchedulerError, StoredDataError
from ..triggers.base import BaseTrigger, as_utc
from ..triggers.calendarinterval import CalendarIntervalTrigger
from ..triggers.combining import AndTrigger, OrTrigger
from ..triggers.cron import CronTrigger
from ..triggers.date import DateTrigger
from ..triggers.interval import IntervalTrigger
from ..triggers.zones import as_zone
from .candidates import OldTimes
from .pickles import Held

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_POSITIONS = ("1st", "2nd", "3rd", "4th", "5th", "last")
_LAST = {"year": 9999, "month": 12, "day": 31, "week": 53, "day_of_week": 6, "hour": 23, "minute": 59, "second": 59}
_MOST_DEEP = 20


@dataclass(frozen=True, kw_only=True)
class OldTrigger:
    """A trigger as both sides can make it: they take the same arguments."""

    #: A key of `_KINDS`.
    kind: str
    arguments: Mapping[str, Any]
    members: Sequence[OldTrigger] = ()
    #: In seconds.
    jitter: float | None = None

    def here(self, *, jitter: bool = True) -> BaseTrigger:
        """Return the trigger of this package."""
        kind: Any = _KINDS[self.kind][0]
        given = {"jitter": self.jitter} if jitter and self.jitter else {}
        if self.members:
            made: BaseTrigger = kind([member.here(jitter=False) for member in self.members], **given)
        else:
            made = kind(**self.arguments, **given)
        return made

    def there(self) -> Any:
        """Return APScheduler's own trigger, without jitter, which is random there.

        Raises:
            ImportError: APScheduler is not installed.
        """
        kind = getattr(import_module(f"apscheduler.triggers.{_KINDS[self.kind][1]}"), self.kind)
        if self.members:
            return kind([member.there() for member in self.members])
        return kind(**self.arguments)

    def old_times(self) -> OldTimes | str:
        """Return what computes APScheduler's own fire times, or why they cannot be computed."""
        if self._is_endless():
            return "APScheduler's search for the next fire time of an AndTrigger may never end, so it is not asked."
        try:
            trigger = self.there()
        except ImportError:
            return "APScheduler is not installed here, so its fire times cannot be computed."

        def compute(now: datetime, count: int) -> list[datetime]:
            return list(islice(_chain(trigger, now), count))

        return compute

    def _is_endless(self) -> bool:
        return self.kind == "AndTrigger" or any(member._is_endless() for member in self.members)


def _chain(trigger: Any, now: datetime) -> Any:
    moment = trigger.get_next_fire_time(None, now)
    while moment is not None:
        yield moment
        following = trigger.get_next_fire_time(moment, moment)
        # in UTC: within their own zone, both times of an autumn night are equal
        moment = following if following is not None and as_utc(following) != as_utc(moment) else None


_KINDS: dict[str, tuple[type[BaseTrigger], str]] = {
    "DateTrigger": (DateTrigger, "date"),
    "IntervalTrigger": (IntervalTrigger, "interval"),
    "CalendarIntervalTrigger": (CalendarIntervalTrigger, "calendarinterval"),
    "CronTrigger": (CronTrigger, "cron"),
    "AndTrigger": (AndTrigger, "combining"),
    "OrTrigger": (OrTrigger, "combining"),
}


def read_trigger(held: Any) -> OldTrigger:
    """Return the trigger that a pickle held.

    Raises:
        StoredDataError: it is none of APScheduler's, or its parts are not what they should be.
    """
    if not isinstance(held, Held):
        raise StoredDataError(f"The trigger must be one of APScheduler's, got {type(held).__name__}.")
    try:
        return _read(held.kind, held.state, 0)
    except SchedulerError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise StoredDataError(f"The stored {held.kind} cannot be used: {type(error).__name__}: {error}.") from error


def _read(kind: str, state: Mapping[str, Any], depth: int) -> OldTrigger:
    if depth > _MOST_DEEP:
        raise ValueError("triggers lie too deep in each other")
    jitter = state.get("jitter")
    if kind in ("AndTrigger", "OrTrigger"):
        members = [_read(name.rpartition(":")[2], inner, depth + 1) for name, inner in state["triggers"]]
        return OldTrigger(kind=kind, arguments={}, members=members, jitter=jitter)
    return OldTrigger(kind=kind, arguments=_READERS[kind](state), jitter=jitter)


def _date(state: Mapping[str, Any]) -> dict[str, Any]:
    moment: datetime = state["run_date"]
    return {"run_date": moment, "timezone": _nearest_zone(moment.tzinfo)}


def _interval(state: Mapping[str, Any]) -> dict[str, Any]:
    interval: timedelta = state["interval"]
    seconds: float = interval.seconds + interval.microseconds / 10**6 if interval.microseconds else interval.seconds
    limits = {"start_date": state["start_date"], "end_date": state["end_date"]}
    return {"days": interval.days, "seconds": seconds, **limits, "timezone": _nearest_zone(state["timezone"])}


def _calendar(state: Mapping[str, Any]) -> dict[str, Any]:
    names = ("years", "months", "weeks", "days")
    clock = ("hour", "minute", "second")
    return {
        **dict(zip(names, state["interval"], strict=True)),
        **dict(zip(clock, state["time"], strict=True)),
        **_limits(state),
    }


def _cron(state: Mapping[str, Any]) -> dict[str, Any]:
    fields = [field.state for field in state["fields"]]
    given = {field["name"]: _field(field) for field in fields if not field.get("is_default")}
    return {**given, **_limits(state)}


def _limits(state: Mapping[str, Any]) -> dict[str, Any]:
    limits = {"start_date": state["start_date"], "end_date": state["end_date"]}
    return {**limits, "timezone": as_zone(state["timezone"])}


def _nearest_zone(zone: Any) -> ZoneInfo:
    """Return the zone; UTC for one without an IANA name, where it only decides how moments are shown."""
    try:
        return as_zone(zone)
    except InvalidTriggerError:
        return as_zone("UTC")


def _field(field: Mapping[str, Any]) -> str:
    return ",".join(_expression(field["name"], expression) for expression in field["expressions"])


def _expression(name: str, held: Held) -> str:
    """Return the text of one expression of a cron field."""
    state = held.state
    step = f"/{state['step']}" if state.get("step") else ""
    if held.kind == "AllExpression":
        return f"*{step}"
    if held.kind == "LastDayOfMonthExpression":
        return "last"
    if held.kind == "WeekdayPositionExpression":
        return f"{_POSITIONS[state['option_num']]} {_WEEKDAYS[state['weekday']]}"
    first, last = state["first"], state["last"]
    words = _WEEKDAYS if held.kind == "WeekdayRangeExpression" else range(10_000)
    if last is None:
        return f"{first}-{_LAST[name]}{step}"
    return f"{words[first]}{step}" if first == last else f"{words[first]}-{words[last]}{step}"


_READERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "DateTrigger": _date,
    "IntervalTrigger": _interval,
    "CalendarIntervalTrigger": _calendar,
    "CronTrigger": _cron,
}


def numeric_weekdays(trigger: OldTrigger) -> bool:
    """Return whether weekdays are given by numbers: those that came from a crontab expression meant another day."""
    weekdays = str(trigger.arguments.get("day_of_week", ""))
    return any(character.isdigit() for character in weekdays.partition("/")[0]) or any(
        map(numeric_weekdays, trigger.members)
    )
