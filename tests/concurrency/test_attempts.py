"""Runs that fail are tried again, exactly as often as their jobs say, however many nodes there are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.hotsql.base import HotSQL
from django_apscheduler_ng.models import JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, deadlocks, finish, store_of, wait_until


def statuses(job_id: str) -> list[tuple[int, str]]:
    return list(JobRun.objects.filter(job_id=job_id).order_by("slot", "attempt").values_list("attempt", "status"))


def settled() -> bool:
    """Tell whether nothing is open, and nothing due any more."""
    return not ScheduledJob.objects.filter(finished_at=None).exists() and not JobRun.objects.open().exists()


def test_each_failed_fire_time_has_exactly_the_attempts_that_its_job_allows(start_node, complaints):
    before = deadlocks()
    nodes = [start_node() for _ in range(4)]
    count, now = 60, datetime.now(UTC)
    policy = {"attempts": 4, "delay": 0.05, "backoff": 1}
    one = {"func": bodies.fail, "trigger": "date", "run_date": now, "retry": policy}
    get_scheduler().add_jobs([{**one, "id": f"failing-{index}"} for index in range(count)])

    wait_until(settled, "all have failed for good", 60)
    finish(*nodes)

    assert_each_began_once()
    failed = [(attempt, RunStatus.FAILED) for attempt in (1, 2, 3, 4)]
    assert {job_id: statuses(job_id) for job_id in {began[0] for began in bodies.began}} == {
        f"failing-{index}": failed for index in range(count)
    }
    assert JobRun.objects.filter(attempt__gt=1, first_attempt=None).count() == 0
    assert deadlocks() == before
    assert complaints("failed in run") == []


def test_attempts_keep_to_max_instances_and_the_schedule_goes_on(start_node, complaints):
    nodes = [start_node() for _ in range(4)]
    get_scheduler().add_job(
        bodies.fail, "interval", [0.03], seconds=0.15, id="crowded", retry={"attempts": 3, "delay": 0.05, "backoff": 1}
    )

    wait_until(lambda: len(bodies.began) >= 40, "many ran", 60)
    get_scheduler().reschedule_job("crowded", trigger="date", run_date=datetime.now(UTC))
    wait_until(settled, "all that was begun was ended", 60)
    finish(*nodes)

    assert_each_began_once()
    assert bodies.most["crowded"] == 1
    begun = Counter(began[1] for began in bodies.began)
    assert set(begun.values()) == {3}
    assert complaints("failed in run", "skipped") == []


def test_an_attempt_of_a_paused_job_waits_until_it_is_resumed(start_node, complaints):
    nodes = [start_node() for _ in range(2)]
    scheduler = get_scheduler()
    scheduler.add_job(
        bodies.fail_until,
        "interval",
        [2],
        id="job",
        hours=1,
        next_run_time=datetime.now(UTC),
        retry={"attempts": 2, "delay": 0.3},
    )
    wait_until(lambda: JobRun.objects.filter(attempt=2).exists(), "it has failed")
    scheduler.pause_job("job")
    due = JobRun.objects.get(attempt=2).due_at

    wait_until(lambda: datetime.now(UTC) > due + timedelta(seconds=0.6), "several passes were made")
    waited = statuses("job")
    scheduler.resume_job("job")
    wait_until(lambda: JobRun.objects.filter(status=RunStatus.SUCCEEDED).exists(), "it went on")
    finish(*nodes)

    assert waited == [(1, RunStatus.FAILED), (2, RunStatus.PENDING)]
    assert statuses("job") == [(1, RunStatus.FAILED), (2, RunStatus.SUCCEEDED)]
    assert complaints("failed in run") == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_end_that_is_written_twice_makes_one_further_attempt(start_node, complaints, monkeypatch, after):
    node = start_node()
    write, fails = HotSQL.finish, [True]

    def finish_or_fail(self, cursor, rows, key):
        written = write(self, cursor, rows, key) if after or not fails else 0
        if fails:
            fails.clear()
            raise OperationalError("on purpose")
        return written

    monkeypatch.setattr(HotSQL, "finish", finish_or_fail)
    get_scheduler().add_job(
        bodies.fail_until, "date", [2], id="job", run_date=datetime.now(UTC), retry={"attempts": 5, "delay": 0}
    )

    wait_until(settled, "it succeeded")
    finish(node)

    assert statuses("job") == [(1, RunStatus.FAILED), (2, RunStatus.SUCCEEDED)]
    assert complaints("failed in run", "are tried again", "cannot be written") == []


def test_a_commit_whose_answer_was_lost_makes_one_further_attempt(start_node, monkeypatch):
    node = start_node()
    recorder, lost = store_of(node).member.recorder, []
    write = recorder._finish

    def write_and_lose(batch, rows):
        write(batch, rows)
        if not lost:
            lost.append(batch)
            raise OperationalError("the answer was lost, on purpose")
        return len(rows)

    monkeypatch.setattr(recorder, "_finish", write_and_lose)
    get_scheduler().add_job(
        bodies.fail_until, "date", [2], id="job", run_date=datetime.now(UTC), retry={"attempts": 5, "delay": 0.2}
    )

    wait_until(settled, "it succeeded")
    finish(node)

    assert lost
    assert statuses("job") == [(1, RunStatus.FAILED), (2, RunStatus.SUCCEEDED)]


def test_a_node_that_was_taken_for_dead_makes_no_attempt(start_node):
    node = start_node()
    get_scheduler().add_job(
        bodies.hold, "date", id="job", run_date=datetime.now(UTC), retry={"attempts": 5, "delay": 0}
    )
    wait_until(lambda: bodies.began, "it runs")
    JobRun.objects.update(status=RunStatus.ABANDONED, finished_at=datetime.now(UTC))

    bodies.broken.set()
    bodies.gate.set()
    wait_until(lambda: not bodies.under_way["job"], "it has failed")
    finish(node)

    assert statuses("job") == [(1, RunStatus.ABANDONED)]
    assert SchedulerNode.objects.count() == 1
