"""From a rule and a zone to fire times. Moments are seconds since the epoch, wall-clock times are moment + offset."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, tzinfo

from ..walltime import DAY, EPOCH_ORDINAL, OnGap, OnOverlap, Stretch, stretch_at
from .rule import CALENDAR_YEARS, Rule, days_of_year, next_year

#: The last year that is searched: in the following one, moments of some zones lie beyond what `datetime` can hold.
LAST_YEAR = 9998
FIRST_SECOND = (date(1970, 1, 1).toordinal() - EPOCH_ORDINAL - 2) * DAY
LAST_SECOND = (date(LAST_YEAR, 12, 30).toordinal() - EPOCH_ORDINAL) * DAY

#: Nothing is cached: no moment lies in it.
_NOWHERE = (0, 0, 0)
_FAR = 3 * DAY


class Search:
    """The fire times of a rule in a zone.

    Real time is walked in stretches of one UTC offset (see `walltime`). In each, the fire times are the rule's
    wall-clock times from `Stretch.first_wall()` on, and those that do not exist happen at its start. Within a day
    without a clock change that is one look into the sorted times of day.

    What was found last is kept, so that a search that goes on from there is fast. Each cache is one tuple, replaced as
    a whole: threads may share a search.
    """

    def __init__(self, rule: Rule, zone: tzinfo, on_gap: OnGap, on_overlap: OnOverlap) -> None:
        self._dates = rule.dates
        self._times = rule.times
        self._zone = zone
        self._on_gap: OnGap = on_gap if rule.fixed else "skip"
        self._on_overlap: OnOverlap = on_overlap if rule.fixed else "both"
        #: First and last fire time of a day without a clock change, and its midnight.
        self._day = _NOWHERE
        #: A stretch and its first wall-clock time.
        self._stretch: tuple[Stretch, int] = (Stretch(0, 0, 0, 0), 0)
        #: First day of a year, first day of the next, the dates between.
        self._year: tuple[int, int, tuple[int, ...]] = (0, 0, ())

    def after(self, second: int) -> int | None:
        """Return the first fire time after the moment `second`."""
        first, last, midnight = self._day
        if first <= second < last:
            return midnight + self._times[bisect_right(self._times, second - midnight)]
        if second >= LAST_SECOND:
            return None
        return self._walk(max(second, FIRST_SECOND) + 1)

    def latest(self, known: int, until: int) -> int:
        """Return the last fire time at or before `until`; `known` is one."""
        while known < until:
            middle = (known + until) // 2
            found = self.after(middle)
            if found is None or found > until:
                until = middle
            else:
                known = found
        return known

    def count(self, first: int, last: int) -> int:
        """Return how many fire times lie between two moments, both included."""
        total = 0
        while first <= last:
            stretch, wall = self._stretch_at(first)
            end = min(last + 1, stretch.end)
            exists = stretch.start + stretch.offset
            if first == stretch.start and wall <= exists:
                total += min(1, self._count_walls(wall, exists + 1))
                wall = exists + 1
            total += self._count_walls(max(wall, first + stretch.offset), end + stretch.offset)
            first = end
        return total

    def _walk(self, moment: int) -> int | None:
        """Return the first fire time at or after `moment`, stretch by stretch.

        A stretch that was searched from its beginning shows all that clocks can show before its end: the next wall-clock
        time found is really the next, and what lies between is skipped. One that was searched from its middle says
        nothing about the times before, which an overlap at its end may show again.
        """
        limit = None
        while moment <= min(limit or LAST_SECOND, LAST_SECOND):
            stretch, first_wall = self._stretch_at(moment)
            whole = moment <= stretch.start
            wall = self._next_wall(first_wall if whole else max(moment + stretch.offset, first_wall))
            if wall is not None and wall < stretch.end + stretch.offset:
                self._keep_day(wall, stretch, first_wall)
                return max(wall - stretch.offset, stretch.start)
            moment = stretch.end
            if whole and stretch.end - stretch.start > _FAR:
                if wall is None:
                    return None
                limit = limit or wall + CALENDAR_YEARS * 366 * DAY
                moment = self._skipped_to(wall - stretch.offset - _FAR, moment)
        return None

    def _skipped_to(self, moment: int, end: int) -> int:
        """Return the start of the stretch that contains `moment`, at least `end`."""
        return max(end, self._stretch_at(moment)[0].start) if end < moment <= LAST_SECOND else end

    def _stretch_at(self, moment: int) -> tuple[Stretch, int]:
        """Return the stretch that contains `moment`, and the first wall-clock time it answers for."""
        kept = self._stretch
        if not kept[0].start <= moment < kept[0].end:
            stretch = stretch_at(self._zone, moment)
            self._stretch = kept = (stretch, stretch.first_wall(self._on_gap, self._on_overlap))
        return kept

    def _keep_day(self, wall: int, stretch: Stretch, first_wall: int) -> None:
        """Remember the day of `wall` for `after()`, if the clocks do not change between its first and its last time."""
        times = self._times
        midnight = wall - wall % DAY
        first, last = midnight + times[0], midnight + times[-1]
        if max(first_wall, stretch.start + stretch.offset) <= first and last < stretch.end + stretch.offset:
            offset = stretch.offset
            self._day = (first - offset, last - offset, midnight - offset)

    def _next_wall(self, wall: int) -> int | None:
        """Return the rule's first wall-clock time at or after `wall`."""
        times = self._times
        day, second = divmod(wall, DAY)
        if second > times[-1]:
            day, second = day + 1, 0
        found = self._next_day(day)
        if found is None:
            return None
        return found * DAY + times[bisect_left(times, second) if found == day else 0]

    def _next_day(self, day: int) -> int | None:
        """Return the rule's first date at or after `day`, in days since the epoch."""
        first, end, days = self._year
        if not first <= day < end:
            first, end, days = self._load_year(date.fromordinal(day + EPOCH_ORDINAL).year)
        position = bisect_left(days, day)
        if position < len(days):
            return days[position]
        year = date.fromordinal(end + EPOCH_ORDINAL).year
        return self._first_day_from(year)

    def _first_day_from(self, year: int) -> int | None:
        """Return the rule's first date in or after `year`."""
        following = next_year(self._dates.years, year)
        limit = min((following or 0) + CALENDAR_YEARS, LAST_YEAR + 1)
        while following is not None and following < limit:
            days = self._load_year(following)[2]
            if days:
                return days[0]
            following = next_year(self._dates.years, following + 1)
        return None

    def _load_year(self, year: int) -> tuple[int, int, tuple[int, ...]]:
        """Make `year` the one at hand."""
        first, end = (date(start, 1, 1).toordinal() - EPOCH_ORDINAL for start in (year, year + 1))
        self._year = kept = (first, end, days_of_year(self._dates, year))
        return kept

    def _count_walls(self, first: int, end: int) -> int:
        """Return how many of the rule's wall-clock times lie in [`first`, `end`)."""
        if first >= end:
            return 0
        first_day, first_second = divmod(first, DAY)
        last_day, end_second = divmod(end, DAY)
        return (
            self._count_days(first_day, last_day) * len(self._times)
            - self._count_times(first_day, first_second)
            + self._count_times(last_day, end_second)
        )

    def _count_days(self, first: int, end: int) -> int:
        """Return how many of the rule's dates lie in [`first`, `end`)."""
        total = 0
        while first < end:
            _, year_end, days = self._load_year(date.fromordinal(first + EPOCH_ORDINAL).year)
            total += bisect_left(days, end) - bisect_left(days, first)
            first = year_end
        return total

    def _count_times(self, day: int, second: int) -> int:
        """Return how many of the day's times lie before `second`."""
        return bisect_left(self._times, second) if self._next_day(day) == day else 0
