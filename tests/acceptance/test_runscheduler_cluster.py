"""Two nodes on one database, one of them killed: every fire time is accounted for, and none has two side effects."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import (
    OF_THE_DEAD,
    NodeProcess,
    assert_accounted,
    complaints,
    pid_running,
    side_effects,
    statuses,
    wait_until,
)
from tests.project.jobs import append

StartNode = Callable[..., NodeProcess]

#: How long the two nodes work together; 60 for the long version.
SECONDS = float(os.environ.get("ACCEPTANCE_SECONDS", "8"))

SECOND = timedelta(seconds=1)


def next_second(ahead: int = 2) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + ahead * SECOND


def test_two_nodes_run_each_fire_time_once_also_when_one_is_killed(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    nodes = [start_node(), start_node()]
    for node in nodes:
        node.ready()
    first = next_second()
    for job_id, nap in (("quick", 0), ("slow", 0.6)):
        get_scheduler().add_job(
            append, "interval", [str(effects), nap], id=job_id, seconds=1, start_date=first, coalesce=False
        )
    time.sleep((first - datetime.now(UTC)).total_seconds() + SECONDS / 2)

    victim_pid = wait_until(
        lambda: 0.3 < time.time() % 1 < 0.5 and pid_running("slow"), "the slow job runs, and the quick one does not"
    )
    os.kill(victim_pid, signal.SIGKILL)
    victim, survivor = sorted(nodes, key=lambda node: node.pid != victim_pid)
    assert victim.wait() == -signal.SIGKILL
    time.sleep(SECONDS / 2)
    assert survivor.stop() == 0

    slots = assert_accounted("quick", first, SECOND, effects)
    assert len(slots) >= SECONDS
    assert statuses("quick") == {RunStatus.SUCCEEDED: len(slots)}
    assert len(side_effects(effects)["quick"]) == len(slots)
    slow = assert_accounted("slow", first, SECOND, effects)
    assert len(slow) >= SECONDS
    skipped = len(slow) - statuses("slow")[RunStatus.SUCCEEDED] - 1
    assert statuses("slow")[RunStatus.ABANDONED] == 1
    # fire times of the time until it was found; where a run took a second because the machine was busy, each node says so
    assert skipped <= 3 + victim.output.count("skipped 1 fire time(s)")
    assert len(side_effects(effects)["slow"]) == len(slow) - skipped
    assert complaints(survivor, expected=(*OF_THE_DEAD, "skipped")) == []
    assert complaints(victim, expected=("skipped 1 fire time(s)",)) == []
    print(f"{len(slots)} fire times, {statuses('quick')}; slow: {len(slow)}, {statuses('slow')}")


def test_a_run_of_a_killed_node_is_abandoned_and_its_job_goes_on(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    get_scheduler().add_job(append, "interval", [str(effects), 60], id="long", seconds=1, start_date=next_second(0))
    killed = start_node("--threads", "1").ready()
    wait_until(lambda: pid_running("long"), "the job runs")
    other = start_node("--grace", "0").ready()

    killed.stop(signal.SIGKILL)

    # within a lease, a look and a fire time, and what a machine that runs tests takes for them
    wait_until(lambda: statuses("long")[RunStatus.ABANDONED], "the run is abandoned", 6)
    wait_until(lambda: pid_running("long") == other.pid, "the other node runs the job", 4)
    abandoned = JobRun.objects.get(job_id="long", status=RunStatus.ABANDONED)
    assert abandoned.reason == "its node died; whether it did its work is unknown"
    assert abandoned.finished_at is not None
    assert SchedulerNode.objects.get(pid=killed.pid).state == "dead"
    assert other.stop() == 4


def test_a_run_of_a_killed_node_is_run_again_where_the_job_asks(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    get_scheduler().add_job(append, args=[str(effects), 4], id="again", on_abandoned="rerun")
    killed = start_node().ready()
    wait_until(lambda: side_effects(effects), "the body began")

    killed.stop(signal.SIGKILL)
    other = start_node().ready()

    wait_until(lambda: statuses("again")[RunStatus.SUCCEEDED], "the second attempt succeeded")
    assert other.stop() == 0
    rows = JobRun.objects.filter(job_id="again").order_by("attempt")
    assert [(run.attempt, run.status) for run in rows] == [(1, RunStatus.ABANDONED), (2, RunStatus.SUCCEEDED)]
    assert rows[0].slot == rows[1].slot
    assert [attempt for _, attempt in side_effects(effects)["again"]] == [1, 2]
    assert complaints(other, expected=OF_THE_DEAD) == []


def test_a_node_that_was_stopped_for_longer_than_its_lease_starts_nothing_that_others_took_over(
    start_node: StartNode, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    nodes = [start_node().ready(), start_node().ready()]
    first = next_second()
    get_scheduler().add_job(
        append, "interval", [str(effects), 0], id="beat", seconds=0.2, start_date=first, coalesce=False
    )
    wait_until(lambda: side_effects(effects), "it runs")

    stopped, other = nodes
    stopped.send(signal.SIGSTOP)
    other.wait_for("is taken for dead")
    time.sleep(0.5)
    stopped.send(signal.SIGCONT)
    wait_until(lambda: SchedulerNode.objects.alive().count() == 2, "it is back")
    time.sleep(1)
    for node in nodes:
        assert node.stop() == 0

    assert_accounted("beat", first, timedelta(seconds=0.2), effects)
    assert not set(statuses("beat")) - {RunStatus.SUCCEEDED, RunStatus.ABANDONED, RunStatus.SKIPPED}
    assert complaints(*nodes, expected=(*OF_THE_DEAD, "skipped")) == []
