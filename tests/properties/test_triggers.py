from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from django_apscheduler_ng.serialization import dump_trigger, load_trigger
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Africa/Casablanca",
        "Pacific/Apia",
    ]
)
MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
#: Near the transitions of most zones.
SEASONS = st.sampled_from(
    [datetime(2026, 3, 28), datetime(2026, 10, 24), datetime(2011, 12, 29), datetime(2026, 4, 3), datetime(2026, 3, 7)]
)
NOWS = MOMENTS | st.builds(
    lambda season, hours: season.replace(tzinfo=UTC) + timedelta(hours=hours), SEASONS, st.integers(0, 60)
)

INTERVALS = st.builds(
    lambda amount, unit, **rest: IntervalTrigger(**{unit: amount}, **rest),
    amount=st.integers(1, 90) | st.floats(0.001, 90),
    unit=st.sampled_from(["seconds", "minutes", "hours", "days", "weeks"]),
    start_date=st.none() | MOMENTS,
    timezone=ZONES,
)
COARSE_INTERVALS = st.builds(
    IntervalTrigger,
    minutes=st.sampled_from([5, 10, 15, 20, 45, 60, 90]),
    start_date=st.none() | st.just("2010-01-01"),
    timezone=ZONES,
)
CALENDARS = st.builds(
    lambda amount, unit, more, **rest: CalendarIntervalTrigger(**{unit: amount, "days": more}, **rest),
    amount=st.integers(1, 25),
    unit=st.sampled_from(["years", "months", "weeks"]),
    more=st.sampled_from([0, 0, 0, 1, 40]),
    hour=st.sampled_from([0, 1, 2, 3, 23]),
    minute=st.sampled_from([0, 15, 30]),
    start_date=st.none() | st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    on_gap=st.sampled_from(["shift", "skip"]),
    on_overlap=st.sampled_from(["first", "both"]),
    timezone=ZONES,
) | st.builds(
    CalendarIntervalTrigger,
    days=st.integers(1, 10),
    hour=st.sampled_from([0, 1, 2, 3, 23]),
    minute=st.sampled_from([0, 15, 30]),
    on_gap=st.sampled_from(["shift", "skip"]),
    on_overlap=st.sampled_from(["first", "both"]),
    timezone=ZONES,
)
DATES = st.builds(DateTrigger, run_date=MOMENTS, timezone=ZONES)
CRONS = st.builds(
    CronTrigger,
    hour=st.sampled_from(["*", "*/2", "2", "0-3", "9,17"]),
    minute=st.sampled_from(["0", "30", "*/20"]),
    day_of_week=st.sampled_from(["*", "mon-fri", "sun"]),
    timezone=ZONES,
)
SIMPLE = st.one_of(INTERVALS, CALENDARS, DATES, CRONS)
TRIGGERS = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(AndTrigger, st.lists(inner, min_size=1, max_size=2))
        | st.builds(OrTrigger, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=4,
)

START = datetime(2026, 3, 1, tzinfo=UTC)

#: The fire times of an interval as plain numbers of seconds after START: first one and distance.
GRIDS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 40)), min_size=1, max_size=3)


def members(grids):
    return [
        IntervalTrigger(seconds=step, start_date=START + timedelta(seconds=first), timezone="UTC")
        for first, step in grids
    ]


def between(trigger, start, end):
    """Return the fire times (UTC) from `start` to just before `end`, one by one."""
    found = []
    fire_time = trigger.get_next_fire_time(None, start)
    while fire_time is not None and fire_time.astimezone(UTC) < end:
        found.append(fire_time.astimezone(UTC))
        fire_time = trigger.get_next_fire_time(fire_time, start)
    return found


def seconds(trigger, count):
    """Return the fire times in the `count` seconds from START on, as numbers of seconds after it."""
    return [
        (found - START) // timedelta(seconds=1) for found in between(trigger, START, START + timedelta(seconds=count))
    ]


@settings(deadline=None)
@given(TRIGGERS)
def test_every_trigger_comes_back_from_its_stored_text(trigger):
    text = dump_trigger(trigger)

    loaded = load_trigger(text)

    assert loaded == trigger
    assert hash(loaded) == hash(trigger)
    assert dump_trigger(loaded) == text
    assert loaded.describe() == trigger.describe()


@settings(deadline=None)
@given(TRIGGERS, NOWS)
def test_a_trigger_that_came_back_fires_at_the_same_times(trigger, now):
    loaded = load_trigger(dump_trigger(trigger))

    assert loaded.get_next_fire_time(None, now) == trigger.get_next_fire_time(None, now)
    assert loaded.get_next_fire_time(now, now) == trigger.get_next_fire_time(now, now)


@settings(deadline=None, max_examples=200)
@given(TRIGGERS, NOWS)
def test_fire_times_are_aware_and_strictly_increasing(trigger, now):
    found = [trigger.get_next_fire_time(None, now)]
    while found[-1] is not None and len(found) < 8:
        found.append(trigger.get_next_fire_time(found[-1], now))

    moments = [fire_time.astimezone(UTC) for fire_time in found if fire_time is not None]
    assert all(earlier < later for earlier, later in pairwise(moments))
    assert all(fire_time.utcoffset() is not None for fire_time in found if fire_time is not None)


@settings(deadline=None)
@given(st.one_of(INTERVALS, CALENDARS, CRONS), NOWS)
def test_the_first_fire_time_is_not_before_now(trigger, now):
    fire_time = trigger.get_next_fire_time(None, now)

    assert fire_time is not None
    assert fire_time.astimezone(UTC) >= now


@settings(deadline=None)
@given(st.one_of(INTERVALS, CALENDARS), NOWS, st.integers(0, 120), st.integers(0, 10**7))
def test_a_span_is_what_counting_gives(trigger, now, steps, more):
    first = last = trigger.get_next_fire_time(None, now)
    for _ in range(steps):
        last = trigger.get_next_fire_time(last, now)
    assume(last is not None)
    following = trigger.get_next_fire_time(last, now)
    end = min(
        last.astimezone(UTC) + timedelta(microseconds=more), following.astimezone(UTC) - timedelta(microseconds=1)
    )

    span = trigger.span(first, end)

    assert (span.count, span.exact) == (steps + 1, True)
    assert (span.first.astimezone(UTC), span.last.astimezone(UTC)) == (first.astimezone(UTC), last.astimezone(UTC))


@settings(deadline=None)
@given(INTERVALS, NOWS, st.floats(0, 5000))
def test_a_calculated_span_is_the_counted_one(trigger, first, intervals):
    end = first + min(trigger.interval * intervals, timedelta(days=20_000))

    assert trigger.span(first, end) == BaseTrigger.span(trigger, first, end)


@settings(deadline=None)
@given(GRIDS)
def test_or_fires_at_the_union_of_its_members(grids):
    expected = sorted({moment for first, step in grids for moment in range(first, 200, step)})

    assert seconds(OrTrigger(members(grids)), 200) == expected


@settings(deadline=None)
@given(GRIDS)
def test_and_fires_at_the_intersection_of_its_members(grids):
    expected = sorted(set.intersection(*(set(range(first, 3000, step)) for first, step in grids)))

    assert seconds(AndTrigger(members(grids)), 3000) == expected


@settings(deadline=None)
@given(st.lists(st.one_of(COARSE_INTERVALS, CALENDARS, CRONS), min_size=1, max_size=3), NOWS)
def test_combinations_fire_at_the_union_and_the_intersection_of_any_members(triggers, now):
    end = now + timedelta(hours=12)

    sets = [set(between(member, now, end)) for member in OrTrigger(triggers).triggers]

    assert between(OrTrigger(triggers), now, end) == sorted(set.union(*sets))
    assert between(AndTrigger(triggers), now, end) == sorted(set.intersection(*sets))


@settings(deadline=None)
@given(st.integers(0, 10**9), ZONES)
def test_one_interval_in_any_units_is_one_text(seconds, zone):
    assume(seconds)
    minutes, rest = divmod(seconds, 60)

    one = IntervalTrigger(seconds=seconds, timezone=zone)
    other = IntervalTrigger(minutes=minutes, seconds=rest, timezone=zone)

    assert dump_trigger(one) == dump_trigger(other)
