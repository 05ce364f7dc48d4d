"""What runs say is in their rows while they run, in whatever executor."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import idempotency_key
from tests.acceptance.harness import NodeProcess, complaints, wait_until

StartNode = Callable[..., NodeProcess]

FIRE_TIME = datetime(2026, 1, 5, 9, tzinfo=UTC)


def lines(run: JobRun) -> list[str]:
    """Return the log without its moments."""
    return [re.sub(r"^\S+ \S+ ", "", line) for line in run.log.splitlines()]


def running(job_id: str) -> JobRun:
    """Wait until the run of this job says in its row how far it has come."""
    runs = JobRun.objects.filter(job_id=job_id, status="running", progress_done__gt=0).exclude(log="")
    run: JobRun = wait_until(runs.first, f"{job_id} says something")
    return run


def ended(job_id: str, status: str) -> JobRun:
    run: JobRun = wait_until(JobRun.objects.filter(job_id=job_id, status=status).first, f"{job_id} is {status}", 20)
    return run


@pytest.mark.parametrize(
    ("executor", "func"),
    [
        pytest.param("default", "tests.project.jobs:work_aloud", id="thread"),
        pytest.param("processpool", "tests.project.jobs:work_aloud", id="process"),
        pytest.param("asyncio", "tests.project.jobs:work_aloud_async", id="asyncio"),
    ],
)
def test_progress_and_log_are_seen_while_a_job_runs_and_kept_when_it_has_ended(
    start_node: StartNode, tmp_path: Path, executor: str, func: str
) -> None:
    node = start_node().ready()
    stop = tmp_path / "stop"
    get_scheduler().add_job(func, "date", run_date=FIRE_TIME, id="aloud", args=[str(stop)], executor=executor)

    first = running("aloud")
    later = wait_until(
        JobRun.objects.filter(pk=first.pk, progress_done__gt=first.progress_done).first, "it says more", 5
    )
    stop.touch()
    last = ended("aloud", "succeeded")

    assert later.status == "running"
    assert (first.progress_total, first.progress_text) == (1000, f"step {first.progress_done:.0f}")
    assert lines(later) == ["WARNING tests.project.jobs: began attempt 1"]
    assert last.progress_done >= later.progress_done
    assert lines(last) == [
        "WARNING tests.project.jobs: began attempt 1",
        "WARNING tests.project.jobs: ended",
    ]
    assert json.loads(last.result) == idempotency_key("default", "aloud", FIRE_TIME, "")
    assert node.stop() == 0
    assert [line for line in complaints(node) if "tests.project.jobs" not in line and "attempt" not in line] == []


def test_what_a_run_said_last_outlives_its_killed_worker_and_its_killed_node(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node("--processes", "1").ready()
    scheduler, stop = get_scheduler(), str(tmp_path / "never")
    scheduler.add_job("tests.project.jobs:work_aloud", id="in-process", args=[stop], executor="processpool")
    scheduler.add_job("tests.project.jobs:work_aloud", id="in-thread", args=[stop])

    said = [running("in-process"), running("in-thread")]
    os.kill(_worker_of(node), signal.SIGKILL)
    failed = ended("in-process", "failed")
    node.send(signal.SIGKILL)
    start_node().ready()
    abandoned = ended("in-thread", "abandoned")

    for before, after in zip(said, (failed, abandoned), strict=True):
        assert after.progress_done >= before.progress_done
        assert lines(after) == ["WARNING tests.project.jobs: began attempt 1"]


def _worker_of(node: NodeProcess) -> int:
    """Return the id of the node's only worker process, whose command says so."""
    (pid,) = (pid for pid in node.family() - {node.pid} if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())
    return pid
