"""What the policies of a job will do with its fire times, if each run takes as long as usual. Pure: moments in, moments out.

The same decisions as in `planning.py`, for a future that nobody has measured: one job, and a slot free whenever it wants one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from ..policies import OVERLAP_POLICIES

SKIP, QUEUE, REPLACE = OVERLAP_POLICIES

#: What becomes of a fire time that meets as many runs as there may be.
SKIPPED, WAITS, REPLACES, MISSED = "skipped", "waits", "replaces", "missed"


class Habits(NamedTuple):
    """How a job uses to run, and what it may do."""

    #: None = not known.
    usual: timedelta | None = None
    most: int = 1
    #: When each of its present runs is expected to end, the oldest run first.
    busy_until: tuple[datetime, ...] = ()
    #: Policy for fire times that meet as many runs as there may be.
    overlap: str = SKIP
    #: How late a run may start; None = however late.
    grace: timedelta | None = None


class Expected(NamedTuple):
    """A fire time to come, and its run."""

    fire_time: datetime
    #: Later than the fire time where the run has to wait; the fire time itself where there will be no run.
    start: datetime
    end: datetime
    #: Empty where it meets nothing.
    fate: str = ""


class _Course:
    """The runs of one job as time goes on."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.found: list[Expected] = []
        #: End of each run under way, the oldest run first, and its place in `found`; None for those of the present.
        self._busy: list[tuple[datetime, int | None]] = [(end, None) for end in habits.busy_until]
        #: Place of the fire time that waits.
        self._waiting: int | None = None

    def meet(self, fire_time: datetime) -> None:
        """Let a fire time come, later than those before."""
        self.end_until(fire_time)
        self.found.append(Expected(fire_time, fire_time, fire_time))
        if len(self._busy) < self.habits.most:
            self._start(len(self.found) - 1, fire_time, "")
        elif self.habits.overlap == REPLACE:
            self._cancel_oldest(fire_time)
            self._start(len(self.found) - 1, fire_time, REPLACES)
        elif self.habits.overlap == QUEUE and self._waiting is None:
            self._waiting = len(self.found) - 1
        else:
            self.found[-1] = self.found[-1]._replace(fate=SKIPPED)

    def end_until(self, moment: datetime | None) -> None:
        """Let runs end up to a moment, inclusive, None = all of them; the fire time that waits follows the first."""
        while self._waiting is not None and self._busy:
            first = min(end for end, _ in self._busy)
            if moment is not None and first > moment:
                break
            self._busy = [run for run in self._busy if run[0] > first]
            place, self._waiting = self._waiting, None
            late = first - self.found[place].fire_time
            if self.habits.grace is not None and late > self.habits.grace:
                self.found[place] = self.found[place]._replace(fate=MISSED)
            else:
                self._start(place, first, WAITS)
        self._busy = [run for run in self._busy if moment is not None and run[0] > moment]

    def _start(self, place: int, start: datetime, fate: str) -> None:
        end = start + (self.habits.usual or timedelta(0))
        self.found[place] = Expected(self.found[place].fire_time, start, end, fate)
        if end > start:
            self._busy.append((end, place))

    def _cancel_oldest(self, moment: datetime) -> None:
        """Let the oldest run end now, as it is asked to."""
        _, place = self._busy.pop(0)
        if place is not None:
            self.found[place] = self.found[place]._replace(end=moment)


def simulate(fire_times: Iterable[datetime], habits: Habits) -> list[Expected]:
    """Return what will become of each of these fire times, which are in order; a run that is cancelled is taken to end at once."""
    course = _Course(habits)
    for fire_time in fire_times:
        course.meet(fire_time)
    course.end_until(None)
    return course.found
