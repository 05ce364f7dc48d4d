"""How moments, spans, stored texts and statuses are shown. Everything returned here is escaped or safe to be."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..clock import SYSTEM_CLOCK
from ..conf import get_config
from ..exceptions import SchedulerError
from ..models import JobRun, ScheduledJob
from ..preview import Effect, Note
from ..rows import read_retry, read_trigger
from ..runs import RunStatus
from ..triggers.base import BaseTrigger

#: What is shown where there is nothing.
NOTHING = "–"

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


def zone_of(trigger: BaseTrigger) -> tzinfo:
    """Return the zone that a trigger thinks in; that of the settings where it has none."""
    zone: tzinfo | None = getattr(trigger, "timezone", None)
    return zone or get_config().timezone


def clock_words(moment: datetime, zone: tzinfo, *, seconds: bool | None = None) -> str:
    """Return `Tue 2026-11-24 03:00` in `zone`, with seconds where there are some."""
    local = moment.astimezone(zone)
    exact = bool(local.second) if seconds is None else seconds
    return date_format(local, "D Y-m-d H:i:s" if exact else "D Y-m-d H:i")


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


def distance_words(moment: datetime, now: datetime) -> str:
    """Return `in 5 minutes` or `5 minutes ago`."""
    if moment >= now:
        return gettext("in %(span)s") % {"span": rough_words(moment - now)}
    return gettext("%(span)s ago") % {"span": rough_words(now - moment)}


def rough_words(span: timedelta) -> str:
    """Return the span in its largest unit: `5 minutes`."""
    if span < timedelta(minutes=1):
        seconds = int(span.total_seconds())
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    start = datetime(2001, 1, 1, tzinfo=UTC)
    try:
        return timesince(start, start + span, depth=1)
    except OverflowError:
        return gettext("a very long time")


def span_words(span: timedelta) -> str:
    """Return an exact, short duration that does not break over lines: `340 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f}\xa0ms"
    if seconds < 59.95:
        return f"{seconds:.1f}\xa0s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return "\xa0".join(f"{amount}\xa0{unit}" for amount, unit in parts if amount)


# -- jobs and runs --------------------------------------------------------------------------------------------------------


def schedule_words(trigger: BaseTrigger) -> str:
    """Return a trigger in words, whatever is wrong with it."""
    try:
        return trigger.describe()
    except Exception:
        return str(_("a trigger that cannot describe itself"))


def lateness(run: JobRun) -> timedelta | None:
    """Return how late a run started; None where it did not."""
    if run.started_at is None:
        return None
    late: timedelta = run.started_at - run.due_at
    return late


def duration(run: JobRun, now: datetime) -> timedelta | None:
    """Return how long the body of a run took, or has taken so far; None where it did not start."""
    if run.started_at is None:
        return None
    took: timedelta = (run.finished_at or now) - run.started_at
    return took


def span_or_nothing(span: timedelta | None) -> str:
    """Return a duration in words, a dash for none."""
    return NOTHING if span is None else span_words(span)


def summary_words(run: JobRun, zone: tzinfo | None = None) -> str:
    """Return `coalesced 3 fire times, from … to …` for a run that stands for several fire times, else an empty string."""
    if run.count <= 1 and run.count_is_exact:
        return ""
    count = str(run.count) if run.count_is_exact else gettext("at least %(count)d") % {"count": run.count}
    words = gettext("%(status)s %(count)s fire times") % {"status": run.get_status_display(), "count": count}
    if run.covers_from is None or run.covers_until is None:
        return words
    zone = zone or timezone.get_current_timezone()
    start, end = (clock_words(moment, zone) for moment in (run.covers_from, run.covers_until))
    return gettext("%(words)s, from %(start)s to %(end)s") % {"words": words, "start": start, "end": end}


def note_words(note: Note) -> str:
    """Return what a clock change does to a fire time, without its date."""
    wall, last = (f"{moment:%H:%M:%S}".removesuffix(":00") for moment in (note.wall, note.last_wall))
    if wall != last:
        wall = gettext("%(first)s … %(last)s") % {"first": wall, "last": last}
    fires = note.moment and f"{note.moment:%H:%M:%S}".removesuffix(":00")
    told = {
        Effect.SHIFTED: gettext("%(wall)s does not exist: runs at %(fires)s instead"),
        Effect.SKIPPED: gettext("%(wall)s does not exist: no run"),
        Effect.ONCE: gettext("%(wall)s exists twice: runs once, the first time"),
        Effect.TWICE: gettext("%(wall)s exists twice: runs both times"),
    }
    return told[note.effect] % {"wall": wall, "fires": fires}


# -- stored texts ---------------------------------------------------------------------------------------------------------


def capped(text: str) -> str:
    """Return the text, cut where it is too long for a page."""
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT] + "\n" + gettext("… (%(count)d more characters)") % {"count": len(text) - LONGEST_TEXT}


def json_words(text: str) -> str:
    """Return stored JSON with indentation, or the text as it is where it is none; cut where it is too long for a page."""
    return capped(text) if len(text) > LONGEST_TEXT else capped(readable_json(text))


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
    return capped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


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
