from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.base import FireSpan
from django_apscheduler_ng.triggers.date import DateTrigger

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class PytzZone:
    """Looks like a zone of pytz: no ZoneInfo, the IANA name in `.zone`."""

    zone = "Europe/Berlin"


@pytest.mark.parametrize(
    ("run_date", "expected"),
    [
        pytest.param(datetime(2026, 12, 24, 18), "2026-12-24T18:00:00+01:00", id="naive-is-time-in-the-zone"),
        pytest.param(datetime(2026, 12, 24, 18, tzinfo=UTC), "2026-12-24T19:00:00+01:00", id="aware-is-converted"),
        pytest.param(date(2026, 6, 24), "2026-06-24T00:00:00+02:00", id="date-is-its-midnight"),
        pytest.param("2026-12-24", "2026-12-24T00:00:00+01:00", id="text-of-a-date"),
        pytest.param("2026-12-24 18:00", "2026-12-24T18:00:00+01:00", id="text"),
        pytest.param("2026-12-24T18:00:00Z", "2026-12-24T19:00:00+01:00", id="text-with-offset"),
        pytest.param("2026-12-24T18:00:00.25", "2026-12-24T18:00:00.250000+01:00", id="text-with-fraction"),
        pytest.param("2026-03-29 02:30", "2026-03-29T03:00:00+02:00", id="inside-a-gap-first-instant-after"),
        pytest.param("2026-03-29 02:30:00.5", "2026-03-29T03:00:00+02:00", id="inside-a-gap-with-fraction"),
        pytest.param("2026-10-25 02:30", "2026-10-25T02:30:00+02:00", id="inside-an-overlap-the-first"),
        pytest.param(
            "2026-10-25T02:30+01:00", "2026-10-25T02:30:00+01:00", id="inside-an-overlap-the-second-by-offset"
        ),
    ],
)
def test_a_date_means_a_moment_in_the_zone_of_the_trigger(run_date, expected):
    trigger = DateTrigger(run_date, "Europe/Berlin")

    fire_time = trigger.get_next_fire_time(None, NOW)

    assert fire_time.isoformat() == expected
    assert fire_time.tzinfo is BERLIN


@pytest.mark.parametrize(
    ("previous", "fires"),
    [
        pytest.param(None, True, id="first"),
        pytest.param(timedelta(microseconds=-1), True, id="something-fired-just-before"),
        pytest.param(timedelta(0), False, id="it-fired"),
        pytest.param(timedelta(days=1), False, id="something-fired-after"),
    ],
)
@pytest.mark.parametrize(
    "run_date", [NOW - timedelta(days=9), NOW, NOW + timedelta(days=9)], ids=["past", "now", "future"]
)
def test_a_date_fires_once_even_where_it_has_passed(previous, fires, run_date):
    trigger = DateTrigger(run_date, UTC)

    fire_time = trigger.get_next_fire_time(None if previous is None else run_date + previous, NOW)

    assert fire_time == (run_date if fires else None)


def test_a_second_wall_clock_time_of_the_overlap_lies_after_the_first():
    trigger = DateTrigger("2026-10-25T02:10+01:00", "Europe/Berlin")

    fire_time = trigger.get_next_fire_time(datetime(2026, 10, 25, 2, 50, fold=0, tzinfo=BERLIN), NOW)

    assert fire_time.isoformat() == "2026-10-25T02:10:00+01:00"


def test_without_a_date_it_is_the_moment_at_which_the_trigger_is_made():
    before = datetime.now(UTC)

    trigger = DateTrigger(timezone="Europe/Berlin")

    assert before <= trigger.run_date <= datetime.now(UTC)
    assert trigger.run_date.tzinfo is BERLIN


@pytest.mark.parametrize("zone", [BERLIN, "Europe/Berlin", pytest.param(PytzZone(), id="pytz")])
def test_the_zone_may_be_a_name_or_a_zone(zone):
    trigger = DateTrigger("2026-12-24", timezone=zone)

    assert trigger.run_date.isoformat() == "2026-12-24T00:00:00+01:00"
    assert trigger == DateTrigger("2026-12-24", timezone="Europe/Berlin")


def test_the_same_moment_in_another_zone_is_another_trigger():
    assert DateTrigger(NOW, "Europe/Berlin") != DateTrigger(NOW, "Europe/Paris")


@pytest.mark.parametrize(
    ("first", "until", "last", "count"),
    [
        pytest.param(NOW, NOW, NOW, 1, id="only-itself"),
        pytest.param(NOW, NOW + timedelta(days=9), NOW, 1, id="nothing-follows"),
        pytest.param(NOW - timedelta(hours=1), NOW, NOW, 2, id="chosen-by-hand-before-the-date"),
        pytest.param(
            NOW - timedelta(hours=1), NOW - timedelta(minutes=1), NOW - timedelta(hours=1), 1, id="date-still-to-come"
        ),
    ],
)
def test_the_span_of_a_date_is_the_date(first, until, last, count):
    trigger = DateTrigger(NOW, UTC)

    assert trigger.span(first, until) == FireSpan(first=first, last=last, count=count)


@pytest.mark.parametrize(
    "run_date",
    [
        "2026-02-30",
        "2026-13-01",
        "tomorrow",
        "",
        "2026-12-24 25:00",
        1767225600,
        True,
        datetime(1, 1, 1),
        ["2026-12-24"],
    ],
    ids=repr,
)
def test_an_impossible_date_is_refused(run_date):
    with pytest.raises(InvalidTriggerError) as error:
        DateTrigger(run_date, "Europe/Berlin")

    assert str(error.value) == (
        "Argument 'run_date' of trigger 'date' must be a datetime, a date or an ISO 8601 string of a time that exists, "
        f"got {run_date!r}. Write it like '2026-12-24 18:00' or '2026-12-24T18:00:00+01:00'."
    )


def test_an_unknown_zone_is_refused():
    with pytest.raises(InvalidTriggerError) as error:
        DateTrigger("2026-12-24", "Europe/Belin")

    assert str(error.value) == "Time zone must be an IANA name, got 'Europe/Belin'. Did you mean 'Europe/Berlin'?"


def test_a_date_shows_itself():
    trigger = DateTrigger(datetime(2026, 12, 24, 18, tzinfo=timezone(timedelta(hours=1))), "Europe/Berlin")

    assert str(trigger) == "date[2026-12-24 18:00:00 CET]"
    assert repr(trigger) == "DateTrigger(run_date='2026-12-24T18:00:00+01:00', timezone='Europe/Berlin')"
    assert trigger.describe() == "once at 2026-12-24 18:00 (Europe/Berlin)"


def test_a_date_with_seconds_is_described_with_seconds():
    assert DateTrigger("2026-12-24 18:00:05", "UTC").describe() == "once at 2026-12-24 18:00:05 (UTC)"
