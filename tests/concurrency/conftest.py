"""Several nodes in one process, on the one database of the test."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from django_apscheduler_ng.bootstrap import make_node
from django_apscheduler_ng.conf import get_config
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import OPEN_STATUSES
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from tests.concurrency import bodies

#: Often at work, and few threads, so that nodes have to share.
OPTIONS = {
    "heartbeat_interval": 0.1,
    "lease": 20,
    "poll_interval": 0.2,
    "executors": {"default": {"type": "threadpool", "max_workers": 3}},
    "allowed_callables": ["tests.concurrency.bodies:*"],
}


def store_of(node: BackgroundScheduler) -> DjangoJobStore:
    """Return the node's job store."""
    store = node.jobstores()["default"]
    assert isinstance(store, DjangoJobStore)
    return store


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Return what `condition` returns as soon as that is true."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)
    return found


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Callable[..., list[str]]:
    """Return what was logged as a warning or worse, except lines with one of the given parts."""
    caplog.set_level(logging.INFO, logger="django_apscheduler_ng")

    def loud(*expected: str) -> list[str]:
        lines = [
            f"{record.levelname} {record.getMessage()}" + (f" ({record.exc_info[1]!r})" if record.exc_info else "")
            for record in caplog.records
            if record.levelno >= logging.WARNING
        ]
        return [line for line in lines if not any(part in line for part in expected)]

    return loud


@pytest.fixture
def start_node(transactional_db: None, settings: Any) -> Iterator[Callable[..., BackgroundScheduler]]:
    """Start a node: `start_node(paused=True, lease=5)`; it is shut down after the test."""
    settings.APSCHEDULER = OPTIONS
    bodies.reset()
    nodes: list[BackgroundScheduler] = []

    def start(*, paused: bool = False, **options: Any) -> BackgroundScheduler:
        settings.APSCHEDULER = {**OPTIONS, **options}
        node = make_node(get_config())
        node.start(paused=paused)
        nodes.append(node)
        return node

    yield start
    bodies.gate.set()
    for node in nodes:
        if node.running:
            node.shutdown()
    connections.close_all()


def finish(*nodes: BackgroundScheduler) -> None:
    """Shut the nodes down, waiting for what they are running."""
    for node in nodes:
        node.pause()
    for node in nodes:
        node.shutdown()


def assert_each_began_once() -> None:
    """Check that no body began twice, and that the ledger knows exactly those that began, none of them open any more."""
    assert not JobRun.objects.filter(status__in=OPEN_STATUSES).exists()
    doubled = sorted(key for key in set(bodies.began) if bodies.began.count(key) > 1)
    assert doubled == []
    rows = JobRun.objects.filter(started_at__isnull=False).values_list("job_id", "slot", "attempt", "pk")
    known = [(job_id, slot.isoformat() if slot else f"by hand {pk}", attempt) for job_id, slot, attempt, pk in rows]
    assert sorted(known) == sorted(bodies.began)


def deadlocks() -> int:
    """Return how many deadlocks there were in the test's database; MariaDB does not count them by database, but a log has each."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
