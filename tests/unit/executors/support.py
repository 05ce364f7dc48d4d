"""A host for executors, and a collector of outcomes."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django_apscheduler_ng.capture import LogCapture
from django_apscheduler_ng.clock import SYSTEM_CLOCK, Clock
from django_apscheduler_ng.exceptions import CallableReferenceError
from django_apscheduler_ng.output import Report
from django_apscheduler_ng.refs import callable_ref
from django_apscheduler_ng.runs import Outcome, Run

_numbers = itertools.count(1)

#: Seconds after which a test that waits for something gives up.
PATIENCE = 30


class Host:
    """What an executor needs of a scheduler."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, around_run: str | None = None) -> None:
        self.clock = clock
        self.around_run = around_run
        self.log_capture: LogCapture | None = None
        #: What running runs have reported, in that order.
        self.reports: queue.SimpleQueue[tuple[Run, Report]] = queue.SimpleQueue()

    def report(self, run: Run) -> None:
        report = run.context.output.take()
        if report is not None:
            self.reports.put((run, report))


class Ends:
    """Collects how runs ended, in that order."""

    def __init__(self) -> None:
        self._ends: queue.SimpleQueue[tuple[Run, Outcome]] = queue.SimpleQueue()

    def __call__(self, run: Run, outcome: Outcome) -> None:
        self._ends.put((run, outcome))

    def next(self) -> tuple[Run, Outcome]:
        return self._ends.get(timeout=PATIENCE)

    def outcome(self) -> Outcome:
        return self.next()[1]

    def count(self) -> int:
        """How many ends nobody has looked at."""
        return self._ends.qsize()


def make_run(
    func: Callable[..., Any], *args: Any, job_id: str = "job", timeout: float | None = None, **kwargs: Any
) -> Run:
    try:
        func_ref = callable_ref(func)
    except CallableReferenceError:
        func_ref = None
    now = datetime(2030, 1, 1, tzinfo=UTC)
    return Run(
        id=f"run-{next(_numbers)}",
        job_id=job_id,
        name=job_id,
        jobstore="default",
        executor="default",
        func=func,
        func_ref=func_ref,
        args=args,
        kwargs=kwargs,
        fire_time=now,
        due_at=now,
        timeout=timeout,
    )
