"""Where the time of a run goes: what claim, start, record and executor cost each, in one thread, and what their parts cost alone.

    python -m tests.benchmarks.anatomy sqlite|postgres|mariadb

Runs in the environment of the tests. Prints microseconds a run, each the least of some rounds: whatever else the machine does
only adds to it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from .contestants import bodies
from .contestants.this import project
from .databases import fresh

RUNS = 500
ROUNDS = 12


class Host:
    """A scheduler that is driven by hand, with one executor."""

    driven_by_hand = True

    def __init__(self) -> None:
        from django_apscheduler_ng.clock import SYSTEM_CLOCK
        from django_apscheduler_ng.isolation import CLEAN_RUN

        self.clock = SYSTEM_CLOCK
        self.around_run = CLEAN_RUN
        self.log_capture: Any = None

    def report(self, run: Any) -> None:
        """Keep nothing."""

    def wakeup(self) -> None:
        """Be awake already."""

    def executor_aliases(self) -> list[str]:
        """Return the only one."""
        return ["default"]

    def executors(self) -> dict[str, Any]:
        """Return nothing to report."""
        return {}


class Stages:
    """Seconds by stage, one figure a round: (all, in statements)."""

    def __init__(self) -> None:
        self.figures: dict[str, list[tuple[float, float]]] = {}
        self._in_statements = 0.0

    def count(self, execute: Callable[..., Any], *call: Any) -> Any:
        """Be an `execute_wrapper` of Django."""
        begun = time.perf_counter()
        try:
            return execute(*call)
        finally:
            self._in_statements += time.perf_counter() - begun

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block."""
        self._in_statements, begun = 0.0, time.perf_counter()
        yield
        self.figures.setdefault(name, []).append((time.perf_counter() - begun, self._in_statements))

    def rows(self) -> Iterator[tuple[str, float, float]]:
        """Yield stage, microseconds a run, and those of them in statements."""
        for name, figures in self.figures.items():
            whole, statements = min(figures)
            yield name, whole / RUNS * 1e6, statements / RUNS * 1e6


def main() -> None:
    """Measure and print."""
    key = sys.argv[1]
    with fresh(key) as database:
        project.prepare({"database": database})
        stages = Stages()
        _perform(stages)
        for name, whole, statements in stages.rows():
            print(f"{name:44} {whole:7.1f} µs a run, {statements:6.1f} of them in statements")


def _perform(stages: Stages) -> None:
    """Go through the life of runs, stage by stage."""
    from django.db import connection

    from django_apscheduler_ng.jobstores.django import DjangoJobStore
    from django_apscheduler_ng.recorder import Ended
    from django_apscheduler_ng.runs import Outcome, RunStatus

    project.add_one_shots(RUNS * ROUNDS, datetime.now(UTC) - timedelta(seconds=1))
    store = DjangoJobStore()
    store.start(Host(), "default")  # type: ignore[arg-type]
    with connection.execute_wrapper(stages.count):
        for _ in range(ROUNDS):
            with stages.stage("claim"):
                runs = store.claim(store.clock.now(), {"default": RUNS}).runs
            with stages.stage("start"):
                store.start_runs(runs, store.clock.now())
            _execute(stages, runs)
            now = store.clock.now()
            with stages.stage("record"):
                for run in runs:
                    outcome = Outcome(status=RunStatus.SUCCEEDED, started_at=now, finished_at=now, worker="default_1")
                    store.member.recorder.put(Ended(run, outcome, now, now))
                store.member.recorder.flush()
            _floors(stages, connection)
    store.shutdown()


def _execute(stages: Stages, runs: list[Any]) -> None:
    """Perform the bodies in ten threads, and tell of their ends to nobody."""
    from django_apscheduler_ng.executors.pool import ThreadPoolExecutor as Executor

    executor, left, ended = Executor(10), [len(runs)], Event()
    executor.start(Host(), "default")

    def done(*_: Any) -> None:
        left[0] -= 1
        if not left[0]:
            ended.set()

    with stages.stage("executor"):
        for run in runs:
            executor.submit(run, done)
        ended.wait(60)
    executor.shutdown()


def _floors(stages: Stages, connection: Any) -> None:
    """Measure what nobody can do without."""
    with ThreadPoolExecutor(10) as pool, stages.stage("floor: thread pool of the standard library"):
        for future in [pool.submit(bodies.nothing) for _ in range(RUNS)]:
            future.result()
    with connection.cursor() as cursor, stages.stage("floor: driver, SELECT 1 for each run"):
        for _ in range(RUNS):
            cursor.execute("SELECT 1")
            cursor.fetchone()
    from django_apscheduler_ng.models import JobLogEntry

    with stages.stage("floor: a commit for each run (one short row)"):
        for _ in range(50):
            JobLogEntry.objects.create(job_key=0, job_id="floor", at=datetime.now(UTC), action="floor")
    whole, statements = stages.figures["floor: a commit for each run (one short row)"][-1]
    stages.figures["floor: a commit for each run (one short row)"][-1] = (whole * RUNS / 50, statements * RUNS / 50)


if __name__ == "__main__":
    main()
