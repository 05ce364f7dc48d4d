"""Jobs that name a task of Celery or Django: a run hands it to its own back end, and ends with that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import _state

from django_apscheduler_ng.bootstrap import get_scheduler
from django_apscheduler_ng.exceptions import InvalidJobError
from django_apscheduler_ng.models import JobRun, ScheduledJob
from tests.acceptance.harness import wait_until
from tests.cluster.conftest import QUICK
from tests.project import tasks


@pytest.fixture
def as_current_app(rabbitmq, monkeypatch):
    """Celery's tasks of this process go to the queue of the test."""
    rabbitmq.app.set_as_current = True  # as an app is that a project makes
    rabbitmq.app.set_current()
    yield rabbitmq
    rabbitmq.app.set_as_current = False
    monkeypatch.setattr(_state._tls, "current_app", None)


def ended() -> JobRun:
    """Return the one run as soon as it has ended."""
    return wait_until(lambda: JobRun.objects.ended().first(), "it has ended", 30)


def lines(path: Any) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_celery_task_is_handed_over_with_its_id(as_current_app, start_node, start_worker, tmp_path):
    path = tmp_path / "lines"
    node = start_node(as_current_app)
    node.add_job(tasks.celery_append_id, args=[str(path)], id="handed")

    run = ended()
    start_worker(as_current_app)
    wait_until(lambda: lines(path), "the task was performed", 30)

    assert run.status == "handed_over"
    assert run.func_ref == "tests.project.tasks:celery_append_id"
    assert lines(path) == [json.loads(run.result)]


def test_a_django_task_is_handed_over_with_its_id(start_node, tmp_path):
    path = tmp_path / "lines"
    node = start_node()
    node.add_job(tasks.immediate_append, args=[str(path)], id="handed")

    run = ended()

    assert run.status == "handed_over"
    assert run.func_ref == "tests.project.tasks:immediate_append"
    assert lines(path) == [json.loads(run.result)]


def test_a_task_whose_broker_is_away_fails_its_run_and_the_schedule_goes_on(as_current_app, start_node, tmp_path):
    as_current_app.app.conf.broker_url = "amqp://127.0.0.1:1//"
    node = start_node(as_current_app)
    node.add_job(tasks.celery_append, "interval", hours=1, args=["x"], id="hourly", next_run_time=datetime.now(UTC))

    run = ended()

    assert run.status == "failed"
    assert run.exception_type == "kombu.exceptions.OperationalError"
    assert "Connection refused" in run.exception_message
    job = ScheduledJob.objects.get(job_id="hourly")
    assert job.next_run_time > datetime.now(UTC)
    assert job.broken_reason == ""


def test_the_arguments_of_a_task_are_checked_like_those_of_a_function(transactional_db, settings):
    settings.APSCHEDULER = QUICK
    scheduler = get_scheduler()

    for task in (tasks.celery_append, tasks.celery_append_id, tasks.django_append, tasks.django_append_id):
        with pytest.raises(InvalidJobError, match="missing 'path'"):
            scheduler.add_job(task)
        job = scheduler.add_job(task, "cron", hour=3, args=["x"])
        assert job.func_ref == f"tests.project.tasks:{job.name}"
        assert ScheduledJob.objects.get(job_id=job.id).func_ref == job.func_ref
