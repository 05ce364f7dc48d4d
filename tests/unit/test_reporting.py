from __future__ import annotations

import threading
import time
from itertools import pairwise
from queue import SimpleQueue

from django_apscheduler_ng.reporting import Reporter

PATIENCE = 30


class Sent:
    """Notes when it was called, and in which thread."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[float] = SimpleQueue()
        self.rests: SimpleQueue[str] = SimpleQueue()

    def send(self) -> None:
        self.calls.put(time.monotonic())

    def rest(self) -> None:
        self.rests.put(threading.current_thread().name)


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def make(sent: Sent, **times: float) -> Reporter:
    return Reporter(sent.send, sent.rest, name="reporter under test", **times)


def test_there_is_no_thread_before_there_is_something_to_send():
    reporter = make(Sent())

    assert "reporter under test" not in names()

    reporter.note()

    assert "reporter under test" in names()
    reporter.stop(PATIENCE)
    assert "reporter under test" not in names()


def test_what_comes_close_together_is_sent_together_and_never_too_often():
    sent = Sent()
    reporter = make(sent, delay=0.02, interval=0.1)
    until = time.monotonic() + 0.45
    while time.monotonic() < until:
        reporter.note()
    reporter.stop(PATIENCE)

    calls = [sent.calls.get(timeout=PATIENCE) for _ in range(sent.calls.qsize())]
    *paced, _at_the_end = calls

    assert 1 <= len(paced) <= 6
    assert all(later - earlier > 0.09 for earlier, later in pairwise(paced))


def test_it_rests_when_nothing_new_comes():
    sent = Sent()
    reporter = make(sent, delay=0.0, interval=0.01)

    reporter.note()

    assert sent.rests.get(timeout=PATIENCE) == "reporter under test"
    reporter.stop(PATIENCE)


def test_what_is_left_is_sent_at_the_end_without_waiting():
    sent = Sent()
    reporter = make(sent, delay=1000.0, interval=1000.0)
    reporter.note()

    reporter.stop(PATIENCE)

    assert sent.calls.qsize() == 1


def test_one_that_is_stopped_starts_no_thread():
    sent = Sent()
    reporter = make(sent)
    reporter.stop(PATIENCE)

    reporter.note()

    assert "reporter under test" not in names()
