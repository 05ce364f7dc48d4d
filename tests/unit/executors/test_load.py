from __future__ import annotations

from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.executors.load import Load


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def perform(load: Load[str], clock: HandClock, *, seconds: float) -> None:
    load.add("measured")
    load.begin("measured")
    clock.seconds += seconds
    load.end("measured")


def test_without_a_measured_body_only_free_workers_count(clock):
    load = Load[str](10, clock)

    load.add("waiting")
    load.add("begun")
    load.begin("begun")

    assert load.free() == 8
    assert len(load) == 2


def test_a_full_executor_has_nothing_free(clock):
    load = Load[str](1, clock)

    load.add("one")
    load.add("two")

    assert load.free() == 0


@pytest.mark.parametrize(
    ("seconds", "free"),
    [
        pytest.param(5, 10, id="slow-none-ahead"),
        pytest.param(0.125, 10, id="just-too-slow"),
        pytest.param(0.0625, 20, id="one-ahead-a-worker"),
        pytest.param(0.0078125, 130, id="twelve-ahead-a-worker"),
        pytest.param(0.0000001, 1010, id="never-more-than-a-thousand"),
        pytest.param(0, 1010, id="immeasurably-fast"),
    ],
)
def test_fast_bodies_let_runs_wait_for_about_a_tenth_of_a_second(clock, seconds, free):
    load = Load[str](10, clock)

    perform(load, clock, seconds=seconds)

    assert load.free() == free


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        pytest.param(13, 7, id="more-than-half-of-what-may-wait-is-gone"),
        pytest.param(14, 6, id="just-more"),
        pytest.param(15, 0, id="half-of-it-not-worth-a-look"),
        pytest.param(20, 0, id="full"),
    ],
)
def test_waiting_runs_use_up_what_may_wait(clock, taken, free):
    load = Load[str](10, clock)
    perform(load, clock, seconds=0.0625)

    for number in range(taken):
        load.add(str(number))

    assert load.free() == free


def test_the_rate_follows_the_latest_bodies(clock):
    load = Load[str](10, clock)
    perform(load, clock, seconds=0)

    perform(load, clock, seconds=10)
    slow = load.free()
    for _ in range(40):
        perform(load, clock, seconds=0)

    assert slow == 10
    assert load.free() > 100


def test_a_worker_that_is_with_one_body_for_long_gets_to_no_other(clock):
    load = Load[str](2, clock)
    perform(load, clock, seconds=0.0625)
    for name in ("one", "two"):
        load.add(name)
        load.begin(name)
    fresh = load.free()

    clock.seconds += 0.125

    assert fresh == 2
    assert load.free() == 0


def test_a_run_ends_once(clock):
    load = Load[str](1, clock)
    load.add("run")

    assert load.end("run")

    assert not load.end("run")
    assert not load.begin("run")
    assert len(load) == 0


def test_a_begun_run_ends_once(clock):
    load = Load[str](1, clock)
    load.add("run")

    assert load.begin("run")

    assert not load.begin("run")
    assert load.runs() == ["run"]
    assert load.end("run")
    assert not load.end("run")


def test_a_run_that_ended_before_it_began_is_not_measured(clock):
    load = Load[str](10, clock)
    load.add("run")

    load.end("run")

    assert load.free() == 10
