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
