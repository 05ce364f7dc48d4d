"""The jobs that run while everything fails, and a requester that asks for runs by hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from tests.project.jobs import append, append_and_fail

#: Id of the job that only runs when it is asked for.
BY_HAND = "by-hand"


@dataclass(frozen=True, kw_only=True)
class Load:
    """One job with a schedule."""

    id: str
    #: Seconds between its fire times.
    step: float
    #: How long its body takes.
    seconds: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = "interval"
    #: So many attempts of each run fail.
    fails: int = 0

    @property
    def reruns(self) -> bool:
        """Whether its runs may have several attempts."""
        return self.options.get("on_abandoned") == "rerun"

    def add(self, effects: Path, first: datetime) -> None:
        """Add the job, with `first` as its first fire time."""
        when: dict[str, Any] = {"seconds": self.step} if self.trigger == "interval" else {"second": f"*/{self.step:g}"}
        arguments = [str(effects), self.seconds, *([self.fails] if self.fails else [])]
        get_scheduler().add_job(
            append_and_fail if self.fails else append,
            self.trigger,
            arguments,
            id=self.id,
            start_date=first,
            **when,
            **self.options,
        )


EACH = {"coalesce": False}

#: What a cluster runs by default.
LOADS = (
    Load(id="quick-1", step=1, options=EACH),
    Load(id="quick-2", step=1, options=EACH),
    Load(id="often", step=0.4, options={**EACH, "max_instances": 4}),
    Load(id="slow", step=1, seconds=0.7),
    Load(id="again", step=1.5, seconds=0.3, options={**EACH, "on_abandoned": "rerun"}),
    Load(
        id="failing",
        step=2,
        fails=2,
        options={**EACH, "max_instances": 3, "retry": {"attempts": 4, "delay": 0.3}, "on_abandoned": "rerun"},
    ),
    Load(id="queued", step=1, seconds=1.2, options={"overlap": "queue"}),
    Load(id="cron", step=2, trigger="cron"),
    Load(id="pool", step=2, options={**EACH, "executor": "processpool"}),
)


class Workload:
    """The jobs of one cluster."""

    def __init__(self, effects: Path, loads: tuple[Load, ...] = LOADS) -> None:
        """Let the bodies leave their side effects in the file `effects`."""
        self.effects = effects
        self.loads = loads
        self.first = datetime.now(UTC)
        #: What was due then has to be in the account.
        self.until = self.first
        self.requester = Requester()

    def begin(self) -> None:
        """Add the jobs; all of them fire for the first time at the same even second."""
        now = datetime.now(UTC).replace(microsecond=0)
        self.first = now + timedelta(seconds=now.second % 2 + 2 * (1 + len(self.loads) // 8))
        with transaction.atomic():
            for load in self.loads:
                load.add(self.effects, self.first)
        assert datetime.now(UTC) < self.first, (
            "this machine is too busy: the jobs were added after their first fire time"
        )
        get_scheduler().add_job(append, "date", [str(self.effects)], id=BY_HAND, run_date=now + timedelta(days=365))
        self.requester.start()

    def end(self, seconds: float = 180.0) -> list[str]:
        """Let the nodes catch up, end the schedules, wait until nothing is open any more; returns what is wrong.

        They are not paused: what waits of a paused job would go on waiting.
        """
        self.requester.stop()
        connection.close()  # no fault spared it
        self.until = datetime.now(UTC)
        wrong = _within(seconds, lambda: [f"not caught up: {job_id}" for job_id in self._behind()])
        for load in self.loads:
            get_scheduler().reschedule_job(load.id, trigger="date", run_date=self.until + timedelta(days=365))
        return wrong + _within(seconds, _open)

    def _behind(self) -> list[str]:
        steps = {load.id: timedelta(seconds=load.step) for load in self.loads}
        jobs = ScheduledJob.objects.filter(job_id__in=steps)
        return [row.job_id for row in jobs if (row.claimed_through or self.first) + steps[row.job_id] <= self.until]


def _open() -> list[str]:
    runs = JobRun.objects.open().values_list("job_id", "slot", "status", "node")
    return [f"still {status} on {node or 'no node'}: {job_id} {slot}" for job_id, slot, status, node in runs]


def _within(seconds: float, problems: Any) -> list[str]:
    """Return the problems that are still there after so many seconds at most."""
    until = time.monotonic() + seconds
    while (found := list(problems())) and time.monotonic() < until:
        time.sleep(0.1)
    return found


class Requester:
    """Asks for runs by hand from a thread, as a web process would, whatever the database does meanwhile."""

    def __init__(self) -> None:
        """Prepare."""
        self.granted = self.refused = 0
        self._stopping = Event()
        self._thread = Thread(target=self._loop, name="chaos requester", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; does nothing where it never began."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def _loop(self) -> None:
        while not self._stopping.wait(0.4):
            try:
                get_scheduler().run_job(BY_HAND)
                self.granted += 1
            except (DatabaseError, InterfaceError):
                self.refused += 1
                connection.close()
        connection.close()
