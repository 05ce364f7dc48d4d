"""What tables show of jobs, runs and events; pages use the same words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import JobLogEntry, JobRun, ScheduledJob
from ..reasons import reason_words
from .base import Links
from .facts import OUTCOMES, JobFacts
from .shown import (
    NOTHING,
    badge,
    distance_words,
    duration,
    lateness,
    moment_html,
    span_or_nothing,
    span_words,
    status_badge,
    summary_words,
    time_tag,
    value_words,
)
from .statistics import usual_duration
from .svg import sparkline

#: In a table, texts are cut after so many characters.
_SHORT = 120
#: So many changes of an event fit into a table.
_SHORT_CHANGES = 3

_ACTION_TONES = {
    "added": "ok",
    "repaired": "ok",
    "resumed": "ok",
    "paused": "warn",
    "removed": "bad",
    "broken": "bad",
    "finished": "quiet",
    "retired": "warn",
    "declared again": "ok",
    "run requested": "busy",
    "run cancelled": "warn",
    "cancellation requested": "warn",
    "retry requested": "busy",
    "reverted": "warn",
}
#: Events that need no list of what they changed.
_SELF_EVIDENT = ("paused", "resumed", "removed")
#: What can happen to a job, in words.
ACTIONS = {
    "added": _("added"),
    "repaired": _("repaired"),
    "resumed": _("resumed"),
    "paused": _("paused"),
    "removed": _("removed"),
    "broken": _("broken"),
    "finished": _("finished"),
    "modified": _("modified"),
    "rescheduled": _("rescheduled"),
    "updated from code": _("updated from code"),
    "retired": _("retired"),
    "declared again": _("declared again"),
    "run requested": _("run requested"),
    "run cancelled": _("run cancelled"),
    "cancellation requested": _("cancellation requested"),
    "retry requested": _("retry requested"),
    "reverted": _("taken back"),
}


def labelled(label: object, shown: object) -> SafeString:
    """Return a cell with a label that is seen where the table has no header: on narrow screens."""
    return format_html('<span class="apsng-cell-label">{}</span>{}', label, shown)


# -- jobs -----------------------------------------------------------------------------------------------------------------


def running_for(facts: JobFacts) -> str:
    """Return how long a job has been running, if it is."""
    run = facts.live
    if run is None or run.started_at is None:
        return ""
    words = gettext("for %(span)s") % {"span": span_or_nothing(duration(run, facts.now))}
    usual = usual_duration(facts.outcomes)
    return (
        words if usual is None else gettext("%(words)s, usually %(span)s") % {"words": words, "span": span_words(usual)}
    )


def next_run_html(row: ScheduledJob, facts: JobFacts) -> SafeString | str:
    """Return when a job runs next, or why that is not known."""
    if row.finished_at is not None or row.retired_at is not None or row.paused:
        return NOTHING
    if row.broken_reason:
        if row.retry_at is None:
            return NOTHING
        again = moment_html(row.retry_at, facts.zone, now=facts.now)
        return format_html('{}<span class="apsng-sub">{}</span>', again, gettext("tried again then"))
    if row.parked:
        return gettext("when its run ends")
    if row.next_run_time is None or row.trigger != row.planned_trigger:
        return gettext("being planned")
    return moment_html(row.next_run_time, facts.zone, now=facts.now)


def outcomes_html(facts: JobFacts) -> SafeString | str:
    """Return the latest outcomes of a job as a picture, and how the latest of them ended."""
    if not facts.outcomes:
        return NOTHING
    return format_html("{}{}", sparkline(facts.outcomes, OUTCOMES), last_outcome_html(facts))


def last_outcome_html(facts: JobFacts) -> SafeString | str:
    """Return how the latest run of a job ended, with a link to it."""
    run = facts.last
    if run is None:
        return NOTHING
    parts = [] if run.finished_at is None else [distance_words(run.finished_at, facts.now)]
    if run.started_at is not None:
        parts.append(span_or_nothing(duration(run, facts.now)))
    shown = facts.links.anchor(status_badge(run), JobRun, run.pk)
    return format_html('{}<span class="apsng-sub">{}</span>', shown, " · ".join(parts))


# -- runs -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RunCells:
    """A run as a row of a table."""

    run: JobRun
    link: SafeString
    status: SafeString
    #: The fire time, or what a summary stands for.
    fire_time: SafeString | str
    late: str
    took: str
    #: The exception, or the reason for the status.
    remark: str


def run_cells(run: JobRun, zone: tzinfo, now: datetime, links: Links) -> RunCells:
    """Return the cells of a run."""
    late = lateness(run)
    return RunCells(
        run=run,
        link=links.anchor(run.pk, JobRun, run.pk),
        status=status_badge(run),
        fire_time=fire_time_html(run, zone),
        late=span_or_nothing(late),
        took=span_or_nothing(duration(run, now)),
        remark=remark(run),
    )


def fire_time_html(run: JobRun, zone: tzinfo) -> SafeString | str:
    """Return the fire time of a run in `zone`; for a summary, what it stands for; for one asked for by hand, who did."""
    if words := summary_words(run, zone):
        return words
    if run.slot is not None:
        return time_tag(run.slot, zone)
    by = run.requested_by or gettext("hand")
    return format_html(
        '{}<span class="apsng-sub">{}</span>', time_tag(run.due_at, zone), gettext("by %(who)s") % {"who": by}
    )


def remark(run: JobRun) -> str:
    """Return in one short line what there is to say about the end of a run."""
    error = ": ".join(filter(None, [run.exception_type, reason_words(run.exception_message)]))
    text = " – ".join(filter(None, [error, reason_words(run.reason)]))
    return shortened(text)


def shortened(text: str) -> str:
    """Return the text in one line, cut for a table."""
    line = " ".join(text[: 2 * _SHORT].split())
    return line if len(line) <= _SHORT and len(text) <= 2 * _SHORT else f"{line[:_SHORT]}…"


# -- events ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that an event changed, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class EventCells:
    """An event as a row of a table."""

    entry: JobLogEntry
    at: SafeString | str
    link: SafeString
    who: str
    why: str
    #: The first changes, or the run that was asked for.
    changes: SafeString | str


def event_cells(entry: JobLogEntry, links: Links) -> EventCells:
    """Return the cells of an event."""
    before, after = event_values(entry)
    return EventCells(
        entry=entry,
        at=moment_html(entry.at),
        link=links.anchor(action_badge(entry), JobLogEntry, entry.pk),
        who=entry.actor_name or NOTHING,
        why=reason_words(entry.reason),
        changes=run_html(after, links) or _changes_html(before, after, entry.action) or NOTHING,
    )


def run_html(after: dict[str, Any], links: Links) -> SafeString | str:
    """Return a link to the run that an event asked for, an empty string where it asked for none."""
    if "run" not in after:
        return ""
    return links.anchor(gettext("run %(id)s") % {"id": after["run"]}, JobRun, after["run"])


def _changes_html(before: dict[str, Any], after: dict[str, Any], action: str) -> SafeString | str:
    """Return the first changes as short lines; of a new job only its trigger, and none where the event says it all."""
    if action in _SELF_EVIDENT:
        return ""
    if not before:
        after = {name: value for name, value in after.items() if name == "trigger"}
    changes = changes_of(before, after)
    lines = [
        format_html('<span class="apsng-change">{}</span>', _change_html(change)) for change in changes[:_SHORT_CHANGES]
    ]
    if more := len(changes[_SHORT_CHANGES:]):
        words = ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more}
        lines.append(format_html('<span class="apsng-sub">{}</span>', words))
    return format_html_join("", "{}", ((line,) for line in lines))


def _change_html(change: Change) -> SafeString:
    before = "" if change.before == NOTHING else format_html("<del>{}</del> → ", shortened(change.before))
    label = format_html('<span class="apsng-label">{}</span>', change.label)
    return format_html("{} {}<ins>{}</ins>", label, before, shortened(change.after))


def action_badge(entry: JobLogEntry) -> SafeString:
    """Return what happened as a badge."""
    return badge(ACTIONS.get(entry.action, entry.action), _ACTION_TONES.get(entry.action, "info"))


def event_values(entry: JobLogEntry) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values before and after an event; damaged ones are empty."""
    return _object(entry.before), _object(entry.after)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def changes_of(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Return the changes in words."""
    names = [name for name in {**before, **after} if name not in ("run", "trigger_type")]
    return [
        Change(
            label=column_label(name),
            before=value_words(name, before[name]) if name in before else NOTHING,
            after=value_words(name, after[name]) if name in after else NOTHING,
        )
        for name in names
    ]


def column_label(name: str) -> str:
    """Return the words for a column of jobs."""
    known = {field.name: str(getattr(field, "verbose_name", field.name)) for field in ScheduledJob._meta.get_fields()}
    return known.get(name, name)
