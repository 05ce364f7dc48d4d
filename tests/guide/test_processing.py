"""Pausing and resuming job processing."""

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.schedulers.base import STATE_PAUSED, STATE_RUNNING
from django_apscheduler_ng.testing import EventLog

from .jobs import myfunc


def test_processing_is_paused_and_resumed(scheduler, log):
    scheduler.pause()
    paused = scheduler.state
    scheduler.add_job(myfunc)
    held = log.of(EVENT_JOB_SUBMITTED)

    scheduler.resume()

    assert held == []
    assert (paused, scheduler.state) == (STATE_PAUSED, STATE_RUNNING)
    log.wait_for(EVENT_JOB_EXECUTED)


def test_unwanted_jobs_are_pruned_before_they_run():
    scheduler = BackgroundScheduler()
    log = EventLog()
    scheduler.add_listener(log, EVENT_JOB_SUBMITTED | EVENT_JOB_EXECUTED)
    scheduler.add_job(myfunc, id="unwanted")
    scheduler.add_job(myfunc, id="wanted")

    scheduler.start(paused=True)
    scheduler.remove_job("unwanted")
    scheduler.resume()

    log.wait_for(EVENT_JOB_EXECUTED)
    scheduler.shutdown()
    assert {event.job_id for event in log.events} == {"wanted"}
