"""Adding jobs."""

from datetime import timedelta

import pytest

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import CallableReferenceError, ConflictingIdError, UnstorableError
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor
from django_apscheduler_ng.job import Job
from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler

from .jobs import myfunc


def test_add_job_returns_the_job(scheduler):
    job = scheduler.add_job(myfunc, "interval", minutes=2, args=(), kwargs={}, name="Mine", id="my_job_id")

    assert isinstance(job, Job)
    assert (job.id, job.name, job.func) == ("my_job_id", "Mine", myfunc)


def test_a_function_is_decorated():
    scheduler = BackgroundScheduler()

    @scheduler.scheduled_job("interval", id="my_job_id", hours=3)
    def decorated():
        return "called"

    assert decorated() == "called"
    assert [job.id for job in scheduler.get_jobs()] == ["my_job_id"]


def test_a_job_that_is_added_before_the_start_is_tentative():
    scheduler = ManualScheduler(FakeClock())
    job = scheduler.add_job(myfunc, "interval", minutes=2)
    before = job.pending, job.next_run_time
    scheduler.fake_clock.advance(3600)

    scheduler.start()

    after = job.pending, job.next_run_time - scheduler.fake_clock.now()
    scheduler.shutdown()
    assert before == (True, None)
    assert after == (False, timedelta(minutes=2))


def test_a_job_without_a_trigger_runs_at_once(scheduler, log):
    scheduler.add_job(myfunc)

    assert log.wait_for(EVENT_JOB_EXECUTED).retval == "done"


def test_an_explicit_id_and_replace_existing_leave_one_job(scheduler):
    for _ in range(3):
        scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id", replace_existing=True)

    assert [job.id for job in scheduler.get_jobs()] == ["my_job_id"]
    with pytest.raises(ConflictingIdError):
        scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id")


def test_without_an_id_each_call_adds_a_job(scheduler):
    for _ in range(3):
        scheduler.add_job(myfunc, "interval", minutes=2, replace_existing=True)

    assert len(scheduler.get_jobs()) == 3


def test_a_store_that_serializes_wants_a_callable_that_can_be_named_and_arguments_that_can_be_stored(tmp_path):
    store = SQLAlchemyJobStore(url=f"sqlite:///{tmp_path}/jobs.sqlite")
    scheduler = BackgroundScheduler(jobstores={"default": store, "memory": {"type": "memory"}})
    scheduler.start()
    try:
        for refused, options in ((lambda: None, {}), (print, {"args": [object()]})):
            with pytest.raises((CallableReferenceError, UnstorableError)):
                scheduler.add_job(refused, "interval", minutes=2, **options)
            scheduler.add_job(refused, "interval", minutes=2, jobstore="memory", **options)
    finally:
        scheduler.shutdown()


def test_a_process_pool_wants_a_callable_that_can_be_named():
    scheduler = BackgroundScheduler(executors={"default": ProcessPoolExecutor(1)})
    log = EventLog()
    scheduler.add_listener(log)
    scheduler.start()

    scheduler.add_job(lambda: None, id="without a name")

    failed = log.wait_for(lambda event: getattr(event, "exception", None) is not None, 60)
    scheduler.shutdown()
    assert failed.job_id == "without a name"
