"""How long it takes until the work of a node that died goes on elsewhere, and that a node which is only busy keeps its work."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.conf import Config
from django_apscheduler_ng.models import JobRun, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import (
    OF_THE_DEAD,
    QUICK,
    NodeProcess,
    complaints,
    pid_running,
    side_effects,
    statuses,
    wait_until,
)
from tests.project.jobs import append, noop, spin

StartNode = Callable[..., NodeProcess]

DEFAULTS = {"heartbeat_interval": Config().heartbeat_interval, "lease": Config().lease}

#: How many leases a body blocks; 10 for the long version.
LEASES = float(os.environ.get("ACCEPTANCE_LEASES", "4"))


@pytest.mark.timeout(240)
@pytest.mark.skipif(
    connection.vendor != "sqlite" and not os.environ.get("ACCEPTANCE_DEFAULTS"),
    reason="takes 40 s; on SQLite only, unless ACCEPTANCE_DEFAULTS is set",
)
def test_at_default_settings_the_work_of_a_killed_node_goes_on_within_45_seconds(
    start_node: StartNode, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    scheduler = get_scheduler()
    scheduler.add_job(append, "interval", [str(effects), 300], id="long", seconds=1)
    scheduler.add_job(append, "date", [str(effects), 300], id="again", on_abandoned="rerun")
    scheduler.add_job(noop, "date", id="promised", run_date=datetime.now(UTC) + timedelta(days=1))
    killed = start_node(options=DEFAULTS).ready()
    wait_until(lambda: len(side_effects(effects)) == 2, "both bodies began")
    other = start_node("--grace", "0", options=DEFAULTS).ready()
    wait_until(lambda: SchedulerNode.objects.filter(pid=other.pid, heartbeat__gte=1), "the other one lives", 30)

    killed.stop(signal.SIGKILL)
    at = time.monotonic()
    with transaction.atomic():  # it died between the claim of this run and its start
        run = scheduler.run_job("promised")
        node = SchedulerNode.objects.get(pid=killed.pid).pk
        JobRun.objects.filter(pk=run).update(status=RunStatus.CLAIMED, node=node, claimed_at=datetime.now(UTC))

    wait_until(lambda: statuses("promised")[RunStatus.SUCCEEDED], "the promised run is started elsewhere", 60)
    promised = time.monotonic() - at
    wait_until(lambda: pid_running("long") == other.pid, "the job that was running has its instance back", 60)
    wait_until(lambda: pid_running("again") == other.pid, "the job that asks for it is run again", 60)
    took = time.monotonic() - at
    print(f"after {promised:.1f} s what was claimed is done; after {took:.1f} s what was running goes on")
    assert took < 45
    assert statuses("long")[RunStatus.ABANDONED] == 1
    assert sorted(attempt for _, attempt in side_effects(effects)["again"]) == [1, 2]
    other.stop()
    assert complaints(other, expected=(*OF_THE_DEAD, "interrupted", "failed in run", "skipped")) == []


def test_a_node_that_is_busy_for_several_leases_keeps_its_runs(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    busy = start_node().ready()
    seconds = LEASES * QUICK["lease"]
    for job_id, body in (("sleeps", append), ("spins", spin), ("spins-too", spin)):
        get_scheduler().add_job(body, "date", [str(effects), seconds], id=job_id)
    wait_until(lambda: len(side_effects(effects)) == 3, "all bodies began")
    observer = start_node().ready()

    wait_until(lambda: JobRun.objects.filter(status=RunStatus.SUCCEEDED).count() == 3, "all have ended", seconds + 40)

    assert {run.node for run in JobRun.objects.all()} == {SchedulerNode.objects.get(pid=busy.pid).pk}
    assert [sum(counts.values()) for counts in side_effects(effects).values()] == [1, 1, 1]
    assert [busy.stop(), observer.stop()] == [0, 0]
    assert complaints(busy, observer) == []
