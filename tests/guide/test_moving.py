"""Exporting and importing jobs."""

import io
from pathlib import Path

import pytest

from django_apscheduler_ng.schedulers.background import BackgroundScheduler

from .jobs import myfunc


@pytest.fixture
def source():
    """A scheduler with a job in each of two stores."""
    scheduler = BackgroundScheduler(jobstores={"default": {"type": "memory"}, "other": {"type": "memory"}})
    scheduler.start(paused=True)
    scheduler.add_job(myfunc, "interval", minutes=2, id="first", max_instances=3)
    scheduler.add_job(myfunc, "cron", hour=3, id="second", jobstore="other", kwargs={})
    yield scheduler
    scheduler.shutdown()


@pytest.fixture
def target():
    """A scheduler without jobs, and with a store more."""
    scheduler = BackgroundScheduler(jobstores={"default": {"type": "memory"}, "other": {"type": "memory"}})
    scheduler.start(paused=True)
    yield scheduler
    scheduler.shutdown()


def described(scheduler):
    return {(job.id, str(job.trigger), job.max_instances, job.next_run_time, job.func) for job in scheduler.get_jobs()}


def test_jobs_are_exported_and_imported_by_the_path_of_a_file(source, target, tmp_path):
    # "/tmp/jobs.json" in the guide
    path = str(tmp_path / "jobs.json")

    source.export_jobs(path)
    target.import_jobs(path)

    assert described(target) == described(source)


@pytest.mark.parametrize("kind", ["path", "file"])
def test_a_path_object_or_an_open_file_will_do(source, target, kind, tmp_path):
    place = tmp_path / "jobs.json" if kind == "path" else io.StringIO()

    source.export_jobs(place)
    if isinstance(place, io.StringIO):
        place.seek(0)
    target.import_jobs(place)

    assert not isinstance(place, Path) or place.exists()
    assert described(target) == described(source)


def test_one_store_is_exported_and_another_one_imported_to(source, target, tmp_path):
    source.export_jobs(tmp_path / "jobs.json", jobstore="default")
    target.import_jobs(tmp_path / "jobs.json", jobstore="other")

    assert [(job.id, job.jobstore) for job in target.get_jobs()] == [("first", "other")]
