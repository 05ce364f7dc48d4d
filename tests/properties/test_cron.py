"""Cron expressions nobody thought of, against croniter, cronsim and a cron that looks at every minute."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim, CronSimError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.cron import CronTrigger
from tests.unit.triggers.cron_oracle import Oracle, transitions

START = datetime(2024, 2, 27, 12, 34, 56, tzinfo=UTC)

#: Expressions from real crontabs.
EXPRESSIONS = [
    "* * * * *",
    "*/2 * * * *",
    "*/5 * * * *",
    "*/7 * * * *",
    "*/15 9-17 * * 1-5",
    "*/10 8-18 * * mon-fri",
    "0 * * * *",
    "7,37 * * * *",
    "1-59/2 * * * *",
    "17 */3 * * *",
    "0 */2 * * *",
    "23 0-20/2 * * *",
    "0 0 * * *",
    "30 3 * * *",
    "25 6 * * *",
    "47 6 * * 7",
    "52 6 1 * *",
    "0 0 * * 0",
    "0 6,18 * * *",
    "5 4 * * sun",
    "0 22 * * 1-5",
    "45 23 * * 6",
    "0 9 * * 1",
    "0 3 * * 2,4",
    "0 0 1 * *",
    "0 0 1,15 * *",
    "0 0 1,15 * 3",
    "0 4 8-14 * *",
    "15 14 1 * *",
    "0 0 1 1 *",
    "59 23 31 12 *",
    "0 0,12 1 */2 *",
    "0 8 1 1,4,7,10 *",
    "0 0 29 2 *",
    "0 0 31 * *",
    "0 12 13 * 5",
    "0 0 * feb,dec *",
    "*/20 1-4 1-7 * 0",
]

#: Zones with gaps and overlaps of 30, 60 and 120 minutes and a day, at midnight and in the small hours.
ZONES = {
    name: transitions(ZoneInfo(name), 2005, 2015)
    for name in ("Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns", "Pacific/Apia")
}


def fire_times(trigger, start):
    """Yield the fire times after `start`."""
    fire_time = start
    while (fire_time := trigger.get_next_fire_time(fire_time, start)) is not None:
        yield fire_time


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_real_expressions_fire_when_croniter_and_cronsim_say(expression):
    count = 60 if expression != "0 0 29 2 *" else 6
    found = list(islice(fire_times(CronTrigger.from_crontab(expression, timezone="UTC"), START), count))

    assert found == list(islice(CronSim(expression, START), count))
    assert found == list(islice(croniter(expression, START, ret_type=datetime), count))


@st.composite
def items(draw, low, high):
    """Return one item of a field's list. Ranges of one value are left out: the others read `0-0` and `1-1/1` as `*`."""
    first = draw(st.integers(low, high - 1))
    last = draw(st.integers(first + 1, high))
    step = draw(st.integers(1, high - low))
    return draw(st.sampled_from([f"{first}", f"{last}", f"{first}-{last}", f"{first}-{last}/{step}", f"*/{step}"]))


def texts(low, high):
    """Return a field: mostly unrestricted or one item, sometimes a list."""
    return st.one_of(st.just("*"), items(low, high), st.lists(items(low, high), min_size=2, max_size=3).map(",".join))


crontabs = st.tuples(texts(0, 59), texts(0, 23), texts(1, 31), texts(1, 12), texts(0, 7)).map(" ".join)
starts = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda start: start.replace(tzinfo=UTC))


@settings(max_examples=300, deadline=None)
@given(expression=crontabs, start=starts)
def test_any_expression_fires_when_cronsim_says(expression, start):
    try:
        trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    except InvalidTriggerError:
        trigger = None
    try:
        theirs = list(islice(CronSim(expression, start), 5))
    except (StopIteration, CronSimError):
        theirs = []

    found = list(islice(fire_times(trigger, start), 5)) if trigger else []

    assert found == theirs


@settings(max_examples=150, deadline=None)
@given(expression=crontabs, start=starts)
def test_any_expression_fires_when_croniter_says(expression, start):
    _, _, day, _, weekday = expression.split()
    assume("*" in (day, weekday) or not (day + weekday).count("*"))  # croniter knows no starred field with a step
    try:
        trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    except InvalidTriggerError:
        assume(False)

    found = list(islice(fire_times(trigger, start), 5))

    assert found == list(islice(croniter(expression, start, ret_type=datetime, max_years_between_matches=50), 5))


@st.composite
def fields(draw, low, high):
    """Return a keyword field as text and as the set of its values."""
    values = draw(st.sets(st.integers(low, high), min_size=1, max_size=6))
    step = draw(st.integers(1, high - low))
    return draw(
        st.sampled_from(
            [
                ("*", range(low, high + 1)),
                (f"*/{step}", range(low, high + 1, step)),
                (f"{min(values)}-{max(values)}", range(min(values), max(values) + 1)),
                (",".join(map(str, values)), values),
            ]
        )
    )


@st.composite
def cases(draw):
    """Return a trigger, its oracle, and a window around a change of the clocks."""
    name = draw(st.sampled_from(sorted(ZONES)))
    change = draw(st.sampled_from(ZONES[name]))
    written = {
        "minute": draw(fields(0, 59)),
        "hour": draw(fields(0, 23)),
        "day": draw(st.one_of(st.just(("*", range(1, 32))), fields(1, 31))),
        "day_of_week": draw(st.one_of(st.just(("*", range(7))), fields(0, 6))),
    }
    policies = {
        "on_gap": draw(st.sampled_from(["shift", "skip"])),
        "on_overlap": draw(st.sampled_from(["first", "both"])),
    }
    trigger = CronTrigger(**{field: text for field, (text, _) in written.items()}, **policies, timezone=name)
    oracle = Oracle(
        zone=ZoneInfo(name),
        **{f"{field.replace('day_of_week', 'weekday')}s": values for field, (_, values) in written.items()},
        **policies,
        fixed=not any(written[field][0].startswith("*") for field in ("hour", "minute")),
    )
    return trigger, oracle, change - timedelta(hours=25), change + timedelta(hours=25)


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_any_fields_around_any_change_fire_and_count_as_the_oracle_says(case):
    trigger, oracle, start, end = case
    theirs = oracle.fire_times(start, end)

    found = []
    fire_time = trigger.get_next_fire_time(None, start)
    while fire_time is not None and fire_time.astimezone(UTC) < end:
        found.append(fire_time.astimezone(UTC))
        fire_time = trigger.get_next_fire_time(fire_time, start)

    assert found == theirs
    if found:
        span = trigger.span(found[0], end - timedelta(seconds=1))
        assert (span.count, span.last.astimezone(UTC)) == (len(found), found[-1])


@settings(max_examples=200, deadline=None)
@given(case=cases(), ahead=st.integers(0, 50 * 3600))
def test_the_next_fire_time_does_not_depend_on_what_was_asked_before(case, ahead):
    trigger, _, start, end = case
    moment = start + timedelta(seconds=ahead)
    trigger.get_next_fire_time(None, end)
    trigger.get_next_fire_time(None, start)

    found = trigger.get_next_fire_time(moment, moment)

    assert found == CronTrigger.from_state(trigger.to_state()).get_next_fire_time(moment, moment)
    assert found is None or found.astimezone(UTC) > moment


@settings(max_examples=200, deadline=None)
@given(
    case=cases(),
    year=st.sampled_from([None, "2025-2030", "*/4"]),
    month=st.sampled_from([None, "jan", "feb-MAR, 7"]),
    week=st.sampled_from([None, "*/3", 7]),
    second=st.sampled_from([None, 0, "*/13"]),
    jitter=st.sampled_from([None, 0, 5, 2.5]),
)
def test_any_trigger_is_restored_from_its_state_and_from_its_repr(case, year, month, week, second, jitter):
    given = {"year": year, "month": month, "week": week, "second": second}
    state = (
        case[0].to_state() | {name: value for name, value in given.items() if value is not None} | {"jitter": jitter}
    )
    try:
        trigger = CronTrigger(**state)
    except InvalidTriggerError as error:
        assume("must match some date" not in str(error))
        raise

    copy = CronTrigger.from_state(trigger.to_state())

    assert (copy, hash(copy), str(copy)) == (trigger, hash(trigger), str(trigger))
    assert eval(repr(trigger)) == trigger
    assert trigger.describe()
