"""What resuming a paused job would do: when it runs next, and what has passed for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext, ngettext

from ..models import ScheduledJob
from ..planning import first_plan
from ..rows import read_trigger
from ..triggers.base import BaseTrigger
from .preview import preview_context
from .shown import capped


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
