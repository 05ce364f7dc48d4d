import logging

import pytest

from django_apscheduler_ng.events import EVENT_ALL, EVENT_JOB_ADDED, EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobEvent
from django_apscheduler_ng.schedulers.listeners import Listeners


def event(code=EVENT_JOB_ADDED):
    return JobEvent(code, "job", "default")


def test_a_listener_gets_the_events_of_its_mask():
    listeners, got = Listeners(), []
    listeners.add(got.append, EVENT_JOB_ADDED | EVENT_JOB_ERROR)
    events = [event(EVENT_JOB_ADDED), event(EVENT_JOB_EXECUTED), event(EVENT_JOB_ERROR)]

    for one in events:
        listeners.dispatch(one)

    assert got == [events[0], events[2]]


def test_a_listener_without_a_mask_gets_everything():
    listeners, got = Listeners(), []
    listeners.add(got.append)

    listeners.dispatch(event(EVENT_JOB_ERROR))

    assert len(got) == 1


def test_a_removed_listener_gets_nothing_and_removing_a_stranger_is_no_error():
    listeners, got = Listeners(), []
    listeners.add(got.append)

    listeners.remove(got.append)
    listeners.remove(print)
    listeners.dispatch(event())

    assert got == []


def test_a_failing_listener_hurts_nobody_else_and_is_logged(caplog):
    def fail(event):
        raise ValueError("on purpose")

    listeners, got = Listeners(), []
    listeners.add(fail)
    listeners.add(got.append)

    listeners.dispatch(event())

    assert len(got) == 1
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "django_apscheduler_ng.schedulers.listeners")
    assert record.exc_info is not None
    assert record.getMessage() == (
        f"Listener {fail!r} failed on <JobEvent (code=512 job_id='job')>; the others are told all the same."
    )


def test_a_listener_that_removes_itself_disturbs_nobody():
    listeners, got = Listeners(), []

    def once(event):
        listeners.remove(once)

    listeners.add(once)
    listeners.add(got.append)
    listeners.dispatch(event())
    listeners.dispatch(event())

    assert len(got) == 2


def test_events_that_nobody_wants_need_not_be_made():
    listeners = Listeners()
    listeners.add(print, EVENT_JOB_ERROR)

    assert listeners.want(EVENT_JOB_ERROR | EVENT_JOB_ADDED)
    assert not listeners.want(EVENT_JOB_ADDED)
    listeners.remove(print)
    assert not listeners.want(EVENT_ALL)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError) as caught:
        Listeners().add("print")

    assert str(caught.value) == (
        "Listener 'print' must be callable with one argument, the event. Pass the function itself."
    )
