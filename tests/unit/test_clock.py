import time
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.clock import SYSTEM_CLOCK, AnchoredClock
from django_apscheduler_ng.testing import FakeClock


def test_the_system_clock_tells_the_time_in_utc():
    before = datetime.now(UTC)

    now = SYSTEM_CLOCK.now()

    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_the_monotonic_reading_is_that_of_the_system():
    before = time.monotonic()

    assert before <= SYSTEM_CLOCK.monotonic() <= time.monotonic()


def anchored(hours: float = 0) -> tuple[FakeClock, AnchoredClock]:
    base = FakeClock()
    clock = AnchoredClock(base)
    clock.anchor(base.now() + timedelta(hours=hours))
    return base, clock


def test_without_an_anchor_it_is_the_base_clock():
    base = FakeClock()
    clock = AnchoredClock(base)
    base.advance(5)

    assert (clock.now(), clock.monotonic(), clock.in_doubt) == (base.now(), 5, False)


def test_an_anchor_is_carried_on_by_the_monotonic_reading():
    base, clock = anchored(hours=-1)

    base.advance(5)

    assert clock.now() == base.now() - timedelta(hours=1)
    assert not clock.in_doubt


@pytest.mark.parametrize("hours", [1, -1])
def test_a_step_of_the_wall_clock_changes_nothing_and_is_noticed(hours):
    base, clock = anchored()
    before = clock.now()

    base.step(timedelta(hours=hours))

    assert clock.now() == before
    assert clock.in_doubt


def test_a_new_anchor_removes_the_doubt():
    base, clock = anchored()
    base.step(timedelta(hours=8))

    clock.anchor(base.now())

    assert clock.now() == base.now()
    assert not clock.in_doubt


def test_a_slow_drift_is_no_reason_for_doubt():
    base, clock = anchored()

    base.step(timedelta(milliseconds=500))

    assert not clock.in_doubt


def anchored_within(trip: float) -> tuple[FakeClock, AnchoredClock]:
    """Return a clock that was told a time which was read within `trip` seconds; it took the middle."""
    base = FakeClock()
    clock = AnchoredClock(base)
    clock.anchor(base.now(), trip)
    return base, clock


def test_the_first_time_it_is_told_is_taken_for_that_of_the_middle_of_the_trip():
    base, clock = anchored_within(trip=4)

    assert clock.now() == base.now() + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("moment", "trip", "expected"),
    [
        pytest.param(-3, 3.7, 0, id="it agrees, however long the trip took"),
        pytest.param(-0.001, 0.002, 0, id="it agrees"),
        pytest.param(0.2, 3.7, 0.2, id="it was behind what was read"),
        pytest.param(-4, 3.7, -0.3, id="it was ahead of what was read and the trip"),
        pytest.param(60, 0, 60, id="it was told the very time"),
    ],
)
def test_a_time_moves_it_no_further_than_it_must(moment, trip, expected):
    base, clock = anchored()
    base.advance(10)

    clock.anchor(base.now() + timedelta(seconds=moment), trip)

    assert clock.now() == base.now() + timedelta(seconds=expected)


def test_a_short_trip_mends_what_a_long_one_left_open():
    base, clock = anchored_within(trip=4)

    clock.anchor(base.now() - timedelta(milliseconds=1), trip=0.002)

    assert clock.now() == base.now() + timedelta(milliseconds=1)
