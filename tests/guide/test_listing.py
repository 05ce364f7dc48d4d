"""Getting a list of scheduled jobs."""

import io

import pytest

from django_apscheduler_ng.job import Job
from django_apscheduler_ng.testing import FakeClock, ManualScheduler

from .jobs import myfunc


@pytest.fixture
def two_stores():
    scheduler = ManualScheduler(
        FakeClock(), jobstores={"default": {"type": "memory"}, "other": {"type": "memory"}}, timezone="UTC"
    )
    scheduler.start()
    scheduler.add_job(myfunc, "interval", minutes=2, id="first")
    scheduler.add_job(myfunc, "cron", minute=5, id="second", jobstore="other")
    yield scheduler
    scheduler.shutdown()


def test_get_jobs_returns_jobs_of_all_stores_or_of_one(two_stores):
    assert all(isinstance(job, Job) for job in two_stores.get_jobs())
    assert {job.id for job in two_stores.get_jobs()} == {"first", "second"}
    assert [job.id for job in two_stores.get_jobs("other")] == ["second"]
    assert [job.id for job in two_stores.get_jobs(jobstore="default")] == ["first"]


def test_print_jobs_prints_names_triggers_and_next_run_times(two_stores, capsys):
    two_stores.print_jobs()

    assert capsys.readouterr().out == (
        "Jobstore default:\n"
        "    myfunc (trigger: interval[0:02:00], next run at: 2026-01-05 09:02:00 UTC)\n"
        "Jobstore other:\n"
        "    myfunc (trigger: cron[minute='5'], next run at: 2026-01-05 09:05:00 UTC)\n"
    )


def test_print_jobs_prints_to_a_file(two_stores):
    two_stores.get_job("second").pause()
    out = io.StringIO()

    two_stores.print_jobs("other", out)

    assert out.getvalue() == "Jobstore other:\n    myfunc (trigger: cron[minute='5'], paused)\n"
