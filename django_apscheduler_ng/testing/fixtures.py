"""Fixtures for pytest: write `pytest_plugins = ["django_apscheduler_ng.testing.fixtures"]` into the top-level `conftest.py`.

To test jobs of a Django project in its database, override one of them there::

    @pytest.fixture
    def manual_scheduler_options(db):
        return {"jobstores": {"default": {"type": "django"}}}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .clock import FakeClock
from .eventlog import EventLog
from .manual import ManualScheduler


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that stands at 2026-01-05 09:00 UTC, a Monday, until it is told to move."""
    return FakeClock()


@pytest.fixture
def manual_scheduler_options() -> dict[str, Any]:
    """Options of `manual_scheduler`; override it to give it other job stores or defaults."""
    return {}


@pytest.fixture
def manual_scheduler(fake_clock: FakeClock, manual_scheduler_options: dict[str, Any]) -> Iterator[ManualScheduler]:
    """A started scheduler that is driven by hand with `travel()`, on `fake_clock`."""
    scheduler = ManualScheduler(fake_clock, **manual_scheduler_options)
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def event_log(manual_scheduler: ManualScheduler) -> EventLog:
    """A log of what `manual_scheduler` tells its listeners from now on."""
    log = EventLog()
    manual_scheduler.add_listener(log)
    return log
