from __future__ import annotations

import threading

import pytest

from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.executors.deadlines import Deadlines

from .support import PATIENCE


@pytest.fixture
def deadlines():
    deadlines = Deadlines(SYSTEM_CLOCK, "deadlines under test")
    yield deadlines
    deadlines.stop()


class Calls:
    """What was called, in that order."""

    def __init__(self):
        self.names = []
        self._arrived = threading.Condition()

    def __call__(self, name):
        def call():
            with self._arrived:
                self.names.append(name)
                self._arrived.notify_all()

        return call

    def wait_for(self, count):
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.names) >= count, PATIENCE), self.names


def test_calls_are_made_in_the_order_of_their_times_and_not_in_that_in_which_they_came(deadlines):
    calls = Calls()

    deadlines.call_after(1.0, calls("late"))
    deadlines.call_after(0.1, calls("soon"))
    deadlines.call_after(0.0, calls("now"))
    calls.wait_for(3)

    assert calls.names == ["now", "soon", "late"]


def test_a_call_that_was_discarded_is_not_made(deadlines):
    calls = Calls()

    deadlines.discard(deadlines.call_after(0.05, calls("discarded")))
    deadlines.call_after(0.1, calls("kept"))
    calls.wait_for(1)

    assert calls.names == ["kept"]


def test_discarded_calls_take_up_no_memory(deadlines):
    calls = Calls()
    deadlines.call_after(3600, calls("kept"))

    for _ in range(10_000):
        deadlines.discard(deadlines.call_after(3600, calls("discarded")))

    assert len(deadlines) < 200


def test_a_call_that_fails_stops_no_other_one(deadlines, caplog):
    calls = Calls()

    deadlines.call_after(0, lambda: 1 / 0)
    deadlines.call_after(0.05, calls("next"))
    calls.wait_for(1)

    assert [record.getMessage() for record in caplog.records] == [
        "What was due in deadlines under test failed; going on."
    ]


def test_there_is_no_thread_before_the_first_call_and_none_after_the_end():
    deadlines = Deadlines(SYSTEM_CLOCK, "lonely deadlines")
    names = [thread.name for thread in threading.enumerate()]

    deadlines.call_after(3600, print)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "lonely deadlines")
    deadlines.stop()
    thread.join(PATIENCE)

    assert "lonely deadlines" not in names
    assert not thread.is_alive()
