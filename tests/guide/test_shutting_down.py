"""Shutting down the scheduler."""

import threading

import pytest

from django_apscheduler_ng.events import EVENT_JOB_SUBMITTED
from django_apscheduler_ng.exceptions import SchedulerNotRunningError

PATIENCE = 10


@pytest.fixture
def lasting():
    """A job that lasts until its event is set, and says that it has ended."""

    class Lasting:
        begun, end, ended = threading.Event(), threading.Event(), threading.Event()

        def __call__(self):
            self.begun.set()
            self.end.wait(PATIENCE)
            self.ended.set()

    job = Lasting()
    yield job
    job.end.set()
    assert job.ended.wait(PATIENCE)


def test_shutdown_waits_for_what_is_running(scheduler, log, lasting):
    scheduler.add_job(lasting)
    assert lasting.begun.wait(PATIENCE)
    threading.Timer(0.2, lasting.end.set).start()

    scheduler.shutdown()

    assert lasting.ended.is_set()
    assert not scheduler.running


def test_shutdown_does_not_wait_where_it_shall_not(scheduler, log, lasting):
    scheduler.add_job(lasting)
    assert lasting.begun.wait(PATIENCE)

    scheduler.shutdown(wait=False)

    assert not lasting.ended.is_set()
    assert not scheduler.running
    assert log.of(EVENT_JOB_SUBMITTED)


def test_what_does_not_run_is_not_shut_down(scheduler):
    scheduler.shutdown()

    with pytest.raises(SchedulerNotRunningError):
        scheduler.shutdown()
