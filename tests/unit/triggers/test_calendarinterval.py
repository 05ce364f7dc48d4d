from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Nuuk",
    "Australia/Lord_Howe",
    "Asia/Tehran",
    "Asia/Gaza",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Auckland",
]


def fire_times(trigger, count, now=NOW):
    """Return the first fire times from `now` on as ISO text, without what follows the minutes."""
    found = [trigger.get_next_fire_time(None, now)]
    while len(found) < count and found[-1] is not None:
        found.append(trigger.get_next_fire_time(found[-1], now))
    return [moment and moment.isoformat(timespec="minutes") for moment in found]


def transitions(zone):
    """Yield (moment, offset before, offset after) of every change of the zone's offset from 2000 to 2040."""
    step = timedelta(hours=6)
    moment, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
    before = moment.astimezone(zone).utcoffset()
    while moment < end:
        after = (moment + step).astimezone(zone).utcoffset()
        if after != before:
            low, high = 0, int(step.total_seconds())
            while high - low > 1:
                middle = (low + high) // 2
                changed = (moment + timedelta(seconds=middle)).astimezone(zone).utcoffset() == after
                low, high = (low, middle) if changed else (middle, high)
            yield moment + timedelta(seconds=high), before, after
        moment, before = moment + step, after


@pytest.mark.parametrize(
    ("units", "start", "expected"),
    [
        pytest.param({"days": 1}, "2026-03-27", ["2026-03-27", "2026-03-28", "2026-03-29"], id="daily"),
        pytest.param({"weeks": 2}, "2026-01-05", ["2026-03-02", "2026-03-16", "2026-03-30"], id="fortnightly"),
        pytest.param({"weeks": 1, "days": 3}, "2026-02-25", ["2026-03-07", "2026-03-17", "2026-03-27"], id="ten-days"),
        pytest.param(
            {"months": 1}, "2026-01-31", ["2026-03-31", "2026-05-31", "2026-07-31"], id="the-31st-never-drifts"
        ),
        pytest.param(
            {"months": 1}, "2025-12-30", ["2026-03-30", "2026-04-30", "2026-05-30"], id="the-30th-skips-february"
        ),
        pytest.param({"months": 2}, "2025-10-15", ["2026-04-15", "2026-06-15", "2026-08-15"], id="two-months"),
        pytest.param(
            {"months": 6}, "2025-08-31", ["2026-08-31", "2027-08-31", "2028-08-31"], id="half-years-without-day"
        ),
        pytest.param({"years": 1}, "2024-02-29", ["2028-02-29", "2032-02-29", "2036-02-29"], id="leap-day"),
        pytest.param(
            {"years": 1, "months": 1}, "2026-05-31", ["2026-05-31", "2028-07-31", "2029-08-31"], id="13-months"
        ),
        pytest.param(
            {"months": 1, "days": 1}, "2026-02-27", ["2026-03-28", "2026-04-29", "2026-05-30"], id="month-and-day"
        ),
        pytest.param({"months": 1}, "2031-01-01", ["2031-01-01", "2031-02-01", "2031-03-01"], id="start-ahead"),
    ],
)
def test_dates_are_counted_in_units_of_the_calendar(units, start, expected):
    trigger = CalendarIntervalTrigger(**units, hour=9, start_date=start, timezone="UTC")

    assert fire_times(trigger, 3) == [f"{day}T09:00+00:00" for day in expected]


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        pytest.param(12, ["2026-03-01T12:00+00:00", "2026-05-01T12:00+00:00"], id="today-where-the-time-is-now"),
        pytest.param(
            11, ["2026-05-01T11:00+00:00", "2026-07-01T11:00+00:00"], id="one-interval-later-where-it-has-passed"
        ),
    ],
)
def test_without_a_start_dates_are_counted_from_the_day_of_planning(hour, expected):
    trigger = CalendarIntervalTrigger(months=2, hour=hour, timezone="UTC")

    assert fire_times(trigger, 2) == expected


def test_without_a_start_the_31st_never_drifts():
    trigger = CalendarIntervalTrigger(months=1, hour=9, timezone="UTC")

    found = fire_times(trigger, 4, now=datetime(2026, 1, 31, tzinfo=UTC))

    assert [moment[:10] for moment in found] == ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]


def test_two_triggers_without_start_made_on_different_days_are_equal():
    assert CalendarIntervalTrigger(months=2, timezone="UTC") == CalendarIntervalTrigger(months=2, timezone="UTC")
    assert CalendarIntervalTrigger(months=2, timezone="UTC").to_state() == {"months": 2, "timezone": "UTC"}


@pytest.mark.parametrize(
    ("options", "start", "expected"),
    [
        pytest.param(
            {}, "2026-03-28", ["03-28T02:30+01:00", "03-29T03:00+02:00", "03-30T02:30+02:00"], id="spring-shift"
        ),
        pytest.param({"on_gap": "skip"}, "2026-03-28", ["03-28T02:30+01:00", "03-30T02:30+02:00"], id="spring-skip"),
        pytest.param(
            {}, "2026-10-24", ["10-24T02:30+02:00", "10-25T02:30+02:00", "10-26T02:30+01:00"], id="autumn-first"
        ),
        pytest.param(
            {"on_overlap": "both"},
            "2026-10-24",
            ["10-24T02:30+02:00", "10-25T02:30+02:00", "10-25T02:30+01:00", "10-26T02:30+01:00"],
            id="autumn-both",
        ),
    ],
)
@pytest.mark.parametrize("counted_from", ["start", "planning"])
def test_a_time_of_day_goes_by_the_rules_of_cron_across_clock_changes(options, start, expected, counted_from):
    first_day = start if counted_from == "start" else None
    trigger = CalendarIntervalTrigger(
        days=1, hour=2, minute=30, start_date=first_day, timezone="Europe/Berlin", **options
    )

    found = fire_times(trigger, len(expected), now=datetime.fromisoformat(f"{start}T00:00:00+00:00"))

    assert found == [f"2026-{moment}" for moment in expected]


@pytest.mark.parametrize("name", ZONES)
def test_every_gap_and_overlap_from_2000_to_2040_goes_by_the_rules(name):
    zone = ZoneInfo(name)
    checked = 0

    for moment, before, after in transitions(zone):
        wall = (moment + (before + after) / 2).replace(tzinfo=None)
        at = {"hour": wall.hour, "minute": wall.minute, "second": wall.second}
        now = moment - timedelta(days=1, hours=1)

        def first(at=at, wall=wall, now=now, **options):
            trigger = CalendarIntervalTrigger(days=1, **at, start_date=wall.date(), timezone=zone, **options)
            found = [trigger.get_next_fire_time(None, now)]
            found.append(trigger.get_next_fire_time(found[0], now))
            return [fire_time.astimezone(UTC) for fire_time in found]

        following = datetime.combine(wall.date() + timedelta(days=1), wall.time(), zone).astimezone(UTC)
        if after > before:
            assert first() == [moment, following]
            assert first(on_gap="skip")[0] == following
        else:
            assert first() == [wall.replace(tzinfo=UTC) - before, following]
            assert first(on_overlap="both") == [wall.replace(tzinfo=UTC) - before, wall.replace(tzinfo=UTC) - after]
        checked += 1

    assert checked > 10


@pytest.mark.parametrize(
    ("zone", "minute", "now", "expected"),
    [
        pytest.param(
            "America/Nuuk",
            {"hour": 23, "minute": 30},
            "2024-03-28T12:00+00:00",
            ["2024-03-28T23:30-02:00", "2024-03-31T00:00-01:00", "2024-04-01T23:30-01:00"],
            id="gap-pushes-the-time-into-the-next-day",
        ),
        pytest.param(
            "Pacific/Apia",
            {"hour": 9},
            "2011-12-28T12:00+00:00",
            ["2011-12-28T09:00-10:00", "2011-12-31T00:00+14:00", "2012-01-01T09:00+14:00"],
            id="a-day-that-does-not-exist",
        ),
    ],
)
def test_without_a_start_a_pushed_fire_time_does_not_move_the_dates(zone, minute, now, expected):
    trigger = CalendarIntervalTrigger(days=2, **minute, timezone=zone)

    assert fire_times(trigger, 3, now=datetime.fromisoformat(now)) == expected


def test_a_fire_time_pushed_into_the_next_day_is_found_from_that_day_on():
    trigger = CalendarIntervalTrigger(days=1, hour=23, minute=30, start_date="2024-03-01", timezone="America/Nuuk")

    found = fire_times(trigger, 2, now=datetime.fromisoformat("2024-03-31T00:00-01:00"))

    assert found == ["2024-03-31T00:00-01:00", "2024-03-31T23:30-01:00"]


def test_two_dates_that_happen_at_the_same_instant_fire_once():
    trigger = CalendarIntervalTrigger(days=1, start_date="2011-12-29", timezone="Pacific/Apia")

    found = fire_times(trigger, 3, now=datetime(2011, 12, 29, tzinfo=UTC))

    assert found == ["2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00"]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param("2026-03-02", ["2026-03-02T23:59+00:00", None], id="the-last-date-counts"),
        pytest.param("2026-03-01", ["2026-03-01T23:59+00:00", None], id="today"),
        pytest.param("2026-02-28", [None], id="over"),
    ],
)
def test_the_end_date_is_included(end, expected):
    start = None if end < "2026-03-02" else "2026-03-02"
    trigger = CalendarIntervalTrigger(days=1, hour=23, minute=59, start_date=start, end_date=end, timezone="UTC")

    assert fire_times(trigger, 2) == expected


def test_the_end_is_known_as_the_last_moment_of_its_date():
    trigger = CalendarIntervalTrigger(days=1, end_date="2026-10-25", timezone="Europe/Berlin")

    assert trigger.end_date.isoformat() == "2026-10-25T23:59:59.999999+01:00"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize("units", [{"years": 1}, {"months": 1, "days": 1}, {"days": 300}], ids=str)
def test_the_end_of_the_calendar_ends_the_trigger(zone, units):
    trigger = CalendarIntervalTrigger(**units, hour=23, end_date=date.max, timezone=zone)

    found = [trigger.get_next_fire_time(None, datetime(9999, 3, 1, tzinfo=UTC))]
    while found[-1] is not None and len(found) < 20:
        found.append(trigger.get_next_fire_time(found[-1], NOW))

    assert 2 <= len(found) < 20
    assert found[-1] is None


def test_a_search_in_a_grid_that_began_long_ago_is_quick():
    trigger = CalendarIntervalTrigger(months=1, days=1, start_date="1000-01-01", timezone="UTC")

    assert trigger.get_next_fire_time(None, NOW) >= NOW


@pytest.mark.parametrize("start", [None, "2026-01-01"])
def test_a_span_counts_every_fire_time(start):
    trigger = CalendarIntervalTrigger(days=2, hour=2, minute=30, start_date=start, timezone="Europe/Berlin")
    times = [trigger.get_next_fire_time(None, NOW)]
    while len(times) < 150:
        times.append(trigger.get_next_fire_time(times[-1], NOW))

    span = trigger.span(times[0], times[-1])

    assert (span.first, span.last, span.count, span.exact) == (times[0], times[-1], 150, True)
    assert all(one < other for one, other in pairwise(moment.astimezone(UTC) for moment in times))


def test_a_span_too_long_to_count_still_ends_with_the_last_fire_time():
    trigger = CalendarIntervalTrigger(days=3, hour=9, timezone="UTC")
    first = datetime(1900, 1, 1, 9, tzinfo=UTC)

    ends = [NOW + timedelta(days=days) for days in range(3)]
    spans = [trigger.span(first, end) for end in ends]

    assert all((span.last - first) % timedelta(days=3) == timedelta(0) for span in spans)
    assert all(timedelta(0) <= end - span.last < timedelta(days=3) for end, span in zip(ends, spans, strict=True))
    assert {(span.count, span.exact) for span in spans} == {(10_000, False)}


def test_an_anchored_calendar_interval_counts_from_the_first_of_january():
    anchored = CalendarIntervalTrigger(months=2, timezone="UTC").anchored()

    assert anchored == CalendarIntervalTrigger(months=2, start_date="2001-01-01", timezone="UTC")
    assert anchored.anchored() is anchored


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"months": 24}, {"years": 2}, id="years"),
        pytest.param({"days": 7}, {"weeks": 1}, id="weeks"),
        pytest.param({"days": 1, "start_date": date(2026, 1, 1)}, {"days": 1, "start_date": "2026-01-01"}, id="start"),
        pytest.param({"days": 1, "on_gap": "shift", "on_overlap": "first"}, {"days": 1}, id="defaults"),
    ],
)
def test_the_same_rule_in_other_words_is_an_equal_trigger(one, other):
    assert CalendarIntervalTrigger(**one, timezone="UTC") == CalendarIntervalTrigger(**other, timezone="UTC")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {},
            "Trigger 'calendarinterval' must have an interval of at least a day, got nothing. "
            "Pass at least one of years, months, weeks, days, such as months=1.",
            id="nothing",
        ),
        pytest.param(
            {"months": 0.5},
            "Argument 'months' of trigger 'calendarinterval' must be a whole number within 0-10000, got 0.5. "
            "Pass a number such as 1.",
            id="half-a-month",
        ),
        pytest.param(
            {"days": -1},
            "Argument 'days' of trigger 'calendarinterval' must be a whole number within 0-10000, got -1. "
            "Pass a number such as 1.",
            id="negative",
        ),
        pytest.param(
            {"days": 1, "hour": 24},
            "Argument 'hour' of trigger 'calendarinterval' must be a whole number within 0-23, got 24. Pass a number such as 1.",
            id="hour",
        ),
        pytest.param(
            {"days": 1, "minute": "30"},
            "Argument 'minute' of trigger 'calendarinterval' must be a whole number within 0-59, got '30'. "
            "Pass a number such as 1.",
            id="minute-as-text",
        ),
        pytest.param(
            {"days": 1, "start_date": datetime(2026, 1, 1)},
            "Argument 'start_date' of trigger 'calendarinterval' must be a date or an ISO 8601 string of a date that exists, "
            "got datetime.datetime(2026, 1, 1, 0, 0). Write it like '2026-12-24'; the time of day has arguments of its own.",
            id="start-with-time",
        ),
        pytest.param(
            {"days": 1, "end_date": "2026-02-29"},
            "Argument 'end_date' of trigger 'calendarinterval' must be a date or an ISO 8601 string of a date that exists, "
            "got '2026-02-29'. Write it like '2026-12-24'; the time of day has arguments of its own.",
            id="end-that-does-not-exist",
        ),
        pytest.param(
            {"days": 1, "start_date": "2026-02-01", "end_date": "2026-01-31"},
            "Argument 'end_date' of trigger 'calendarinterval' must not lie before its 'start_date', "
            "got '2026-01-31' and '2026-02-01'. Correct one of them, or leave it out.",
            id="end-before-start",
        ),
        pytest.param(
            {"days": 1, "on_gap": "skipp"},
            "Argument 'on_gap' of trigger 'calendarinterval' must be 'shift' or 'skip', got 'skipp'. Did you mean 'skip'?",
            id="on-gap",
        ),
        pytest.param(
            {"days": 1, "on_overlap": None},
            "Argument 'on_overlap' of trigger 'calendarinterval' must be 'first' or 'both', got None. Pass one of them.",
            id="on-overlap",
        ),
        pytest.param(
            {"weeks": 1, "jitter": 604801},
            "Argument 'jitter' of trigger 'calendarinterval' must not be wider than the time between two fire times "
            "(7 days, 0:00:00), got 604801 seconds. Pass a smaller jitter.",
            id="jitter",
        ),
    ],
)
def test_an_impossible_argument_is_refused(arguments, message):
    with pytest.raises(InvalidTriggerError) as error:
        CalendarIntervalTrigger(**arguments)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        pytest.param(
            {"months": 2, "hour": 9},
            "calendarinterval[months=2, time=09:00:00]",
            "every 2 months at 09:00",
            id="months",
        ),
        pytest.param(
            {"years": 1, "days": 1, "second": 5, "jitter": 10},
            "calendarinterval[years=1, days=1, time=00:00:05]",
            "every 1 year and 1 day at 00:00:05, delayed by up to 10 s",
            id="mixed",
        ),
        pytest.param(
            {"weeks": 1, "start_date": "2026-01-05", "end_date": "2026-12-31"},
            "calendarinterval[weeks=1, time=00:00:00]",
            "every week at 00:00 from 2026-01-05 until 2026-12-31 (Europe/Berlin)",
            id="limits",
        ),
    ],
)
def test_a_calendar_interval_shows_itself(arguments, text, words):
    trigger = CalendarIntervalTrigger(**arguments, timezone="Europe/Berlin")

    assert str(trigger) == text
    assert trigger.describe() == words


def test_the_code_form_of_a_calendar_interval_names_its_zone():
    trigger = CalendarIntervalTrigger(months=2, hour=9, on_gap="skip", on_overlap="both", timezone="Europe/Berlin")

    assert repr(trigger) == (
        "CalendarIntervalTrigger(months=2, hour=9, timezone='Europe/Berlin', on_gap='skip', on_overlap='both')"
    )
