"""What a trigger will do: its next fire times, and the nights on which a clock change touches one of them.

Pure and bounded: a few fire times, and a few clock changes a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from .triggers.base import BaseTrigger, as_utc
from .triggers.calendarinterval import CalendarIntervalTrigger
from .triggers.combining import CombiningTrigger, OrTrigger
from .triggers.cron import CronTrigger
from .triggers.walltime import EPOCH, Stretch, moments, stretch_at

#: More wall-clock times than these in one clock change are not looked at one by one; the change is named all the same.
_MOST_TIMES = 50
_INSTANT = timedelta(microseconds=1)


class Effect(StrEnum):
    """What becomes of a fire time on a date on which the clocks change."""

    #: Its wall-clock time does not exist; it fires at the first instant after the gap.
    SHIFTED = "shifted"
    #: Its wall-clock time does not exist, and it does not fire.
    SKIPPED = "skipped"
    #: Its wall-clock time exists twice; it fires the first time.
    ONCE = "once"
    #: Its wall-clock time exists twice; it fires both times.
    TWICE = "twice"


#: By the policy that the trigger has.
_EFFECTS = {"shift": Effect.SHIFTED, "skip": Effect.SKIPPED, "first": Effect.ONCE, "both": Effect.TWICE}


@dataclass(frozen=True, kw_only=True)
class Note:
    """A date on which a clock change touches fire times of a trigger."""

    effect: Effect
    #: The first and the last wall-clock time that is touched; naive, in the zone of the trigger. The same if it is one.
    wall: datetime
    last_wall: datetime
    #: When it fires instead, or first; None where it is skipped. In the zone of the trigger.
    moment: datetime | None

    @property
    def day(self) -> date:
        """The date by the clocks on the wall."""
        return self.wall.date()


def preview(trigger: BaseTrigger, now: datetime, count: int = 5, *, first: datetime | None = None) -> list[datetime]:
    """Return the next `count` fire times, fewer where the trigger ends.

    Args:
        trigger: the trigger.
        now: nothing before this moment is returned, unless `first` is or the trigger fires late.
        count: how many at most.
        first: the first fire time, where it is already planned: intervals count from it.
    """
    return list(islice(_fire_times(trigger, now, first), count))


def _fire_times(trigger: BaseTrigger, now: datetime, first: datetime | None) -> Iterator[datetime]:
    fire_time = first or trigger.get_next_fire_time(None, now)
    while fire_time is not None:
        yield fire_time
        fire_time = trigger.get_next_fire_time(fire_time, fire_time)


def dst_notes(trigger: BaseTrigger, now: datetime, months: int = 24, *, first: datetime | None = None) -> list[Note]:
    """Return the dates within `months` from now on which a clock change shifts, skips or doubles a fire time, in order.

    Only triggers that follow the clocks on the wall have any: calendar intervals, and cron with a fixed hour and minute.
    Members of an `OrTrigger` are looked at one by one; those of an `AndTrigger` count where all of them fire.
    """
    return sorted(_notes(trigger, now, months, first), key=lambda note: note.wall)


def _notes(trigger: BaseTrigger, now: datetime, months: int, first: datetime | None) -> Iterator[Note]:
    if isinstance(trigger, CombiningTrigger):
        found = {note for member in trigger.triggers for note in _notes(member, now, months, None)}
        yield from (note for note in found if isinstance(trigger, OrTrigger) or _fires_at(trigger, note.moment))
        return
    if not isinstance(trigger, CronTrigger | CalendarIntervalTrigger) or not _is_fixed(trigger):
        return
    rule = _without_zone(trigger, first or trigger.get_next_fire_time(None, now))
    if rule is not None:
        notes = (_note(trigger, rule, stretch) for stretch in _changes(trigger.timezone, now, months))
        yield from filter(None, notes)


def _is_fixed(trigger: CronTrigger | CalendarIntervalTrigger) -> bool:
    """Return whether it is the times on the wall that count, and not their rhythm."""
    return not isinstance(trigger, CronTrigger) or trigger.fixed


def _fires_at(trigger: BaseTrigger, moment: datetime | None) -> bool:
    if moment is None:
        return False
    found = trigger.get_next_fire_time(as_utc(moment) - _INSTANT, as_utc(moment))
    return found is not None and as_utc(found) == as_utc(moment)


def _without_zone(trigger: CronTrigger | CalendarIntervalTrigger, first: datetime | None) -> BaseTrigger | None:
    """Return the same rule in UTC, where every wall-clock time exists once, and without its limits.

    Its fire times are the wall-clock times that `trigger` means. None where it never fires.
    """
    if first is None:
        return None
    limits = ("start_date", "end_date", "jitter")
    state = {name: value for name, value in trigger.to_state().items() if name not in limits} | {"timezone": "UTC"}
    if isinstance(trigger, CalendarIntervalTrigger):
        state["start_date"] = (trigger.start_date or first.astimezone(trigger.timezone).date()).isoformat()
    return type(trigger).from_state(state)


def _changes(zone: ZoneInfo, now: datetime, months: int) -> Iterator[Stretch]:
    """Yield the stretches of one UTC offset that begin with a clock change within the next `months`."""
    end = _seconds(now) + months * 30.4375 * 86_400
    stretch = stretch_at(zone, _seconds(now))
    while stretch.end < end:
        stretch = stretch_at(zone, stretch.end)
        if stretch.before != stretch.offset:
            yield stretch


def _note(trigger: CronTrigger | CalendarIntervalTrigger, rule: BaseTrigger, change: Stretch) -> Note | None:
    """Return what the clock change does to the fire times of `trigger`, None where it touches none."""
    low, high = sorted((change.start + change.before, change.start + change.offset))
    walls = [wall for wall in _walls(rule, low, high) if _counts(trigger, _first(trigger, wall))]
    if not walls:
        return None
    gap = change.offset > change.before
    effect = _EFFECTS[trigger.on_gap if gap else trigger.on_overlap]
    return Note(
        effect=effect,
        wall=walls[0],
        last_wall=walls[-1],
        moment=None if effect is Effect.SKIPPED else _first(trigger, walls[0]),
    )


def _walls(rule: BaseTrigger, low: int, high: int) -> list[datetime]:
    """Return the wall-clock times that `rule` means from `low` up to but not including `high`, the first and the last ones."""
    start, end = (EPOCH + timedelta(seconds=second) for second in (low, high))
    found = [wall for wall in preview(rule, start, _MOST_TIMES) if wall < end]
    if len(found) == _MOST_TIMES:
        found.append(rule.span(found[-1], end - timedelta(seconds=1)).last)
    return [wall.astimezone(UTC).replace(tzinfo=None) for wall in found]


def _first(trigger: CronTrigger | CalendarIntervalTrigger, wall: datetime) -> datetime:
    """Return the moment at which `wall` first happens; for one inside the gap, the moment after it."""
    return moments(wall, trigger.timezone)[0].astimezone(trigger.timezone)


def _counts(trigger: CronTrigger | CalendarIntervalTrigger, moment: datetime) -> bool:
    """Return whether the moment lies within the limits of the trigger."""
    start, end = trigger.start_date, trigger.end_date
    after_start = as_utc(moment) >= as_utc(start) if isinstance(start, datetime) else True
    return after_start and (end is None or as_utc(moment) <= as_utc(end))


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)
