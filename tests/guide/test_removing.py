"""Removing jobs."""

import pytest

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED, EVENT_JOB_REMOVED
from django_apscheduler_ng.exceptions import JobLookupError
from django_apscheduler_ng.schedulers.background import BackgroundScheduler

from .jobs import myfunc


def test_a_job_removes_itself(scheduler):
    job = scheduler.add_job(myfunc, "interval", minutes=2)
    job.remove()

    assert scheduler.get_jobs() == []


def test_a_job_is_removed_by_its_id(scheduler):
    scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id")
    scheduler.remove_job("my_job_id")

    assert scheduler.get_jobs() == []
    with pytest.raises(JobLookupError):
        scheduler.remove_job("my_job_id")


def test_a_job_is_removed_by_its_id_and_the_alias_of_its_store():
    scheduler = BackgroundScheduler(jobstores={"default": {"type": "memory"}, "other": {"type": "memory"}})
    scheduler.start()
    for alias in ("default", "other"):
        scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id", jobstore=alias)

    scheduler.remove_job("my_job_id", "other")

    left = [job.jobstore for job in scheduler.get_jobs()]
    scheduler.shutdown()
    assert left == ["default"]


def test_a_job_whose_schedule_ends_is_removed_automatically(manual, manual_log):
    manual.add_job(myfunc, "interval", minutes=2, end_date="2026-01-05 09:05:00", timezone="UTC", id="my_job_id")

    manual.travel(3600)

    assert manual.get_jobs() == []
    assert manual_log.names(EVENT_JOB_EXECUTED | EVENT_JOB_REMOVED) == ["JOB_EXECUTED", "JOB_EXECUTED", "JOB_REMOVED"]
