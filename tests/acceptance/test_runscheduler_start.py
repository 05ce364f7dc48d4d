"""How a node starts: waiting for migrations, its options, and what it says."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import STARTED, NodeProcess, complaints, side_effects, statuses, wait_until
from tests.conftest import CHECKOUT
from tests.project.jobs import append, noop

StartNode = Callable[..., NodeProcess]


@pytest.fixture
def empty_database(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variable that makes a child process use a database without any table."""
    if connection.vendor == "sqlite":
        yield {"TEST_DATABASE_NAME": str(tmp_path / "empty.sqlite3")}
        return
    name = f"{connection.settings_dict['NAME']}_empty"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield {"TEST_DATABASE_NAME": name}
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def test_it_waits_for_migrations_and_starts_after_them(
    start_node: StartNode, empty_database: dict[str, str], child_environment: dict[str, str], manage: list[str]
) -> None:
    node = start_node(environment=empty_database)
    node.wait_for(": no job is started. Run `manage.py migrate`. Waiting.")
    time.sleep(1.2)
    assert STARTED not in node.output

    subprocess.run(
        [*manage, "migrate", "--verbosity", "0"], cwd=CHECKOUT, env={**child_environment, **empty_database}, check=True
    )

    node.wait_for(STARTED)
    assert node.stop() == 0
    assert re.search(r"^Migrations are unapplied \(\w+\.0001_\w+\): no job is started\.", node.output, re.MULTILINE)
    assert node.output.count("Migrations are unapplied") == 1
    assert complaints(node) == []
    node.wait_for_end_of_family()


def test_a_node_that_waits_for_migrations_stops_when_asked(
    start_node: StartNode, empty_database: dict[str, str]
) -> None:
    node = start_node(environment=empty_database)
    node.wait_for("Waiting.")

    at = time.monotonic()

    assert node.stop() == 0
    assert time.monotonic() - at < 3
    assert complaints(node) == []


def test_with_no_wait_unapplied_migrations_end_it_with_3(start_node: StartNode, empty_database: dict[str, str]) -> None:
    node = start_node("--no-wait", environment=empty_database)

    assert node.wait() == 3
    assert node.output.endswith(": no job is started. Run `manage.py migrate`.\n")
    assert complaints(node) == []


def test_once_performs_what_is_due_and_ends(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    now = datetime.now(UTC)
    scheduler = get_scheduler()
    for index in range(25):
        scheduler.add_job(append, "date", [str(effects)], id=f"due-{index}", run_date=now - timedelta(seconds=index))
    scheduler.add_job(append, "date", [str(effects)], id="later", run_date=now + timedelta(hours=1))
    backlog = {"seconds": 1, "start_date": now - timedelta(seconds=20), "end_date": now, "coalesce": False}
    scheduler.add_job(
        append, "interval", [str(effects), 0.01], id="backlog", next_run_time=now - timedelta(seconds=20), **backlog
    )

    node = start_node("--once", "--threads", "4")

    assert node.wait() == 0
    effects_by_job = side_effects(effects)
    assert {job_id: sum(counts.values()) for job_id, counts in effects_by_job.items()} == {
        **{f"due-{index}": 1 for index in range(25)},
        "backlog": 21,
    }
    assert JobRun.objects.exclude(status=RunStatus.SUCCEEDED).count() == 0
    assert SchedulerNode.objects.get().state == "stopped"
    assert complaints(node) == []


def test_once_does_not_stay_for_a_job_that_is_always_due(start_node: StartNode) -> None:
    get_scheduler().add_job(noop, "interval", id="often", seconds=0.01)

    node = start_node("--once")

    assert node.wait(10) == 0
    assert statuses("often")[RunStatus.SUCCEEDED] >= 1


def test_paused_claims_nothing(start_node: StartNode) -> None:
    get_scheduler().add_job(noop, id="due")

    node = start_node("--paused").ready()
    wait_until(lambda: SchedulerNode.objects.filter(heartbeat__gte=3).exists(), "some heartbeats")

    assert SchedulerNode.objects.get().state == "paused"
    assert JobRun.objects.count() == 0
    assert node.stop() == 0
    assert complaints(node) == []


def test_the_banner_says_what_it_serves(start_node: StartNode) -> None:
    get_scheduler().add_job(noop, "interval", id="hourly", hours=1)

    node = start_node("--threads", "3", "--processes", "2", options={"environment": "staging"}).ready()
    node.wait_for("executors: ")

    row = SchedulerNode.objects.get()
    assert node.stop() == 0
    assert (
        f"Scheduler node started (process {node.pid}). Stop it with Ctrl-C or SIGTERM.\n"
        f"  job store 'default': database 'default' ({connection.vendor}), 1 job(s), 0 declared in code, "
        f"node {row.pk}, environment 'staging'\n"
        "  executors: default (3), processpool (2), asyncio ("
    ) in node.output
    assert row.environment == "staging"
    assert row.pid == node.pid


def test_the_banner_says_which_queues_it_serves_and_which_of_them_no_job_is_in(start_node: StartNode) -> None:
    get_scheduler().add_job(noop, "interval", id="hourly", hours=1, queue="reports")

    node = start_node("--queues", "report, mail").ready()
    node.wait_for("queue 'mail'")

    row = SchedulerNode.objects.get()
    assert node.stop() == 0
    assert (
        "  queues: report, mail\n"
        "  warning: no job is in queue 'report'; jobs are in 'reports'. Did you mean 'reports'?\n"
        "  warning: no job is in queue 'mail'; jobs are in 'reports'.\n"
    ) in node.output
    assert row.queues == '["report", "mail"]'


def test_an_impossible_queue_is_refused_with_what_is_expected(start_node: StartNode) -> None:
    node = start_node("--queues", "two words")

    assert node.wait() == 2
    assert (
        "argument --queues: Option '--queues': Job option 'queue' must be 1 to 100 letters, digits, '_', '.', ':' or '-', "
        "got 'two words'. Leave it out for 'default'."
    ) in node.output
    assert "Traceback" not in node.output


def test_threads_limit_what_runs_at_once(start_node: StartNode, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    for index in range(5):
        get_scheduler().add_job(append, args=[str(effects), 60], id=f"nap-{index}")

    node = start_node("--threads", "3", "--grace", "0").ready()
    wait_until(lambda: len(side_effects(effects)) == 3, "three run")
    time.sleep(1.2)

    assert len(side_effects(effects)) == 3
    assert JobRun.objects.count() == 3  # the others wait in the database, for any node
    assert node.stop() == 4


def test_settings_that_cannot_be_used_end_it_with_the_reason(start_node: StartNode) -> None:
    node = start_node(options={"lease": "soon"})

    assert node.wait() == 1
    assert "APSCHEDULER: Option 'lease' must be a number of seconds" in node.output
    assert "Traceback" not in node.output
