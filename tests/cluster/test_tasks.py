"""Runs handed to back ends of Django's tasks: the immediate and the dummy one, and one in the database with a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import django
import pytest
from django.db import OperationalError

from django_apscheduler_ng import signals
from django_apscheduler_ng.bootstrap import get_scheduler
from django_apscheduler_ng.cluster import worker
from django_apscheduler_ng.exceptions import CallableReferenceError, ConfigurationError
from django_apscheduler_ng.hotsql import HotSQL
from django_apscheduler_ng.models import JobRun
from tests.acceptance.harness import NodeProcess, Program, side_effects, wait_until
from tests.cluster.conftest import QUICK, SHORT_LEASE
from tests.conftest import CHECKOUT
from tests.project import jobs

if django.VERSION >= (6, 0):
    from django.tasks.signals import task_enqueued
else:
    from django_tasks.signals import task_enqueued

pytestmark = pytest.mark.timeout(180)

APPEND = "tests.project.jobs:append"


def ended() -> JobRun:
    """Return the one run as soon as it has ended."""
    return wait_until(lambda: JobRun.objects.ended().first(), "it has ended", 30)


def test_the_immediate_back_end_performs_runs_in_the_node(start_node, tmp_path):
    node = start_node(type="tasks", backend="immediate")
    node.add_job(APPEND, args=[str(tmp_path / "effects")], executor="cluster", id="here")

    run = ended()

    assert (run.status, run.on_cluster) == ("succeeded", True)
    assert "cluster_publisher" in run.worker
    assert list(side_effects(tmp_path / "effects")["here"].values()) == [1]


@pytest.fixture
def here(start_node, monkeypatch):
    """Perform a function in this process as a worker would, as the job `here`; returns the run."""

    def perform(function: Callable[[], object], **policies: Any) -> JobRun:
        monkeypatch.setattr(jobs, "noop", function)
        perform.node = node = start_node(type="tasks", backend="immediate")
        node.add_job("tests.project.jobs:noop", executor="cluster", id="here", **policies)
        return ended()

    return perform


def publishers() -> list[threading.Thread]:
    """Return the threads in which the immediate back end performs."""
    return [thread for thread in threading.enumerate() if thread.name == "cluster_publisher"]


def test_a_worker_shows_that_it_lives_while_it_performs(here):
    run = here(lambda: wait_until(lambda: JobRun.objects.get().beat >= 4, "four signs of life"))

    assert (run.status, run.beat >= 4) == ("succeeded", True)


def test_what_a_worker_did_after_its_run_was_taken_from_it_counts_for_nothing(here, caplog):
    caplog.set_level("INFO", logger="django_apscheduler_ng")

    def outlive() -> str:
        JobRun.objects.update(status="abandoned")
        wait_until(lambda: "was taken from this worker" in caplog.text, "it knows")
        return "done"

    here(outlive)
    wait_until(lambda: "was taken from this worker" in caplog.text, "it knows")
    for thread in publishers():  # it ends when what it performs has
        here.node.shutdown(wait=False)
        thread.join(10)

    run = JobRun.objects.get()
    assert (run.status, run.result) == ("abandoned", "")
    assert f"Run {run.pk} of job 'here' was taken from this worker." in caplog.messages
    assert "has ended as" not in caplog.text


def test_the_end_of_a_run_is_written_when_the_database_is_back(here, monkeypatch, caplog):
    finish, failures = HotSQL.finish, [OperationalError("away"), OperationalError("still away")]

    def fail(*arguments: Any) -> int:
        if failures:
            raise failures.pop()
        return finish(*arguments)

    monkeypatch.setattr(HotSQL, "finish", fail)

    run = here(lambda: "done")

    assert (run.status, run.result) == ("succeeded", '"done"')
    assert len([line for line in caplog.messages if "cannot be written" in line]) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before-the-start", "with-its-answer"])
def test_a_run_is_started_when_the_database_is_back(here, monkeypatch, caplog, after):
    start, failures = worker.start, [OperationalError("away"), OperationalError("still away")]

    def fail(*arguments: Any) -> Any:
        if after:
            start(*arguments)
        if failures:
            raise failures.pop()
        return start(*arguments)

    monkeypatch.setattr(worker, "start", fail)

    run = here(lambda: "done")

    assert (run.status, run.result, run.attempt) == ("succeeded", '"done"', 1)
    assert len([line for line in caplog.messages if "cannot be started yet" in line]) == 2


def test_a_worker_sends_the_signals_of_its_runs(here):
    heard: list[Any] = []

    def note(*, event: Any, **_arguments: Any) -> None:
        heard.append((event.job_id, event.jobstore, event.retval, event.run_id))

    signals.job_executed.connect(note)
    try:
        run = here(lambda: "done")
        wait_until(lambda: heard, "the signal")
    finally:
        signals.job_executed.disconnect(note)

    assert heard == [("here", "default", "done", str(run.pk))]


def test_a_function_that_is_not_allowed_any_more_fails(here, monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.cluster.performance.check_allowed", _refuse)

    run = here(lambda: "done")

    assert (run.status, run.exception_message) == ("failed", "not allowed")


def _refuse(ref: str) -> None:
    raise CallableReferenceError("not allowed")


def test_the_dummy_back_end_leaves_runs_claimed(start_node):
    enqueued: list[Any] = []

    def note(*, task_result: Any, **_arguments: Any) -> None:
        enqueued.append(task_result)

    task_enqueued.connect(note)
    node = start_node(type="tasks", backend="default", republish_after=0.5)
    node.add_job("tests.project.jobs:noop", executor="cluster", id="nobody")

    wait_until(lambda: len(enqueued) >= 2, "it is enqueued, and again")

    (run,) = JobRun.objects.all()
    assert (run.status, run.node) == ("claimed", "")
    assert [result.kwargs for result in enqueued[:2]] == [{"run": run.pk, "ledger": "default"}] * 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"backend": "nowhere"}, "The connection 'nowhere' doesn't exist."),
        ({"backend": "default", "queue": "nowhere"}, "Queue 'nowhere' is not valid for backend."),
        ({"backend": "default", "priority": "high"}, "invalid literal for int() with base 10: 'high'."),
    ],
    ids=["backend", "queue", "priority"],
)
def test_a_back_end_that_is_not_there_is_refused_at_the_start(start_node, options, why):
    with pytest.raises(ConfigurationError) as caught:
        start_node(type="tasks", **options)

    message = str(caught.value)
    assert message.startswith(f"The back end {options['backend']!r} of executor 'cluster' cannot be used: ")
    assert why in message
    assert message.endswith("Correct the options 'backend', 'queue' and 'priority', or the setting TASKS.")


class DatabaseTasks:
    """A back end in the database of the test, which processes with its app use."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Name a queue of its own: nobody empties the table between tests."""
        self.queue = uuid4().hex
        apps = ["django_tasks_db"] if django.VERSION >= (6, 0) else ["django_tasks", "django_tasks_db"]
        backend = {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}
        self.environment = {
            **environment,
            "TEST_APPS": ",".join(apps),
            "TEST_TASKS": json.dumps({"database": backend}),
        }
        self.executor = {"type": "tasks", "backend": "database", "queue": self.queue}

    def django(self, *arguments: str) -> list[str]:
        """Return a command line."""
        return [sys.executable, "-m", "django", *arguments]


@pytest.fixture
def database_tasks(child_environment: dict[str, str]) -> DatabaseTasks:
    """The back end, with its tables."""
    made = DatabaseTasks(child_environment)
    command = made.django("migrate", "django_tasks_database", "--verbosity", "0")
    subprocess.run(command, env=made.environment, cwd=CHECKOUT, check=True, timeout=60)
    return made


@pytest.fixture
def start(database_tasks, tmp_path, settings) -> Iterator[Callable[..., Program]]:
    """Start a node, or a worker: `start("worker")`."""
    programs: list[Program] = []
    settings.APSCHEDULER = {**QUICK, "executors": {"cluster": database_tasks.executor}}

    def begin(what: str) -> Program:
        if what == "node":
            programs.append(NodeProcess(database_tasks.environment, tmp_path, options=settings.APSCHEDULER).ready())
        else:
            arguments = [
                "db_worker",
                "--queue-name",
                database_tasks.queue,
                "--backend",
                "database",
                "--interval",
                "0.1",
            ]
            command = database_tasks.django(*arguments)
            programs.append(Program(database_tasks.environment, tmp_path, command, settings.APSCHEDULER))
        return programs[-1]

    yield begin
    for program in programs:
        program.destroy()


def test_workers_of_a_back_end_in_the_database_perform_each_run_once(start, tmp_path):
    path = tmp_path / "effects"
    start("node")
    workers = [start("worker") for _ in range(2)]
    for number in range(10):
        get_scheduler().add_job(APPEND, args=[str(path)], executor="cluster", id=f"job-{number}")

    wait_until(lambda: JobRun.objects.filter(status="succeeded").count() == 10, "10 runs", 40)

    found = side_effects(path)
    assert sorted(found) == sorted(f"job-{number}" for number in range(10))
    assert {count for keys in found.values() for count in keys.values()} == {1}
    pids = {int(run.worker.rpartition("(pid ")[2].rstrip(")")) for run in JobRun.objects.all()}
    assert pids <= {worker.pid for worker in workers}


def test_a_worker_of_the_database_that_is_killed_leaves_its_run_abandoned(start, tmp_path, settings):
    settings.APSCHEDULER = {**settings.APSCHEDULER, "lease": SHORT_LEASE}
    path = tmp_path / "effects"
    start("node")
    worker = start("worker")
    get_scheduler().add_job(APPEND, args=[str(path), 60], executor="cluster", id="left")
    wait_until(lambda: side_effects(path), "it is under way", 30)

    killed_at = datetime.now(UTC)
    worker.destroy()
    run = ended()

    assert (run.status, run.reason) == ("abandoned", "its worker died; whether it did its work is unknown")
    assert SHORT_LEASE - 1 < (run.finished_at - killed_at).total_seconds() < SHORT_LEASE + 3
