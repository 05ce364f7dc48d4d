"""Numbers about runs: nothing here touches a database."""

from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.admin.runrow import RunRow
from django_apscheduler_ng.admin.scale import Scale
from django_apscheduler_ng.admin.statistics import (
    busiest,
    durations,
    failure_groups,
    latenesses,
    over_time,
    percentiles,
    usual_duration,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def seconds(*numbers):
    return [timedelta(seconds=number) for number in numbers]


def run(key, minute, status="succeeded", took=10.0, late=0.5, name="", exception=""):
    due = NOON + timedelta(minutes=minute)
    started = due + timedelta(seconds=late)
    return RunRow(
        minute, key, name or f"job {key}", "default", status, due, started, started + timedelta(seconds=took), exception
    )


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param([7], (1, 7, 7, 7), id="one-value-is-all-of-them"),
        pytest.param([2, 1], (2, 1, 2, 2), id="half-of-two-is-the-lower"),
        pytest.param(range(1, 101), (100, 50, 95, 99), id="a-hundred"),
        pytest.param([*[1] * 99, 500], (100, 1, 1, 1), id="one-in-a-hundred-lies-beyond-p99"),
    ],
)
def test_percentiles_are_values_that_occurred(values, found):
    number, *expected = found

    assert percentiles(seconds(*values)) == (number, *seconds(*expected))


def test_without_values_there_are_no_percentiles():
    assert percentiles([]) is None


def test_time_is_cut_into_equal_slices_and_both_ends_count():
    end = NOON + timedelta(hours=2)
    values = [
        (NOON - timedelta(seconds=1), timedelta(seconds=99)),
        (NOON, timedelta(seconds=1)),
        (NOON + timedelta(hours=1), timedelta(seconds=2)),
        (end, timedelta(seconds=3)),
        (end + timedelta(seconds=1), timedelta(seconds=99)),
    ]

    first, second = over_time(values, NOON, end, 2)

    assert (first.start, first.end, first.percentiles.p50) == (NOON, NOON + timedelta(hours=1), timedelta(seconds=1))
    assert (second.percentiles.number, second.percentiles.p99) == (2, timedelta(seconds=3))


def test_a_slice_without_values_is_empty():
    assert [piece.percentiles for piece in over_time([], NOON, NOON + timedelta(hours=1), 3)] == [None] * 3


def test_only_runs_that_came_to_their_own_end_have_a_duration():
    runs = [run(1, 0), run(1, 1, "failed", took=3), run(1, 2, "cancelled"), run(1, 3, "abandoned")]

    assert [span for _, span in durations(runs)] == seconds(10, 3)


def test_a_run_that_did_not_start_has_no_lateness():
    missed = run(1, 0, "missed")._replace(started_at=None)

    assert latenesses([missed, run(1, 1, late=2)]) == [(NOON + timedelta(minutes=1, seconds=2), timedelta(seconds=2))]


def test_a_clock_that_was_set_back_makes_no_negative_span():
    assert run(1, 0, took=-5, late=-5).took == run(1, 0, took=-5, late=-5).late == timedelta(0)


def test_what_is_usual_is_told_by_succeeded_runs():
    assert usual_duration([run(1, 0, took=1), run(1, 1, took=3), run(1, 2, took=4), run(1, 3, "failed", took=900)]) == (
        timedelta(seconds=3)
    )
    assert usual_duration([run(1, 0, "failed")]) is None


def test_failures_are_grouped_by_exception_and_status_the_biggest_group_first():
    runs = [
        run(1, 0, "failed", exception="OSError"),
        run(2, 5, "failed", exception="ValueError"),
        run(1, 9, "failed", exception="ValueError"),
        run(2, 7, "timed_out"),
        run(2, 1, "failed", exception="ValueError", name="older name"),
    ]

    first, second, third = failure_groups(runs)

    assert (first.status, first.exception, first.number) == ("failed", "ValueError", 3)
    assert (first.first, first.last) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=9))
    assert first.jobs == ((1, "job 1"), (2, "job 2"))
    assert [(group.status, group.exception) for group in (second, third)] == [("timed_out", ""), ("failed", "OSError")]


def test_jobs_are_compared_by_all_the_time_they_took():
    runs = [
        run(1, 0, took=50),
        run(2, 1, took=30),
        run(2, 2, took=40),
        run(3, 3, "missed")._replace(started_at=None),
        run(4, 4, took=1),
    ]

    busy, other = busiest(runs, 2)

    assert (busy.job_key, busy.total, busy.took.p50) == (2, timedelta(seconds=70), timedelta(seconds=30))
    assert other.job_key == 1


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        pytest.param([], [0.001, 0.01], id="nothing"),
        pytest.param([0], [0.001, 0.01], id="zero"),
        pytest.param([0.04], [0.01, 0.1], id="one-value"),
        pytest.param([0.01], [0.01, 0.1], id="exactly-on-a-tick"),
        pytest.param([2, 300], [1, 10, 60, 600], id="several"),
        pytest.param([10**9], [3_456_000, 34_560_000], id="beyond-the-last"),
    ],
)
def test_a_scale_holds_all_values_between_round_ticks(values, ticks):
    assert list(Scale.of(seconds(*values)).ticks) == seconds(*ticks)


def test_a_scale_is_logarithmic_and_keeps_what_lies_outside_at_its_ends():
    scale = Scale(tuple(seconds(1, 10, 100)))

    assert [round(scale.at(value), 6) for value in seconds(0, 1, 10, 100, 10**6)] == [0, 0, 0.5, 1, 1]
