"""How moments, spans, stored texts and statuses are shown. Everything returned here is escaped or safe to be.

The plain words of `words` are here, too, for pages and tables.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from ..clock import SYSTEM_CLOCK
from ..exceptions import SchedulerError
from ..models import JobRun, ScheduledJob
from ..rows import read_retry, read_trigger
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
from .runrow import RunRow

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

_STATUS_WORDS = dict(JobRun._meta.get_field("status").flatchoices)


def badge(label: object, tone: str) -> SafeString:
    """Return a small coloured label."""
    return format_html('<span class="apsng-badge apsng-{}">{}</span>', tone, label)


def tone_of(status: str) -> str:
    """Return the colour of a status; quiet for an unknown one."""
    return TONES[RunStatus(status)] if status in TONES else "quiet"


def status_words(status: str) -> str:
    """Return the status in words; an unknown one as it is."""
    return str(_STATUS_WORDS.get(status, status))


def status_badge(run: JobRun | RunRow) -> SafeString:
    """Return the status of a run as a badge."""
    return badge(status_words(run.status), tone_of(run.status))


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
    """Return stored JSON with indentation, or the text as it is where it is none; cut where it is too long for a page."""
    return capped(text) if len(text) > LONGEST_TEXT else capped(readable_json(text))


def json_html(text: str) -> SafeString | str:
    """Return stored JSON as a block of code; nothing in it is a dash."""
    return NOTHING if text in ("[]", "{}") else format_html("<pre>{}</pre>", json_words(text))


def readable_json(text: str) -> str:
    """Return all of stored JSON with indentation, or the text as it is where it is none."""
    try:
        return _SURROGATE.sub(_escaped, json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return text


#: A page cannot be sent with one of them in it.
_SURROGATE = re.compile("[\ud800-\udfff]")


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def value_words(name: str, value: Any) -> str:
    """Return one value of an event's before or after as people read it."""
    if name == "retry" and value == "":
        return retry_words("")
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if name == "retry" and isinstance(value, str):
        return retry_words(value)
    if name == "trigger" and isinstance(value, str):
        return schedule_words(read_trigger(ScheduledJob(trigger=value)))
    if name.endswith(("_time", "_at")) and isinstance(value, str):
        return _moment_words(value)
    if isinstance(value, str):
        return capped(_choices(name).get(value, value))
    return capped(json.dumps(value, ensure_ascii=False))


def _choices(name: str) -> dict[Any, str]:
    """Return the words for the values of a column of jobs, by value; empty where any value is possible."""
    field = next((field for field in ScheduledJob._meta.concrete_fields if field.name == name), None)
    return {value: str(label) for value, label in field.flatchoices} if field is not None else {}


def retry_words(text: str) -> str:
    """Return a stored retry policy as people read it."""
    try:
        retry = read_retry(text)
    except SchedulerError:
        return capped(text)
    if retry is None or retry.attempts < 2:
        return gettext("never")
    words = ngettext(
        "%(count)d attempt in all, the second after %(delay)s s",
        "%(count)d attempts in all, the second after %(delay)s s",
        retry.attempts,
    ) % {"count": retry.attempts, "delay": f"{retry.delay:g}"}
    if retry.attempts > 2:
        longer = gettext("each delay %(factor)s times the last, at most %(most)s s")
        words += ", " + longer % {"factor": f"{retry.backoff:g}", "most": f"{retry.max_delay:g}"}
    if retry.on:
        words += "; " + gettext("only after %(names)s") % {"names": ", ".join(retry.on)}
    if retry.not_on:
        words += "; " + gettext("never after %(names)s") % {"names": ", ".join(retry.not_on)}
    return words


def _moment_words(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return clock_words(moment, timezone.get_current_timezone()) if moment.tzinfo else text
    except (ValueError, OverflowError):
        return text
