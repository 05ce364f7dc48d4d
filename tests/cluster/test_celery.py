"""Runs on real Celery workers: each is performed once, whatever becomes of messages, workers and nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_apscheduler_ng.models import JobRun
from tests.acceptance.harness import side_effects, wait_until

pytestmark = pytest.mark.timeout(180)


def effects(path: Path) -> dict[str, int]:
    """Return how often each run had its side effect."""
    return {fire_time: count for found in side_effects(path).values() for (fire_time, _), count in found.items()}


def test_each_run_is_performed_once_by_a_worker(broker, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(broker)
    start_worker(broker)
    for number in range(20):
        node.add_job("tests.project.jobs:append", args=[str(path)], executor="cluster", id=f"job-{number}")

    wait_until(lambda: JobRun.objects.filter(status="succeeded").count() == 20, "20 runs succeeded", 40)

    assert sorted(side_effects(path)) == sorted(f"job-{number}" for number in range(20))
    assert set(effects(path).values()) == {1}
    run = JobRun.objects.first()
    assert (run.on_cluster, run.beat, run.executor) == (True, 1, "cluster")
    assert broker.queue in run.worker
    assert "ForkPoolWorker" in run.worker
