"""The scheduler that the examples of the guide speak of, and the server that one of them needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler
from tests.places import open_place


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    """A running scheduler, as the guide configures it first."""
    scheduler = BackgroundScheduler()
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def log(scheduler: BackgroundScheduler) -> EventLog:
    """What the running scheduler tells."""
    log = EventLog()
    scheduler.add_listener(log)
    return log


@pytest.fixture
def manual() -> Iterator[ManualScheduler]:
    """A running scheduler whose time passes when a test says so."""
    scheduler = ManualScheduler(FakeClock())
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def manual_log(manual: ManualScheduler) -> EventLog:
    """What that scheduler tells."""
    log = EventLog()
    manual.add_listener(log)
    return log


@pytest.fixture
def mongodb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that speaks MongoDB's protocol; a client that names no port goes there."""
    import pymongo

    with open_place("mongodb", tmp_path) as server:
        monkeypatch.setattr(pymongo.MongoClient, "PORT", server.port)
        yield server.port
