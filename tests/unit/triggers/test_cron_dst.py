"""The cron trigger on the nights when clocks change, in spring/autumn pairs."""

from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.triggers.cron import CronTrigger


def fire_times(trigger, start, end):
    """Return the fire times in [`start`, `end`] as local ISO strings with offsets, to the minute."""
    end = datetime.fromisoformat(end)
    now = datetime.fromisoformat(start)
    found = []
    fire_time = trigger.get_next_fire_time(None, now)
    while fire_time is not None and fire_time.astimezone(UTC) <= end:
        found.append(fire_time.isoformat(timespec="minutes"))
        fire_time = trigger.get_next_fire_time(fire_time, now)
    return found


BERLIN_SPRING = ("2025-03-30T00:45+01:00", "2025-03-30T04:15+02:00")
BERLIN_AUTUMN = ("2025-10-26T00:45+02:00", "2025-10-26T04:15+01:00")


@pytest.mark.parametrize(
    ("fields", "spring", "autumn"),
    [
        pytest.param(
            {"hour": 2, "minute": 30},
            ["2025-03-30T03:00+02:00"],
            ["2025-10-26T02:30+02:00"],
            id="fixed-time",
        ),
        pytest.param(
            {"hour": 2, "minute": "0,15,30,45"},
            ["2025-03-30T03:00+02:00"],
            ["2025-10-26T02:00+02:00", "2025-10-26T02:15+02:00", "2025-10-26T02:30+02:00", "2025-10-26T02:45+02:00"],
            id="several-fixed-times-in-one-gap-become-one",
        ),
        pytest.param(
            {"hour": 2, "minute": 30, "second": "*/30"},
            ["2025-03-30T03:00+02:00"],
            ["2025-10-26T02:30+02:00", "2025-10-26T02:30+02:00"],
            id="seconds-of-a-fixed-minute",
        ),
        pytest.param(
            {"hour": "2-3"},
            ["2025-03-30T03:00+02:00"],
            ["2025-10-26T02:00+02:00", "2025-10-26T03:00+01:00"],
            id="a-time-shifted-onto-another-is-one",
        ),
        pytest.param(
            {"hour": 2, "minute": 30, "on_gap": "skip"},
            [],
            ["2025-10-26T02:30+02:00"],
            id="skip",
        ),
        pytest.param(
            {"hour": 2, "minute": 30, "on_overlap": "both"},
            ["2025-03-30T03:00+02:00"],
            ["2025-10-26T02:30+02:00", "2025-10-26T02:30+01:00"],
            id="both",
        ),
        pytest.param(
            {"hour": "*"},
            ["2025-03-30T01:00+01:00", "2025-03-30T03:00+02:00", "2025-03-30T04:00+02:00"],
            [
                "2025-10-26T01:00+02:00",
                "2025-10-26T02:00+02:00",
                "2025-10-26T02:00+01:00",
                "2025-10-26T03:00+01:00",
                "2025-10-26T04:00+01:00",
            ],
            id="starred-hour-follows-real-time",
        ),
        pytest.param(
            {"hour": 2, "minute": "*/30"},
            [],
            ["2025-10-26T02:00+02:00", "2025-10-26T02:30+02:00", "2025-10-26T02:00+01:00", "2025-10-26T02:30+01:00"],
            id="starred-minute-of-the-hour-in-question",
        ),
        pytest.param(
            {"hour": 2, "minute": "*/30", "on_gap": "shift", "on_overlap": "first"},
            [],
            ["2025-10-26T02:00+02:00", "2025-10-26T02:30+02:00", "2025-10-26T02:00+01:00", "2025-10-26T02:30+01:00"],
            id="policies-are-for-fixed-times-only",
        ),
    ],
)
def test_nights_in_berlin(fields, spring, autumn):
    trigger = CronTrigger(**fields, timezone="Europe/Berlin")

    assert fire_times(trigger, *BERLIN_SPRING) == spring
    assert fire_times(trigger, *BERLIN_AUTUMN) == autumn


@pytest.mark.parametrize(
    ("zone", "fields", "spring", "autumn"),
    [
        pytest.param(
            "Australia/Lord_Howe",
            {"hour": "1-2", "minute": "0,15,45"},
            (
                "2025-10-05T00:50+10:30",
                "2025-10-05T02:50+11:00",
                [
                    "2025-10-05T01:00+10:30",
                    "2025-10-05T01:15+10:30",
                    "2025-10-05T01:45+10:30",
                    "2025-10-05T02:30+11:00",
                    "2025-10-05T02:45+11:00",
                ],
            ),
            (
                "2025-04-06T00:50+11:00",
                "2025-04-06T02:50+10:30",
                [
                    "2025-04-06T01:00+11:00",
                    "2025-04-06T01:15+11:00",
                    "2025-04-06T01:45+11:00",
                    "2025-04-06T02:00+10:30",
                    "2025-04-06T02:15+10:30",
                    "2025-04-06T02:45+10:30",
                ],
            ),
            id="half-an-hour",
        ),
        pytest.param(
            "Africa/Cairo",
            {"hour": 0, "minute": 0},
            ("2025-04-24T12:00+02:00", "2025-04-26T12:00+03:00", ["2025-04-25T01:00+03:00", "2025-04-26T00:00+03:00"]),
            ("2025-10-30T12:00+03:00", "2025-10-31T12:00+02:00", ["2025-10-31T00:00+02:00"]),
            id="gap-at-midnight",
        ),
        pytest.param(
            "America/St_Johns",
            {"hour": "0,23", "minute": "0,30"},
            (
                "2010-03-13T22:00-03:30",
                "2010-03-14T02:00-02:30",
                [
                    "2010-03-13T23:00-03:30",
                    "2010-03-13T23:30-03:30",
                    "2010-03-14T00:00-03:30",
                    "2010-03-14T01:01-02:30",
                ],
            ),
            (
                "2010-11-06T22:00-02:30",
                "2010-11-07T02:00-03:30",
                [
                    "2010-11-06T23:00-02:30",
                    "2010-11-06T23:30-02:30",
                    "2010-11-07T00:00-02:30",
                    "2010-11-07T00:30-03:30",
                ],
            ),
            id="a-minute-past-midnight",
        ),
    ],
)
def test_nights_elsewhere(zone, fields, spring, autumn):
    trigger = CronTrigger(**fields, timezone=zone)

    for start, end, expected in (spring, autumn):
        assert fire_times(trigger, start, end) == expected


def test_the_times_of_a_skipped_day_become_one_at_its_end():
    trigger = CronTrigger(hour="9,17", timezone="Pacific/Apia")

    found = fire_times(trigger, "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00")

    assert found == ["2011-12-29T17:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"]


def test_a_previous_fire_time_in_the_second_pass_of_an_overlap_is_understood():
    trigger = CronTrigger(minute="*/30", timezone="Europe/Berlin")
    second_pass = datetime.fromisoformat("2025-10-26T02:00+01:00").astimezone(trigger.timezone)

    found = trigger.get_next_fire_time(second_pass, second_pass)

    assert found.isoformat() == "2025-10-26T02:30:00+01:00"


@pytest.mark.parametrize("year", ["*", "2025"], ids=["for-ever", "never-again"])
def test_the_second_pass_is_found_from_late_in_the_first(year):
    trigger = CronTrigger(year=year, month=10, day=26, hour=2, minute="*/20", timezone="Europe/Berlin")

    found = fire_times(trigger, "2025-10-26T02:45+02:00", "2025-10-26T04:00+01:00")

    assert found == ["2025-10-26T02:00+01:00", "2025-10-26T02:20+01:00", "2025-10-26T02:40+01:00"]


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        pytest.param("2025-03-30T01:59:59+01:00", "2025-03-30T03:00:00+02:00", id="a-second-before-the-gap"),
        pytest.param("2025-03-30T03:00:00+02:00", "2025-03-31T02:30:00+02:00", id="at-its-end"),
    ],
)
def test_a_gap_is_found_from_its_very_edge(previous, expected):
    trigger = CronTrigger(hour=2, minute=30, timezone="Europe/Berlin")
    previous = datetime.fromisoformat(previous)

    found = trigger.get_next_fire_time(previous, previous)

    assert found.isoformat() == expected


@pytest.mark.parametrize(
    ("start_date", "expected"),
    [
        pytest.param("2025-03-30 02:30", "2025-03-30T03:00:00+02:00", id="in-the-gap-it-is-the-first-instant-after"),
        pytest.param("2025-03-30 02:30:00.5", "2025-03-30T03:00:00+02:00", id="whatever-the-fraction"),
        pytest.param("2025-10-26 02:30", "2025-10-26T02:30:00+02:00", id="in-the-overlap-it-is-the-first"),
        pytest.param("2025-10-26T02:30:00+01:00", "2025-10-26T02:30:00+01:00", id="an-offset-names-the-second"),
    ],
)
def test_a_start_date_on_such_a_night_is_a_moment(start_date, expected):
    trigger = CronTrigger(minute="*", start_date=start_date, timezone="Europe/Berlin")

    found = trigger.get_next_fire_time(None, datetime(2025, 1, 1, tzinfo=UTC))

    assert found.isoformat() == expected
    assert CronTrigger.from_state(trigger.to_state()).start_date.isoformat() == expected


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26"], ids=["spring", "autumn"])
def test_a_span_counts_what_is_visited_on_such_a_day(day):
    trigger = CronTrigger(hour="1-3", minute="0-59/20", second="0,30", timezone="Europe/Berlin")
    first = trigger.get_next_fire_time(None, datetime.fromisoformat(day).astimezone(UTC))
    visited = [first]
    while visited[-1].astimezone(UTC) < first.astimezone(UTC) + timedelta(days=2):
        visited.append(trigger.get_next_fire_time(visited[-1], first))

    span = trigger.span(first, visited[-1])

    assert (span.count, span.last) == (len(visited), visited[-1])
