"""How a node stops: OS signals, the time it grants its runs, exit codes, and that nothing of it stays behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection, transaction

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, SchedulerNode
from django_apscheduler_ng.runs import OPEN_STATUSES, RunStatus
from tests.acceptance.harness import NodeProcess, complaints, side_effects, statuses, wait_until
from tests.project.jobs import append

StartNode = Callable[..., NodeProcess]

#: How many processes are stopped at random instants.
TIMES = int(os.environ.get("ACCEPTANCE_SIGNALS", "10"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_an_idle_node_stops_within_a_second(start_node: StartNode, number: signal.Signals) -> None:
    took = []
    while not took or (min(took) >= 1 and len(took) < 3):  # a machine that runs tests may be slow, but not each time
        node = start_node().ready()
        at = time.monotonic()
        code = node.stop(number)
        took.append(time.monotonic() - at)

        assert code == 0
        assert complaints(node) == []
        assert SchedulerNode.objects.latest("started_at").state == "stopped"
        node.wait_for_end_of_family()
    assert min(took) < 1, took


def test_a_running_job_is_waited_for_within_the_grace_time(start_node: StartNode, tmp_path: Path) -> None:
    node = _node_with_running_job(start_node, tmp_path, 1.5, "--grace", "20")

    at = time.monotonic()
    code = node.stop()

    assert 0.3 < time.monotonic() - at < 4
    assert code == 0
    assert statuses("nap") == {RunStatus.SUCCEEDED: 1}
    assert complaints(node) == []


@pytest.mark.parametrize("executor", ["default", "processpool", "asyncio"])
def test_what_runs_longer_than_the_grace_time_is_interrupted(
    start_node: StartNode, tmp_path: Path, executor: str
) -> None:
    node = _node_with_running_job(start_node, tmp_path, 60, "--grace", "0.5", executor=executor)
    assert len(node.family()) > (executor == "processpool")

    at = time.monotonic()
    code = node.stop()

    assert 0.5 < time.monotonic() - at < 4
    assert code == 4
    assert statuses("nap") == {RunStatus.INTERRUPTED: 1}
    assert SchedulerNode.objects.get().state == "stopped"
    node.wait_for_end_of_family()
    assert complaints(node, expected=("interrupted", "failed in run")) == []


def test_a_second_signal_stops_at_once(start_node: StartNode, tmp_path: Path) -> None:
    node = _node_with_running_job(start_node, tmp_path, 60, "--grace", "60")
    node.send(signal.SIGTERM)
    node.wait_for("waiting up to 60 s for 1 run(s)")

    at = time.monotonic()
    code = node.stop()

    assert time.monotonic() - at < 4
    assert code == 4
    assert statuses("nap") == {RunStatus.INTERRUPTED: 1}
    node.wait_for_end_of_family()


def test_a_second_signal_stops_a_node_that_the_database_keeps_waiting(start_node: StartNode) -> None:
    node = start_node("--grace", "60").ready()
    get_scheduler().add_job("tests.project.jobs:noop", "interval", id="due", seconds=0.2)

    with transaction.atomic():
        _lock_everything()
        time.sleep(1)  # the next pass meets the lock
        node.send(signal.SIGTERM)
        time.sleep(0.5)
        at = time.monotonic()
        code = node.stop()

    assert time.monotonic() - at < 8
    assert code in (0, 4)
    assert "Traceback" not in node.output


def test_worker_processes_end_with_a_node_that_is_killed(start_node: StartNode, tmp_path: Path) -> None:
    node = _node_with_running_job(start_node, tmp_path, 60, executor="processpool")
    assert len(node.family()) > 1

    node.stop(signal.SIGKILL)

    node.wait_for_end_of_family()


def test_signals_at_random_instants_neither_hang_nor_leave_a_traceback(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    get_scheduler().add_job(append, "interval", [str(effects), 0.05], id="often", seconds=0.1, coalesce=False)
    chance = random.Random(TIMES)
    node = start_node().ready()
    longest = (time.monotonic() - node.started) * 1.3
    assert node.stop() == 0

    codes = []
    for index in range(TIMES):
        # half of them while it starts: with a signal that is there, or is not, before the first line of ours
        node = start_node("--grace", "5")
        time.sleep(chance.uniform(0, longest if index % 2 else longest * 2))
        for _ in range(chance.choice((1, 1, 2))):
            node.send(signal.SIGTERM)
            time.sleep(chance.choice((0, 0.02)))
        codes.append(node.wait(15))
        assert complaints(node, expected=("interrupted", "failed in run", "skipped")) == []
        node.wait_for_end_of_family()

    print(sorted(codes))
    assert set(codes) <= {0, 4, -signal.SIGTERM}
    assert 0 in codes
    assert not JobRun.objects.filter(status__in=OPEN_STATUSES).exclude(status=RunStatus.PENDING).exists()
    assert [key for key, count in side_effects(effects).get("often", {}).items() if count > 1] == []


@pytest.mark.skipif(
    shutil.which("unshare") is None or os.geteuid() != 0, reason="a namespace of process ids takes unshare and root"
)
def test_it_stops_as_the_first_process_of_a_container(start_node: StartNode, tmp_path: Path) -> None:
    # the kernel drops signals that the first process has no handler for
    outer = start_node("--grace", "1", prefix=("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"))
    outer.ready()
    assert "(process 1)" in outer.output
    (inner,) = (pid for pid in outer.family() if pid != outer.pid)

    at = time.monotonic()
    os.kill(inner, signal.SIGTERM)

    assert outer.wait(10) == 0
    assert time.monotonic() - at < 4
    assert complaints(outer) == []


def test_a_node_started_by_nohup_outlives_its_terminal(start_node: StartNode) -> None:
    node = start_node(prefix=("nohup",)).ready()

    node.send(signal.SIGHUP)
    time.sleep(0.5)

    assert node.alive
    assert node.stop() == 0


def test_help_says_what_the_exit_codes_mean(child_environment: dict[str, str], manage: list[str]) -> None:
    done = subprocess.run(
        [*manage, "runscheduler", "--help"],
        env={**child_environment, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=True,
    )

    text = " ".join(done.stdout.split())
    assert (
        "Exit codes: 0 = stopped, and every run had ended; 1 = could not start; 3 = migrations are unapplied (with --no-wait); "
        "4 = stopped before every run had ended; these are recorded as interrupted; "
        "5 = code and database differ (with --check)."
    ) in text
    assert all(option in text for option in ("--grace SECONDS", "--threads N", "--processes N", "--paused", "--once"))
    assert done.stderr == ""


def _node_with_running_job(
    start_node: StartNode, tmp_path: Path, seconds: float, *arguments: str, executor: str = "default"
) -> NodeProcess:
    """Return a node that is running the job "nap", whose side effect is there already."""
    effects = tmp_path / "effects"
    body = "tests.project.jobs:append_async" if executor == "asyncio" else append
    get_scheduler().add_job(
        body, "date", [str(effects), seconds], id="nap", executor=executor, run_date=datetime.now(UTC)
    )
    node = start_node(*arguments).ready()
    wait_until(lambda: side_effects(effects), "the body began")
    return node


def _lock_everything() -> None:
    """Lock what a node writes to, until the caller's transaction ends."""
    if connection.vendor == "sqlite":
        SchedulerNode.objects.update(version="locked")  # the database as a whole
        return
    list(SchedulerNode.objects.select_for_update())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {JobRun._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        else:
            list(JobRun.objects.select_for_update())
