"""Modifying jobs."""

import pytest

from django_apscheduler_ng.exceptions import InvalidJobError
from django_apscheduler_ng.triggers.cron import CronTrigger

from .jobs import crash, myfunc


def test_a_job_is_modified(scheduler):
    job = scheduler.add_job(myfunc, "interval", minutes=2)
    job.modify(max_instances=6, name="Alternate name")

    stored = scheduler.get_job(job.id)
    assert (stored.max_instances, stored.name) == (6, "Alternate name")


def test_a_job_is_modified_by_its_id(scheduler):
    scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id")

    scheduler.modify_job("my_job_id", func=crash, misfire_grace_time=30, coalesce=False)

    stored = scheduler.get_job("my_job_id")
    assert (stored.func, stored.misfire_grace_time, stored.coalesce) == (crash, 30, False)


def test_everything_may_be_modified_but_the_id(scheduler):
    job = scheduler.add_job(myfunc, "interval", minutes=2)

    with pytest.raises(InvalidJobError):
        job.modify(id="another")


def test_a_job_is_rescheduled(scheduler):
    scheduler.add_job(myfunc, "interval", days=2, id="my_job_id")

    scheduler.reschedule_job("my_job_id", trigger="cron", minute="*/5")

    job = scheduler.get_job("my_job_id")
    assert isinstance(job.trigger, CronTrigger)
    assert (job.next_run_time.minute % 5, job.next_run_time.second) == (0, 0)


def test_a_job_reschedules_itself(scheduler):
    job = scheduler.add_job(myfunc, "interval", days=2)

    job.reschedule("interval", minutes=3)

    assert str(job.trigger) == "interval[0:03:00]"
