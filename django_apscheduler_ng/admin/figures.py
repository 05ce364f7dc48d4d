"""Figures about runs as templates show them: groups of failures, and percentiles as numbers and charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import JobRun, ScheduledJob
from .base import Links
from .cells import labelled
from .chart import percentile_chart, slice_time
from .runrow import RunRow
from .shown import clock_words, distance_words, span_words, status_badge
from .statistics import FailureGroup, Percentiles, Slice, durations, latenesses, over_time, percentiles

#: So many jobs are named with a group of failures.
_NAMED = 2
#: Parts of a chart.
SLICES = 24


def filtered_runs(links: Links, **conditions: str) -> str:
    """Return the address of the runs that fulfil these conditions; empty where the person sees none."""
    runs = links.page(JobRun, "changelist")
    return f"{runs}?{urlencode(conditions)}" if runs else ""


def failure_cells(group: FailureGroup, now: datetime, links: Links, **conditions: str) -> dict[str, Any]:
    """Return a group of failures as a row of a table; `conditions` narrow the runs that it is linked to."""
    conditions["status__exact"] = group.status
    if group.exception:
        conditions["exception"] = group.exception
    jobs = group.jobs[:_NAMED]
    more = len(group.jobs) - _NAMED
    return {
        "name": group.exception,
        "badge": status_badge(RunRow(0, 0, "", "", group.status, group.last)),
        "count": group.number,
        "address": filtered_runs(links, **conditions),
        "first": _seen(_("first seen"), group.first, now),
        "last": _seen(_("last seen"), group.last, now),
        "jobs": [links.anchor(name or key, ScheduledJob, key) for key, name in jobs],
        "more": ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more} if more > 0 else "",
    }


def _seen(label: object, moment: datetime, now: datetime) -> SafeString:
    far = distance_words(min(moment, now), now)
    words = clock_words(moment, timezone.get_current_timezone())
    day, _space, clock = words.rpartition(" ")
    exact = '{}<span class="apsng-sub"><time datetime="{}"><span class="apsng-day">{}</span> {}</time></span>'
    return labelled(label, format_html(exact, far, moment.astimezone(UTC).isoformat(), day, clock))


def charts(runs: Sequence[RunRow], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the durations and the latenesses of runs over time, each as key figures and a chart; none without a run."""
    found = []
    for title, values in ((gettext("Duration"), durations(runs)), (gettext("Lateness"), latenesses(runs))):
        whole = percentiles(value for _, value in values)
        if whole is not None:
            label = gettext("%(what)s over time: %(figures)s in all") % {"what": title, "figures": figures_words(whole)}
            slices = over_time(values, start, end, SLICES)
            picture = percentile_chart(slices, label)
            found.append({"title": title, "figures": figures(whole), "picture": picture, "rows": _rows(slices)})
    return found


def _rows(slices: Iterable[Slice]) -> list[tuple[str, list[SafeString]]]:
    """Return what a chart shows as the rows of a table: the time of each slice with a run, and its values."""
    names = (_("Runs"), "p50", "p95", "p99")
    return [
        (slice_time(piece), [labelled(name, value) for name, value in zip(names, _values(found), strict=True)])
        for piece in slices
        if (found := piece.percentiles)
    ]


def _values(found: Percentiles) -> list[object]:
    return [found.number, *(value for _, value in figures(found))]


def figures(found: Percentiles) -> list[tuple[str, str]]:
    """Return the names of the percentiles with their values in words."""
    return [("p50", span_words(found.p50)), ("p95", span_words(found.p95)), ("p99", span_words(found.p99))]


def figures_words(found: Percentiles) -> str:
    """Return the percentiles in one line."""
    return ", ".join(f"{name} {value}" for name, value in figures(found))
