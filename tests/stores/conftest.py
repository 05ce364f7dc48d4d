"""Each kind of place once, and a line to it that can be cut."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from tests.places import open_place
from tests.stores import bodies
from tests.stores.line import Line

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
KINDS = ("sqlite", "postgresql", "mongodb", "redis")
ON_A_NETWORK = KINDS[1:]


@pytest.fixture(scope="session")
def places(tmp_path_factory):
    """Open each place when it is first asked for."""
    with ExitStack() as stack:
        yield _Places(stack, tmp_path_factory)


class _Places(dict):
    def __init__(self, stack, factory):
        super().__init__()
        self._stack, self._factory = stack, factory

    def __missing__(self, kind):
        self[kind] = self._stack.enter_context(open_place(kind, self._factory.mktemp(kind)))
        return self[kind]


@pytest.fixture(params=KINDS)
def place(request, places):
    """An empty place; tests with it run once for each kind."""
    bodies.done.clear()
    place = places[request.param]
    place.clean()
    return place


@pytest.fixture
def line(place):
    """A line to the place."""
    if not place.port:
        pytest.skip("a file has no line")
    line = Line(place.port)
    yield line
    line.close()


@pytest.fixture
def begin():
    """Start a scheduler by hand on given job stores: `begin(store, clock=…)`; it is stopped at the end."""
    begun = []

    def start(*stores, clock=None):
        names = ["default", "other"]
        scheduler = ManualScheduler(
            clock or FakeClock(START), jobstores=dict(zip(names, stores, strict=False)), timezone="UTC"
        )
        scheduler.start()
        begun.append(scheduler)
        return scheduler

    yield start
    for scheduler in begun:
        if scheduler.running:
            scheduler.shutdown()


def wait_until(condition, what, timeout=20):
    """Wait until the condition is true; fail with `what` it is otherwise."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.01)
