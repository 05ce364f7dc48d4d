"""What jobs are expected to do: their next fire times within a window, and how they use to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ..models import ScheduledJob
from ..preview import preview
from ..triggers.base import BaseTrigger, as_utc
from .runrow import RunRow
from .simulation import Habits
from .statistics import usual_duration
from .timeline import Forecast, Window

#: So many fire times of a job are looked at one by one: one in fifteen minutes for a day.
MOST_FIRE_TIMES = 96


def forecast(job: ScheduledJob, trigger: BaseTrigger, window: Window) -> Forecast:
    """Return the fire times of a job from now to the end of the window; none for a job that rests or whose trigger fails.

    Fire times that are due already count as one, at the present.
    """
    if job.finished_at or job.retired_at or job.paused or job.broken_reason:
        return Forecast(())
    planned = job.next_fire_time if job.trigger == job.planned_trigger else None
    try:
        return _forecast(trigger, planned, window)
    except Exception:  # a broken trigger, or one of another package; its own page says more
        return Forecast(())


def _forecast(trigger: BaseTrigger, planned: datetime | None, window: Window) -> Forecast:
    first = planned if planned is None or planned >= window.now else as_utc(trigger.span(planned, window.now).last)
    found = [as_utc(moment) for moment in preview(trigger, window.now, MOST_FIRE_TIMES, first=first)]
    within = [max(moment, window.now) for moment in found if moment <= window.end]
    if len(within) < MOST_FIRE_TIMES:
        return Forecast(within)
    rest = trigger.span(found[-1], window.end)
    return Forecast(within, more=rest.count - 1, last=as_utc(rest.last))


def habits(job: ScheduledJob, latest: Sequence[RunRow], live: Iterable[RunRow], now: datetime) -> Habits:
    """Return how a job uses to run.

    Args:
        job: the job.
        latest: its latest runs.
        live: those that are under way.
        now: the present.
    """
    usual = usual_duration(latest)
    oldest_first = sorted(live, key=lambda run: run.pk)
    ends = (max(now, (run.started_at or now) + (usual or timedelta(0))) for run in oldest_first)
    grace = None if job.misfire_grace_time is None else timedelta(seconds=job.misfire_grace_time)
    return Habits(usual, max(1, job.max_instances), tuple(ends), job.overlap, grace)
