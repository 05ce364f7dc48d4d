"""How moments, spans, stored texts and statuses are shown. Everything returned here is escaped or safe to be.

The plain words of `words` are here, too, for pages and tables.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..models import JobRun, ScheduledJob
from ..rows import read_trigger
from ..runs import RunStatus
from ..words import NOTHING as NOTHING
from ..words import clock_words as clock_words
from ..words import distance_words as distance_words
from ..words import duration as duration
from ..words import lateness as lateness
from ..words import note_words as note_words
from ..words import rough_words as rough_words
from ..words import schedule_words as schedule_words
from ..words import span_or_nothing as span_or_nothing
from ..words import span_words as span_words
from ..words import summary_words as summary_words
from ..words import zone_of as zone_of

#: Longer stored texts are cut in pages; the whole text stays in the database.
LONGEST_TEXT = 50_000

#: Colour of each status, as the end of a CSS class.
TONES = {
    RunStatus.PENDING: "info",
    RunStatus.CLAIMED: "busy",
    RunStatus.RUNNING: "busy",
    RunStatus.SUCCEEDED: "ok",
    RunStatus.FAILED: "bad",
    RunStatus.TIMED_OUT: "bad",
    RunStatus.CANCELLED: "quiet",
    RunStatus.INTERRUPTED: "warn",
    RunStatus.ABANDONED: "bad",
    RunStatus.HANDED_OVER: "busy",
    RunStatus.MISSED: "warn",
    RunStatus.SKIPPED: "warn",
    RunStatus.COALESCED: "quiet",
}


def badge(label: object, tone: str) -> SafeString:
    """Return a small coloured label."""
    return format_html('<span class="apsng-badge apsng-{}">{}</span>', tone, label)


def status_badge(run: JobRun) -> SafeString:
    """Return the status of a run as a badge."""
    return badge(
        run.get_status_display(), TONES.get(RunStatus(run.status), "quiet") if run.status in TONES else "quiet"
    )


# -- moments ------------------------------------------------------------------------------------------------------------


def moment_html(
    moment: datetime | None, zone: tzinfo | None = None, *, now: datetime | None = None
) -> SafeString | str:
    """Return a moment in `zone`, and below it how far away it is, the zone, and the viewer's time where that differs.

    Args:
        moment: the moment; None shows a dash.
        zone: None = the viewer's.
        now: what the distance is measured from; None = the present.
    """
    if moment is None:
        return NOTHING
    viewer = timezone.get_current_timezone()
    zone = zone or viewer
    far = distance_words(moment, now or SYSTEM_CLOCK.now())
    differs = moment.astimezone(zone).utcoffset() != moment.astimezone(viewer).utcoffset()
    yours = f" ({_zoned(moment, viewer, zone)})" if differs else ""
    return format_html(
        '<span class="apsng-moment">{}</span><span class="apsng-sub">{} · {}{}</span>',
        time_tag(moment, zone),
        far,
        zone,
        yours,
    )


def _zoned(moment: datetime, viewer: tzinfo, zone: tzinfo) -> str:
    """Return the viewer's time, with the day only where it is another."""
    local = moment.astimezone(viewer)
    same_day = local.date() == moment.astimezone(zone).date()
    return f"{date_format(local, 'H:i' if same_day else 'D H:i')} {viewer}"


def time_tag(moment: datetime, zone: tzinfo | None = None) -> SafeString:
    """Return the moment as an element that machines can read."""
    shown = clock_words(moment, zone or timezone.get_current_timezone())
    return format_html('<time datetime="{}">{}</time>', moment.astimezone(UTC).isoformat(), shown)


# -- jobs and runs --------------------------------------------------------------------------------------------------------


# -- stored texts ---------------------------------------------------------------------------------------------------------


def capped(text: str) -> str:
    """Return the text, cut where it is too long for a page."""
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT] + "\n" + gettext("… (%(count)d more characters)") % {"count": len(text) - LONGEST_TEXT}


def json_words(text: str) -> str:
    """Return stored JSON with indentation, or the text as it is where it is none."""
    if len(text) > LONGEST_TEXT:
        return capped(text)
    try:
        return capped(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return text


def value_words(name: str, value: Any) -> str:
    """Return one value of an event's before or after as people read it."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if name == "trigger" and isinstance(value, str):
        return schedule_words(read_trigger(ScheduledJob(trigger=value)))
    if name.endswith(("_time", "_at")) and isinstance(value, str):
        return _moment_words(value)
    return capped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _moment_words(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return clock_words(moment, timezone.get_current_timezone()) if moment.tzinfo else text
    except (ValueError, OverflowError):
        return text
