"""Every clock change of many zones, against a cron that looks at every minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.walltime import EPOCH, stretch_at

from .cron_oracle import Oracle, transitions

ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Caracas",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",
]
FIRST_YEAR, LAST_YEAR = 2000, 2040
#: The change of an offset by less than this has its whole gap or overlap, and an hour more, inside the window.
MARGIN = timedelta(hours=2)

RULES = [
    pytest.param({"hour": "*", "minute": "*"}, {"fixed": False}, id="each minute, following"),
    pytest.param(
        {"hour": "*/2", "minute": "10,40"},
        {"fixed": False, "hours": range(0, 24, 2), "minutes": (10, 40)},
        id="starred hour",
    ),
    pytest.param({"hour": "0-23", "minute": "0-59"}, {"fixed": True}, id="each minute, fixed"),
    pytest.param({"hour": "0-23", "minute": "30"}, {"fixed": True, "minutes": (30,)}, id="half past, fixed"),
    pytest.param(
        {"hour": "0-23", "minute": "0,20", "on_gap": "skip"},
        {"fixed": True, "minutes": (0, 20), "on_gap": "skip"},
        id="skipped in gaps",
    ),
    pytest.param(
        {"hour": "0-23", "minute": "15", "on_overlap": "both"},
        {"fixed": True, "minutes": (15,), "on_overlap": "both"},
        id="both times in overlaps",
    ),
    pytest.param(
        {"day": "*/2", "day_of_week": "mon,wed,sat,sun", "hour": "0,2,23", "minute": "0,30"},
        {"fixed": True, "days": range(1, 32, 2), "weekdays": (0, 2, 5, 6), "hours": (0, 2, 23), "minutes": (0, 30)},
        id="on some days, fixed",
    ),
]


@pytest.fixture(scope="module")
def changes():
    return {name: transitions(ZoneInfo(name), FIRST_YEAR, LAST_YEAR) for name in ZONES}


def window(zone, change):
    """Return the time around a change in which it can be felt."""
    offsets = [(change + step).astimezone(zone).utcoffset() for step in (timedelta(seconds=-1), timedelta(0))]
    width = abs(offsets[1] - offsets[0]) + MARGIN
    return change - width, change + width


def fire_times(trigger, start, end):
    """Return the fire times in [`start`, `end`) in UTC."""
    found = []
    fire_time = trigger.get_next_fire_time(None, start)
    while fire_time is not None and fire_time.astimezone(UTC) < end:
        found.append(fire_time.astimezone(UTC))
        fire_time = trigger.get_next_fire_time(fire_time, start)
    return found


@pytest.mark.parametrize("name", ZONES)
def test_every_change_of_the_utc_offset_begins_a_stretch(changes, name):
    zone = ZoneInfo(name)
    second = (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1)
    found = []

    while second < (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1):
        stretch = stretch_at(zone, second)
        if stretch.before != stretch.offset:
            found.append(datetime.fromtimestamp(stretch.start, UTC))
        second = stretch.end

    assert found == changes[name]


@pytest.mark.parametrize(("fields", "meaning"), RULES)
@pytest.mark.parametrize("name", ZONES)
def test_fire_times_around_every_change_are_those_of_the_oracle(changes, name, fields, meaning):
    zone = ZoneInfo(name)
    trigger = CronTrigger(**fields, timezone=name)
    oracle = Oracle(zone=zone, **meaning)

    for change in changes[name]:
        start, end = window(zone, change)

        assert fire_times(trigger, start, end) == oracle.fire_times(start, end)


@pytest.mark.parametrize(("fields", "meaning"), RULES)
@pytest.mark.parametrize("name", ["America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"])
def test_spans_across_every_change_count_exactly(changes, name, fields, meaning):
    trigger = CronTrigger(**fields, timezone=name)

    for change in changes[name]:
        start, end = window(ZoneInfo(name), change)
        visited = fire_times(trigger, start, end)
        for first in visited[:: len(visited) // 3 + 1]:
            span = trigger.span(first, end - timedelta(seconds=1))

            rest = visited[visited.index(first) :]
            assert (span.count, span.last.astimezone(UTC), span.exact) == (len(rest), rest[-1], True)


@pytest.mark.parametrize("change", ["2025-03-30T01:00+00:00", "2025-10-26T01:00+00:00"], ids=["spring", "autumn"])
@pytest.mark.parametrize(
    ("fields", "meaning"),
    [
        pytest.param({"second": "*/20"}, {"fixed": False, "seconds": (0, 20, 40)}, id="following"),
        pytest.param(
            {"hour": "1-3", "minute": "0,59", "second": "0,1,59"},
            {"fixed": True, "hours": (1, 2, 3), "minutes": (0, 59), "seconds": (0, 1, 59)},
            id="fixed",
        ),
    ],
)
def test_seconds_around_a_change_are_those_of_the_oracle(change, fields, meaning):
    zone = ZoneInfo("Europe/Berlin")
    start, end = window(zone, datetime.fromisoformat(change))

    found = fire_times(CronTrigger(**fields, timezone=zone), start, end)

    assert found == Oracle(zone=zone, **meaning).fire_times(start, end, step=1)
