import threading

import pytest

from django_apscheduler_ng.events import (
    EVENT_ALL,
    EVENT_JOB_ADDED,
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_SCHEDULER_STARTED,
    JobEvent,
    SchedulerEvent,
)
from django_apscheduler_ng.testing import EventLog

STARTED = SchedulerEvent(EVENT_SCHEDULER_STARTED)
ADDED = JobEvent(EVENT_JOB_ADDED, "a", "default")
AGAIN = JobEvent(EVENT_JOB_ADDED, "b", "default")


@pytest.fixture
def log():
    log = EventLog()
    for event in (STARTED, ADDED, AGAIN):
        log(event)
    return log


def test_events_are_kept_in_order(log):
    assert log.events == [STARTED, ADDED, AGAIN]
    assert len(log) == 3
    assert log.names() == ["SCHEDULER_STARTED", "JOB_ADDED", "JOB_ADDED"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(EVENT_JOB_ADDED, [ADDED, AGAIN], id="constant"),
        pytest.param(EVENT_JOB_ADDED | EVENT_SCHEDULER_STARTED, [STARTED, ADDED, AGAIN], id="mask"),
        pytest.param(lambda event: getattr(event, "job_id", "") == "b", [AGAIN], id="question"),
        pytest.param(EVENT_JOB_ERROR, [], id="nothing"),
    ],
)
def test_events_are_selected(log, wanted, found):
    assert log.of(wanted) == found


def test_what_was_logged_already_needs_no_waiting(log):
    assert log.wait_for(EVENT_JOB_ADDED, timeout=0) is ADDED
    assert log.wait_for(EVENT_JOB_ADDED, timeout=0, count=2) is AGAIN


def test_what_is_logged_on_another_thread_is_waited_for():
    log = EventLog()
    thread = threading.Timer(0.01, log, [ADDED])
    thread.start()

    assert log.wait_for(lambda event: event.code == EVENT_JOB_ADDED) is ADDED
    thread.join()


def test_forgotten_events_count_no_more(log):
    log.clear()

    with pytest.raises(AssertionError):
        log.wait_for(EVENT_ALL, timeout=0)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        pytest.param(EVENT_JOB_EXECUTED | EVENT_JOB_ERROR, "EVENT_JOB_EXECUTED or EVENT_JOB_ERROR", id="mask"),
        pytest.param(str.isdigit, "that match str.isdigit", id="question"),
    ],
)
def test_what_does_not_come_fails_with_what_was_seen(log, wanted, text):
    if not isinstance(wanted, int):
        log.clear()

    with pytest.raises(AssertionError) as caught:
        log.wait_for(wanted, timeout=0.01, count=2)

    seen = (
        "EVENT_SCHEDULER_STARTED, EVENT_JOB_ADDED('a'), EVENT_JOB_ADDED('b')" if isinstance(wanted, int) else "nothing"
    )
    assert str(caught.value) == f"Waited 0.01 s for 2 event(s) {text}, got 0. Seen: {seen}."
