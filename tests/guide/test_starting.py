"""Starting the scheduler."""

import threading

import pytest

from django_apscheduler_ng.exceptions import SchedulerAlreadyRunningError
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.schedulers.base import STATE_RUNNING, STATE_STOPPED
from django_apscheduler_ng.schedulers.blocking import BlockingScheduler

from .jobs import myfunc


def test_start_returns_at_once_and_jobs_may_be_added_afterwards():
    scheduler = BackgroundScheduler()
    before = scheduler.state

    scheduler.start()

    job = scheduler.add_job(myfunc, "interval", minutes=2)
    states = before, scheduler.state
    scheduler.shutdown()
    assert states == (STATE_STOPPED, STATE_RUNNING)
    assert job.next_run_time is not None


def test_start_of_a_blocking_scheduler_returns_when_it_was_shut_down():
    scheduler = BlockingScheduler()
    returned = threading.Event()
    ran = threading.Event()
    scheduler.add_job(ran.set)

    def serve():
        scheduler.start()
        returned.set()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ran.wait(10)
    blocked = not returned.is_set()
    scheduler.shutdown()

    thread.join(10)
    assert blocked
    assert returned.is_set()


def test_it_is_started_once(scheduler):
    with pytest.raises(SchedulerAlreadyRunningError):
        scheduler.start()
