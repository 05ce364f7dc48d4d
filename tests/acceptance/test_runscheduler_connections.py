"""How many sessions a node holds on the database server, and that losing all of them costs nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import OPEN_STATUSES
from tests.acceptance.harness import NodeProcess, complaints, wait_until
from tests.project.models import Mark

pytestmark = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no sessions")

StartNode = Callable[..., NodeProcess]

THREADS, PROCESSES = 4, 2

#: Sessions of a node besides those of its workers, and of one that has nothing to do.
OWN = 5

KEPT: dict[str, dict[str, Any]] = {
    "closed-after-each-run": {"CONN_MAX_AGE": 0},
    "kept": {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True},
    "kept-for-ten-minutes-unchecked": {"CONN_MAX_AGE": 600},
}

_LIST = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = database()",
}
_KILL = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}


class Sessions:
    """The sessions on this test's database that did not exist when it began."""

    def __init__(self) -> None:
        self._before = self._all()

    def _all(self) -> set[int]:
        with connection.cursor() as cursor:
            cursor.execute(_LIST[connection.vendor])
            return {pid for (pid,) in cursor.fetchall()}

    def now(self) -> set[int]:
        return self._all() - self._before

    def most(self, seconds: float) -> int:
        """Return the most sessions seen within a span of time."""
        until, most = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            most = max(most, len(self.now()))
            time.sleep(0.02)
        return most

    def kill(self) -> int:
        killed = self.now()
        with connection.cursor() as cursor:
            for pid in killed:
                cursor.execute(_KILL[connection.vendor], [pid])
        wait_until(lambda: not self.now() & killed, "the sessions are gone")
        return len(killed)


#: Jobs that use the ORM, by executor.
WORK = {
    "default": ("tests.project.jobs:mark", 6),
    "processpool": ("tests.project.jobs:mark", 3),
    "asyncio": ("tests.project.jobs:mark_async", 3),
}


@pytest.mark.parametrize("settings", KEPT.values(), ids=KEPT)
def test_a_node_holds_few_sessions_and_losing_them_costs_nothing(
    start_node: StartNode, settings: dict[str, Any]
) -> None:
    sessions = Sessions()
    environment = {"TEST_DATABASE_SETTINGS": json.dumps(settings)}
    node = start_node("--threads", str(THREADS), "--processes", str(PROCESSES), environment=environment).ready()
    scheduler = get_scheduler()
    names = [f"{executor}-{number}" for executor, (_, count) in WORK.items() for number in range(count)]
    for name in names:
        executor = name.partition("-")[0]
        scheduler.add_job(WORK[executor][0], "interval", seconds=0.5, id=name, executor=executor, coalesce=True)
    wait_until(lambda: Mark.objects.values("job_id").distinct().count() == len(names), "every job has run", 60)

    busy = sessions.most(4)
    for name in names:
        scheduler.pause_job(name)
    wait_until(lambda: not JobRun.objects.filter(status__in=OPEN_STATUSES).exists(), "all have ended", 30)
    wait_until(lambda: len(sessions.now()) <= OWN, f"it rests: {len(sessions.now())} sessions", 20)
    resting = sessions.most(1)
    print(f"{connection.vendor}, {settings}: {busy} sessions while running, {resting} at rest")
    runs = [scheduler.run_job(name) for name in names]  # so that the workers have connections again
    wait_until(lambda: not JobRun.objects.filter(pk__in=runs, status__in=OPEN_STATUSES).exists(), "they have ended", 30)
    killed = sessions.kill()
    again = [scheduler.run_job(name) for name in names]
    wait_until(
        lambda: not JobRun.objects.filter(pk__in=again, status__in=OPEN_STATUSES).exists(), "they have ended", 30
    )

    assert busy <= THREADS + PROCESSES + OWN
    assert resting <= OWN
    assert killed >= 3
    assert set(JobRun.objects.filter(pk__in=[*runs, *again]).values_list("status", flat=True)) == {"succeeded"}
    assert not JobRun.objects.filter(status="failed").exists()
    assert node.stop() == 0
    assert (
        len([line for line in complaints(node, expected=("skipped",)) if " ERROR " in line or " WARNING " in line]) <= 1
    )
    wait_until(lambda: not sessions.now(), "it leaves no session behind")
