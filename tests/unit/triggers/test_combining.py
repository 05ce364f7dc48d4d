import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def interval(start="2026-03-01 00:00", **units):
    return IntervalTrigger(**units, start_date=start, timezone="UTC")


def cron(**fields):
    return CronTrigger(**fields, timezone="UTC")


def fire_times(trigger, count, now=NOW):
    found = [trigger.get_next_fire_time(None, now)]
    while len(found) < count and found[-1] is not None:
        found.append(trigger.get_next_fire_time(found[-1], now))
    return [moment and f"{moment:%m-%d %H:%M}" for moment in found]


class Never(BaseTrigger):
    """A rule without fire times."""

    alias = "never"

    def get_next_fire_time(self, previous_fire_time, now):
        return None

    def to_state(self):
        return {}

    def describe(self):
        return "never"

    def __repr__(self):
        return "Never()"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param(
            [interval(hours=2), interval(hours=3)], ["03-01 12:00", "03-01 18:00", "03-02 00:00"], id="two-intervals"
        ),
        pytest.param(
            [interval(minutes=45), cron(minute=0)],
            ["03-01 12:00", "03-01 15:00", "03-01 18:00"],
            id="interval-and-cron",
        ),
        pytest.param(
            [cron(day=13, hour=9), cron(day_of_week="fri", hour=9)],
            ["03-13 09:00", "11-13 09:00", "08-13 09:00"],
            id="friday-the-13th",
        ),
        pytest.param(
            [cron(hour=9), CalendarIntervalTrigger(months=1, hour=9, start_date="2026-01-31", timezone="UTC")],
            ["03-31 09:00", "05-31 09:00", "07-31 09:00"],
            id="cron-and-calendar",
        ),
        pytest.param([cron(hour=9)], ["03-02 09:00", "03-03 09:00", "03-04 09:00"], id="alone"),
        pytest.param([cron(hour=9), DateTrigger("2026-03-05 09:00", UTC)], ["03-05 09:00", None], id="date"),
        pytest.param([cron(hour=9), DateTrigger("2026-03-05 10:00", UTC)], [None], id="date-that-does-not-meet"),
        pytest.param([cron(hour=9), DateTrigger("2026-02-05 09:00", UTC)], [None], id="date-that-has-passed"),
        pytest.param([cron(hour=9), Never()], [None], id="never"),
    ],
)
def test_and_fires_where_all_members_fire(members, expected):
    assert fire_times(AndTrigger(members), 3) == expected
    assert fire_times(AndTrigger(members[::-1]), 3) == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param(
            [interval(hours=2), interval(hours=3)],
            ["03-01 12:00", "03-01 14:00", "03-01 15:00", "03-01 16:00", "03-01 18:00"],
            id="two-intervals-that-meet-every-six-hours",
        ),
        pytest.param(
            [cron(hour=9), cron(day_of_week="mon", hour=7)],
            ["03-02 07:00", "03-02 09:00", "03-03 09:00", "03-04 09:00", "03-05 09:00"],
            id="two-crons",
        ),
        pytest.param(
            [DateTrigger("2026-03-01 12:30", UTC), interval(hours=1)],
            ["03-01 12:00", "03-01 12:30", "03-01 13:00", "03-01 14:00", "03-01 15:00"],
            id="date",
        ),
        pytest.param(
            [DateTrigger("2026-03-01 11:59", UTC), interval(hours=1)],
            ["03-01 11:59", "03-01 12:00", "03-01 13:00", "03-01 14:00", "03-01 15:00"],
            id="date-that-has-just-passed-counts-as-in-a-date-trigger",
        ),
        pytest.param(
            [DateTrigger("2026-03-02", UTC), DateTrigger("2026-03-03", UTC), Never()],
            ["03-02 00:00", "03-03 00:00", None],
            id="comes-to-an-end",
        ),
    ],
)
def test_or_fires_where_any_member_fires(members, expected):
    assert fire_times(OrTrigger(members), 5) == expected
    assert fire_times(OrTrigger(members[::-1]), 5) == expected


def test_the_second_half_of_the_overlap_comes_after_the_first():
    first = DateTrigger("2026-10-25T02:50+02:00", BERLIN)
    second = DateTrigger("2026-10-25T02:10+01:00", BERLIN)
    now = datetime(2026, 10, 24, tzinfo=UTC)

    trigger = OrTrigger([second, first])
    earlier = trigger.get_next_fire_time(None, now)
    later = trigger.get_next_fire_time(earlier, now)

    assert [earlier.isoformat(), later.isoformat()] == ["2026-10-25T02:50:00+02:00", "2026-10-25T02:10:00+01:00"]
    assert trigger.get_next_fire_time(later, now) is None


def test_the_two_halves_of_the_overlap_are_not_the_same_moment():
    first = DateTrigger("2026-10-25T02:30+02:00", BERLIN)
    second = DateTrigger("2026-10-25T02:30+01:00", BERLIN)

    assert AndTrigger([first, second]).get_next_fire_time(None, datetime(2026, 10, 24, tzinfo=UTC)) is None


def test_members_in_different_zones_meet_at_moments_even_in_the_overlap():
    berlin = DateTrigger("2026-10-25T02:30+01:00", "Europe/Berlin")
    utc = DateTrigger("2026-10-25T01:30+00:00", "UTC")

    fire_time = AndTrigger([berlin, utc]).get_next_fire_time(None, datetime(2026, 10, 24, tzinfo=UTC))

    assert fire_time.isoformat() == "2026-10-25T02:30:00+01:00"


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([interval(hours=2), interval(hours=2, start="2026-03-01 01:00")], id="intervals"),
        pytest.param([cron(minute=0), cron(minute=30)], id="crons"),
        pytest.param(
            [interval(seconds=2), cron(second="*/2", minute="*"), interval(seconds=2, start="2026-03-01 00:00:01")],
            id="3",
        ),
        pytest.param(
            [OrTrigger([AndTrigger([cron(minute=0), cron(minute=30)]), cron(minute=1)]), cron(minute=2)], id="nested"
        ),
        pytest.param(
            [AndTrigger([OrTrigger([interval(seconds=7)]), cron(minute="*/7")]), cron(minute=2, second=1)],
            id="nested-that-meet",
        ),
    ],
)
def test_a_search_for_members_that_never_meet_ends_quickly(members):
    started = time.perf_counter()

    fire_time = AndTrigger(members).get_next_fire_time(None, NOW)

    assert fire_time is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("date", "found"),
    [pytest.param("2126-12-24", True, id="in-100-years"), pytest.param("2127-12-24", False, id="later")],
)
def test_the_search_looks_100_years_ahead(date, found):
    trigger = AndTrigger([DateTrigger(date, UTC), cron(hour=0)])

    assert (trigger.get_next_fire_time(None, NOW) is not None) is found


@pytest.mark.parametrize("combine", [AndTrigger, OrTrigger])
def test_the_end_of_the_calendar_ends_the_trigger(combine):
    trigger = combine([interval(weeks=520), interval(weeks=260)])

    assert trigger.get_next_fire_time(datetime(9999, 6, 1, tzinfo=UTC), NOW) is None
    assert trigger.get_next_fire_time(datetime.max.replace(tzinfo=UTC), NOW) is None


@pytest.mark.parametrize("combine", [AndTrigger, OrTrigger])
def test_members_without_start_count_from_2001_however_they_are_planned(combine):
    trigger = combine([IntervalTrigger(hours=2, timezone="UTC"), CalendarIntervalTrigger(months=1, timezone="UTC")])

    assert trigger == combine(
        [
            IntervalTrigger(hours=2, start_date="2001-01-01", timezone="UTC"),
            CalendarIntervalTrigger(months=1, start_date="2001-01-01", timezone="UTC"),
        ]
    )


def test_an_interval_without_start_keeps_its_grid_after_the_fire_time_of_another_member():
    trigger = OrTrigger([IntervalTrigger(hours=2, timezone="UTC"), cron(minute=17, hour=13)])

    assert fire_times(trigger, 4) == ["03-01 12:00", "03-01 13:17", "03-01 14:00", "03-01 16:00"]


def test_combinations_nest():
    weekdays = AndTrigger([cron(hour=9), cron(day_of_week="mon-fri", hour="*")])
    trigger = OrTrigger([weekdays, cron(day_of_week="sat", hour=11)])

    assert fire_times(trigger, 7)[3:] == ["03-05 09:00", "03-06 09:00", "03-07 11:00", "03-09 09:00"]


def test_a_span_of_a_combination_counts_its_fire_times():
    trigger = OrTrigger([interval(hours=2), interval(hours=3)])

    span = trigger.span(NOW, NOW + timedelta(days=1))

    assert (span.count, span.last, span.exact) == (17, NOW + timedelta(days=1), True)


@pytest.mark.parametrize(
    ("combine", "ends", "expected"),
    [
        pytest.param(AndTrigger, ["2026-05-01", "2026-04-01", None], "2026-04-01", id="and-ends-with-the-first"),
        pytest.param(AndTrigger, [None, None], None, id="and-open"),
        pytest.param(OrTrigger, ["2026-05-01", "2026-04-01"], "2026-05-01", id="or-ends-with-the-last"),
        pytest.param(OrTrigger, ["2026-05-01", None], None, id="or-open"),
    ],
)
def test_the_end_of_a_combination_comes_from_its_members(combine, ends, expected):
    trigger = combine([IntervalTrigger(hours=1, end_date=end, timezone="UTC") for end in ends])

    assert trigger.end_date == (expected and datetime.fromisoformat(expected).replace(tzinfo=UTC))


def test_combinations_are_equal_when_their_members_are():
    one, same = (AndTrigger([interval(hours=1), Never()]) for _ in range(2))

    assert one == same
    assert hash(one) == hash(same)
    assert one != AndTrigger([interval(hours=2), Never()])
    assert one != OrTrigger([interval(hours=1), Never()])
    assert one != AndTrigger([interval(hours=1), Never()], jitter=1)


@pytest.mark.parametrize("combine", [AndTrigger, OrTrigger])
@pytest.mark.parametrize("triggers", [[], "cron", None, ["cron"], [IntervalTrigger]], ids=repr)
def test_members_that_are_no_triggers_are_refused(combine, triggers):
    with pytest.raises(InvalidTriggerError) as error:
        combine(triggers)

    assert str(error.value) == (
        f"Argument 'triggers' of trigger '{combine.alias}' must be a list of at least one trigger, got {triggers!r}. "
        "Pass instances, such as [IntervalTrigger(hours=2), CronTrigger(day_of_week='sat')]."
    )


def test_a_member_with_jitter_of_its_own_is_refused():
    with pytest.raises(InvalidTriggerError) as error:
        OrTrigger([IntervalTrigger(hours=1, jitter=5)])

    assert str(error.value) == (
        "Trigger 'interval[1:00:00]' must not have jitter inside of trigger 'or', got jitter=5. "
        "Pass jitter to OrTrigger instead."
    )


def test_a_combination_shows_itself():
    trigger = AndTrigger(
        [interval(hours=2), OrTrigger([DateTrigger("2026-12-24", UTC), DateTrigger("2026-12-25", UTC)])], jitter=5
    )

    assert str(trigger) == "and[interval[2:00:00], or[date[2026-12-24 00:00:00 UTC], date[2026-12-25 00:00:00 UTC]]]"
    assert trigger.describe() == (
        "all of: every 2 hours from 2026-03-01 00:00 (UTC); "
        "(any of: once at 2026-12-24 00:00 (UTC); once at 2026-12-25 00:00 (UTC)), delayed by up to 5 s"
    )
    assert repr(AndTrigger([DateTrigger("2026-12-24", UTC)], jitter=5)) == (
        "AndTrigger(triggers=[DateTrigger(run_date='2026-12-24T00:00:00+00:00', timezone='UTC')], jitter=5)"
    )
