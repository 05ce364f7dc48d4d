"""The cron trigger where clocks do not change: fields, limits, state, words."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.triggers.cron import CronTrigger

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def fire_times(trigger, count, now=NOW):
    """Return the first fire times from `now` on, as local time."""
    found = []
    fire_time = trigger.get_next_fire_time(None, now)
    while fire_time is not None and len(found) < count:
        found.append(f"{fire_time:%Y-%m-%d %H:%M:%S}")
        fire_time = trigger.get_next_fire_time(fire_time, now)
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {}, ["2025-01-01 00:00:00", "2025-01-01 00:00:01", "2025-01-01 00:00:02"], id="nothing-is-each-second"
        ),
        pytest.param({"second": 30}, ["2025-01-01 00:00:30", "2025-01-01 00:01:30"], id="coarser-fields-are-starred"),
        pytest.param({"hour": 3}, ["2025-01-01 03:00:00", "2025-01-02 03:00:00"], id="finer-fields-are-lowest"),
        pytest.param({"month": "6-7"}, ["2025-06-01 00:00:00", "2025-07-01 00:00:00"], id="day-is-the-first"),
        pytest.param({"year": 2030}, ["2030-01-01 00:00:00"], id="year-alone"),
        pytest.param({"week": 10}, [f"2025-03-0{day} 00:00:00" for day in range(3, 10)], id="each-day-of-an-ISO-week"),
        pytest.param({"week": 53, "day_of_week": 6}, ["2027-01-03 00:00:00", "2033-01-02 00:00:00"], id="ISO-week-53"),
        pytest.param({"day_of_week": 0}, ["2025-01-06 00:00:00", "2025-01-13 00:00:00"], id="weekday-0-is-Monday"),
        pytest.param({"day_of_week": "SUN"}, ["2025-01-05 00:00:00"], id="names-in-any-case"),
        pytest.param(
            {"day": 13, "day_of_week": "fri"}, ["2025-06-13 00:00:00", "2026-02-13 00:00:00"], id="both-must-match"
        ),
        pytest.param({"day": "last"}, ["2025-01-31 00:00:00", "2025-02-28 00:00:00"], id="last-day"),
        pytest.param({"day": "Last fri"}, ["2025-01-31 00:00:00", "2025-02-28 00:00:00"], id="last-weekday"),
        pytest.param({"day": "2nd tue"}, ["2025-01-14 00:00:00", "2025-02-11 00:00:00"], id="second-weekday"),
        pytest.param({"day": "5th sat"}, ["2025-03-29 00:00:00", "2025-05-31 00:00:00"], id="fifth-weekday"),
        pytest.param(
            {"day": "1st 0, 4, last"}, ["2025-01-04 00:00:00", "2025-01-06 00:00:00", "2025-01-31 00:00:00"], id="list"
        ),
        pytest.param({"month": 2, "day": 29}, ["2028-02-29 00:00:00", "2032-02-29 00:00:00"], id="leap-day"),
        pytest.param({"minute": "10-30/10"}, [f"2025-01-01 00:{m}:00" for m in (10, 20, 30)], id="range-with-step"),
        pytest.param(
            {"minute": "50/5"},
            ["2025-01-01 00:50:00", "2025-01-01 00:55:00", "2025-01-01 01:50:00"],
            id="start-with-step",
        ),
        pytest.param(
            {"minute": "*/25"}, [f"2025-01-01 00:{m}:00" for m in ("00", 25, 50)], id="step-starts-anew-each-hour"
        ),
        pytest.param({"hour": "6, 18"}, ["2025-01-01 06:00:00", "2025-01-01 18:00:00"], id="list-with-space"),
        pytest.param({"month": "mar,DEC", "day": 5}, ["2025-03-05 00:00:00", "2025-12-05 00:00:00"], id="month-names"),
    ],
)
def test_fields_mean_what_they_say(fields, expected):
    trigger = CronTrigger(**fields, timezone="UTC")

    assert fire_times(trigger, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("0 0 * * 0", ["2025-01-05 00:00:00", "2025-01-12 00:00:00"], id="0-is-Sunday"),
        pytest.param("0 0 * * 7", ["2025-01-05 00:00:00", "2025-01-12 00:00:00"], id="7-is-Sunday"),
        pytest.param("0 0 * * 5-7", [f"2025-01-0{day} 00:00:00" for day in (3, 4, 5)], id="range-to-7"),
        pytest.param(
            "0 0 * * sat-sun", ["2025-01-04 00:00:00", "2025-01-05 00:00:00", "2025-01-11 00:00:00"], id="range-to-sun"
        ),
        pytest.param(
            "0 0 13 * fri", ["2025-01-03 00:00:00", "2025-01-10 00:00:00", "2025-01-13 00:00:00"], id="one-suffices"
        ),
        pytest.param(
            "0 0 */2 * mon", ["2025-01-13 00:00:00", "2025-01-27 00:00:00"], id="starred-with-step-both-must-match"
        ),
        pytest.param("0 0 30 2 mon", ["2025-02-03 00:00:00"], id="impossible-day-or-weekday"),
        pytest.param(" 5   4 * jan-FEB * ", ["2025-01-01 04:05:00"], id="space-and-case"),
        pytest.param("@yearly", ["2025-01-01 00:00:00", "2026-01-01 00:00:00"], id="yearly"),
        pytest.param("@annually", ["2025-01-01 00:00:00", "2026-01-01 00:00:00"], id="annually"),
        pytest.param("@monthly", ["2025-01-01 00:00:00", "2025-02-01 00:00:00"], id="monthly"),
        pytest.param("@weekly", ["2025-01-05 00:00:00", "2025-01-12 00:00:00"], id="weekly"),
        pytest.param("@daily", ["2025-01-01 00:00:00", "2025-01-02 00:00:00"], id="daily"),
        pytest.param("@Midnight", ["2025-01-01 00:00:00", "2025-01-02 00:00:00"], id="midnight"),
        pytest.param("@hourly", ["2025-01-01 00:00:00", "2025-01-01 01:00:00"], id="hourly"),
    ],
)
def test_a_crontab_expression_means_what_crontab_says(expression, expected):
    trigger = CronTrigger.from_crontab(expression, timezone="UTC")

    assert fire_times(trigger, len(expected)) == expected


@pytest.mark.parametrize(
    ("previous", "now", "expected"),
    [
        pytest.param(None, "2025-01-01T03:00:00", "2025-01-01T03:00:00", id="now-itself-counts"),
        pytest.param(None, "2025-01-01T03:00:00.000001", "2025-01-02T03:00:00", id="a-microsecond-late"),
        pytest.param(None, "2025-01-01T02:59:59.999999", "2025-01-01T03:00:00", id="a-microsecond-early"),
        pytest.param(
            "2025-01-01T03:00:00", "2025-01-01T03:00:00", "2025-01-02T03:00:00", id="previous-itself-does-not-count"
        ),
        pytest.param(
            "2025-01-01T02:59:59.999999", "2025-01-05T00:00:00", "2025-01-01T03:00:00", id="may-lie-before-now"
        ),
        pytest.param("1960-01-01T00:00:00", "2025-01-01T00:00:00", "1970-01-01T03:00:00", id="long-before-the-epoch"),
    ],
)
def test_the_next_fire_time_is_counted_from_previous_or_now(previous, now, expected):
    trigger = CronTrigger(hour=3, timezone="UTC")

    found = trigger.get_next_fire_time(
        previous and datetime.fromisoformat(previous).replace(tzinfo=UTC),
        datetime.fromisoformat(now).replace(tzinfo=UTC),
    )

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_fire_times_are_given_in_the_zone_of_the_trigger():
    trigger = CronTrigger(hour=9, timezone="Asia/Shanghai")

    found = trigger.get_next_fire_time(None, NOW)

    assert found.isoformat() == "2025-01-01T09:00:00+08:00"
    assert found.tzinfo is ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(
            {"start_date": "2025-02-01 03:00"}, ["2025-02-01 03:00:00", "2025-02-02 03:00:00"], id="start-counts"
        ),
        pytest.param({"start_date": "2025-02-01T03:00:00.5"}, ["2025-02-02 03:00:00"], id="start-half-a-second-later"),
        pytest.param({"start_date": date(2025, 2, 1)}, ["2025-02-01 03:00:00"], id="start-on-a-date"),
        pytest.param({"start_date": datetime(2025, 2, 1, 4, tzinfo=UTC)}, ["2025-02-02 03:00:00"], id="aware-start"),
        pytest.param({"end_date": "2025-01-02 03:00"}, ["2025-01-01 03:00:00", "2025-01-02 03:00:00"], id="end-counts"),
        pytest.param({"end_date": "2025-01-02T02:59:59.9"}, ["2025-01-01 03:00:00"], id="end-just-before"),
        pytest.param({"end_date": date(2024, 1, 1)}, [], id="ended"),
    ],
)
def test_limits_are_included(limits, expected):
    trigger = CronTrigger(hour=3, timezone="UTC", **limits)

    assert fire_times(trigger, max(len(expected), 1) if "start_date" in limits else 9) == expected


def test_a_start_date_also_holds_after_an_earlier_previous_fire_time():
    trigger = CronTrigger(hour=3, start_date="2025-02-01", timezone="UTC")

    found = trigger.get_next_fire_time(NOW, NOW)

    assert found == datetime(2025, 2, 1, 3, tzinfo=UTC)


def test_years_that_are_over_have_no_fire_time():
    trigger = CronTrigger(year="2020-2024", timezone="UTC")

    assert trigger.get_next_fire_time(None, NOW) is None


@pytest.mark.parametrize(
    ("fields", "zone"),
    [
        pytest.param({"month": 3, "day": "last sun", "hour": 2, "minute": "*"}, "Europe/Berlin", id="always-in-a-gap"),
        pytest.param(
            {"year": 2011, "month": 12, "day": 30, "minute": "*"}, "Pacific/Apia", id="on-a-day-that-was-skipped"
        ),
        pytest.param({"year": 9999}, "America/New_York", id="beyond-what-datetime-holds"),
        pytest.param({"year": "1970-2000", "second": "*"}, "UTC", id="over"),
    ],
)
def test_a_search_that_finds_nothing_ends_quickly(fields, zone):
    trigger = CronTrigger(**fields, timezone=zone)
    now = datetime(2001, 1, 1, tzinfo=UTC) if "year" in fields else datetime(2038, 1, 1, tzinfo=UTC)

    started = time.perf_counter()
    found = trigger.get_next_fire_time(None, now)

    assert found is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(
    "now", [datetime.min, datetime.max, datetime(9998, 12, 31), datetime(1969, 12, 31, 23, 59, 59)]
)
def test_the_ends_of_time_are_no_error(zone, now):
    trigger = CronTrigger(timezone=zone)

    found = trigger.get_next_fire_time(None, now.replace(tzinfo=UTC))

    assert found is None or 1970 <= found.year <= 9998


@pytest.mark.parametrize("month", [1, 6])
def test_a_year_far_away_is_found(month):
    trigger = CronTrigger(year=9000, timezone="Europe/Berlin")

    assert fire_times(trigger, 2, NOW.replace(month=month)) == ["9000-01-01 00:00:00"]


@pytest.mark.parametrize(
    "trigger",
    [
        CronTrigger(timezone="UTC"),
        CronTrigger(hour=3, minute="*/5", timezone="Europe/Berlin"),
        CronTrigger(
            year="2025-2030",
            month="jan",
            day="2nd tue, last",
            week="1-53",
            day_of_week="mon-fri",
            hour=0,
            minute=0,
            second=0,
            start_date="2025-10-26T02:30:00+01:00",
            end_date=date(2029, 1, 1),
            timezone="Europe/Berlin",
            jitter=2.5,
            on_gap="skip",
            on_overlap="both",
        ),
        CronTrigger.from_crontab(
            "0 3 1,15 * MON", timezone="Asia/Tehran", jitter=30, on_gap="skip", end_date="2030-01-01"
        ),
        CronTrigger.from_crontab("@daily", timezone="UTC"),
    ],
    ids=str,
)
def test_the_state_leads_back_to_an_equal_trigger(trigger):
    copy = CronTrigger.from_state(trigger.to_state())

    assert copy == trigger
    assert hash(copy) == hash(trigger)
    assert copy.to_state() == trigger.to_state()
    assert fire_times(copy, 5) == fire_times(trigger, 5)
    assert (copy.jitter, copy.start_date, copy.end_date) == (trigger.jitter, trigger.start_date, trigger.end_date)
    assert eval(repr(trigger)) == trigger


def test_the_state_holds_what_was_given_and_the_zone_by_name():
    trigger = CronTrigger(hour=3, minute="5, 35", start_date="2025-01-01", timezone=ZoneInfo("Europe/Berlin"))

    assert trigger.to_state() == {
        "hour": "3",
        "minute": "5,35",
        "start_date": "2025-01-01T00:00:00+01:00",
        "timezone": "Europe/Berlin",
    }


def test_the_state_of_a_crontab_trigger_holds_its_expression():
    trigger = CronTrigger.from_crontab("0 3  * * MON", timezone="UTC", on_overlap="both")

    assert trigger.to_state() == {"crontab": "0 3 * * mon", "timezone": "UTC", "on_overlap": "both"}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        pytest.param({"hour": 3}, {"hour": "3"}, True, id="number-or-text"),
        pytest.param({"day_of_week": "MON, tue"}, {"day_of_week": "mon,tue"}, True, id="case-and-space"),
        pytest.param({"hour": 3}, {"hour": 4}, False, id="another-hour"),
        pytest.param({"hour": 3}, {"hour": 3, "on_gap": "skip"}, False, id="another-policy"),
    ],
)
def test_triggers_are_equal_when_they_say_the_same(one, other, equal):
    assert (CronTrigger(**one, timezone="UTC") == CronTrigger(**other, timezone="UTC")) is equal


def test_a_trigger_shows_its_fields():
    trigger = CronTrigger(hour=3, minute=30, timezone="Europe/Berlin")

    assert str(trigger) == "cron[hour='3', minute='30']"
    assert repr(trigger) == "CronTrigger(hour='3', minute='30', timezone='Europe/Berlin')"


def test_a_crontab_trigger_shows_its_expression():
    trigger = CronTrigger.from_crontab("30 3 * * *", timezone="UTC", jitter=5)

    assert str(trigger) == "cron[crontab='30 3 * * *']"
    assert repr(trigger) == "CronTrigger.from_crontab('30 3 * * *', timezone='UTC', jitter=5)"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "every second"),
        ({"second": "*/10"}, "every 10 seconds"),
        ({"second": "*/7"}, "every 7th second of the minute"),
        ({"minute": "*/5"}, "every 5 minutes"),
        ({"hour": 3, "minute": 30, "second": 15}, "at 03:30:15 every day"),
        ({"day": "last"}, "at 00:00 on the last day of the month"),
        ({"day": "2nd tue, last fri", "hour": 9}, "at 09:00 on the 2nd Tuesday and the last Friday of the month"),
        ({"day": "15,1st mon"}, "at 00:00 on day 15 and the 1st Monday of the month"),
        ({"month": 6}, "at 00:00 on day 1 of June"),
        ({"year": 2030}, "at 00:00 on day 1 of January in 2030"),
        ({"week": "1-10", "day_of_week": "mon"}, "at 00:00 on Monday in ISO weeks 1 to 10"),
        ({"week": "*/2"}, "at 00:00 every day in every 2nd ISO week"),
        ({"year": "2025-2030", "hour": "*/3"}, "every 3 hours in 2025 to 2030"),
        ({"day": "*/2"}, "at 00:00 on every 2nd day of the month"),
        ({"day": 13, "day_of_week": "fri,sun"}, "at 00:00 on day 13 of the month if it is Friday or Sunday"),
        ({"hour": 2, "minute": 30, "second": "*"}, "every second of minute 30 from 02:00 to 02:59"),
        (
            {"hour": "8,12", "minute": "*", "second": "10,20"},
            "at seconds 10 and 20 of every minute in hours 8 and 12 every day",
        ),
        (
            {"hour": "9-17", "minute": "*/5", "second": 30},
            "at second 30 of every 5th minute from 09:00 to 17:59 every day",
        ),
        (
            {"day_of_week": "mon-fri", "hour": 9, "start_date": "2025-01-01", "end_date": "2026-01-01", "jitter": 30},
            "at 09:00 on Monday to Friday from 2025-01-01 00:00 until 2026-01-01 00:00 (UTC), delayed by up to 30 s",
        ),
    ],
)
def test_a_trigger_describes_itself_in_words(fields, words):
    assert CronTrigger(**fields, timezone="UTC").describe() == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/7 * * * *", "every 7th minute of the hour"),
        ("0,15,30,45 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("15 */2 * * *", "every 2 hours at minute 15"),
        ("7,37 * * * *", "every hour at minutes 7 and 37"),
        ("1-59/2 * * * *", "every hour at minute 1-59/2"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("23 0-20/2 * * *", "every 2 hours from 00:23 to 20:23"),
        ("5,10,15 9-17 * * *", "at minutes 5, 10 and 15 of hours 9 to 17 every day"),
        ("*/15 9-17 * * mon-fri", "every 15 minutes from 09:00 to 17:59 on Monday to Friday"),
        ("*/10 8,12,18 * * 6,7", "every 10 minutes in hours 8, 12 and 18 on Saturday and Sunday"),
        ("30 3 * * *", "at 03:30 every day"),
        ("0 0 * * 0", "at 00:00 on Sunday"),
        ("@yearly", "at 00:00 on day 1 of January"),
        ("0 4 8-14 * *", "at 04:00 on days 8 to 14 of the month"),
        ("0 0 1,15 * 3", "at 00:00 on days 1 and 15 of the month or on Wednesday"),
        ("0 0 1-31 * mon", "at 00:00 every day"),
        ("0 8 * 6-8 *", "at 08:00 every day in June to August"),
        ("*/5 * * jan *", "every 5 minutes in January"),
    ],
)
def test_a_crontab_trigger_describes_itself_in_words(expression, words):
    assert CronTrigger.from_crontab(expression, timezone="UTC").describe() == words


@pytest.mark.parametrize(
    ("fields", "first", "until", "count", "last"),
    [
        pytest.param(
            {}, "2025-01-01T00:00:00", "2025-01-08T00:00:00", 604_801, "2025-01-08T00:00:00", id="1-s-for-a-week"
        ),
        pytest.param(
            {},
            "1990-01-01T00:00:00",
            "2090-01-01T00:00:00.9",
            3_155_760_001,
            "2090-01-01T00:00:00",
            id="1-s-for-100-years",
        ),
        pytest.param({"hour": 3}, "2025-01-01T03:00:00", "2025-01-01T03:00:00", 1, "2025-01-01T03:00:00", id="itself"),
        pytest.param(
            {"hour": 3},
            "2025-01-01T03:00:00",
            "2025-01-02T02:59:59",
            1,
            "2025-01-01T03:00:00",
            id="just-before-the-next",
        ),
        pytest.param(
            {"hour": 3}, "2025-01-01T03:00:00", "2025-01-02T03:00:00", 2, "2025-01-02T03:00:00", id="until-is-included"
        ),
        pytest.param(
            {"month": 2, "day": 29},
            "2000-02-29T00:00:00",
            "2399-01-01T00:00:00",
            97,
            "2396-02-29T00:00:00",
            id="leap-days",
        ),
        pytest.param(
            {"hour": 3, "end_date": "2025-01-03 03:00"},
            "2025-01-01T03:00:00",
            "2030-01-01T03:00:00",
            3,
            "2025-01-03T03:00:00",
            id="ended",
        ),
    ],
)
def test_a_span_is_counted_exactly_and_at_once(fields, first, until, count, last):
    trigger = CronTrigger(**fields, timezone="UTC")
    first, until, last = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (first, until, last))

    started = time.perf_counter()
    span = trigger.span(first, until)

    assert (span.first, span.last, span.count, span.exact) == (first, last, count, True)
    assert time.perf_counter() - started < 0.5


def test_a_span_across_clock_changes_counts_each_second_that_passed():
    trigger = CronTrigger(timezone="Europe/Berlin")
    first = datetime(2025, 3, 29, tzinfo=UTC)

    span = trigger.span(first, first + timedelta(days=365))

    assert span.count == 365 * 86_400 + 1
    assert span.last == first + timedelta(days=365)
