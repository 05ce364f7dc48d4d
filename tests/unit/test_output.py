from __future__ import annotations

import math
import pickle
import threading
from decimal import Decimal

import pytest

from django_apscheduler_ng.exceptions import ProgressError
from django_apscheduler_ng.output import LogTail, Output, Progress, Report
from django_apscheduler_ng.runs import RunContext


def make_context() -> RunContext:
    return RunContext(id="run-1", job_id="report", fire_time=None)


# -- the tail of the log -------------------------------------------------------------------------------------------------


def test_lines_that_fit_are_kept_as_they_are():
    tail = LogTail(100)
    tail.append("one")
    tail.append("two\nthree")

    assert tail.text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        pytest.param(10, "0123456\n" * 10, id="exactly-the-limit"),
        pytest.param(11, "… [8 characters left out] …\n" + "0123456\n" * 10, id="one-line-more"),
        pytest.param(1000, "… [7920 characters left out] …\n" + "0123456\n" * 10, id="many-more"),
    ],
)
def test_of_more_lines_the_latest_are_kept_with_a_mark_of_how_much_is_left_out(count, text):
    tail = LogTail(80)
    for _ in range(count):
        tail.append("0123456")

    assert tail.text() == text


def test_of_a_very_long_line_the_beginning_is_kept_and_the_lines_before_it_too():
    tail = LogTail(200)
    tail.append("first")
    tail.append("x" * 1_000_000)

    assert tail.text() == "first\n" + "x" * 100 + " … [999900 characters left out] …\n"


def test_threads_that_share_a_tail_lose_no_line_of_the_account():
    tail = LogTail(1000)
    start = threading.Barrier(4)

    def log():
        start.wait()
        for _ in range(2000):
            tail.append("0123456")

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tail.text() == "… [63000 characters left out] …\n" + "0123456\n" * 125


# -- who is told ---------------------------------------------------------------------------------------------------------


class Told:
    """A listener that counts."""

    def __init__(self, output: Output) -> None:
        self.count = 0
        output.listener = self

    def __call__(self) -> None:
        self.count += 1


def test_a_run_that_says_nothing_has_nothing_to_report():
    output = Output()
    told = Told(output)

    assert output.close() is None
    assert told.count == 0


def test_the_listener_is_told_once_until_it_takes_the_report():
    context = make_context()
    told = Told(context.output)
    for step in range(1000):
        context.progress(step, 1000)
        context.output.add_line("line", 10)

    assert told.count == 1
    assert context.output.take() == Report(Progress(999, 1000), "… [4990 characters left out] …\nline\nline\n")

    context.progress(1000, 1000, "done")
    context.progress(1000, 1000, "really done")

    assert told.count == 2
    assert context.output.close() == Report(
        Progress(1000, 1000, "really done"), "… [4990 characters left out] …\nline\nline\n"
    )


def test_what_is_said_after_the_end_is_taken_no_more():
    context = make_context()
    told = Told(context.output)
    context.output.close()

    context.progress(1)
    context.output.add_line("too late", 100)

    assert told.count == 0
    assert context.output.take() is None


def test_what_another_process_reports_replaces_what_it_reported_before():
    output = Output()
    told = Told(output)

    output.receive(Report(Progress(1), "a\n"))
    output.receive(Report(Progress(2), "b\nc\n"))

    assert told.count == 1
    assert output.close() == Report(Progress(2), "b\nc\n")


def test_a_context_that_is_pickled_leaves_what_it_said_behind():
    context = make_context()
    context.progress(1)

    copy = pickle.loads(pickle.dumps(context))

    assert copy == context
    assert copy.output.close() is None


# -- progress ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "progress"),
    [
        pytest.param((0,), Progress(0), id="nothing-done"),
        pytest.param((3, 10), Progress(3, 10), id="of-a-total"),
        pytest.param((0, 0), Progress(0, 0), id="nothing-to-do"),
        pytest.param((12, 10), Progress(12, 10), id="more-than-there-is"),
        pytest.param((Decimal("1.5"), 2), Progress(1.5, 2), id="decimal"),
        pytest.param((True, 2), Progress(1, 2), id="true"),
        pytest.param((1, None, "x" * 255), Progress(1, None, "x" * 255), id="text-of-exactly-the-limit"),
        pytest.param((1, None, "x" * 256), Progress(1, None, "x" * 255), id="text-beyond-it"),
        pytest.param((1, None, 7), Progress(1, None, "7"), id="text-that-is-none"),
    ],
)
def test_progress_is_kept(arguments, progress):
    context = make_context()

    context.progress(*arguments)

    assert context.output.close() == Report(progress)


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        pytest.param((-1, 10), "done", "-1", id="negative"),
        pytest.param((math.nan,), "done", "nan", id="nan"),
        pytest.param((math.inf,), "done", "inf", id="infinite"),
        pytest.param((10**400,), "done", repr(10**400), id="too-large"),
        pytest.param(("3",), "done", "'3'", id="text"),
        pytest.param((None,), "done", "None", id="none"),
        pytest.param((3, -1), "total", "-1", id="negative-total"),
        pytest.param((3, math.nan), "total", "nan", id="nan-total"),
    ],
)
def test_progress_that_is_none_is_refused(arguments, name, value):
    context = make_context()
    context.progress(1, 2)

    with pytest.raises(ProgressError) as refused:
        context.progress(*arguments)

    assert str(refused.value) == (
        f"Progress '{name}' must be a finite number, at least 0, got {value}. Count steps, bytes or rows: progress(3, 10)."
    )
    assert context.output.close() == Report(Progress(1, 2))
