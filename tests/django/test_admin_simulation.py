"""What the policies will do with the fire times to come: nothing here touches a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_apscheduler_ng.admin.simulation import Habits, simulate
from django_apscheduler_ng.admin.svg import bar_words
from django_apscheduler_ng.admin.timeline import Forecast, Window, expected_bars, expected_load
from django_apscheduler_ng.planning import JobView, plan
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = Window.around(NOW, timedelta(hours=24), timedelta(hours=24))


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def told(found):
    """Fate, start and end of each, in minutes from now."""
    minute = timedelta(minutes=1)
    return [(one.fate, (one.start - NOW) / minute, (one.end - NOW) / minute) for one in found]


def every(minutes, number):
    return [at(minutes * (index + 1)) for index in range(number)]


@pytest.mark.parametrize(
    ("habits", "expected"),
    [
        pytest.param(
            Habits(timedelta(minutes=15)),
            [("", 10, 25), ("skipped", 20, 20), ("", 30, 45), ("skipped", 40, 40)],
            id="skip",
        ),
        pytest.param(
            Habits(timedelta(minutes=15), overlap="queue"),
            [("", 10, 25), ("waits", 25, 40), ("waits", 40, 55), ("waits", 55, 70)],
            id="queue-one-after-the-other",
        ),
        pytest.param(
            Habits(timedelta(minutes=25), overlap="queue"),
            [("", 10, 35), ("waits", 35, 60), ("skipped", 30, 30), ("waits", 60, 85)],
            id="queue-holds-one-and-skips-the-rest",
        ),
        pytest.param(
            Habits(timedelta(minutes=25), overlap="queue", grace=timedelta(minutes=14)),
            [("", 10, 35), ("missed", 20, 20), ("skipped", 30, 30), ("", 40, 65)],
            id="queue-misses-what-waits-too-long",
        ),
        pytest.param(
            Habits(timedelta(minutes=15), overlap="replace"),
            [("", 10, 20), ("replaces", 20, 30), ("replaces", 30, 40), ("replaces", 40, 55)],
            id="replace-ends-the-one-before",
        ),
        pytest.param(
            Habits(timedelta(minutes=25), 2, overlap="replace"),
            [("", 10, 30), ("", 20, 40), ("replaces", 30, 55), ("replaces", 40, 65)],
            id="replace-ends-the-oldest",
        ),
        pytest.param(
            Habits(timedelta(minutes=5), 1, (at(22),), "queue"),
            [("waits", 22, 27), ("skipped", 20, 20), ("", 30, 35), ("", 40, 45)],
            id="queue-behind-the-present-run",
        ),
        pytest.param(
            Habits(timedelta(minutes=5), 1, (at(99),), "replace"),
            [("replaces", 10, 15), ("", 20, 25), ("", 30, 35), ("", 40, 45)],
            id="replace-the-present-run",
        ),
        pytest.param(
            Habits(None, overlap="queue"),
            [("", 10, 10), ("", 20, 20), ("", 30, 30), ("", 40, 40)],
            id="nothing-is-known",
        ),
    ],
)
def test_each_policy_does_with_overlaps_what_it_says(habits, expected):
    assert told(simulate(every(10, 4), habits)) == expected


def test_bars_say_what_becomes_of_a_fire_time_that_overlaps():
    fire_times = Forecast([at(60), at(120)])
    words = {}

    for policy in ("skip", "queue", "replace"):
        _, bar = expected_bars(fire_times, Habits(timedelta(minutes=90), overlap=policy), WINDOW)
        words[policy] = (bar.end > bar.start, bar_words(bar).rpartition(" · ")[2])

    assert words == {
        "skip": (False, "would be skipped: the run before it usually takes longer than that"),
        "queue": (True, "would wait for a run before it to end"),
        "replace": (True, "would cancel a run before it and take its place"),
    }


def test_a_run_that_waits_takes_its_slot_later_and_not_beyond_the_window():
    day = 24 * 60
    loads = expected_load(Forecast([at(day - 10), at(day - 5)]), Habits(timedelta(minutes=8), overlap="queue"), WINDOW)

    assert [((load.start - NOW) / timedelta(minutes=1), (load.end - NOW) / timedelta(minutes=1)) for load in loads] == [
        (day - 10, day - 2),
        (day - 2, day),
    ]


# -- against the planner ------------------------------------------------------------------------------------------------------------

minutes = st.integers(1, 200)
habits = st.builds(
    Habits,
    usual=minutes.map(lambda number: timedelta(minutes=number)),
    most=st.integers(1, 3),
    busy_until=st.just(()),
    overlap=st.sampled_from(["skip", "queue", "replace"]),
    grace=st.none(),
)


@given(habits, st.integers(1, 60), st.integers(1, 40), st.lists(minutes, max_size=3))
def test_there_are_never_more_runs_than_there_may_be_and_no_fire_time_is_lost(habits, period, number, present):
    habits = habits._replace(busy_until=tuple(at(minute) for minute in present[: habits.most]))
    fire_times = every(period, number)

    found = simulate(fire_times, habits)

    assert [one.fire_time for one in found] == fire_times
    assert all(one.start >= one.fire_time for one in found)
    runs = [(one.start, one.end) for one in found if one.end > one.start]
    if habits.overlap != "replace":  # which cuts present runs short, too
        runs += [(NOW, end) for end in habits.busy_until]
    for start, _ in runs:
        assert sum(one <= start < end for one, end in runs) <= habits.most


@given(habits.filter(lambda found: found.overlap != "replace"), st.integers(1, 60), st.integers(1, 40), st.booleans())
def test_the_forecast_decides_as_the_planner_does(habits, period, number, coalesce):
    fire_times = every(period, number)
    trigger = IntervalTrigger(minutes=period, start_date=fire_times[0], timezone="UTC")
    ends, waiting, fates = [], None, {}

    def pass_time(until):
        """End runs; the fire time that waits follows the first."""
        nonlocal ends, waiting
        while waiting is not None and ends and min(ends) <= until:
            first = min(ends)
            ends = [end for end in ends if end > first] + [first + habits.usual]
            fates[waiting], waiting = "waits", None
        ends = [end for end in ends if end > until]

    for fire_time in fire_times:
        pass_time(fire_time)
        view = JobView(
            "job", trigger, fire_time, fire_time, coalesce=coalesce, max_instances=habits.most,
            live=len(ends), overlap=habits.overlap, waiting=waiting is not None,
        )  # fmt: skip
        planned = plan(view, fire_time, 10)
        if planned.slots:
            ends.append(fire_time + habits.usual)
            fates[fire_time] = ""
        elif planned.waits is not None:
            waiting = fire_time
        else:
            assert [summary.status for summary in planned.summaries] == [RunStatus.SKIPPED]
            fates[fire_time] = "skipped"
    pass_time(fire_times[-1] + timedelta(days=9))

    assert {one.fire_time: one.fate for one in simulate(fire_times, habits)} == fates
