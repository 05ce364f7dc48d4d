import doctest

import pytest

from django_apscheduler_ng.testing import FakeClock, ManualScheduler, assert_fires, firing, manual
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

SPRING = ("2026-03-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00")
AUTUMN = ("2026-10-24T00:00:00+02:00", "2026-10-27T00:00:00+01:00")
NIGHTLY = CronTrigger(hour=2, minute=30, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        pytest.param(
            SPRING,
            ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
            id="spring",
        ),
        pytest.param(
            AUTUMN,
            ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
            id="autumn",
        ),
    ],
)
def test_fire_times_across_a_night_on_which_the_clocks_change(between, expected):
    assert_fires(NIGHTLY, between, expected)


def test_the_offset_decides_which_of_two_equal_local_times_is_meant():
    with pytest.raises(AssertionError):
        assert_fires(NIGHTLY, ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"), ["2026-10-25T02:30:00+01:00"])


def test_both_ends_are_included():
    trigger = IntervalTrigger(hours=1, start_date="2026-01-01T00:00:00+00:00", timezone="UTC")

    assert_fires(
        trigger,
        ("2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z"),
        ["2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z"],
    )


def test_a_job_fires_from_its_next_fire_time_on():
    scheduler = ManualScheduler(FakeClock("2026-01-01T00:30:00Z"), timezone="UTC")
    scheduler.start()
    job = scheduler.add_job(print, "interval", hours=1)

    assert_fires(
        job, ("2026-01-01T00:00:00Z", "2026-01-01T02:45:00Z"), ["2026-01-01T01:30:00Z", "2026-01-01T02:30:00Z"]
    )
    scheduler.shutdown()


def test_a_difference_is_shown_as_a_diff_in_the_zone_of_the_trigger():
    with pytest.raises(AssertionError) as caught:
        assert_fires(
            NIGHTLY,
            AUTUMN,
            ["2026-10-24T00:30:00+00:00", "2026-10-25T01:30:00+00:00", "2026-10-26T02:30:00+01:00"],
        )

    assert str(caught.value) == (
        "cron[hour='2', minute='30'] does not fire as expected between 2026-10-24T00:00:00+02:00 and 2026-10-27T00:00:00+01:00 "
        "(- expected, + fired):\n"
        "    2026-10-24T02:30:00+02:00\n"
        "  - 2026-10-25T02:30:00+01:00\n"
        "  + 2026-10-25T02:30:00+02:00\n"
        "    2026-10-26T02:30:00+01:00"
    )


def test_a_trigger_that_fires_far_too_often_gives_a_short_diff():
    with pytest.raises(AssertionError) as caught:
        assert_fires(CronTrigger(second="*", timezone="UTC"), ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), [])

    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert lines[-1] == "  + … and perhaps more"


@pytest.mark.parametrize(
    ("between", "expected", "name", "value"),
    [
        pytest.param(("2026-01-01", SPRING[1]), [], "between", "2026-01-01", id="between"),
        pytest.param(SPRING, ["2026-03-28T02:30:00"], "expected", "2026-03-28T02:30:00", id="expected"),
    ],
)
def test_moments_without_an_offset_are_refused(between, expected, name, value):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        assert_fires(NIGHTLY, between, expected)

    assert str(caught.value) == (
        f"{name!r} must be an aware datetime or an ISO string with an offset, got {value!r}. "
        "Write it as '2026-03-29T01:30:00+01:00'."
    )


@pytest.mark.parametrize("module", [firing, manual], ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_examples_in_the_docstrings_work(module):
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0
