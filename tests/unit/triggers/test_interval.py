import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.base import BaseTrigger, FireSpan
from django_apscheduler_ng.triggers.interval import IntervalTrigger

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_without_a_start_the_first_fire_time_is_one_interval_after_the_planning():
    trigger = IntervalTrigger(minutes=5, timezone="UTC")

    assert trigger.get_next_fire_time(None, NOW) == NOW + timedelta(minutes=5)


def test_without_a_start_each_fire_time_is_one_interval_after_the_one_before():
    trigger = IntervalTrigger(minutes=5, timezone="UTC")
    previous = NOW - timedelta(hours=3, seconds=1)

    assert trigger.get_next_fire_time(previous, NOW) == previous + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2026-01-01T11:00", "2026-01-01T12:00", id="start-is-ahead"),
        pytest.param("2026-01-01T12:00", "2026-01-01T12:00", id="start-is-now"),
        pytest.param("2026-01-01T12:00:00.000001", "2026-01-01T12:05", id="just-after-the-start"),
        pytest.param("2026-01-01T12:05", "2026-01-01T12:05", id="exactly-on-the-grid"),
        pytest.param("2026-01-08T12:03", "2026-01-08T12:05", id="a-week-later"),
    ],
)
def test_with_a_start_the_first_fire_time_is_the_first_of_the_grid_from_now_on(now, expected):
    trigger = IntervalTrigger(minutes=5, start_date="2026-01-01 12:00", timezone="UTC")

    fire_time = trigger.get_next_fire_time(None, datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert fire_time == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        pytest.param("2025-12-31T00:00", "2026-01-01T12:00", id="before-the-start"),
        pytest.param("2026-01-01T12:00", "2026-01-01T12:05", id="on-the-grid"),
        pytest.param("2026-01-01T12:04:59", "2026-01-01T12:05", id="off-the-grid"),
    ],
)
def test_with_a_start_the_next_fire_time_stays_on_the_grid(previous, expected):
    trigger = IntervalTrigger(minutes=5, start_date="2026-01-01 12:00", timezone="UTC")

    fire_time = trigger.get_next_fire_time(datetime.fromisoformat(previous).replace(tzinfo=UTC), NOW)

    assert fire_time == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        pytest.param("2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00", id="spring"),
        pytest.param("2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00", id="autumn"),
    ],
)
def test_a_day_is_24_hours_across_a_clock_change(previous, expected):
    trigger = IntervalTrigger(days=1, timezone="Europe/Berlin")

    fire_time = trigger.get_next_fire_time(datetime.fromisoformat(previous).astimezone(BERLIN), NOW)

    assert fire_time.isoformat() == expected
    assert fire_time.tzinfo is BERLIN


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        pytest.param(
            "2026-03-29T00:30:00+00:00", ["2026-03-29T01:45:00+01:00", "2026-03-29T03:00:00+02:00"], id="spring"
        ),
        pytest.param(
            "2026-10-25T00:15:00+00:00", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:45:00+02:00"], id="autumn-1"
        ),
        pytest.param(
            "2026-10-25T00:45:00+00:00", ["2026-10-25T02:00:00+01:00", "2026-10-25T02:15:00+01:00"], id="autumn-2"
        ),
    ],
)
def test_a_quarter_of_an_hour_passes_through_clock_changes(hour, expected):
    trigger = IntervalTrigger(minutes=15, timezone="Europe/Berlin")

    first = trigger.get_next_fire_time(datetime.fromisoformat(hour).astimezone(BERLIN), NOW)
    second = trigger.get_next_fire_time(first, NOW)

    assert [first.isoformat(), second.isoformat()] == expected


@pytest.mark.parametrize(
    ("end", "fires"),
    [
        pytest.param("2026-03-01 12:05", True, id="exactly-at-the-end"),
        pytest.param("2026-03-01 12:04:59.999999", False, id="just-after-the-end"),
    ],
)
def test_the_end_is_included(end, fires):
    trigger = IntervalTrigger(minutes=5, end_date=end, timezone="UTC")

    assert (trigger.get_next_fire_time(None, NOW) is not None) is fires


def test_a_fire_time_beyond_the_end_of_the_calendar_is_none():
    trigger = IntervalTrigger(weeks=52, timezone="Asia/Tokyo")

    assert trigger.get_next_fire_time(datetime(9999, 6, 1, tzinfo=UTC), NOW) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"minutes": 60}, {"hours": 1}, id="units"),
        pytest.param({"days": 7}, {"weeks": 1}, id="weeks"),
        pytest.param({"minutes": 5.0}, {"minutes": 5}, id="whole-float"),
        pytest.param({"minutes": 0.5}, {"seconds": 30}, id="fraction"),
        pytest.param({"minutes": 5, "jitter": 0}, {"minutes": 5}, id="no-jitter"),
        pytest.param({"minutes": 5, "jitter": 2.0}, {"minutes": 5, "jitter": 2}, id="jitter"),
        pytest.param(
            {"minutes": 5, "start_date": "2026-01-01"},
            {"minutes": 5, "start_date": datetime(2026, 1, 1, tzinfo=UTC)},
            id="start",
        ),
    ],
)
def test_the_same_rule_in_other_words_is_an_equal_trigger(one, other):
    assert IntervalTrigger(**one, timezone="UTC") == IntervalTrigger(**other, timezone="UTC")


@pytest.mark.parametrize(
    "changed",
    [
        {"minutes": 6},
        {"jitter": 1},
        {"start_date": "2026-01-02"},
        {"end_date": "2026-03-01"},
        {"timezone": "Europe/Berlin"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_rule_is_another_trigger(changed):
    arguments = {"minutes": 5, "start_date": "2026-01-01", "end_date": "2026-02-01", "timezone": "UTC"}

    assert IntervalTrigger(**arguments) != IntervalTrigger(**arguments | changed)


def test_two_triggers_without_start_made_at_different_times_are_equal():
    one, other = IntervalTrigger(days=7, timezone="UTC"), IntervalTrigger(days=7, timezone="UTC")

    one.get_next_fire_time(None, NOW)

    assert one == other
    assert one.to_state() == {"weeks": 1, "timezone": "UTC"}


@pytest.mark.parametrize("start", [None, "2026-01-01 12:00"])
@pytest.mark.parametrize("end", [None, "2026-03-04"])
@pytest.mark.parametrize(
    "length", [timedelta(0), timedelta(hours=1), timedelta(days=5), timedelta(days=5, microseconds=-1)], ids=str
)
@pytest.mark.parametrize("first", [NOW, NOW + timedelta(seconds=1)], ids=["on-the-grid", "off-the-grid"])
def test_a_calculated_span_is_the_counted_one(start, end, length, first):
    trigger = IntervalTrigger(hours=1, start_date=start, end_date=end, timezone="UTC")

    assert trigger.span(first, first + length) == BaseTrigger.span(trigger, first, first + length)


def test_a_span_of_millions_of_fire_times_is_exact():
    trigger = IntervalTrigger(seconds=1, timezone="UTC")

    span = trigger.span(NOW, NOW + timedelta(days=365, milliseconds=500))

    assert span == FireSpan(first=NOW, last=NOW + timedelta(days=365), count=365 * 86400 + 1, exact=True)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        pytest.param("UTC", "2001-01-01T00:00:00+00:00", id="utc"),
        pytest.param("Asia/Kolkata", "2001-01-01T00:00:00+05:30", id="kolkata"),
    ],
)
def test_an_anchored_interval_counts_from_midnight_of_a_monday(zone, expected):
    anchored = IntervalTrigger(hours=2, timezone=zone, jitter=3).anchored()

    assert anchored == IntervalTrigger(hours=2, timezone=zone, jitter=3, start_date=expected)
    assert anchored.start_date.weekday() == 0


def test_an_interval_with_a_start_is_anchored_already():
    trigger = IntervalTrigger(hours=2, start_date="2026-01-01", timezone="UTC")

    assert trigger.anchored() is trigger


@pytest.mark.parametrize(
    ("units", "given"),
    [
        pytest.param({}, "nothing", id="nothing"),
        pytest.param({"minutes": 0}, "nothing", id="zero"),
        pytest.param({"seconds": 1e-9}, "seconds=1e-09", id="less-than-a-microsecond"),
        pytest.param({"weeks": 10**9}, "weeks=1000000000", id="more-than-the-calendar-has"),
    ],
)
def test_an_interval_that_is_no_interval_is_refused(units, given):
    with pytest.raises(InvalidTriggerError) as error:
        IntervalTrigger(**units)

    assert str(error.value) == (
        "Trigger 'interval' must have an interval of at least a microsecond and at most 999999999 days, "
        f"got {given}. Pass at least one of weeks, days, hours, minutes, seconds, such as minutes=5."
    )


@pytest.mark.parametrize("value", [-1, -0.5, math.nan, math.inf, "5", None, True, timedelta(1)], ids=repr)
@pytest.mark.parametrize("unit", ["weeks", "days", "hours", "minutes", "seconds"])
def test_a_unit_that_is_no_amount_is_refused(unit, value):
    with pytest.raises(InvalidTriggerError) as error:
        IntervalTrigger(**{unit: value})

    assert str(error.value) == (
        f"Argument '{unit}' of trigger 'interval' must be a number of at least 0, got {value!r}. "
        "Pass a number such as 5 or 0.5."
    )


def test_a_jitter_as_wide_as_the_interval_is_accepted():
    assert IntervalTrigger(minutes=1, jitter=60).jitter == 60


def test_a_jitter_of_zero_is_none():
    assert IntervalTrigger(minutes=1, jitter=0).jitter is None


def test_a_jitter_wider_than_the_interval_is_refused():
    with pytest.raises(InvalidTriggerError) as error:
        IntervalTrigger(minutes=1, jitter=60.5)

    assert str(error.value) == (
        "Argument 'jitter' of trigger 'interval' must not be wider than the time between two fire times (0:01:00), "
        "got 60.5 seconds. Pass a smaller jitter."
    )


@pytest.mark.parametrize("jitter", [-1, math.nan, "5", True], ids=repr)
def test_a_jitter_that_is_no_number_is_refused(jitter):
    with pytest.raises(InvalidTriggerError) as error:
        IntervalTrigger(minutes=1, jitter=jitter)

    assert str(error.value) == (
        f"Argument 'jitter' of trigger 'interval' must be a number of at least 0, got {jitter!r}. "
        "Pass a number such as 5 or 0.5."
    )


@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_an_impossible_limit_is_refused(name):
    with pytest.raises(InvalidTriggerError) as error:
        IntervalTrigger(minutes=1, **{name: "2026-02-29"})

    assert str(error.value) == (
        f"Argument '{name}' of trigger 'interval' must be a datetime, a date or an ISO 8601 string of a time that exists, "
        "got '2026-02-29'. Write it like '2026-12-24 18:00' or '2026-12-24T18:00:00+01:00'."
    )


def test_an_end_before_the_start_is_refused():
    with pytest.raises(InvalidTriggerError) as error:
        IntervalTrigger(minutes=1, start_date=date(2026, 2, 1), end_date=date(2026, 1, 31), timezone="UTC")

    assert str(error.value) == (
        "Argument 'end_date' of trigger 'interval' must not lie before its 'start_date', "
        "got '2026-01-31 00:00:00+00:00' and '2026-02-01 00:00:00+00:00'. Correct one of them, or leave it out."
    )


def test_an_end_in_the_second_half_of_the_overlap_lies_after_a_start_in_the_first():
    trigger = IntervalTrigger(
        minutes=1, start_date="2026-10-25T02:50+02:00", end_date="2026-10-25T02:10+01:00", timezone="Europe/Berlin"
    )

    assert trigger.end_date.isoformat() == "2026-10-25T02:10:00+01:00"


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        pytest.param({"minutes": 5}, "interval[0:05:00]", "every 5 minutes", id="plural"),
        pytest.param({"hours": 1}, "interval[1:00:00]", "every hour", id="one"),
        pytest.param({"minutes": 90}, "interval[1:30:00]", "every 1 hour and 30 minutes", id="two-units"),
        pytest.param(
            {"days": 2, "hours": 3, "seconds": 1},
            "interval[2 days, 3:00:01]",
            "every 2 days, 3 hours and 1 second",
            id="3",
        ),
        pytest.param({"days": 14}, "interval[14 days, 0:00:00]", "every 2 weeks", id="weeks"),
        pytest.param({"seconds": 0.5}, "interval[0:00:00.500000]", "every 0.5 seconds", id="fraction"),
        pytest.param(
            {"minutes": 5, "jitter": 30}, "interval[0:05:00]", "every 5 minutes, delayed by up to 30 s", id="jitter"
        ),
        pytest.param(
            {"minutes": 5, "start_date": "2026-01-01 09:00", "end_date": "2026-02-01"},
            "interval[0:05:00]",
            "every 5 minutes from 2026-01-01 09:00 until 2026-02-01 00:00 (Europe/Berlin)",
            id="limits",
        ),
    ],
)
def test_an_interval_shows_itself(arguments, text, words):
    trigger = IntervalTrigger(**arguments, timezone="Europe/Berlin")

    assert str(trigger) == text
    assert trigger.describe() == words


def test_the_code_form_of_an_interval_names_its_zone():
    trigger = IntervalTrigger(minutes=5, start_date="2026-01-01", timezone="Europe/Berlin")

    assert repr(trigger) == (
        "IntervalTrigger(minutes=5, start_date='2026-01-01T00:00:00+01:00', timezone='Europe/Berlin')"
    )
