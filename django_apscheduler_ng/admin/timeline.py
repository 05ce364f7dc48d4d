"""The layout of a timeline: runs that were, fire times to come, where they overlap and where a pool is full.

Pure: moments and numbers in, bars out. Who draws them turns moments into places with `Window.at()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..runs import RunStatus
from .runrow import UNSTARTED_STATUSES, RunRow
from .simulation import Habits, simulate

#: Bars that are nearer to each other than this part of the window become one.
_NEAR = 1 / 400


class Window(NamedTuple):
    """The time that is shown."""

    start: datetime
    now: datetime
    end: datetime

    @classmethod
    def around(cls, now: datetime, before: timedelta, after: timedelta) -> Window:
        """Return the window that begins `before` now and ends `after` it."""
        return cls(now - before, now, now + after)

    def at(self, moment: datetime) -> float:
        """Return the place of a moment, from 0 to 100; what lies outside is put at the edge."""
        share = (moment - self.start) / (self.end - self.start) * 100
        return min(100.0, max(0.0, share))

    @property
    def near(self) -> timedelta:
        """Distance below which two bars cannot be told apart."""
        return (self.end - self.start) * _NEAR


class Bar(NamedTuple):
    """Something on a lane; where it has no length, it is a mark."""

    start: datetime
    end: datetime
    #: Status of the run; empty for a fire time to come.
    status: str
    #: How many runs or fire times it stands for.
    number: int = 1
    #: Key of the run; None for several, and for fire times to come.
    run: int | None = None
    #: Of a run: it began before an earlier one of the job had ended. Of a fire time to come: the job will have as many runs as it
    #: may by then.
    overlaps: bool = False
    #: Of a fire time to come that overlaps: what becomes of it, see `simulation`; empty where that differs from one to the next.
    fate: str = ""


class Load(NamedTuple):
    """How many slots something takes, from when to when."""

    start: datetime
    end: datetime
    slots: float = 1.0


class Stretch(NamedTuple):
    """A stretch of time with the same load."""

    start: datetime
    end: datetime
    slots: float


# -- runs that were -------------------------------------------------------------------------------------------------------


def past_bars(runs: Iterable[RunRow], window: Window) -> list[Bar]:
    """Return a bar for each run that touches the past of the window, near ones of the same status together, in order."""
    bars = [bar for bar in (_past_bar(run, window) for run in runs) if bar is not None]
    return _beside_each_other(merged(bars, window.near))


def _past_bar(run: RunRow, window: Window) -> Bar | None:
    """Return the bar of a run: from its start to its end, to the present while it runs; a mark where it did not start."""
    if run.started_at is None:
        if run.is_open or not window.start <= run.due_at <= window.now:
            return None
        return Bar(run.due_at, run.due_at, run.status, run=run.pk)
    end = run.finished_at or (window.now if run.is_open else run.started_at)
    if end < window.start or run.started_at > window.now:
        return None
    return Bar(max(run.started_at, window.start), min(max(end, run.started_at), window.now), run.status, run=run.pk)


def merged(bars: Iterable[Bar], near: timedelta) -> list[Bar]:
    """Return the bars in order, where those of one status that follow each other nearer than `near` are one.

    A bar of another status between them keeps them apart, so that a single failure among a thousand successes stays visible.
    """
    found: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: (bar.start, bar.end)):
        last = found[-1] if found else None
        if last is None or not _are_near(last, bar, near):
            found.append(bar)
        else:
            number = last.number + bar.number
            found[-1] = last._replace(end=max(last.end, bar.end), number=number, run=None)
    return found


def _are_near(last: Bar, bar: Bar, near: timedelta) -> bool:
    """Return whether two bars look like one. Long ones that lie beside each other do not."""
    alike = (last.status, last.overlaps, last.fate) == (bar.status, bar.overlaps, bar.fate)
    return alike and bar.start - last.end <= near and (bar.start >= last.end or bar.end - bar.start <= near)


def _beside_each_other(bars: Iterable[Bar]) -> list[Bar]:
    """Mark the bars that begin before an earlier one has ended."""
    found: list[Bar] = []
    until: datetime | None = None
    for bar in bars:
        found.append(bar._replace(overlaps=until is not None and bar.start < until))
        until = bar.end if until is None else max(until, bar.end)
    return found


# -- fire times to come ---------------------------------------------------------------------------------------------------


class Forecast(NamedTuple):
    """The fire times of a job within a window."""

    #: The first ones, in order.
    fire_times: Sequence[datetime]
    #: How many more there are, and the last of them.
    more: int = 0
    last: datetime | None = None


def expected_bars(forecast: Forecast, habits: Habits, window: Window) -> list[Bar]:
    """Return a bar for each fire time, as long as the job usually takes; near ones together.

    One that meets as many runs as the job may have does what the job's policy says: it has no length where it is skipped.
    """
    bars = [
        Bar(one.start, min(one.end, window.end), "", overlaps=bool(one.fate), fate=one.fate)
        for one in simulate(forecast.fire_times, habits)
        if one.start <= window.end
    ]
    found = merged(bars, window.near)
    if forecast.more and forecast.last is not None and forecast.fire_times:
        found.append(_rest(forecast, forecast.last, habits.usual or timedelta(0), habits.most))
    return found


def _rest(forecast: Forecast, last: datetime, usual: timedelta, most: int) -> Bar:
    """Return one bar for the fire times beyond those that were looked at one by one."""
    start = forecast.fire_times[-1]
    period = (last - start) / forecast.more
    return Bar(start, last, "", number=forecast.more, overlaps=usual > period * most)


# -- load -----------------------------------------------------------------------------------------------------------------


def past_load(runs: Iterable[RunRow], window: Window) -> list[Load]:
    """Return the slots that runs took."""
    bars = (_past_bar(run, window) for run in runs if run.status not in UNSTARTED_STATUSES)
    return [Load(bar.start, bar.end) for bar in bars if bar is not None and bar.end > bar.start]


def expected_load(forecast: Forecast, habits: Habits, window: Window) -> list[Load]:
    """Return the slots that the fire times of a job will take, those that get no run left out."""
    usual = habits.usual or timedelta(0)
    runs = simulate(forecast.fire_times, habits)
    loads = [Load(run.start, min(run.end, window.end)) for run in runs if run.start < min(run.end, window.end)]
    if forecast.more and forecast.last is not None and forecast.last > forecast.fire_times[-1]:
        start = forecast.fire_times[-1]
        share = usual * forecast.more / (forecast.last - start)
        loads.append(Load(start, forecast.last, min(float(habits.most), share)))
    return loads


def stretches(loads: Iterable[Load]) -> list[Stretch]:
    """Add up the loads; returns the stretches in which some slot is taken, in order."""
    changes: dict[datetime, float] = {}
    for load in loads:
        changes[load.start] = changes.get(load.start, 0.0) + load.slots
        changes[load.end] = changes.get(load.end, 0.0) - load.slots
    found: list[Stretch] = []
    slots, since = 0.0, None
    for moment in sorted(changes):
        if since is not None and slots > 1e-9:
            found.append(Stretch(since, moment, round(slots, 6)))
        slots, since = slots + changes[moment], moment
    return found


def full(found: Iterable[Stretch], capacity: int) -> list[Stretch]:
    """Return the stretches in which no slot is free, those that touch each other as one with its highest load."""
    joined: list[Stretch] = []
    for stretch in found:
        if stretch.slots < capacity:
            continue
        if joined and joined[-1].end == stretch.start:
            last = joined[-1]
            joined[-1] = Stretch(last.start, stretch.end, max(last.slots, stretch.slots))
        else:
            joined.append(stretch)
    return joined


def levels(found: Sequence[Stretch], window: Window, steps: int) -> list[float]:
    """Return the highest load in each of `steps` equal parts of the window."""
    highest = [0.0] * steps
    for stretch in found:
        first = int(window.at(stretch.start) / 100 * steps)
        last = int(window.at(stretch.end) / 100 * steps)
        for index in range(min(first, steps - 1), min(last, steps - 1) + 1):
            highest[index] = max(highest[index], stretch.slots)
    return highest


#: Statuses that are drawn as marks although the run has a start.
MARKS = (RunStatus.COALESCED, *UNSTARTED_STATUSES)
