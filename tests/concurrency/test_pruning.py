"""Nodes that prune while they work."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from django_apscheduler_ng import pruning, retention
from django_apscheduler_ng.models import JobRun, SchedulerNode
from django_apscheduler_ng.runs import OPEN_STATUSES
from tests.concurrency import bodies
from tests.concurrency.conftest import deadlocks, finish, wait_until

OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nodes that begin to prune at once, and go on without a long rest."""
    monkeypatch.setattr(pruning, "FIRST_LOOK", 0.0)
    monkeypatch.setattr(pruning, "REST", 0.1)


def old_runs(number: int) -> None:
    JobRun.objects.bulk_create(
        (JobRun(job_key=1, job_id="old", due_at=OLD, finished_at=OLD, status="succeeded") for _ in range(number)),
        batch_size=1_000,
    )


def test_the_heartbeat_goes_on_while_a_lot_is_pruned(start_node, complaints, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    old_runs(20_000)
    start_node(heartbeat_interval=0.2, lease=2)
    beats: set[int] = set()

    def went_on() -> bool:
        if JobRun.objects.count() < 20_000:
            beats.add(SchedulerNode.objects.get().heartbeat)
        return len(beats) >= 5

    wait_until(went_on, "five heartbeats since the first old run was deleted")

    assert 0 < JobRun.objects.count() < 20_000
    assert complaints("skipped") == []


def test_pruning_is_in_nobodys_way_while_nodes_claim_and_record(start_node, complaints, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    before = deadlocks()
    options = {"retention": {"max_age_days": 1, "max_runs_per_job": 3}, "heartbeat_interval": 0.1, "lease": 5}
    nodes = [start_node(paused=True, **options) for _ in range(3)]
    old_runs(500)
    ids = [f"busy-{number}" for number in range(10)]
    for job_id in ids:
        nodes[0].add_job(bodies.count, "interval", seconds=0.1, id=job_id)
    for node in nodes:
        node.resume()

    def all_ran_often() -> bool:
        began = [job_id for job_id, _, _ in list(bodies.began)]
        return all(began.count(job_id) >= 20 for job_id in ids)

    wait_until(all_ran_often, "each job ran 20 times", 60)
    wait_until(lambda: not JobRun.objects.filter(job_id="old").exists(), "the old runs are deleted")
    wait_until(lambda: _started() < len(bodies.began), "some of the new runs are deleted")
    finish(*nodes)

    doubled = {key for key in bodies.began if bodies.began.count(key) > 1}
    assert doubled == set()
    assert not JobRun.objects.filter(status__in=OPEN_STATUSES).exists()
    assert complaints("skipped") == []
    assert deadlocks() == before


def _started() -> int:
    return JobRun.objects.filter(started_at__isnull=False).count()
