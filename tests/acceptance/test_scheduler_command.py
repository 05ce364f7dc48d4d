"""`manage.py scheduler` as an operator uses it: each command a process of its own, beside a real `runscheduler`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from django_apscheduler_ng.models import ScheduledJob
from tests.acceptance.harness import NodeProcess, complaints, side_effects
from tests.conftest import CHECKOUT

StartNode = Callable[..., NodeProcess]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def scheduler(child_environment: dict[str, str], manage: list[str]) -> Command:
    """Call `manage.py scheduler` with some arguments; warnings are errors."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [manage[0], "-W", "error", *manage[1:], "scheduler", *arguments],
            cwd=CHECKOUT, env=child_environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip

    return call


def test_a_walk_from_adding_a_job_to_removing_it(start_node: StartNode, scheduler: Command, tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        done = scheduler(*arguments)
        assert (done.stderr, done.returncode) == ("", 0)
        return done.stdout

    path = str(tmp_path / "effects")
    append = "tests.project.jobs:append"
    added = told("add", append, "cron", "year=2099", "--id", "yearly", "--args", json.dumps([path]))
    assert added.startswith("Added yearly: ")

    listed = told("list")
    assert re.search(r"^yearly  scheduled  Thu 2099-01-01 00:00  ", listed, re.MULTILINE)
    assert "No scheduler is running" in listed

    node = start_node().ready()
    assert "1 node." in told("nodes")
    ran = told("run", "yearly", "--wait", "20")
    assert re.search(r"^Run \d+ succeeded after ", ran, re.MULTILINE)
    run = re.findall(r"run (\d+) is asked for", ran)[0]
    assert list(side_effects(Path(path))["yearly"]) == [(f"run-{run}", 1)]
    assert "status:    succeeded\n" in told("logs", run)
    assert f"{run}  yearly  " in told("runs", "--job", "yearly")

    assert told("pause", "yearly", "--reason", "the disk is full") == "yearly: paused.\n"
    why = told("why", "yearly")
    assert re.match(r"Paused by \S+ since .*: the disk is full\n", why)

    assert told("resume", "yearly").startswith("yearly: resumed, runs next Thu 2099-01-01 00:00 (in ")
    assert told("why", "yearly").startswith("Nothing is in its way: it runs next Thu 2099-01-01 00:00 (in ")

    refused = scheduler("remove", "yearly")
    assert (refused.returncode, "Add --yes" in refused.stderr) == (1, True)
    assert told("remove", "yearly", "--yes") == "yearly: removed.\n"
    assert not ScheduledJob.objects.exists()
    assert node.stop() == 0
    assert complaints(node) == []


def test_the_exit_code_tells_how_a_run_ended(start_node: StartNode, scheduler: Command) -> None:
    scheduler("add", "tests.project.jobs:fail", "cron", "year=2099", "--id", "fails")
    scheduler("add", "tests.project.jobs:nap", "cron", "year=2099", "--id", "long", "--args", "[30]")
    start_node("--grace", "0").ready()

    failed = scheduler("run", "fails", "--wait", "20")
    still_open = scheduler("run", "long", "--wait", "0.1")
    unknown = scheduler("run", "fial")

    assert (failed.returncode, still_open.returncode, unknown.returncode) == (4, 5, 1)
    assert "failed after" in failed.stdout
    assert unknown.stderr.rstrip() == (
        "CommandError: Job 'fial' is in no job store ('default'). Did you mean 'fails'? "
        "`manage.py scheduler list` shows what is there."
    )


def test_a_pipe_that_is_closed_early_ends_the_command_quietly(scheduler: Command, child_environment, manage) -> None:
    from django_apscheduler_ng import get_scheduler

    get_scheduler().add_jobs(
        {"func": "tests.project.jobs:noop", "trigger": "cron", "year": 2099, "id": f"job-{number}"}
        for number in range(3_000)
    )

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{manage[0]} -W error -m django scheduler list | head -2"],
        cwd=CHECKOUT, env=child_environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)
