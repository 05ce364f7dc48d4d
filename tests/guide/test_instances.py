"""Limiting the number of concurrently executing instances of a job."""

import threading

import pytest

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_SUBMITTED
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog, FakeClock

PATIENCE = 10


@pytest.fixture
def clocked():
    """A scheduler with a loop of its own, whose clock a test moves."""
    scheduler = BackgroundScheduler(clock=FakeClock(), poll_interval=3600)
    scheduler.start()
    yield scheduler
    scheduler.shutdown()


@pytest.mark.parametrize("limit", [pytest.param(1, id="default"), 3])
def test_not_more_instances_than_allowed_run_at_once(clocked, limit):
    scheduler, log, end = clocked, EventLog(), threading.Event()
    scheduler.add_listener(log)

    def myfunc():
        end.wait(PATIENCE)

    if limit == 1:
        job = scheduler.add_job(myfunc, "interval", seconds=2, id="my_job_id")
    else:
        job = scheduler.add_job(myfunc, "interval", seconds=2, max_instances=3, id="my_job_id")

    for count in range(1, limit + 2):
        scheduler.clock.advance(2)
        scheduler.wakeup()
        log.wait_for(EVENT_JOB_SUBMITTED | EVENT_JOB_MAX_INSTANCES, count=count)
    end.set()

    log.wait_for(EVENT_JOB_EXECUTED, count=limit)
    assert job.max_instances == limit
    assert log.names(EVENT_JOB_SUBMITTED | EVENT_JOB_MAX_INSTANCES) == ["JOB_SUBMITTED"] * limit + ["JOB_MAX_INSTANCES"]
