"""Missed job executions and coalescing."""

import pytest

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED, EVENT_JOB_MISSED
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler

from .jobs import myfunc


def test_a_grace_time_is_given_with_the_job(manual):
    scheduler = manual

    job = scheduler.add_job(myfunc, "interval", seconds=2, misfire_grace_time=60, id="my_job_id")

    assert scheduler.get_job("my_job_id") == job
    assert job.misfire_grace_time == 60


@pytest.mark.parametrize(
    ("coalesce", "grace", "ran", "missed"),
    [
        pytest.param(True, 60, 1, 0, id="rolled-into-one-without-a-word-of-the-others"),
        pytest.param(False, 60, 31, 19, id="one-by-one"),
        pytest.param(True, None, 1, 0, id="however-late"),
        pytest.param(False, None, 50, 0, id="however-late-one-by-one"),
    ],
)
def test_after_100_seconds_without_a_look(coalesce, grace, ran, missed):
    scheduler, log = ManualScheduler(FakeClock()), EventLog()
    scheduler.add_listener(log)
    scheduler.start()
    scheduler.add_job(myfunc, "interval", seconds=2, misfire_grace_time=grace, coalesce=coalesce)
    scheduler.pause()
    scheduler.travel(100)

    scheduler.resume()
    scheduler.travel(0)

    scheduler.shutdown()
    assert len(log.of(EVENT_JOB_EXECUTED)) == ran
    assert sum(event.count for event in log.of(EVENT_JOB_MISSED)) == missed


def test_both_can_be_set_for_all_jobs():
    scheduler = ManualScheduler(job_defaults={"misfire_grace_time": 60, "coalesce": False})

    job = scheduler.add_job(myfunc, "interval", seconds=2)

    assert (job.misfire_grace_time, job.coalesce) == (60, False)
