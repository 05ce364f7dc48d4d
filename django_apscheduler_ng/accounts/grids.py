"""Which moments are fire times of a job: by the trigger that it had then, and by what somebody chose."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from ..planning import due_at
from ..triggers.base import BaseTrigger
from .definition import Definition, definition_at
from .facts import Facts, values
from .firetimes import at_or_after, before, on_grid

#: Fire times within the jitter before a moment that are looked at.
_JITTERED = 1_000


def rule_at(moment: datetime, definition: Definition, facts: Facts) -> BaseTrigger | None:
    """Return the trigger that the job had at `moment`, on its grid; None where it counts from a moment that is not known."""
    since = definition.planned_by.at if definition.planned_by is not None else facts.job.created_at
    anchor = _anchor(moment, definition, since, facts)
    if anchor is None and (definition.paused or definition.retired_by is not None):
        anchor = _latest(facts.slots, moment)
    return on_grid(definition.trigger, anchor, since)


def _anchor(moment: datetime, definition: Definition, since: datetime, facts: Facts) -> datetime | None:
    """Return a fire time that was planned between two changes, the closest before `moment` if there is one."""
    until = definition.replanned_by.at if definition.replanned_by is not None else None
    inside = [slot for slot in facts.slots if since <= slot and (until is None or slot <= until)]
    if inside:
        return _latest(inside, moment) or inside[0]
    planned: datetime | None = facts.job.next_fire_time
    if until is None and planned is not None:
        return planned
    return None if definition.trigger.jitter else _chosen(definition)


def _chosen(definition: Definition) -> datetime | None:
    """Return the next run time that the last change before a moment gave the job."""
    text = values(definition.planned_by.after).get("next_run_time") if definition.planned_by is not None else None
    try:
        return None if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _latest(slots: Sequence[datetime], moment: datetime) -> datetime | None:
    index = bisect_right(slots, moment)
    return slots[index - 1] if index else None


def fires(moment: datetime, definition: Definition, rule: BaseTrigger | None, facts: Facts) -> bool:
    """Return whether the job fires at `moment`: by its trigger, or because somebody chose that moment."""
    if rule is not None and at_or_after(rule, moment) == moment:
        return True
    if definition.trigger.jitter:
        return False  # what was chosen cannot be told from a planned start
    if definition.replanned_by is None and not facts.job.paused and moment == facts.job.next_run_time:
        return True
    return _chosen(definition) == moment


def meant(moment: datetime, precision: timedelta, facts: Facts) -> datetime:
    """Return the fire time that somebody means who writes `moment` with so little precision, or the planned start with its jitter.

    The moment itself where there is none.
    """
    end = moment + precision
    rows: list[tuple[datetime, datetime]] = [(run.slot, run.due_at) for run in facts.runs if run.slot is not None]
    for slot in (
        *(slot for slot, _ in rows if moment <= slot <= end),
        *(slot for slot, due in rows if moment <= due <= end),
    ):
        return slot
    definition = definition_at(min(moment, facts.now), facts)
    rule = None if definition is None else rule_at(moment, definition, facts)
    if rule is None:
        return moment
    found = at_or_after(rule, moment)
    if found is not None and found <= end:
        return found
    return _planned_in(moment, end, rule, facts) or moment


def _planned_in(moment: datetime, end: datetime, rule: BaseTrigger, facts: Facts) -> datetime | None:
    """Return the fire time whose planned start lies between the two moments."""
    start = end + timedelta(microseconds=1)
    for _ in range(_JITTERED if rule.jitter else 0):
        fire_time = before(rule, start, moment - timedelta(seconds=rule.jitter or 0))
        if fire_time is None:
            return None
        if moment <= due_at(facts.job.job_id, rule, fire_time) <= end:
            return fire_time
        start = fire_time
    return None


def latest_fire_times(count: int, facts: Facts) -> list[datetime]:
    """Return the last `count` fire times up to now, the last first, as far as they are known; paused ones count."""
    found = {slot for slot in facts.slots if slot <= facts.now}
    until = facts.now + timedelta(microseconds=1)
    while until > facts.job.created_at:
        definition = definition_at(until - timedelta(microseconds=1), facts)
        if definition is None:
            break
        since = definition.planned_by.at if definition.planned_by is not None else facts.job.created_at
        rule = rule_at(until - timedelta(microseconds=1), definition, facts)
        found |= set(_walk(rule, until, max(since, facts.job.created_at), count)) if rule is not None else set()
        if since >= until or len([moment for moment in found if moment >= since]) >= count:
            break
        until = since
    return sorted(found, reverse=True)[:count]


def _walk(rule: BaseTrigger, until: datetime, floor: datetime, count: int) -> list[datetime]:
    """Return the last `count` fire times between two moments."""
    found: list[datetime] = []
    while len(found) < count and (fire_time := before(rule, until, floor)) is not None:
        found.append(fire_time)
        until = fire_time
    return found
