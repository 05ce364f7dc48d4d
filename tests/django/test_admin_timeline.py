"""The layout of a timeline: nothing here touches a database."""

from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.admin.runrow import RunRow
from django_apscheduler_ng.admin.simulation import Habits
from django_apscheduler_ng.admin.timeline import (
    Forecast,
    Load,
    Window,
    expected_bars,
    expected_load,
    full,
    levels,
    past_bars,
    past_load,
    stretches,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
WINDOW = Window.around(NOW, DAY, DAY)


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def run(key, start, took, status="succeeded"):
    """A run that was due and started some minutes from now, and took so many; None = it has not ended."""
    return RunRow(key, 1, "job", "default", status, at(start), at(start), None if took is None else at(start + took))


def places(bars):
    """Start and end of bars in minutes from now."""
    return [((bar.start - NOW) // timedelta(minutes=1), (bar.end - NOW) // timedelta(minutes=1)) for bar in bars]


@pytest.mark.parametrize(
    ("moment", "place"),
    [
        pytest.param(NOW - DAY, 0, id="beginning"),
        pytest.param(NOW, 50, id="now"),
        pytest.param(NOW + DAY, 100, id="end"),
        pytest.param(NOW - 2 * DAY, 0, id="before"),
        pytest.param(NOW + 2 * DAY, 100, id="after"),
    ],
)
def test_a_moment_has_a_place_in_the_window(moment, place):
    assert WINDOW.at(moment) == place


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param(run(1, -60, 20), [(-60, -40)], id="as-long-as-it-took"),
        pytest.param(run(1, -60, None, "running"), [(-60, 0)], id="running-until-now"),
        pytest.param(run(1, -1500, 100), [(-1440, -1400)], id="cut-at-the-beginning"),
        pytest.param(run(1, -1500, 10), [], id="before-the-window"),
        pytest.param(run(1, -60, None, "abandoned"), [(-60, -60)], id="no-end-is-known"),
        pytest.param(run(1, -60, 0, "missed")._replace(started_at=None), [(-60, -60)], id="missed-is-a-mark"),
        pytest.param(run(1, -60, None, "pending")._replace(started_at=None), [], id="has-not-started"),
        pytest.param(run(1, 5, None, "skipped")._replace(started_at=None), [], id="not-due-yet"),
    ],
)
def test_a_run_is_a_bar_from_its_start_to_its_end(given, found):
    assert places(past_bars([given], WINDOW)) == found


def test_near_bars_of_one_status_become_one_and_a_failure_between_stays_visible():
    runs = [run(1, -60, 1), run(2, -55, 1), run(3, -50, 1, "failed"), run(4, -45, 1), run(5, -30, 1)]

    bars = past_bars(reversed(runs), WINDOW)

    assert [(bar.status, bar.number, bar.run) for bar in bars] == [
        ("succeeded", 2, None),
        ("failed", 1, 3),
        ("succeeded", 1, 4),
        ("succeeded", 1, 5),
    ]
    assert places(bars)[0] == (-60, -54)


def test_fire_times_are_expected_to_take_what_is_usual():
    bars = expected_bars(Forecast([at(60), at(120)]), Habits(timedelta(minutes=20)), WINDOW)

    assert places(bars) == [(60, 80), (120, 140)]
    assert not any(bar.overlaps for bar in bars)


def test_a_fire_time_that_meets_the_run_before_would_overlap():
    """Every 30 minutes, takes 50: each second one is skipped."""
    forecast = Forecast([at(30), at(60), at(90), at(120)])

    bars = expected_bars(forecast, Habits(timedelta(minutes=50)), WINDOW)

    assert [bar.overlaps for bar in bars] == [False, True, False, True]


def test_the_end_of_a_run_is_exactly_in_time_for_the_next_one():
    bars = expected_bars(Forecast([at(30), at(60)]), Habits(timedelta(minutes=30)), WINDOW)

    assert not any(bar.overlaps for bar in bars)


def test_a_job_that_may_have_two_runs_overlaps_at_the_third():
    bars = expected_bars(Forecast([at(20), at(40), at(60)]), Habits(timedelta(minutes=50), 2), WINDOW)

    assert [bar.overlaps for bar in bars] == [False, False, True]


def test_a_run_under_way_counts_until_it_is_expected_to_end():
    bars = expected_bars(Forecast([at(20), at(40)]), Habits(timedelta(minutes=5), 1, (at(30),)), WINDOW)

    assert [bar.overlaps for bar in bars] == [True, False]


@pytest.mark.parametrize(
    ("usual", "overlaps"),
    [
        pytest.param(60, False, id="as-long-as-the-period"),
        pytest.param(61, True, id="longer"),
    ],
)
def test_very_many_fire_times_are_one_bar(usual, overlaps):
    forecast = Forecast([at(0), at(1)], more=100, last=at(101))

    *_, rest = expected_bars(forecast, Habits(timedelta(seconds=usual)), WINDOW)

    assert (rest.number, rest.overlaps, places([rest])) == (100, overlaps, [(1, 101)])


def test_runs_beside_each_other_are_marked_and_stay_apart():
    bars = past_bars([run(1, -100, 60), run(2, -70, 60), run(3, -2, 1)], WINDOW)

    assert places(bars) == [(-100, -40), (-70, -10), (-2, -1)]
    assert [bar.overlaps for bar in bars] == [False, True, False]


# -- load -----------------------------------------------------------------------------------------------------------------


def test_loads_add_up_where_they_meet():
    found = stretches([Load(at(0), at(30)), Load(at(10), at(20)), Load(at(50), at(60), 0.5)])

    assert [stretch.slots for stretch in found] == [1, 2, 1, 0.5]
    assert places(found) == [(0, 10), (10, 20), (20, 30), (50, 60)]


def test_a_pool_is_full_where_no_slot_is_free():
    found = full(stretches([Load(at(0), at(30)), Load(at(10), at(40)), Load(at(15), at(20))]), 2)

    assert places(found) == [(10, 30)]
    assert found[0].slots == 3


def test_runs_one_after_the_other_never_fill_a_pool_of_two():
    runs = [run(1, -60, 30), run(2, -30, 30)]

    assert full(stretches(past_load(runs, WINDOW)), 2) == []
    assert len(full(stretches(past_load(runs, WINDOW)), 1)) == 1


def test_what_did_not_run_takes_no_slot():
    missed = run(1, -60, 5, "missed")._replace(started_at=None)

    assert past_load([missed], WINDOW) == []


def test_a_fire_time_that_would_overlap_takes_no_slot():
    loads = expected_load(Forecast([at(0), at(10)]), Habits(timedelta(minutes=30)), WINDOW)

    assert places(loads) == [(0, 30)]


def test_near_fire_times_take_their_slots_one_by_one():
    loads = expected_load(Forecast([at(0), at(5)]), Habits(timedelta(minutes=1)), WINDOW)

    assert places(loads) == [(0, 1), (5, 6)]


def test_very_many_fire_times_take_their_share_of_a_slot():
    forecast = Forecast([at(0)], more=60, last=at(60))

    loads = expected_load(forecast, Habits(timedelta(seconds=15)), WINDOW)

    assert loads[-1] == Load(at(0), at(60), 0.25)


def test_the_levels_are_the_highest_of_each_part():
    found = stretches([Load(at(-1440), at(-1439), 3), Load(at(0), at(10), 2)])

    assert levels(found, WINDOW, 4) == [3, 0, 2, 0]
