"""The timeline on a page: a lane for each job, and one for each pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from ..models import JobRun, ScheduledJob
from ..triggers.base import BaseTrigger
from .base import Links
from .runrow import FAILED_STATUSES, UNSTARTED_STATUSES, RunRow
from .simulation import MISSED, REPLACES, SKIPPED, WAITS, Habits
from .svg import axis, full_words, lane, load_lane
from .timeline import (
    Bar,
    Forecast,
    Load,
    Window,
    expected_bars,
    expected_load,
    full,
    levels,
    past_bars,
    past_load,
    stretches,
)

DAY = timedelta(hours=24)
#: Parts of the window whose load is drawn.
_STEPS = 192


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A lane as the template needs it."""

    name: SafeString
    #: The whole name, where there is too little room for it.
    title: str
    picture: SafeString
    #: What the picture shows, for those who do not see it.
    words: str
    #: Whether there is something to be warned of.
    warns: bool = False


@dataclass(frozen=True, kw_only=True)
class Course:
    """A job in time: what it did, and what it is expected to do."""

    job: ScheduledJob
    trigger: BaseTrigger
    #: The latest first; empty where the viewer may not see them.
    runs: Sequence[RunRow]
    #: Runs in the window from before that moment are not among them, because there are too many.
    undrawn_until: datetime | None = None
    forecast: Forecast
    habits: Habits


def window_of(now: datetime) -> Window:
    """Return the last and the next 24 hours."""
    return Window.around(now, DAY, DAY)


def hours(window: Window) -> SafeString:
    """Return the axis of a timeline."""
    return axis(window)


def job_lane(course: Course, window: Window, links: Links) -> Shown | None:
    """Return the lane of a job; None where nothing is on it."""
    past, coming = past_bars(course.runs, window), expected_bars(course.forecast, course.habits, window)
    if not past and not coming:
        return None
    rests = [Bar(window.now, min(end, window.end), "") for end in course.habits.busy_until if end > window.now]
    runs = links.page(JobRun, "changelist")
    addresses = (links.page(JobRun, "change", 0), f"{runs}?job={course.job.pk}" if runs else "")
    return Shown(
        name=links.anchor(course.job, ScheduledJob, course.job.pk),
        title=str(course.job),
        picture=lane([*past, *rests, *coming], window, addresses, course.undrawn_until),
        words=_lane_words(past, coming, cut=course.undrawn_until is not None),
        warns=any(bar.overlaps for bar in coming),
    )


def _lane_words(past: Sequence[Bar], coming: Sequence[Bar], *, cut: bool) -> str:
    """Return in words what is on a lane."""
    ran = _number(bar for bar in past if bar.status not in UNSTARTED_STATUSES)
    failed = _number(bar for bar in past if bar.status in FAILED_STATUSES)
    missed = _number(bar for bar in past if bar.status in UNSTARTED_STATUSES)
    expected = _number(coming)
    told = [
        ngettext("%(count)d run in the last 24 hours", "%(count)d runs in the last 24 hours", ran) % {"count": ran},
        gettext("older runs, too many to draw") if cut else "",
        gettext("%(count)d failed") % {"count": failed} if failed else "",
        gettext("%(count)d missed or skipped") % {"count": missed} if missed else "",
        ngettext("%(count)d expected in the next 24 hours", "%(count)d expected in the next 24 hours", expected)
        % {"count": expected},
        *_fates_words(coming),
    ]
    return ", ".join(filter(None, told))


def _fates_words(coming: Sequence[Bar]) -> Iterator[str]:
    """Yield how many of the expected runs meet others, by what becomes of them."""
    words = (
        (SKIPPED, gettext("%(count)d of them would be skipped")),
        (WAITS, gettext("%(count)d of them would wait")),
        (REPLACES, gettext("%(count)d of them would cancel another one")),
        (MISSED, gettext("%(count)d of them would be missed")),
        ("", gettext("%(count)d of them would overlap")),
    )
    for fate, text in words:
        if number := _number(bar for bar in coming if bar.overlaps and bar.fate == fate):
            yield text % {"count": number}


def _number(bars: Iterable[Bar]) -> int:
    return sum(bar.number for bar in bars)


def pool_lanes(
    courses: Iterable[Course], runs: Iterable[RunRow], capacities: Mapping[str, int], window: Window
) -> list[Shown]:
    """Return a lane for each pool that is used.

    Args:
        courses: jobs with what they are expected to do.
        runs: all that ran in the past of the window; none where only a part of them is known.
        capacities: slots of each pool of the living nodes.
        window: the time that is shown.
    """
    loads: dict[str, list[Load]] = {alias: [] for alias in capacities}
    for run in runs:
        if run.executor in loads:
            loads[run.executor] += past_load([run], window)
    for course in courses:
        if course.job.executor in loads:
            loads[course.job.executor] += expected_load(course.forecast, course.habits, window)
    return [_pool_lane(alias, found, capacities[alias], window) for alias, found in loads.items() if found]


def _pool_lane(alias: str, loads: Iterable[Load], capacity: int, window: Window) -> Shown:
    found = stretches(loads)
    taken = full(found, capacity)
    words = full_words(taken[0]) if taken else gettext("There is always a free slot.")
    if more := len(taken[1:]):
        words += " " + ngettext("And once more.", "And %(count)d times more.", more) % {"count": more}
    slots = ngettext("%(count)d slot", "%(count)d slots", capacity) % {"count": capacity}
    return Shown(
        name=format_html('{} <span class="apsng-quiet-text">{}</span>', alias, slots),
        title=alias,
        picture=load_lane(levels(found, window, _STEPS), taken, capacity, window),
        words=words,
        warns=bool(taken),
    )
