"""Scheduler nodes in processes of their own, and the account of what they did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django_apscheduler_ng.models import JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import OPEN_STATUSES, RunStatus
from tests.conftest import CHECKOUT

#: Variable that marks all processes below one node, so that those it leaves behind can be found.
_MARK = "TEST_NODE_MARK"

#: What a node prints once it looks for work.
STARTED = "Scheduler node started"

#: Sooner signs of life than by default, so that tests need not wait for half a minute.
QUICK = {"heartbeat_interval": 0.25, "lease": 1.5}


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """Return what `condition` returns as soon as that is true."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


class Program:
    """A program that is a node, or has some."""

    def __init__(
        self,
        environment: Mapping[str, str],
        directory: Path,
        command: Sequence[str],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Start the program.

        Args:
            environment: with the database in it.
            directory: where the output goes.
            command: with its arguments.
            options: the setting `APSCHEDULER`.
        """
        self._mark = uuid4().hex
        self._path = directory / f"node-{self._mark[:8]}.log"
        self.started = time.monotonic()
        with self._path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env={**environment, _MARK: self._mark, "TEST_APSCHEDULER": json.dumps({**QUICK, **(options or {})})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        """What it printed so far, on either stream."""
        return self._path.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        """Whether the process itself is there."""
        return self._process.poll() is None

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        """Wait until it has printed `text`."""
        until = time.monotonic() + seconds
        while text not in self.output:
            assert self.alive, f"ended with {self._process.returncode} before {text!r}:\n{self.output}"
            assert time.monotonic() < until, f"{text!r} is not there after {seconds:g} s:\n{self.output}"
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Send an OS signal to the process, not to its children."""
        if self.alive:
            self._process.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """Return the exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            stacks = _stacks(self.pid)
            raise AssertionError(f"still there after {seconds:g} s:\n{self.output}\n{stacks}") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 40.0) -> int:
        """Ask it to stop, and return the exit code."""
        self.send(number)
        return self.wait(seconds)

    def family(self) -> set[int]:
        """Return the ids of the process and of all that came of it, also where their parents are gone."""
        return set(_marked(self._mark))

    def wait_for_end_of_family(self, seconds: float = 5.0) -> None:
        """Wait until no process is left that came of this one."""
        until = time.monotonic() + seconds
        while left := self.family():
            assert time.monotonic() < until, f"left behind: {[_command(pid) for pid in left]}"
            time.sleep(0.02)

    def destroy(self) -> None:
        """Make sure that nothing is left."""
        for pid in [*self.family(), *([self.pid] if self.alive else [])]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)


class NodeProcess(Program):
    """One `manage.py runscheduler`."""

    def __init__(
        self,
        environment: Mapping[str, str],
        directory: Path,
        *arguments: str,
        options: Mapping[str, Any] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> None:
        """Start the node.

        Args:
            environment: with the database in it.
            directory: where the output goes.
            *arguments: of the command.
            options: the setting `APSCHEDULER`.
            prefix: a program to start it with.
        """
        command = [*prefix, sys.executable, "-W", "error", "-m", "django", "runscheduler", *arguments]
        super().__init__(environment, directory, command, options)

    def ready(self) -> NodeProcess:
        """Wait until it looks for work."""
        self.wait_for(STARTED)
        return self


def _marked(mark: str) -> Iterator[int]:
    """Yield the ids of the processes whose environment carries the mark; dead ones have none any more."""
    wanted = f"{_MARK}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)
            except OSError:
                continue


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return f"(process {pid}, gone by now)"


def _stacks(pid: int) -> str:
    """Return what the process was doing, where a program that can tell is installed."""
    try:
        done = subprocess.run(["py-spy", "dump", "--pid", str(pid)], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


#: Lines that a node may log when another one dies.
OF_THE_DEAD = ("Runs of nodes that died", "is taken for dead")


def complaints(*nodes: NodeProcess, expected: tuple[str, ...] = ()) -> list[str]:
    """Return the lines of warnings, errors and tracebacks that are not among the expected ones (by a part of each)."""
    words = ("WARNING", "ERROR", "CRITICAL", "Traceback", "Warning:", "Exception")
    lines = [line for node in nodes for line in node.output.splitlines()]
    loud = [line for line in lines if any(word in line for word in words)]
    return [line for line in loud if not any(part in line for part in expected)]


# -- the account --------------------------------------------------------------------------------------------------------


def side_effects(path: Path) -> dict[str, Counter[tuple[str, int]]]:
    """Return what `tests.project.jobs.append` left: by job, how often each (fire time, attempt) was there."""
    effects: dict[str, Counter[tuple[str, int]]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        job_id, fire_time, attempt, _ = line.split()
        effects.setdefault(job_id, Counter())[fire_time, int(attempt)] += 1
    return effects


def slots_of(job_id: str, step: timedelta) -> list[datetime]:
    """Return every fire time that the ledger accounts for, those inside summaries too, in order."""
    found: list[datetime] = []
    for run in JobRun.objects.filter(job_id=job_id, attempt=1):
        if run.slot is not None:
            found.append(run.slot)
        elif run.covers_from is not None:
            found += [run.covers_from + index * step for index in range(run.count)]
            assert found[-1] == run.covers_until
    return sorted(found)


def assert_accounted(job_id: str, first: datetime, step: timedelta, effects: Path) -> list[datetime]:
    """Check that each fire time from `first` on is in the ledger once and had its side effect once; returns them.

    Runs that were abandoned or interrupted may or may not have got to their side effect.
    """
    slots = slots_of(job_id, step)
    assert slots == [first + index * step for index in range(len(slots))]
    through = ScheduledJob.objects.get(job_id=job_id).claimed_through
    assert slots[-1] == through, f"claimed through {through}, but the last row is {slots[-1]}"
    assert open_runs(job_id) == []
    happened = side_effects(effects).get(job_id, Counter())
    assert [key for key, count in happened.items() if count > 1] == []
    runs = JobRun.objects.filter(job_id=job_id, slot__isnull=False)
    done = {_effect(run) for run in runs.filter(status=RunStatus.SUCCEEDED)}
    unsure = {_effect(run) for run in runs.filter(status__in=(RunStatus.ABANDONED, RunStatus.INTERRUPTED))}
    assert done <= set(happened) <= done | unsure
    return slots


def _effect(run: JobRun) -> tuple[str, int]:
    assert run.slot is not None
    return run.slot.isoformat(), run.attempt


def open_runs(job_id: str) -> list[tuple[int, str]]:
    """Return the runs that have not ended."""
    return list(JobRun.objects.filter(job_id=job_id, status__in=OPEN_STATUSES).values_list("pk", "status"))


def statuses(job_id: str) -> Counter[str]:
    """Return how many rows of the job there are of each status."""
    return Counter(str(status) for status in JobRun.objects.filter(job_id=job_id).values_list("status", flat=True))


def pid_running(job_id: str) -> int | None:
    """Return the process id of the node that is running the job now."""
    run = JobRun.objects.filter(job_id=job_id, status=RunStatus.RUNNING).first()
    node = SchedulerNode.objects.filter(pk=run.node).first() if run else None
    return node.pid if node else None
