"""SQLite as Django sets it up by itself: no write-ahead log, and transactions that begin without a lock."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread

import pytest
from django.db import connection, connections

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.rescue import rescue, unsettled
from django_apscheduler_ng.runs import RunStatus
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, finish, wait_until
from tests.project.jobs import noop

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")


@pytest.fixture
def django_defaults(transactional_db, monkeypatch):
    """Give new connections Django's own options."""
    connections.close_all()
    options = {"init_command": "PRAGMA journal_mode=DELETE"}  # the mode of the file, where nobody chose another one
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", options)
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.transaction_mode is None
    yield
    connections.close_all()


def test_nodes_and_requests_that_write_at_once_all_succeed(django_defaults, start_node, complaints):
    nodes = [start_node() for _ in range(2)]
    scheduler = get_scheduler()
    ids = [f"job-{index}" for index in range(6)]
    for job_id in ids:
        scheduler.add_job(bodies.count, "interval", id=job_id, seconds=0.2, max_instances=2)
    errors: list[Exception] = []

    def ask(editor: int) -> None:
        try:
            for index in range(12):
                job_id = ids[(index + editor) % len(ids)]
                scheduler.run_job(job_id)
                scheduler.modify_job(job_id, name=f"{editor}-{index}")
                scheduler.pause_job(job_id)
                scheduler.resume_job(job_id)
                scheduler.reschedule_job(job_id, trigger="interval", seconds=0.2)
                scheduler.add_job(bodies.count, id=f"{editor}-{index}")
                scheduler.add_job(bodies.count, "interval", hours=1, id="ours", replace_existing=True)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    editors = [Thread(target=ask, args=[editor]) for editor in range(2)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    late = start_node()
    for job_id in ids:
        scheduler.pause_job(job_id)
    wait_until(lambda: not JobRun.objects.open().exists(), "all that was asked for ran")
    wait_until(lambda: ScheduledJob.objects.filter(finished_at=None).count() == 7, "the one-shots ran")
    scheduler.remove_all_jobs()
    finish(*nodes, late)

    assert errors == []
    assert_each_began_once()
    assert complaints("skipped") == []


def test_the_rescue_of_running_runs_begins_with_a_write(django_defaults):
    """One that reads first fails at once where somebody wrote between, however long the timeout."""
    get_scheduler().add_job(noop, "interval", id="job", hours=1)
    JobRun.objects.filter(pk=get_scheduler().run_job("job")).update(status=RunStatus.RUNNING, node="dead")
    inside: list[str] = []

    def note(execute, sql, params, many, context):
        if connection.in_atomic_block:
            inside.append(sql.split()[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        stranded = dict(unsettled("default", "default", "me").values_list("pk", "node"))
        assert rescue("default", stranded, datetime.now(UTC)) == 1

    assert inside[0] == "UPDATE"
    assert JobRun.objects.get().status == RunStatus.ABANDONED
