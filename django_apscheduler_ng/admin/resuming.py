"""What resuming a paused job would do: when it runs next, and what has passed for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from ..models import ScheduledJob
from ..planning import first_plan
from ..rows import read_trigger
from ..triggers.base import BaseTrigger
from .cells import shortened
from .preview import preview_context
from .shown import capped, distance_words, time_tag, zone_of


def resume_context(job: ScheduledJob, now: datetime) -> dict[str, Any]:
    """Return what the page that asks shows besides."""
    trigger = read_trigger(job)
    try:
        first = first_plan(job.job_id, trigger, now).next_fire_time
        passed = _passed(trigger, job.paused_at or job.retired_at, now)
    except Exception as error:  # a broken trigger, or one of another package
        return {"resumes": True, "preview_problem": capped(str(error) or type(error).__name__)}
    ends = first is None or first < now
    return {"resumes": True, "ends": ends, "passed": passed, **({} if ends else preview_context(trigger, now))}


def resume_lines(jobs: Sequence[ScheduledJob], now: datetime, most: int) -> dict[str, Any]:
    """Return what the page that asks shows of several jobs: what each of the first ones does then, and how many end."""
    firsts = [_first(job, now) for job in jobs]
    ending = sum(1 for first in firsts if (isinstance(first, datetime) and first < now) or first is None)
    return {
        "lines": [(job, _line(job, first, now)) for job, first in zip(jobs[:most], firsts, strict=False)],
        "ending": ending,
    }


def _first(job: ScheduledJob, now: datetime) -> datetime | str | None:
    """Return the first fire time after a job is resumed; None where there is none, and what is wrong where nobody can tell."""
    try:
        return first_plan(job.job_id, read_trigger(job), now).next_fire_time
    except Exception as error:  # a broken trigger, or one of another package
        return str(error) or type(error).__name__


def _line(job: ScheduledJob, first: datetime | str | None, now: datetime) -> SafeString | str:
    """Return what resuming does to one of several jobs."""
    if isinstance(first, str):
        return shortened(first)
    if first is None or first < now:
        return gettext("There is no further fire time.")
    trigger = read_trigger(job)
    told = gettext("next run %(far)s") % {"far": distance_words(first, now)}
    return format_html(
        "{} ({}). {}", told, time_tag(first, zone_of(trigger)), _passed(trigger, job.paused_at or job.retired_at, now)
    )


def _passed(trigger: BaseTrigger, since: datetime | None, now: datetime) -> str:
    """Return how many fire times went by while the job was paused; empty where none did, or nobody knows since when."""
    first = trigger.get_next_fire_time(None, since) if since is not None else None
    if first is None or first > now:
        return ""
    span = trigger.span(first, now)
    words = ngettext(
        "%(count)s fire time has passed since then. It is not made up for.",
        "%(count)s fire times have passed since then. None of them is made up for.",
        span.count,
    )
    count = str(span.count) if span.exact else gettext("At least %(count)d") % {"count": span.count}
    return words % {"count": count}
