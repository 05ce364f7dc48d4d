"""From local wall-clock time to moments: the one place that knows about gaps and overlaps.

The rules are those of vixie cron (`cron(8)`, "Daylight Saving Time and other time changes"): a time that does not
exist happens at the first instant after the gap, a time that exists twice happens the first time.

Two views on the same rules: `moments()` answers for one wall-clock time; `Stretch` is a span of real time in which the
UTC offset does not change, so that wall-clock time in it is plain arithmetic on seconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

OnGap = Literal["shift", "skip"]
OnOverlap = Literal["first", "both"]

#: Start of the count of seconds and days, as in `time(2)`.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
DAY = 86_400

_RESOLUTION = timedelta(seconds=1)
#: How far apart a zone is sampled to find its transitions; no zone has had two of them within that time since 1970.
_SAMPLE = 6 * DAY


def moments(
    wall: datetime, zone: tzinfo, on_gap: OnGap = "shift", on_overlap: OnOverlap = "first"
) -> tuple[datetime, ...]:
    """Return the moments (UTC, ascending) at which clocks in `zone` show the naive `wall` time.

    Usually one. Inside a gap: the first instant after it, or nothing with `on_gap="skip"`. Inside an overlap: the first
    of the two, or both with `on_overlap="both"`.
    """
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if early == late:
        return (early,)
    if early < late:
        return (early, late) if on_overlap == "both" else (early,)
    if on_gap == "skip":
        return ()
    return (transition(zone, late.replace(microsecond=0), early.replace(microsecond=0)),)


@lru_cache(maxsize=1024)
def transition(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the first instant in (`before`, `after`] with the UTC offset that `zone` has at `after`.

    Both are in UTC, on a whole second, with one transition between them.
    """
    offset = after.astimezone(zone).utcoffset()
    while after - before > _RESOLUTION:
        middle = before + timedelta(seconds=(after - before) // _RESOLUTION // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


class Stretch(NamedTuple):
    """A span of real time in which clocks keep one UTC offset. All values are seconds, the moments since the epoch.

    A wall-clock time is counted in seconds as well: moment + offset.
    """

    start: int
    #: Not included.
    end: int
    offset: int
    #: The offset just before the start; equal to `offset` where a calendar year begins without a transition.
    before: int

    def first_wall(self, on_gap: OnGap, on_overlap: OnOverlap) -> int:
        """Return the first wall-clock time that this stretch answers for.

        Below `start + offset` lie the times that do not exist and happen at the start ("shift"); above it are the times
        that were shown already and happened then ("first").
        """
        inherits = on_gap == "shift" if self.before < self.offset else on_overlap == "first"
        return self.start + (self.before if inherits else self.offset)


def stretch_at(zone: tzinfo, second: int) -> Stretch:
    """Return the stretch that contains the moment `second`."""
    year = date.fromordinal(second // DAY + EPOCH_ORDINAL).year
    for stretch in _stretches(zone, year):
        if second < stretch.end:
            return stretch
    raise AssertionError("a year's stretches cover the year")


@lru_cache(maxsize=2048)
def _stretches(zone: tzinfo, year: int) -> tuple[Stretch, ...]:
    """Return the stretches of a calendar year (UTC), in order and without holes."""
    start, end = _new_year(year), _new_year(year + 1)
    before, offset = _offset(zone, start - 1), _offset(zone, start)
    found = []
    samples = [*range(start, end - 1, _SAMPLE), end - 1] if zone.utcoffset(None) is None else []
    for sample, following in pairwise(samples):
        changed = _offset(zone, following)
        if changed != offset:
            instant = _seconds(transition(zone, _moment(sample), _moment(following)))
            found.append(Stretch(start, instant, offset, before))
            start, before, offset = instant, offset, changed
    return (*found, Stretch(start, end, offset, before))


def _offset(zone: tzinfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset() or timedelta(0)
    return offset.days * DAY + offset.seconds


def _new_year(year: int) -> int:
    return (date(year, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY


def _moment(second: int) -> datetime:
    return EPOCH + timedelta(seconds=second)


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // _RESOLUTION
