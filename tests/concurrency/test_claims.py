"""Several nodes claim from one database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection, connections, transaction

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.declarations import Declaration, Origin
from django_apscheduler_ng.job import Job
from django_apscheduler_ng.merging import merge
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.rows import definition
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.acceptance.harness import slots_of
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, deadlocks, finish, store_of, wait_until


def add_one_shots(count: int) -> None:
    """Add that many jobs that are due once, now."""
    now = datetime.now(UTC)
    rows = []
    for index in range(count):
        due = now - timedelta(milliseconds=index % 50)
        columns = definition(Job(id=f"once-{index}", func=bodies.count, trigger=DateTrigger(due)))
        times = {"next_fire_time": due, "next_run_time": due, "planned_trigger": columns["trigger"]}
        rows.append(ScheduledJob(job_id=f"once-{index}", created_at=now, updated_at=now, **times, **columns))
    ScheduledJob.objects.bulk_create(rows, batch_size=200)


def test_four_nodes_claim_each_of_many_due_jobs_once(start_node, complaints):
    count = 2000
    nodes = [start_node(paused=True) for _ in range(4)]
    add_one_shots(count)

    for node in nodes:
        node.resume()
    wait_until(lambda: JobRun.objects.filter(status=RunStatus.SUCCEEDED).count() == count, "all ran", 60)
    finish(*nodes)

    assert_each_began_once()
    assert len(bodies.began) == count
    assert not ScheduledJob.objects.filter(finished_at=None).exists()
    assert complaints() == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks as a whole")
def test_a_claim_finds_what_is_due_behind_many_jobs_that_others_have_locked(start_node):
    store = store_of(start_node(paused=True))
    add_one_shots(600)
    first = list(ScheduledJob.objects.order_by("wake_at").values_list("pk", flat=True)[:500])
    with transaction.atomic():
        assert len(list(ScheduledJob.objects.filter(pk__in=first).select_for_update())) == 500
        with ThreadPoolExecutor(1) as other:
            claim = other.submit(store.claim, datetime.now(UTC), {"default": 10}).result(30)
            other.submit(connections.close_all).result(30)

    assert len(claim.runs) == 10


@pytest.mark.parametrize("instances", [1, 3])
def test_no_more_instances_than_allowed_run_over_all_nodes(start_node, complaints, instances):
    nodes = [start_node() for _ in range(4)]
    scheduler = get_scheduler()
    options = {"seconds": 0.05, "coalesce": False, "max_instances": instances}
    scheduler.add_job(bodies.count, "interval", [0.08], id="crowded", **options)

    for _ in range(15):
        scheduler.run_job("crowded")
    wait_until(lambda: len(bodies.began) >= 30, "many ran")
    scheduler.pause_job("crowded")
    wait_until(lambda: not JobRun.objects.open().exists(), "all that was asked for ran")
    finish(*nodes)

    assert_each_began_once()
    assert bodies.most["crowded"] <= instances
    assert JobRun.objects.filter(origin="manual", status=RunStatus.SUCCEEDED).count() == 15
    assert complaints("skipped") == []


def test_a_backlog_runs_one_by_one_and_is_never_skipped(start_node, complaints):
    nodes = [start_node() for _ in range(3)]
    now = datetime.now(UTC).replace(microsecond=0)
    first = now - timedelta(seconds=40)
    scheduler = get_scheduler()
    trigger = IntervalTrigger(seconds=1, start_date=first, end_date=now, timezone="UTC")
    scheduler.add_job(bodies.count, trigger, [0.01], id="backlog", coalesce=False, next_run_time=first)

    # runs asked for by hand hold the one instance now and then while the backlog waits for it
    for _ in range(10):
        scheduler.run_job("backlog")
    wait_until(lambda: ScheduledJob.objects.filter(finished_at__isnull=False).exists(), "the backlog is through", 60)
    wait_until(lambda: not JobRun.objects.open().exists(), "all ran")
    finish(*nodes)

    assert_each_began_once()
    slots = JobRun.objects.filter(slot__isnull=False).order_by("slot").values_list("slot", "status")
    assert list(slots) == [(first + timedelta(seconds=index), RunStatus.SUCCEEDED) for index in range(41)]
    assert bodies.most["backlog"] == 1
    assert JobRun.objects.count() == 41 + 10
    assert complaints() == []


def test_recording_claims_and_edits_never_deadlock(start_node, complaints):
    before = deadlocks()
    nodes = [start_node() for _ in range(4)]
    scheduler = get_scheduler()
    ids = [f"job-{index}" for index in range(40)]
    for job_id in ids:
        scheduler.add_job(bodies.count, "interval", id=job_id, seconds=0.2, coalesce=False, max_instances=2)
    errors: list[Exception] = []

    def edit(order: list[str]) -> None:
        try:
            for job_id in order:
                get_scheduler().modify_job(job_id, name=f"{job_id} edited")
                get_scheduler().reschedule_job(job_id, trigger="interval", seconds=0.25)
                get_scheduler().run_job(job_id)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    editors = [Thread(target=edit, args=[order]) for order in (ids, ids[::-1])]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    scheduler.remove_job("job-0")
    wait_until(lambda: len(bodies.began) >= 300, "many ran")
    for job_id in ids[1:]:
        scheduler.pause_job(job_id)
    wait_until(lambda: not JobRun.objects.open().exists(), "all that was asked for ran")
    finish(*nodes)

    assert errors == []
    assert deadlocks() == before
    assert_each_began_once()
    assert complaints("skipped") == []


def test_nodes_that_start_together_add_each_declared_job_once(start_node, complaints):
    nodes = [start_node() for _ in range(4)]
    origin = Origin(module="tests", file="jobs.py", line=1, loaded=None)
    declarations = [
        Declaration(
            id=f"declared-{index}",
            func_ref="tests.concurrency.bodies:count",
            func=bodies.count,
            trigger=IntervalTrigger(hours=1),
            name="declared",
            origin=origin,
        )
        for index in range(20)
    ]
    errors: list[Exception] = []

    def merge_all(node):
        try:
            merge(store_of(node), declarations, {})
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=merge_all, args=[node]) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(*nodes)

    assert errors == []
    assert ScheduledJob.objects.count() == 20
    assert JobLogEntry.objects.filter(action="added").count() == 20
    assert JobLogEntry.objects.count() == 20
    assert complaints() == []


def test_nodes_that_come_and_go_leave_no_gap(start_node, complaints):
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    step = timedelta(seconds=0.1)
    options = {"seconds": 0.1, "start_date": first, "coalesce": False, "max_instances": 2}
    get_scheduler().add_job(bodies.count, "interval", id="steady", **options)

    node = start_node()
    for _ in range(6):
        successor = start_node()
        count = len(bodies.began)
        wait_until(lambda: len(bodies.began) >= count + 4, "it goes on")  # noqa: B023 - called at once
        finish(node)
        node = successor
    finish(node)
    finish(start_node())

    assert_each_began_once()
    slots = slots_of("steady", step)
    assert slots == [first + index * step for index in range(len(slots))]
    assert set(JobRun.objects.values_list("status", flat=True)) <= {RunStatus.SUCCEEDED, RunStatus.SKIPPED}
    assert complaints("skipped") == []  # where the machine has much to do


def test_a_node_can_be_started_again(start_node, complaints):
    get_scheduler().add_job(bodies.count, "interval", id="steady", seconds=0.1)
    node = start_node()
    wait_until(lambda: bodies.began, "it runs")
    first = store_of(node).node_id
    node.shutdown()
    count = len(bodies.began)

    node.start()
    wait_until(lambda: len(bodies.began) > count, "it runs again")
    second = store_of(node).node_id
    node.shutdown()

    assert first != second
    assert_each_began_once()
    assert complaints("skipped") == []


def test_a_run_whose_end_is_not_recorded_yet_takes_up_no_instance(start_node, complaints, monkeypatch):
    node = start_node()
    recorder = store_of(node).member.recorder
    monkeypatch.setattr(recorder, "flush", lambda: None)
    get_scheduler().add_job(bodies.count, "interval", id="job", seconds=0.5)

    wait_until(lambda: len(bodies.began) > 3, "it runs again and again")

    assert {run.status for run in JobRun.objects.all()} == {RunStatus.RUNNING}
    monkeypatch.undo()
    finish(node)
    assert_each_began_once()
    assert complaints() == []
