"""Executors whose runs are performed elsewhere: what they refuse, and how they publish."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import pytest

from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.events import EVENT_JOB_ERROR
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.cluster import ClusterExecutor
from django_apscheduler_ng.runs import Run
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog


class Published(ClusterExecutor):
    """Publishes into a queue of this process, unless that is out of order."""

    def __init__(self, **options):
        super().__init__(**{"max_in_flight": 5, "republish_after": 60, **options})
        self.messages: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self.tries: SimpleQueue[int] = SimpleQueue()
        self.broken = False

    def _send(self, messages: Sequence[tuple[str, int]]) -> None:
        self.tries.put(len(messages))
        if self.broken:
            raise ConnectionError("nobody there")
        for message in messages:
            self.messages.put(message)


class Host:
    clock = SYSTEM_CLOCK
    around_run = None


@pytest.fixture
def started():
    executor = Published()
    executor.start(Host(), "cluster")
    yield executor
    executor.shutdown()


def make_run(key=1, ledger="default"):
    now = datetime.now(UTC)
    return Run(
        id=str(key), job_id="a", name="A", jobstore="default", executor="cluster", func=print, func_ref="builtins:print",
        fire_time=now, due_at=now, ledger=ledger,
    )  # fmt: skip


def test_a_run_is_published_and_its_end_is_told_by_nobody(started):
    told = []

    started.submit(make_run(7), lambda run, outcome: told.append(outcome))

    assert started.messages.get(timeout=5) == ("default", 7)
    assert told == []


def test_what_could_not_be_published_is_kept_in_order_and_published_later(started, caplog, monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.executors.cluster._FIRST_PAUSE", 0.01)
    caplog.set_level(logging.INFO)
    started.broken = True
    started.publish("default", [1])
    assert [started.tries.get(timeout=5) for _ in range(3)] == [1, 1, 1]
    started.publish("default", [2, 1])

    started.broken = False

    assert [started.messages.get(timeout=10) for _ in range(2)] == [("default", 1), ("default", 2)]
    assert [record.getMessage() for record in caplog.records][:1] == [
        "Executor 'cluster' cannot reach its back end (ConnectionError: nobody there); runs stay claimed, and it is tried again."
    ]
    started.shutdown()
    assert [record.getMessage() for record in caplog.records][1:] == ["Executor 'cluster' reaches its back end again."]


def test_stopping_waits_for_no_back_end_that_is_away(started):
    started.broken = True
    started.publish("default", [1])
    started.tries.get(timeout=5)

    started.shutdown()

    assert (started.running(), started.free()) == (1, 0)


def test_an_executor_that_was_stopped_can_be_started_again(started):
    started.shutdown()
    started.start(Host(), "cluster")

    started.publish("default", [3])

    assert started.messages.get(timeout=5) == ("default", 3)


def test_a_job_of_a_store_without_a_ledger_fails_and_says_why():
    executor = Published()
    scheduler = BackgroundScheduler(executors={"cluster": executor})
    log = EventLog()
    scheduler.add_listener(log)
    scheduler.start()
    scheduler.add_job(print, id="a", executor="cluster")

    log.wait_for(EVENT_JOB_ERROR)
    (event,) = log.of(EVENT_JOB_ERROR)
    scheduler.shutdown()

    assert str(event.exception) == (
        "Executor 'cluster' performs jobs of stores of type 'django' only, whose runs its workers find in the database; "
        "job 'a' is in job store 'default'. Move the job, or give it another executor."
    )


@pytest.mark.parametrize("value", [0, -1, "soon", float("inf"), float("nan"), True, None])
def test_an_impossible_pause_is_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        Published(republish_after=value)

    assert str(caught.value) == (
        f"Option 'republish_after' of Published must be a number of seconds above 0, got {value!r}. "
        "Write it as 60, '60' or a timedelta."
    )


@pytest.mark.parametrize("value", [0, "many", None])
def test_an_impossible_number_in_flight_is_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        Published(max_in_flight=value)

    assert str(caught.value).startswith("Option 'max_in_flight' of Published must be a whole number, at least 1")


def test_a_pause_may_be_a_timedelta():
    assert Published(republish_after=timedelta(minutes=2)).republish_after == 120


def test_numbers_may_be_text():
    executor = Published(max_in_flight="7", republish_after="1.5")

    assert (executor.max_in_flight, executor.republish_after) == (7, 1.5)
