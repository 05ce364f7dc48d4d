import logging
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from queue import Queue

import pytest
from django.db import connections, transaction

from django_apscheduler_ng import events, signals
from django_apscheduler_ng.models import ScheduledJob
from django_apscheduler_ng.relay import Relay, arguments, send_now, send_on_commit

PATIENCE = 10  # seconds until a test gives up waiting
FIRE_TIME = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


class Log:
    """A receiver that keeps what it got."""

    def __init__(self) -> None:
        self.got: Queue = Queue()

    def __call__(self, **given) -> None:
        self.got.put({**given, "thread": threading.current_thread()})

    def next(self) -> dict:
        return self.got.get(timeout=PATIENCE)


@contextmanager
def connected(signal: signals.EventSignal, *receivers: Callable, sender=None):
    for receiver in receivers:
        signal.connect(receiver, sender=sender, weak=False)
    try:
        yield
    finally:
        for receiver in receivers:
            signal.disconnect(receiver, sender=sender)


@pytest.fixture
def relay():
    relay = Relay()
    yield relay
    assert relay.stop(PATIENCE)


def executed(job_id="report"):
    return events.JobExecutionEvent(events.EVENT_JOB_EXECUTED, job_id, "default", FIRE_TIME, 42, run_id="r1")


def constants():
    return {
        name: code
        for name, code in vars(events).items()
        if name.startswith("EVENT_") and name not in ("EVENT_ALL", "EVENT_SCHEDULER_START")
    }


def test_each_event_has_a_signal_of_its_name():
    assert {f"EVENT_{signal.name.upper()}": code for code, signal in signals.SIGNALS.items()} == constants()
    assert all(vars(signals)[signal.name] is signal for signal in signals.SIGNALS.values())


@pytest.mark.parametrize(
    ("event", "parts"),
    [
        pytest.param(events.SchedulerEvent(events.EVENT_SCHEDULER_STARTED), {"alias": None}, id="scheduler"),
        pytest.param(events.SchedulerEvent(events.EVENT_EXECUTOR_ADDED, "fast"), {"alias": "fast"}, id="executor"),
        pytest.param(
            events.JobEvent(events.EVENT_JOB_ADDED, "report", "default"),
            {"job_id": "report", "jobstore": "default"},
            id="job",
        ),
        pytest.param(
            events.JobSubmissionEvent(events.EVENT_JOB_SUBMITTED, "report", "default", [FIRE_TIME], ["r1"]),
            {"job_id": "report", "jobstore": "default", "scheduled_run_times": [FIRE_TIME], "run_ids": ["r1"]},
            id="submission",
        ),
        pytest.param(
            executed(),
            {
                "job_id": "report",
                "jobstore": "default",
                "scheduled_run_time": FIRE_TIME,
                "retval": 42,
                "exception": None,
                "traceback": None,
                "run_id": "r1",
                "count": 1,
                "attempt": 1,
                "retry_at": None,
            },
            id="execution",
        ),
    ],
)
def test_receivers_get_the_event_and_its_parts(event, parts):
    assert arguments(event) == {"event": event, **parts}


def test_a_signal_comes_from_the_model_on_a_thread_of_its_own(relay):
    log = Log()
    event = executed()

    with connected(signals.job_executed, log, sender=ScheduledJob):
        relay.put(event)
        got = log.next()

    assert got["sender"] is ScheduledJob
    assert got["signal"] is signals.job_executed
    assert got["event"] is event
    assert got["retval"] == 42
    assert got["thread"] is not threading.current_thread()
    assert got["thread"].daemon


def test_a_slow_receiver_delays_nobody_who_puts_and_the_order_stays(relay):
    log, release = Log(), threading.Event()

    def wait(**given):
        assert release.wait(PATIENCE)

    with connected(signals.job_executed, wait, log):
        for number in range(100):
            relay.put(executed(str(number)))
        blocked = log.got.empty()
        release.set()
        order = [log.next()["job_id"] for _ in range(100)]

    assert blocked
    assert order == [str(number) for number in range(100)]


def test_a_failing_receiver_is_logged_once_and_stops_nobody(relay, caplog):
    log = Log()

    def fail(**given):
        raise ValueError("no mail today")

    with connected(signals.job_executed, fail, log):
        relay.put(executed("first"))
        relay.put(executed("second"))
        got = [log.next()["job_id"], log.next()["job_id"]]
        assert relay.stop(PATIENCE)

    assert got == ["first", "second"]
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [(record.name, record.getMessage()) for record in errors] == [
        (
            "django_apscheduler_ng.signals",
            "Receiver test_a_failing_receiver_is_logged_once_and_stops_nobody.<locals>.fail of signal job_executed "
            "failed: no mail today. The others are called.",
        )
    ] * 2
    assert all(record.exc_info[0] is ValueError for record in errors)


def test_a_failing_receiver_without_a_name_stops_nobody_either(relay, caplog):
    log = Log()

    def fail(number, **given):
        raise ValueError(number)

    with connected(signals.job_executed, partial(fail, 7), log):
        relay.put(executed())
        got = log.next()

    assert got["job_id"] == "report"
    assert "failed: 7. The others are called." in caplog.text


def test_a_receiver_that_exits_does_not_end_the_relay(relay, caplog):
    log = Log()

    def leave(job_id, **given):
        if job_id == "first":
            raise SystemExit(1)

    with connected(signals.job_executed, leave, log):
        relay.put(executed("first"))
        relay.put(executed("second"))
        got = log.next()

    assert got["job_id"] == "second"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "A receiver ended the delivery of <JobExecutionEvent (code=4096 job_id='first')>; the next event is delivered."
    ]


def test_an_async_receiver_is_awaited(relay):
    log = Log()

    async def receive(**given):
        log(**given)

    async def fail(**given):
        raise ValueError("async")

    with connected(signals.job_executed, fail, receive):
        relay.put(executed())
        got = log.next()

    assert got["job_id"] == "report"


def test_an_event_that_nobody_listens_to_starts_no_thread():
    relay = Relay()

    relay.put(executed())

    assert relay._thread is None
    assert relay.stop(PATIENCE)


def test_stopping_delivers_what_was_put_before():
    relay, log = Relay(), Log()

    with connected(signals.job_executed, log):
        for _ in range(50):
            relay.put(executed())
        stopped = relay.stop(PATIENCE)

    assert stopped
    assert log.got.qsize() == 50


def test_stopping_does_not_wait_longer_than_asked(caplog):
    relay, release = Relay(), threading.Event()

    def wait(**given):
        release.wait(PATIENCE)

    with connected(signals.job_executed, wait):
        relay.put(executed())
        thread = relay._thread
        stopped = relay.stop(0.01)
        release.set()
        thread.join(PATIENCE)

    assert not stopped
    assert [record.getMessage() for record in caplog.records] == [
        "Receivers of signals are still busy after 0.01 s; what they get later is lost if the process ends now."
    ]


def test_a_stopped_relay_begins_again(relay):
    log = Log()

    with connected(signals.job_executed, log):
        relay.put(executed("first"))
        assert relay.stop(PATIENCE)
        relay.put(executed("second"))
        got = [log.next(), log.next()]

    assert [each["job_id"] for each in got] == ["first", "second"]
    assert got[0]["thread"] is not got[1]["thread"]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_may_query_and_leaves_no_connection_behind(relay, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)
    seen: Queue = Queue()

    def query(**given):
        seen.put((ScheduledJob.objects.count(), connections["default"]))

    with connected(signals.job_executed, query):
        relay.put(executed())
        count, used = seen.get(timeout=PATIENCE)
        assert relay.stop(PATIENCE)

    assert count == 0
    assert used is not connections["default"]
    assert used.connection is None


@pytest.mark.django_db(transaction=True)
def test_a_change_is_told_when_it_is_committed():
    log = Log()

    with connected(signals.job_added, log), transaction.atomic():
        send_on_commit(events.JobEvent(events.EVENT_JOB_ADDED, "report", "default"))
        before = log.got.qsize()

    assert before == 0
    assert log.next()["thread"] is threading.current_thread()
    assert log.got.empty()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_is_not_told():
    log = Log()

    with connected(signals.job_added, log), transaction.atomic():
        send_on_commit(events.JobEvent(events.EVENT_JOB_ADDED, "report", "default"))
        transaction.set_rollback(True)

    assert log.got.empty()


@pytest.mark.django_db(transaction=True)
def test_a_failing_receiver_does_not_reach_the_caller(caplog):
    log = Log()

    def fail(**given):
        raise ValueError("no")

    with connected(signals.job_added, fail, log):
        send_on_commit(events.JobEvent(events.EVENT_JOB_ADDED, "report", "default"))
        send_now(events.JobEvent(events.EVENT_JOB_ADDED, "other", "default"))

    assert [log.next()["job_id"], log.next()["job_id"]] == ["report", "other"]
    assert len(caplog.records) == 2
