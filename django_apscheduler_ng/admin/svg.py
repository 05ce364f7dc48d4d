"""Pictures, drawn on the server as SVG: outcomes as a sparkline, and the lanes of a timeline.

Places along the time are given in percent, so that a picture is as wide as there is room and its words stay as they are. Colours
come from classes and nothing is styled inline, as a strict policy demands. Pictures tell the time from left to right in every
language.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from . import simulation
from .runrow import UNSTARTED_STATUSES, RunRow
from .shown import span_words, status_words, tone_of
from .timeline import MARKS, Bar, Stretch, Window

#: Sizes in pixels.
_SLOT, _SPARK_HEIGHT = 6, 18
LANE_HEIGHT = 24
#: Heights of bars whose tone can so be told without its colour: failures stand out.
_HEIGHTS = {"ok": 8, "bad": 22}


# -- outcomes -------------------------------------------------------------------------------------------------------------


def sparkline(outcomes: Sequence[RunRow], places: int) -> SafeString:
    """Return the outcomes as a row of marks, the latest on the right: failures tall, fire times that were not run hollow.

    Args:
        outcomes: the latest first.
        places: how many marks there is room for; where fewer outcomes are known, dots take the place of older ones.
    """
    marks = [_dot(index) for index in range(places - len(outcomes))]
    first = places - len(outcomes)
    marks += [_mark(first + index, run) for index, run in enumerate(reversed(outcomes))]
    return format_html(
        '<svg class="apsng-spark" width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        places * _SLOT,
        _SPARK_HEIGHT,
        places * _SLOT,
        _SPARK_HEIGHT,
        outcome_words(outcomes),
        joined(marks),
    )


def outcome_words(outcomes: Sequence[RunRow]) -> str:
    """Return in words what the sparkline shows."""
    if not outcomes:
        return gettext("No outcome yet")
    counts: dict[str, int] = {}
    for run in outcomes:
        counts[run.status] = counts.get(run.status, 0) + 1
    told = ", ".join(f"{count} {status_words(status)}" for status, count in counts.items())
    words = ngettext("The last outcome: %(told)s", "The last %(count)d outcomes: %(told)s", len(outcomes))
    return words % {"count": len(outcomes), "told": told}


def _dot(place: int) -> SafeString:
    return format_html('<circle class="apsng-none" cx="{}" cy="{}" r="1"/>', place * _SLOT + 2.5, _SPARK_HEIGHT - 2)


def _mark(place: int, run: RunRow) -> SafeString:
    """Return the mark of one outcome: its kind can be told by its form alone."""
    tone = tone_of(run.status)
    hollow, height = run.status in UNSTARTED_STATUSES, {"ok": 10, "bad": 18}.get(tone, 14)
    return format_html(
        '<rect class="apsng-mark apsng-fill-{}{}" x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}</title></rect>',
        tone,
        " apsng-hollow" if hollow else "",
        place * _SLOT + (1 if hollow else 0.5),
        _SPARK_HEIGHT - height + (0.5 if hollow else 0),
        3 if hollow else 4,
        height - (1 if hollow else 0),
        _run_words(run),
    )


def _run_words(run: RunRow) -> str:
    words = [status_words(run.status), moment_words(run.due_at)]
    if run.took is not None:
        words.append(span_words(run.took))
    return " · ".join([*words, *filter(None, [run.exception_type])])


# -- a timeline -----------------------------------------------------------------------------------------------------------


def axis(window: Window) -> SafeString:
    """Return the hours above a timeline, in the viewer's zone."""
    labels = [
        format_html('<text class="apsng-tick{}" x="{}%" y="11">{}</text>', " apsng-tick-minor" * minor, place, text)
        for place, text, minor in _ticks(window)
    ]
    now = format_html(
        '<text class="apsng-tick apsng-tick-now" x="{}%" y="24">{}</text>', _place(window, window.now), gettext("now")
    )
    return format_html('<svg class="apsng-axis" height="28" aria-hidden="true">{}{}</svg>', joined(labels), now)


def _ticks(window: Window) -> list[tuple[str, str, bool]]:
    """Return place and words of each sixth full hour, and whether it may be left out where there is little room."""
    zone, found = timezone.get_current_timezone(), []
    moment = window.start.replace(minute=0, second=0, microsecond=0)
    while moment < window.end:
        moment += timedelta(minutes=15)
        local = moment.astimezone(zone)
        if local.minute == 0 and local.hour % 6 == 0 and 2 < window.at(moment) < 98:
            words = date_format(local, "D" if local.hour == 0 else "H:i")
            found.append((_place(window, moment), words, local.hour % 12 != 0))
    return found


def lane(
    bars: Iterable[Bar], window: Window, addresses: tuple[str, str] = ("", ""), undrawn_until: datetime | None = None
) -> SafeString:
    """Return one lane of a timeline.

    Args:
        bars: in order.
        window: the time that is shown.
        addresses: of the page of a run, with 0 in place of its key, and of the runs of the job; empty where the viewer sees none.
        undrawn_until: older runs are not among the bars; None = all are.
    """
    undrawn = [_undrawn(undrawn_until, window)] if undrawn_until else []
    drawn = sorted(bars, key=lambda bar: tone_of(bar.status) == "bad")  # failures lie on top
    return _frame(
        "apsng-lane-svg",
        LANE_HEIGHT,
        window,
        [*undrawn, *(_linked(bar, _bar(bar, window), addresses) for bar in drawn)],
    )


def _undrawn(until: datetime, window: Window) -> SafeString:
    """Return the stretch in which there are more runs than are drawn."""
    return format_html(
        '<rect class="apsng-undrawn" x="0" y="{}" width="{}" height="4"><title>{}</title></rect>',
        LANE_HEIGHT // 2 - 2,
        _width(window, window.start, until),
        gettext("older runs, too many to draw"),
    )


def _frame(css: str, height: int, window: Window, parts: Iterable[SafeString]) -> SafeString:
    """Return a picture with the lines of the hours and the present."""
    hours = [_line("apsng-hour", place, height) for place, _, _ in _ticks(window)]
    now = _line("apsng-now", _place(window, window.now), height)
    return format_html(
        '<svg class="{}" height="{}" aria-hidden="true" focusable="false">{}{}{}</svg>',
        css,
        height,
        joined(hours),
        joined(parts),
        now,
    )


def _line(css: str, place: str, height: int) -> SafeString:
    return format_html('<line class="{}" x1="{}%" x2="{}%" y1="0" y2="{}"/>', css, place, place, height)


def _bar(bar: Bar, window: Window) -> SafeString:
    css = _bar_class(bar)
    if bar.status in MARKS:
        return format_html(
            '<rect class="apsng-bar-mark {}" x="{}%" y="4" width="{}" height="{}" rx="2"><title>{}</title></rect>',
            css,
            _place(window, bar.start),
            _width(window, bar.start, bar.end),
            LANE_HEIGHT - 8,
            bar_words(bar),
        )
    height = _HEIGHTS.get(tone_of(bar.status), LANE_HEIGHT - 10) if bar.status else LANE_HEIGHT - 10
    return format_html(
        '<rect class="apsng-timebar {}" x="{}%" y="{}" width="{}" height="{}" rx="2"><title>{}</title></rect>',
        css,
        _place(window, bar.start),
        (LANE_HEIGHT - height) // 2,
        _width(window, bar.start, bar.end),
        height,
        bar_words(bar),
    )


def _bar_class(bar: Bar) -> str:
    if bar.status:
        hollow = " apsng-hollow" if bar.status in UNSTARTED_STATUSES else ""
        return f"apsng-fill-{tone_of(bar.status)}{hollow}{' apsng-beside' if bar.overlaps else ''}"
    return "apsng-overlap" if bar.overlaps else "apsng-expected"


def _linked(bar: Bar, drawn: SafeString, addresses: tuple[str, str]) -> SafeString:
    """Link a bar to its run. For the pointer only: with the keyboard, the name of the lane leads to the same runs."""
    run, runs = addresses
    address = (run.replace("/0/", f"/{bar.run}/") if bar.run is not None else runs) if bar.status else ""
    return format_html('<a href="{}" tabindex="-1">{}</a>', address, drawn) if address else drawn


def bar_words(bar: Bar) -> str:
    """Return what a bar stands for: status, when, how long, how many."""
    when = moment_words(bar.start)
    if bar.number > 1:
        when = f"{when} – {moment_words(bar.end)}"
    what = status_words(bar.status) if bar.status else gettext("expected")
    words = [what if bar.number == 1 else f"{bar.number} × {what}", when]
    if bar.number == 1 and bar.end > bar.start:
        words.append(span_words(bar.end - bar.start))
    if bar.overlaps:
        words.append(_overlap_words(bar))
    return " · ".join(words)


def _overlap_words(bar: Bar) -> str:
    """Return in which way a bar overlaps, and what comes of it."""
    if bar.status:
        return gettext("began before the run before it had ended")
    match bar.fate:
        case simulation.SKIPPED:
            return gettext("would be skipped: the run before it usually takes longer than that")
        case simulation.WAITS:
            return gettext("would wait for a run before it to end")
        case simulation.REPLACES:
            return gettext("would cancel a run before it and take its place")
        case simulation.MISSED:
            return gettext("would be missed: it would wait longer than its grace time")
    return gettext("would overlap: the run before it usually takes longer than that")


def load_lane(levels: Sequence[float], full: Iterable[Stretch], capacity: int, window: Window) -> SafeString:
    """Return how many slots of a pool are taken over time; where none is free, it is marked.

    Args:
        levels: of equal parts of the window.
        full: the stretches in which no slot is free.
        capacity: slots of the pool.
        window: the time that is shown.
    """
    width = 100 / len(levels)
    bars = [
        format_html(
            '<rect class="apsng-level" x="{}%" y="{}" width="{}%" height="{}"/>',
            short(index * width),
            short(LANE_HEIGHT - height),
            short(width),
            short(height),
        )
        for index, level in enumerate(levels)
        if (height := min(1.0, level / capacity) * (LANE_HEIGHT - 4)) > 0
    ]
    marks = [
        format_html(
            '<rect class="apsng-full" x="{}%" y="2" width="{}" height="{}"><title>{}</title></rect>',
            _place(window, stretch.start),
            _width(window, stretch.start, stretch.end),
            LANE_HEIGHT - 2,
            full_words(stretch),
        )
        for stretch in full
    ]
    return _frame("apsng-lane-svg", LANE_HEIGHT, window, [*bars, *marks])


def full_words(stretch: Stretch) -> str:
    """Return from when to when a pool is full."""
    start, end = moment_words(stretch.start), moment_words(stretch.end)
    return gettext("No slot is free from %(start)s to %(end)s.") % {"start": start, "end": end}


def moment_words(moment: datetime) -> str:
    """Return a moment in the viewer's zone; there are very many of them on a page, too many for words of the language."""
    return f"{moment.astimezone(timezone.get_current_timezone()):%Y-%m-%d %H:%M}"


# -- numbers --------------------------------------------------------------------------------------------------------------


def _place(window: Window, moment: datetime) -> str:
    return short(window.at(moment))


def _width(window: Window, start: datetime, end: datetime) -> str:
    """Return a width in percent; of what is too short to be seen, three pixels."""
    share = window.at(end) - window.at(start)
    return f"{short(share)}%" if share >= 0.4 else "3"


def short(number: float) -> str:
    """Return a number for an attribute, whatever the language."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def joined(parts: Iterable[SafeString]) -> SafeString:
    """Return parts of a picture as one."""
    return format_html_join("", "{}", ((part,) for part in parts))
