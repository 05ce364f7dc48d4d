"""A check of when a job fires, made for the nights on which clocks change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import islice

from ..job import Job
from ..triggers.base import BaseTrigger, as_utc
from .clock import as_moment

#: Fire times that are shown beyond those expected.
_MORE = 10


def assert_fires(
    job_or_trigger: Job | BaseTrigger,
    between: tuple[datetime | str, datetime | str],
    expected: Sequence[datetime | str],
) -> None:
    """Check that the fire times between two moments are exactly the expected ones.

    Example:
        >>> from django_apscheduler_ng.triggers.cron import CronTrigger
        >>> assert_fires(
        ...     CronTrigger(hour=2, minute=30, timezone="Europe/Berlin"),
        ...     between=("2026-10-24T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        ...     expected=["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"],
        ... )

    Args:
        job_or_trigger: a trigger, or a job; of a job that has a next run time, what comes before that does not count. Fire times
            are the nominal ones, without jitter.
        between: two moments, both included: aware datetimes, or ISO strings with an offset.
        expected: all the fire times, in the same forms.

    Raises:
        AssertionError: they differ; the message is a diff of both lists in the zone of the trigger.
        ValueError: a moment has no offset, or is none.
    """
    first, last = as_moment(between[0], "between"), as_moment(between[1], "between")
    wanted = [as_moment(moment, "expected") for moment in expected]
    fired = list(islice(_fire_times(job_or_trigger, first, last), len(wanted) + _MORE))
    if fired != wanted:
        raise AssertionError(_difference(job_or_trigger, first, last, wanted, fired))


def _fire_times(what: Job | BaseTrigger, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the fire times from `first` to `last` in UTC."""
    trigger, found = (what.trigger, what.next_fire_time) if isinstance(what, Job) else (what, None)
    if found is None:
        found = trigger.get_next_fire_time(None, first)
    while found is not None and as_utc(found) <= last:
        if as_utc(found) >= first:
            yield as_utc(found)
        found = trigger.get_next_fire_time(found, found)


def _difference(
    what: Job | BaseTrigger, first: datetime, last: datetime, expected: list[datetime], fired: list[datetime]
) -> str:
    trigger = what.trigger if isinstance(what, Job) else what
    zone: tzinfo = getattr(trigger, "timezone", UTC)
    wanted, found = ([moment.astimezone(zone).isoformat() for moment in moments] for moments in (expected, fired))
    lines = [line for line in difflib.ndiff(wanted, found) if not line.startswith("?")]
    if len(fired) == len(expected) + _MORE:
        lines.append("+ … and perhaps more")
    heading = f"{what} does not fire as expected between {first.astimezone(zone).isoformat()} and {last.astimezone(zone).isoformat()}"
    return "\n".join([f"{heading} (- expected, + fired):", *(f"  {line}" for line in lines)])
