"""A chart of percentiles over time, drawn on the server as `svg` draws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from .scale import Scale
from .shown import span_words
from .statistics import Slice
from .svg import joined, moment_words, short

#: In pixels: of the plot, and what is left free above and below.
_HEIGHT, _EDGE = 140, 8


def percentile_chart(slices: Sequence[Slice], label: str) -> SafeString:
    """Return percentiles over time: a box from p50 to p95, a line up to p99, on a logarithmic scale of durations.

    Args:
        slices: of equal length, in order.
        label: what the picture shows, for those who do not see it.
    """
    values = [value for piece in slices if piece.percentiles for value in piece.percentiles[1:]]
    scale = Scale.of(values)
    grid = [
        format_html(
            '<line class="apsng-hour" x1="0" x2="100%" y1="{}" y2="{}"/>', _height(scale, tick), _height(scale, tick)
        )
        for tick in scale.ticks
    ]
    names = [
        format_html('<text class="apsng-tick-y" x="100%" y="{}">{}</text>', _height(scale, tick, 4), _tick_words(tick))
        for tick in scale.ticks
    ]
    boxes = [_box(index, len(slices), piece, scale) for index, piece in enumerate(slices) if piece.percentiles]
    return format_html(
        '<div class="apsng-chart" role="img" aria-label="{}"><svg class="apsng-chart-y" height="{}">{}</svg>'
        '<svg class="apsng-chart-plot" height="{}">{}{}{}</svg></div>',
        label,
        _HEIGHT + 20,
        joined(names),
        _HEIGHT + 20,
        joined(grid),
        joined(boxes),
        joined(_chart_ticks(slices)),
    )


def _box(index: int, count: int, piece: Slice, scale: Scale) -> SafeString:
    found = piece.percentiles
    assert found is not None
    width = 100 / count
    middle, left = short((index + 0.5) * width), short((index + 0.2) * width)
    p50, p95, p99 = (_height(scale, value) for value in found[1:])
    return format_html(
        '<g><title>{}</title><line class="apsng-p99" x1="{}%" x2="{}%" y1="{}" y2="{}"/>'
        '<rect class="apsng-p95" x="{}%" y="{}" width="{}%" height="{}" rx="1"/>'
        '<rect class="apsng-p50" x="{}%" y="{}" width="{}%" height="3"/></g>',
        slice_words(piece),
        middle,
        middle,
        p99,
        p95,
        left,
        p95,
        short(width * 0.6),
        short(max(1.0, float(p50) - float(p95))),
        left,
        short(float(p50) - 1.5),
        short(width * 0.6),
    )


def slice_words(piece: Slice) -> str:
    """Return the percentiles of a slice in words."""
    when = slice_time(piece)
    if piece.percentiles is None:
        return when
    count, *values = piece.percentiles
    told = [f"{name} {span_words(value)}" for name, value in zip(("p50", "p95", "p99"), values, strict=True)]
    runs = ngettext("%(count)d run", "%(count)d runs", count) % {"count": count}
    return " · ".join([when, *told, runs])


def slice_time(piece: Slice) -> str:
    """Return from when to when a slice lasts."""
    return f"{moment_words(piece.start)} – {moment_words(piece.end)}"


def _chart_ticks(slices: Sequence[Slice]) -> list[SafeString]:
    """Return the moments below the chart: its beginning, its middle and its end."""
    if not slices:
        return []
    start, end = slices[0].start, slices[-1].end
    places = ((start, 0, "start"), (start + (end - start) / 2, 50, "middle"), (end, 100, "end"))
    return [
        format_html(
            '<text class="apsng-tick" x="{}%" y="{}" text-anchor="{}">{}</text>',
            place,
            _HEIGHT + 14,
            anchor,
            _tick_moment(moment, end - start, brief=place == 50),
        )
        for moment, place, anchor in places
    ]


def _tick_moment(moment: datetime, span: timedelta, *, brief: bool) -> str:
    """Return the words of a moment; of one that may be brief, only what differs most."""
    local = moment.astimezone(timezone.get_current_timezone())
    if span > timedelta(days=6):
        return date_format(local, "Y-m-d")
    if not brief:
        return date_format(local, "D H:i")
    return date_format(local, "H:i" if span <= timedelta(hours=36) else "D")


def _tick_words(tick: timedelta) -> str:
    """Return `10 s` for a tick, whose numbers are round."""
    seconds = tick.total_seconds()
    units = (
        (86_400, gettext("%(amount)s d")),
        (3600, gettext("%(amount)s h")),
        (60, gettext("%(amount)s min")),
        (1, gettext("%(amount)s s")),
        (0.001, gettext("%(amount)s ms")),
    )
    size, words = next(unit for unit in units if seconds >= unit[0])
    return (words % {"amount": f"{seconds / size:.0f}"}).replace(" ", "\xa0")


def _height(scale: Scale, value: timedelta, below: int = 0) -> str:
    """Return how far below the top a value lies."""
    return short(_EDGE + (1 - scale.at(value)) * (_HEIGHT - 2 * _EDGE) + below)
