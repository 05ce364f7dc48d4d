"""Cancelling and retrying runs where jobs are kept in memory, and timeouts from end to end."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from django_apscheduler_ng.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from django_apscheduler_ng.exceptions import ConfigurationError, RunLookupError, RunStateError
from django_apscheduler_ng.runs import RunCancelled, RunStatus, current_run
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog

PATIENCE = 10


@pytest.fixture
def log():
    return EventLog()


@pytest.fixture
def scheduler(log):
    scheduler = BackgroundScheduler(executors={"default": {"type": "threadpool", "max_workers": 1}})
    scheduler.add_listener(log)
    scheduler.start()
    yield scheduler
    scheduler.shutdown(wait=False)


class Obedient:
    """A job that goes on until its run is to end."""

    def __init__(self):
        self.begun = threading.Event()

    def __call__(self):
        self.begun.set()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            current_run().check()
            time.sleep(0.005)


def test_a_run_under_way_is_cancelled(scheduler, log, caplog):
    body = Obedient()
    scheduler.add_job(body, id="long")
    assert body.begun.wait(PATIENCE)
    (run_id,) = log.wait_for(EVENT_JOB_SUBMITTED).run_ids

    status = scheduler.cancel_run(run_id, reason="enough")
    event = log.wait_for(EVENT_JOB_ERROR)

    assert status is RunStatus.RUNNING
    assert (event.job_id, event.run_id) == ("long", run_id)
    assert isinstance(event.exception, RunCancelled)
    assert str(event.exception) == "The run was cancelled: enough."
    (record,) = (record for record in caplog.records if getattr(record, "run_id", "") == run_id)
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"Job 'long' was cancelled in run {run_id}: The run was cancelled: enough."


def test_a_run_that_was_asked_for_and_waits_is_cancelled_at_once(scheduler, log):
    body = Obedient()
    scheduler.add_job(body, id="long")
    assert body.begun.wait(PATIENCE)
    (busy,) = log.wait_for(EVENT_JOB_SUBMITTED).run_ids
    scheduler.add_job(print, "interval", hours=1, id="other")
    waiting = scheduler.run_job("other")

    status = scheduler.cancel_run(waiting)
    event = log.wait_for(EVENT_JOB_ERROR)
    scheduler.cancel_run(busy)

    assert status is RunStatus.CANCELLED
    assert (event.job_id, event.run_id) == ("other", waiting)
    log.wait_for(EVENT_JOB_ERROR, count=2)
    assert log.of(EVENT_JOB_EXECUTED) == []


def test_a_run_that_is_not_under_way_is_named(scheduler):
    with pytest.raises(RunLookupError) as caught:
        scheduler.cancel_run("4711")

    assert str(caught.value) == (
        "Run '4711' is not in job store 'default'. This store knows a run as long as it has not ended."
    )


def test_what_keeps_no_runs_retries_none(scheduler):
    with pytest.raises(RunStateError) as caught:
        scheduler.retry_run("4711")

    assert str(caught.value) == (
        "Run '4711' cannot be retried: job store 'default' is a MemoryJobStore, which keeps no runs that have ended. "
        "Call run_job() to run the job again."
    )


@pytest.mark.parametrize("verb", ["cancel_run", "retry_run"])
def test_a_job_store_that_is_not_there_is_named(scheduler, verb):
    with pytest.raises(ConfigurationError, match="Job store 'defualt' is not configured"):
        getattr(scheduler, verb)("4711", "defualt")


def test_a_job_whose_time_is_up_frees_its_instance_and_runs_again(scheduler, log):
    again = threading.Event()
    calls = []

    def hang_once():
        calls.append(1)
        if len(calls) > 1:
            again.set()
        else:
            again.wait(PATIENCE)

    scheduler.add_executor({"type": "threadpool", "max_workers": 2}, "two")
    scheduler.add_job(hang_once, "interval", seconds=0.3, id="hangs", executor="two", timeout=0.2)

    event = log.wait_for(EVENT_JOB_ERROR)
    log.wait_for(EVENT_JOB_EXECUTED)

    assert isinstance(event.exception, TimeoutError)
    assert "in hang_once" in event.traceback
    assert again.is_set()


def test_the_next_fire_time_takes_the_place_of_a_run_that_is_to_be_replaced(scheduler, log):
    scheduler.add_executor({"type": "threadpool", "max_workers": 2}, "two")
    scheduler.add_job(Obedient(), "interval", seconds=0.3, id="replaced", executor="two", overlap="replace")

    event = log.wait_for(EVENT_JOB_ERROR)
    log.wait_for(EVENT_JOB_SUBMITTED, count=2)

    assert str(event.exception) == "The run was cancelled: the next fire time of its job takes its place."
