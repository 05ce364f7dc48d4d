import time
from datetime import UTC, datetime, timedelta

from django_apscheduler_ng.clock import SYSTEM_CLOCK, OffsetClock
from django_apscheduler_ng.testing import FakeClock


def test_the_system_clock_tells_the_time_in_utc():
    before = datetime.now(UTC)

    now = SYSTEM_CLOCK.now()

    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_the_monotonic_reading_is_that_of_the_system():
    before = time.monotonic()

    assert before <= SYSTEM_CLOCK.monotonic() <= time.monotonic()


def test_an_offset_shifts_the_wall_reading_alone():
    base = FakeClock()
    base.advance(5)
    clock = OffsetClock(base, timedelta(hours=-1))

    assert clock.now() == base.now() - timedelta(hours=1)
    assert clock.monotonic() == base.monotonic() == 5


def test_an_offset_can_be_corrected():
    clock = OffsetClock(FakeClock())

    clock.offset = timedelta(seconds=2)

    assert clock.now() == clock.base.now() + timedelta(seconds=2)
