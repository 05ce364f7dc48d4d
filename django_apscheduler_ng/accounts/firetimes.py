"""Fire times of the past: a trigger leads from one to the next, and here it is asked which ones it led to."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..triggers.base import BaseTrigger, as_utc
from ..triggers.interval import IntervalTrigger

_INSTANT = timedelta(microseconds=1)


def on_grid(trigger: BaseTrigger, anchor: datetime | None, floor: datetime) -> BaseTrigger | None:
    """Return the trigger in a form whose fire times do not depend on the previous one.

    Args:
        trigger: the trigger.
        anchor: one of its fire times, for an interval that counts from the moment at which it was planned.
        floor: when such an interval was planned; its fire times lie after that.

    Returns None where the trigger counts from a moment that is not known.
    """
    if not isinstance(trigger, IntervalTrigger) or trigger.start_date is not None:
        return trigger
    if anchor is None:
        return None
    start = anchor - max(0, -((floor - anchor) // trigger.interval) - 1) * trigger.interval
    return IntervalTrigger.from_state({**trigger.to_state(), "start_date": start.isoformat()})


def at_or_after(trigger: BaseTrigger, moment: datetime) -> datetime | None:
    """Return the first fire time of a trigger on its grid that is not before `moment`, in UTC; None where there is none."""
    found = trigger.get_next_fire_time(None, moment)
    return None if found is None or as_utc(found) < moment else as_utc(found)


def before(trigger: BaseTrigger, moment: datetime, floor: datetime) -> datetime | None:
    """Return the last fire time of a trigger on its grid before `moment` and not before `floor`, in UTC; None where there is none."""
    back = timedelta(seconds=1)
    while True:
        start = max(floor, moment - back)
        first = at_or_after(trigger, start) if start < moment else None
        if first is not None and first < moment:
            return as_utc(trigger.span(first, moment - _INSTANT).last)
        if start <= floor:
            return None
        back *= 8
