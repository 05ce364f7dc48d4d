from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from django_apscheduler_ng.preview import Effect, dst_notes, preview
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from django_apscheduler_ng.triggers.unreadable import UnreadableTrigger

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def told(trigger, now=NOW, **options):
    """What the notes say, as (effect, first wall-clock time, moment)."""
    return [
        (note.effect.value, f"{note.wall:%Y-%m-%d %H:%M}", note.moment and note.moment.isoformat())
        for note in dst_notes(trigger, now, **options)
    ]


def test_the_next_fire_times_are_returned_in_order():
    trigger = CronTrigger(hour=9, minute=30, timezone=BERLIN)

    found = preview(trigger, NOW, 3)

    assert [moment.isoformat() for moment in found] == [
        "2026-01-16T09:30:00+01:00",
        "2026-01-17T09:30:00+01:00",
        "2026-01-18T09:30:00+01:00",
    ]


def test_a_trigger_that_ends_has_fewer_fire_times():
    trigger = DateTrigger("2026-02-01 10:00", timezone=BERLIN)

    assert [moment.isoformat() for moment in preview(trigger, NOW)] == ["2026-02-01T10:00:00+01:00"]


def test_fire_times_of_an_interval_are_counted_from_the_planned_one():
    planned = datetime(2026, 1, 15, 12, 3, tzinfo=UTC)

    found = preview(IntervalTrigger(minutes=5, timezone="UTC"), NOW, 2, first=planned)

    assert found == [planned, planned + timedelta(minutes=5)]


def test_an_unreadable_trigger_says_so():
    with pytest.raises(ValueError, match=r"^damaged$"):
        preview(UnreadableTrigger(text="{", problem="damaged"), NOW)


def test_a_fixed_time_is_shifted_in_spring_and_fires_once_in_autumn():
    trigger = CronTrigger(hour=2, minute=30, timezone=BERLIN)

    assert told(trigger) == [
        ("shifted", "2026-03-29 02:30", "2026-03-29T03:00:00+02:00"),
        ("once", "2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
        ("shifted", "2027-03-28 02:30", "2027-03-28T03:00:00+02:00"),
        ("once", "2027-10-31 02:30", "2027-10-31T02:30:00+02:00"),
    ]


def test_the_other_policies_skip_it_in_spring_and_fire_twice_in_autumn():
    trigger = CronTrigger(hour=2, minute=30, timezone=BERLIN, on_gap="skip", on_overlap="both")

    assert told(trigger, months=12) == [
        ("skipped", "2026-03-29 02:30", None),
        ("twice", "2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
    ]


@pytest.mark.parametrize(
    "trigger",
    [
        pytest.param(CronTrigger(hour=9, timezone=BERLIN), id="time-outside-of-the-changes"),
        pytest.param(CronTrigger(hour=2, minute=30, timezone="UTC"), id="zone-without-changes"),
        pytest.param(CronTrigger(minute=30, timezone=BERLIN), id="starred-hour-follows-real-time"),
        pytest.param(CronTrigger.from_crontab("*/10 2 * * *", timezone=BERLIN), id="starred-minute-follows-real-time"),
        pytest.param(CronTrigger(hour=2, minute=30, day_of_week="mon", timezone=BERLIN), id="another-weekday"),
        pytest.param(CronTrigger(hour=2, minute=30, year=2020, timezone=BERLIN), id="ended"),
        pytest.param(IntervalTrigger(hours=1, timezone=BERLIN), id="interval"),
        pytest.param(DateTrigger("2026-03-29 02:30", timezone=BERLIN), id="date"),
    ],
)
def test_nothing_is_said_where_no_fire_time_is_touched(trigger):
    assert told(trigger) == []


@pytest.mark.parametrize(
    ("limits", "effects"),
    [
        pytest.param({}, ["shifted", "once"], id="no-limits"),
        pytest.param({"start_date": "2026-03-29 03:00"}, ["shifted", "once"], id="starts-with-the-shifted-one"),
        pytest.param({"start_date": "2026-03-29 03:01"}, ["once"], id="starts-after-the-shifted-one"),
        pytest.param({"end_date": "2026-10-25T02:30:00+02:00"}, ["shifted", "once"], id="ends-with-the-first-of-two"),
        pytest.param({"end_date": "2026-10-25T02:29:59+02:00"}, ["shifted"], id="ends-before-the-first-of-two"),
    ],
)
def test_limits_of_the_trigger_count(limits, effects):
    trigger = CronTrigger(hour=2, minute=30, timezone=BERLIN, **limits)

    assert [note.effect.value for note in dst_notes(trigger, NOW, months=12)] == effects


def test_several_times_in_one_gap_give_one_note():
    trigger = CronTrigger(hour=2, minute="10,20,50", timezone=BERLIN)

    (note, _) = dst_notes(trigger, NOW, months=12)

    assert (note.effect, note.wall, note.last_wall) == (
        Effect.SHIFTED,
        datetime(2026, 3, 29, 2, 10),
        datetime(2026, 3, 29, 2, 50),
    )


def test_a_gap_full_of_fire_times_is_named_without_visiting_them():
    trigger = CronTrigger(hour=2, minute="0-59", second="*", timezone=BERLIN)

    (note, _) = dst_notes(trigger, NOW, months=12)

    assert (note.wall, note.last_wall) == (datetime(2026, 3, 29, 2), datetime(2026, 3, 29, 2, 59, 59))


def test_a_calendar_interval_is_looked_at_on_its_own_dates():
    every_other_sunday = {"weeks": 2, "hour": 2, "minute": 30, "timezone": BERLIN}

    hits = CalendarIntervalTrigger(**every_other_sunday, start_date="2026-03-15")
    passes = CalendarIntervalTrigger(**every_other_sunday, start_date="2026-03-22")

    assert told(hits, months=4) == [("shifted", "2026-03-29 02:30", "2026-03-29T03:00:00+02:00")]
    assert told(passes, months=4) == []


def test_a_calendar_interval_without_start_counts_from_the_planned_fire_time():
    trigger = CalendarIntervalTrigger(weeks=2, hour=2, minute=30, timezone=BERLIN)
    planned = datetime(2026, 3, 15, 1, 30, tzinfo=UTC)

    assert told(trigger, months=4, first=planned) == [("shifted", "2026-03-29 02:30", "2026-03-29T03:00:00+02:00")]
    assert told(trigger, months=4, first=planned + timedelta(days=7)) == []


def test_members_of_an_or_trigger_are_looked_at_one_by_one():
    trigger = OrTrigger(
        [CronTrigger(hour=2, minute=30, timezone=BERLIN), CronTrigger(hour=2, minute=30, timezone="America/New_York")]
    )

    assert [wall for effect, wall, _ in told(trigger, months=12) if effect == "shifted"] == [
        "2026-03-08 02:30",
        "2026-03-29 02:30",
    ]


def test_members_of_an_and_trigger_count_where_all_of_them_fire():
    at_half_past_two = CronTrigger(hour=2, minute=30, timezone=BERLIN)

    in_march = AndTrigger([at_half_past_two, CronTrigger(month=3, hour="*", minute="*", timezone=BERLIN)])

    assert [effect for effect, _, _ in told(in_march, months=12)] == ["shifted"]


@pytest.mark.parametrize(
    ("zone", "wall"),
    [
        pytest.param("Australia/Lord_Howe", "02:15", id="half-an-hour"),
        pytest.param("Africa/Cairo", "00:30", id="at-midnight"),
        pytest.param("America/New_York", "02:00", id="first-instant-of-the-gap"),
        pytest.param("Europe/Berlin", "02:59", id="last-minute-of-the-gap"),
        pytest.param("Africa/Casablanca", "02:30", id="around-ramadan"),
    ],
)
def test_each_note_is_true(zone, wall):
    hour, minute = wall.split(":")
    trigger = CronTrigger(hour=int(hour), minute=int(minute), timezone=zone)
    fire_times = preview(trigger, NOW, 800)

    notes = {note.moment: note.effect for note in dst_notes(trigger, NOW)}

    shifted = {moment for moment in fire_times if f"{moment:%H:%M}" != wall}
    both_exist = {moment for moment in fire_times if _exists_twice(moment)}
    limit = NOW + timedelta(days=730)
    assert {moment for moment, effect in notes.items() if effect == "shifted"} == {m for m in shifted if m < limit}
    assert {moment for moment, effect in notes.items() if effect == "once"} == {m for m in both_exist if m < limit}
    assert notes
    assert all(earlier < later for earlier, later in pairwise(fire_times))


def _exists_twice(moment):
    return moment.replace(fold=0).utcoffset() > moment.replace(fold=1).utcoffset()
