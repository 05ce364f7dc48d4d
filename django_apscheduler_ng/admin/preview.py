"""The preview of a trigger on a page: its next fire times, and the dates on which a clock change touches them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from ..models import ScheduledJob
from ..preview import dst_notes, preview
from ..triggers.base import BaseTrigger
from .shown import capped, distance_words, note_words, time_tag, zone_of


def preview_context(trigger: BaseTrigger, now: datetime, job: ScheduledJob | None = None) -> dict[str, Any]:
    """Return what the template of the preview needs.

    Args:
        trigger: the trigger.
        now: the present.
        job: the job whose own trigger it is, so that intervals count from its planned fire time.
    """
    if job is not None and job.finished_at is not None:
        return {"fire_times": [], "dst_notes": []}
    planned = _planned(job)
    try:
        moments = preview(trigger, now, first=planned)
        notes = dst_notes(trigger, now, first=planned)
    except Exception as error:  # a broken trigger, or one of another package
        return {"fire_times": [], "dst_notes": [], "preview_problem": capped(str(error) or type(error).__name__)}
    zone = zone_of(trigger)
    return {
        "fire_times": [
            {"moment": time_tag(moment, zone), "far": distance_words(moment, now), "yours": _yours(moment, zone)}
            for moment in moments
        ],
        "dst_notes": [
            {"day": note.day.isoformat(), "words": note_words(note), "effect": note.effect.value} for note in notes
        ],
        "preview_zone": str(zone),
        "viewer_zone": str(timezone.get_current_timezone()),
    }


def _planned(job: ScheduledJob | None) -> datetime | None:
    if job is None or job.paused or job.trigger != job.planned_trigger:
        return None
    planned: datetime | None = job.next_fire_time
    return planned


def _yours(moment: datetime, zone: tzinfo) -> SafeString | str:
    """Return the viewer's time, where it differs."""
    viewer = timezone.get_current_timezone()
    same = moment.astimezone(zone).utcoffset() == moment.astimezone(viewer).utcoffset()
    return "" if same else time_tag(moment, viewer)
