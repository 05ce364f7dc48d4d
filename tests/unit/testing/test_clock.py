from datetime import UTC, datetime, timedelta, timezone

import pytest

from django_apscheduler_ng.testing import FakeClock

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_fake_clock_stands_still():
    clock = FakeClock()

    assert clock.now() == clock.now() == START
    assert clock.monotonic() == clock.monotonic() == 0


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 29, 2, tzinfo=timezone(timedelta(hours=1))),
        "2026-03-29T02:00:00+01:00",
        "2026-03-29T01:00:00Z",
    ],
    ids=["aware", "text", "text-in-utc"],
)
def test_it_starts_where_it_is_told_and_tells_the_time_in_utc(start):
    now = FakeClock(start).now()

    assert now == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert now.tzinfo is UTC


@pytest.mark.parametrize("by", [90, 90.0, timedelta(seconds=90)], ids=["int", "float", "timedelta"])
def test_time_passes_on_both_readings(by):
    clock = FakeClock(START)

    assert clock.advance(by) == clock.now() == START + timedelta(seconds=90)
    assert clock.monotonic() == 90


def test_it_is_set_to_a_later_moment():
    clock = FakeClock(START)

    assert clock.set("2026-01-05T10:00:00+00:00") == clock.now() == START + timedelta(hours=1)
    assert clock.monotonic() == 3600


def test_a_step_moves_the_wall_reading_alone():
    clock = FakeClock(START)

    clock.step(-3600)

    assert clock.now() == START - timedelta(hours=1)
    assert clock.monotonic() == 0
    assert repr(clock) == "<FakeClock (2026-01-05T08:00:00+00:00)>"


@pytest.mark.parametrize(
    ("move", "message"),
    [
        pytest.param(
            lambda clock: clock.advance(-1),
            "advance() must get a duration of at least 0, got -1. Use step() to set the clock back.",
            id="advance-back",
        ),
        pytest.param(
            lambda clock: clock.set(START - timedelta(seconds=1)),
            "set() must get a moment at or after 2026-01-05T09:00:00+00:00, got 2026-01-05T08:59:59+00:00. "
            "Use step() to set the clock back.",
            id="set-back",
        ),
        pytest.param(
            lambda clock: clock.set("2026-01-06"),
            "'moment' must be an aware datetime or an ISO string with an offset, got '2026-01-06'. "
            "Write it as '2026-03-29T01:30:00+01:00'.",
            id="no-offset",
        ),
        pytest.param(
            lambda clock: FakeClock(5),
            "'start' must be an aware datetime or an ISO string with an offset, got 5. "
            "Write it as '2026-03-29T01:30:00+01:00'.",
            id="no-moment",
        ),
    ],
)
def test_what_a_clock_cannot_do(move, message):
    clock = FakeClock(START)

    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        move(clock)

    assert str(caught.value) == message
    assert clock.now() == START
