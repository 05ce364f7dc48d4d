"""From a rule and a zone to fire times. Moments are seconds since the epoch, wall-clock times are moment + offset."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from datetime import date, tzinfo
from functools import cached_property

from ..walltime import DAY, EPOCH_ORDINAL, OnGap, OnOverlap, Stretch, stretch_at
from .rule import CALENDAR_YEARS, Month, Rule, days_of_year, month_of, table

#: The last year that is searched: in the following one, moments of some zones lie beyond what `datetime` can hold.
LAST_YEAR = 9998
FIRST_SECOND = (date(1970, 1, 1).toordinal() - EPOCH_ORDINAL - 2) * DAY
LAST_SECOND = (date(LAST_YEAR, 12, 30).toordinal() - EPOCH_ORDINAL) * DAY

#: Nothing is cached: no moment lies in it.
_NOWHERE = (0, 0, 0)
_NO_STRETCH = (Stretch(0, 0, 0, 0), 0)
_NO_MONTH = Month(0, 0, 0)
_NOTHING_FOUND = (0, -1)
_FAR = 3 * DAY


class Search:
    """The fire times of a rule in a zone.

    Real time is walked in stretches of one UTC offset (see `walltime`). In each, the fire times are the rule's
    wall-clock times from `Stretch.first_wall()` on, and those that do not exist happen at its start. Within a day
    without a clock change that is one look into the sorted times of day.

    The first fire time comes from the bit masks alone. What was found last is kept, so that a search that goes on from
    there is fast. Each cache is one tuple, replaced as a whole: threads may share a search.
    """

    def __init__(self, rule: Rule, zone: tzinfo, on_gap: OnGap, on_overlap: OnOverlap) -> None:
        self._dates = rule.dates
        self._times = rule.times
        self._first_time, self._last_time = rule.times.first, rule.times.last
        self._zone = zone
        fixed = rule.fixed
        self._on_gap: OnGap = on_gap if fixed else "skip"
        self._on_overlap: OnOverlap = on_overlap if fixed else "both"
        #: First and last fire time of a day without a clock change, and its midnight.
        self._day = _NOWHERE
        #: A stretch and its first wall-clock time.
        self._stretch = _NO_STRETCH
        self._month = _NO_MONTH
        #: A wall-clock time and the rule's first at or after it.
        self._found = _NOTHING_FOUND

    @cached_property
    def _table(self) -> array[int]:
        """All times of day; made when a second one is looked for, because many searches end with the first."""
        return table(self._times)

    def after(self, second: int) -> int | None:
        """Return the first fire time after the moment `second`."""
        first, last, midnight = self._day
        if first <= second < last:
            return midnight + self._table[bisect_right(self._table, second - midnight)]
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
        limit = LAST_SECOND
        while moment <= limit:
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
                limit = min(limit, wall + CALENDAR_YEARS * 366 * DAY)
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
        midnight = wall - wall % DAY
        first, last = midnight + self._first_time, midnight + self._last_time
        if max(first_wall, stretch.start + stretch.offset) <= first and last < stretch.end + stretch.offset:
            offset = stretch.offset
            self._day = (first - offset, last - offset, midnight - offset)

    def _next_wall(self, wall: int) -> int | None:
        """Return the rule's first wall-clock time at or after `wall`."""
        since, found = self._found
        if since <= wall <= found:
            return found
        day, second = divmod(wall, DAY)
        if second > self._last_time:
            day, second = day + 1, 0
        found_day = self._next_day(day)
        if found_day is None:
            return None
        found = found_day * DAY + (self._times.at_or_after(second) if found_day == day else self._first_time)
        self._found = (wall, found)
        return found

    def _next_day(self, day: int) -> int | None:
        """Return the rule's first date at or after `day`, in days since the epoch."""
        month = self._month
        if month.first <= day < month.end:
            found = month.day_from(day)
            if found is not None:
                return found
            day = month.end
        start = date.fromordinal(day + EPOCH_ORDINAL)
        following = self._dates.next_month(start.year, start.month)
        limit = min(following[0] + CALENDAR_YEARS, LAST_YEAR) if following else 0
        while following and following[0] <= limit:
            year, number = following
            self._month = month = month_of(self._dates.days, year, number)
            found = month.day_from(max(day, month.first))
            if found is not None:
                return found
            following = self._dates.next_month(year, number + 1)
        return None

    def _count_walls(self, first: int, end: int) -> int:
        """Return how many of the rule's wall-clock times lie in [`first`, `end`)."""
        if first >= end:
            return 0
        first_day, first_second = divmod(first, DAY)
        last_day, end_second = divmod(end, DAY)
        return (
            self._count_days(first_day, last_day) * len(self._table)
            - self._count_times(first_day, first_second)
            + self._count_times(last_day, end_second)
        )

    def _count_days(self, first: int, end: int) -> int:
        """Return how many of the rule's dates lie in [`first`, `end`)."""
        total = 0
        while first < end:
            year = date.fromordinal(first + EPOCH_ORDINAL).year
            days = days_of_year(self._dates, year)
            total += bisect_left(days, end) - bisect_left(days, first)
            first = date(year + 1, 1, 1).toordinal() - EPOCH_ORDINAL
        return total

    def _count_times(self, day: int, second: int) -> int:
        """Return how many of the day's times lie before `second`."""
        return bisect_left(self._table, second) if self._next_day(day) == day else 0
