"""Runs of a real node are ended from another process, or by their timeouts; the others go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import NodeProcess, wait_until
from tests.project import jobs

StartNode = Callable[..., NodeProcess]

#: Within how many seconds a cancellation reaches a run.
SOON = 2.0

#: What is added to that, because a machine that runs tests has much to do.
PATIENCE = 1.0

#: Longer than any test.
FOR_EVER = 3600

#: Signs of life as in production: what is seen sooner is not seen with a heartbeat by chance.
AT_DEFAULTS = {"heartbeat_interval": 5, "lease": 25}

pytestmark = pytest.mark.django_db(transaction=True)

EVERYWHERE = pytest.mark.parametrize(
    ("executor", "func", "arguments"),
    [
        pytest.param("default", jobs.append_until_cancelled, [], id="thread"),
        pytest.param("processpool", jobs.append, [FOR_EVER], id="process"),
        pytest.param("asyncio", jobs.append_async, [FOR_EVER], id="task"),
    ],
)


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


def lines(effects: Path) -> list[str]:
    return effects.read_text().splitlines() if effects.exists() else []


def begin(effects: Path, func: Callable[..., object], *arguments: object, **options: object) -> JobRun:
    """Add a job, and return its run once its body is under way."""
    before = len(lines(effects))
    scheduler = get_scheduler()
    options = {"id": f"job-{before}", **options}
    scheduler.add_job(func, "interval", [str(effects), *arguments], hours=1, **options)
    run_id = scheduler.run_job(str(options["id"]))
    wait_until(lambda: len(lines(effects)) > before, "the body is under way", 30)
    return JobRun.objects.get(pk=run_id)


def ended(run: JobRun, seconds: float) -> float:
    """Wait until the run has ended, and return how long that took."""
    began = time.monotonic()

    def is_over() -> bool:
        run.refresh_from_db()
        return run.finished_at is not None

    wait_until(is_over, f"run {run.pk} ends", seconds)
    return time.monotonic() - began


@EVERYWHERE
def test_a_cancellation_reaches_a_run_within_two_seconds(start_node, effects, executor, func, arguments):
    node = start_node(options=AT_DEFAULTS).ready()
    run = begin(effects, func, *arguments, executor=executor)

    answer = get_scheduler().cancel_run(run.pk, reason="hangs")
    took = ended(run, SOON + PATIENCE)
    print(f"{connection.vendor} {executor}: cancelled after {took:.2f} s")

    assert answer is RunStatus.RUNNING
    assert (run.status, run.exception_message) == ("cancelled", "The run was cancelled: hangs.")
    assert "in append" in run.traceback or executor == "default"
    assert f"Run {run.pk} is cancelled, as was asked for." in node.output
    assert begin(effects, jobs.append, executor=executor, id="next")
    assert node.stop() == 0


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL notifies")
def test_a_notification_reaches_a_run_at_once(start_node, effects):
    start_node().ready()
    run = begin(effects, jobs.append_until_cancelled)

    get_scheduler().cancel_run(run.pk)

    assert ended(run, SOON) < 0.5


@EVERYWHERE
def test_a_run_is_ended_when_its_time_is_up(start_node, effects, executor, func, arguments):
    start_node().ready()

    run = begin(effects, func, *arguments, executor=executor, timeout=0.5)
    ended(run, 10)

    assert (run.status, run.exception_type, run.timeout) == ("timed_out", "TimeoutError", 0.5)
    assert run.exception_message.startswith("The run took longer than its timeout of 0.5 s.")
    assert "Where it was (most recent call last):" in run.traceback
    assert JobRun.objects.filter(job_id=run.job_id).count() == 1


def test_a_thread_that_cannot_be_stopped_is_left_and_keeps_neither_the_others_nor_the_node(start_node, effects):
    node = start_node("--threads", "2").ready()
    run = begin(effects, jobs.append, FOR_EVER)

    get_scheduler().cancel_run(run.pk)
    ended(run, SOON + 5 + PATIENCE)
    following = begin(effects, jobs.append)
    ended(following, 5)

    assert run.status == "cancelled"
    assert run.exception_message == "The run was cancelled. Its body goes on in thread default_1."
    assert run.worker == "default_1"
    assert "in append" in run.traceback
    assert following.status == "succeeded"
    began = time.monotonic()
    assert node.stop() == 0
    assert time.monotonic() - began < 5


def test_a_run_that_waits_in_its_executor_is_cancelled_without_being_started(start_node, effects):
    start_node("--threads", "1").ready()
    scheduler = get_scheduler()
    scheduler.add_job(jobs.append, "interval", [str(effects)], hours=1, id="quick")
    for _ in range(5):  # an executor that has seen quick runs takes on more than one
        ended(JobRun.objects.get(pk=scheduler.run_job("quick")), 10)
    first = begin(effects, jobs.append_until_cancelled)

    second = JobRun.objects.get(pk=scheduler.run_job("quick"))
    status = scheduler.cancel_run(second.pk)
    ended(second, SOON + PATIENCE)
    scheduler.cancel_run(first.pk)
    ended(first, SOON + PATIENCE)

    assert status in (RunStatus.CANCELLED, RunStatus.RUNNING)
    assert second.status == "cancelled"
    assert sum(line.startswith("quick") for line in lines(effects)) == 5


def test_a_worker_process_that_is_killed_fails_its_run_alone_and_is_replaced(start_node, effects):
    start_node().ready()
    run = begin(effects, jobs.append, FOR_EVER, executor="processpool")
    neighbour = begin(effects, jobs.append, FOR_EVER, executor="processpool")
    pid, other_pid = (int(line.split()[3]) for line in lines(effects))

    os.kill(pid, signal.SIGKILL)
    ended(run, 10)
    following = begin(effects, jobs.append, executor="processpool")
    ended(following, 10)
    neighbour.refresh_from_db()

    assert (run.status, run.exception_type) == ("failed", "django_apscheduler_ng.exceptions.WorkerError")
    assert "was killed by SIGKILL while it performed this run" in run.exception_message
    assert JobRun.objects.filter(job_id=run.job_id).count() == 1
    assert following.status == "succeeded"
    assert neighbour.status == "running"
    os.kill(other_pid, 0)


def test_a_worker_process_is_recycled_after_its_number_of_runs(start_node, effects):
    pool = {"type": "processpool", "max_workers": 1, "pool_kwargs": {"max_tasks_per_child": 2}}
    start_node(options={"executors": {"default": {"type": "threadpool"}, "processpool": pool}}).ready()

    for number in range(4):
        ended(begin(effects, jobs.append, executor="processpool", id=f"number-{number}"), 10)

    first, second, third, fourth = (line.split()[3] for line in lines(effects))
    assert first == second != third == fourth
