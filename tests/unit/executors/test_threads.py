from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.pool import ThreadPoolExecutor
from django_apscheduler_ng.runs import RunStatus

from . import bodies
from .support import PATIENCE, make_run


class Gate:
    """A body that is under way until the gate is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.entered.release()
        assert self.opened.wait(PATIENCE)
        return "passed"

    def wait_for_body(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


def test_as_many_bodies_as_there_are_workers_are_under_way_at_once(start, ends):
    executor = start(ThreadPoolExecutor(3))
    barrier = threading.Barrier(3, timeout=PATIENCE)

    for _ in range(3):
        executor.submit(make_run(barrier.wait), ends)

    assert sorted(ends.outcome().result for _ in range(3)) == [0, 1, 2]


def test_free_and_running_count_what_was_submitted_and_has_not_ended(start, ends, gate):
    executor = start(ThreadPoolExecutor(2))

    for _ in range(3):
        executor.submit(make_run(gate), ends)
    during = executor.running(), executor.free()
    gate.opened.set()
    executor.shutdown()

    assert during == (3, 0)
    assert executor.running() == 0


def test_a_worker_is_free_when_the_end_of_its_run_is_told(start):
    executor = start(ThreadPoolExecutor(1))
    seen = []
    told = threading.Event()

    def done(_run, _outcome):
        seen.append((executor.running(), executor.free() > 0))
        told.set()

    executor.submit(make_run(bodies.add, 1), done)

    assert told.wait(PATIENCE)
    assert seen == [(0, True)]


def test_threads_are_named_after_the_executor_and_started_when_needed(start, ends):
    executor = start(ThreadPoolExecutor(10), alias="reports")

    for _ in range(3):
        executor.submit(make_run(bodies.add, 1), ends)
        ends.next()
    executor.submit(make_run(lambda: threading.current_thread().name), ends)
    outcome = ends.outcome()

    assert outcome.result == outcome.worker
    assert outcome.worker in {"reports_1", "reports_2", "reports_3", "reports_4"}


def test_the_prefix_of_thread_names_can_be_chosen(start, ends):
    executor = start(ThreadPoolExecutor(1, {"thread_name_prefix": "mine"}))

    executor.submit(make_run(bodies.add, 1), ends)

    assert ends.outcome().worker == "mine_1"


def test_each_thread_is_initialized_once(start, ends):
    calls = []
    executor = start(ThreadPoolExecutor(1, {"initializer": calls.append, "initargs": ("ready",)}))

    for _ in range(3):
        executor.submit(make_run(bodies.add, 1), ends)
    executor.shutdown()

    assert calls == ["ready"]


def test_an_initializer_that_raises_fails_the_run_and_is_tried_again(start, ends):
    calls = []

    def initialize():
        calls.append(1)
        if len(calls) == 1:
            raise OSError("no licence")

    executor = start(ThreadPoolExecutor(1, {"initializer": initialize}))

    for _ in range(3):
        executor.submit(make_run(bodies.add, 1), ends)
    outcomes = [ends.outcome() for _ in range(3)]

    assert [outcome.status for outcome in outcomes] == [RunStatus.FAILED, RunStatus.SUCCEEDED, RunStatus.SUCCEEDED]
    assert (outcomes[0].exception_type, outcomes[0].exception_message) == ("OSError", "no licence")
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"thread_name_prefx": "x"},
            "Unknown option 'thread_name_prefx' in pool_kwargs of ThreadPoolExecutor. "
            "Did you mean 'thread_name_prefix'?",
            id="misspelt",
        ),
        pytest.param(
            {"colour": "red"},
            "Unknown option 'colour' in pool_kwargs of ThreadPoolExecutor. "
            "Expected one of: initargs, initializer, thread_name_prefix.",
            id="unknown",
        ),
        pytest.param(
            {"initializer": "shop.jobs:prepare"},
            "Option 'initializer' in pool_kwargs of ThreadPoolExecutor must be a function, got 'shop.jobs:prepare'. "
            "Pass the function itself, not its name.",
            id="initializer-by-name",
        ),
    ],
)
def test_options_that_a_pool_cannot_use_are_refused(options, message):
    with pytest.raises(ConfigurationError) as caught:
        ThreadPoolExecutor(1, options)

    assert str(caught.value) == message


def test_a_shutdown_waits_for_what_was_accepted(start, ends):
    executor = start(ThreadPoolExecutor(1))
    for number in range(50):
        executor.submit(make_run(bodies.add, number), ends)

    executor.shutdown()

    assert ends.count() == 50
    assert [ends.outcome().result for _ in range(50)] == list(range(50))


def test_a_shutdown_waits_until_the_end_was_told(start):
    executor = start(ThreadPoolExecutor(1))
    telling, may_return, told = threading.Event(), threading.Event(), []

    def slow(_run, _outcome):
        telling.set()
        may_return.wait(PATIENCE)
        told.append(True)

    executor.submit(make_run(bodies.add, 1), slow)
    assert telling.wait(PATIENCE)
    threading.Timer(0.05, may_return.set).start()
    executor.shutdown()

    assert told == [True]


def test_a_shutdown_that_does_not_wait_lets_accepted_runs_end(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))
    for _ in range(2):
        executor.submit(make_run(gate), ends)
    gate.wait_for_body()

    executor.shutdown(wait=False)
    before = ends.count()
    gate.opened.set()

    assert before == 0
    assert [ends.outcome().result, ends.outcome().result] == ["passed", "passed"]


def test_a_body_may_shut_its_own_executor_down(start, ends):
    executor = start(ThreadPoolExecutor(1))

    executor.submit(make_run(executor.shutdown), ends)

    assert ends.outcome().status == RunStatus.SUCCEEDED
    executor.shutdown()


def test_a_body_of_another_executor_waits_like_everybody(start, ends, gate):
    executor, other = start(ThreadPoolExecutor(1)), start(ThreadPoolExecutor(1))
    executor.submit(make_run(gate), ends)
    gate.wait_for_body()

    other.submit(make_run(executor.shutdown), ends)
    gate.opened.set()

    assert [ends.outcome().result, ends.outcome().result] == ["passed", None]


def test_a_kill_interrupts_what_is_under_way_and_what_waits(start, ends, gate):
    executor = start(ThreadPoolExecutor(1), alias="reports")
    executor.submit(make_run(gate, job_id="begun"), ends)
    executor.submit(make_run(gate, job_id="waiting"), ends)
    gate.wait_for_body()

    executor.kill()

    assert ends.count() == 2
    told = {run.job_id: outcome for run, outcome in (ends.next(), ends.next())}
    assert {job_id: (outcome.status, outcome.exception_message) for job_id, outcome in told.items()} == {
        "begun": (RunStatus.INTERRUPTED, "The run was under way when executor 'reports' was stopped."),
        "waiting": (RunStatus.INTERRUPTED, "The run had not begun when executor 'reports' was stopped."),
    }
    assert told["begun"].started_at <= told["begun"].finished_at
    assert (executor.running(), executor.free()) == (0, 0)


def test_bodies_that_outlive_a_kill_are_not_heard_and_waiting_ones_never_begin(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))
    executor.submit(make_run(gate), ends)
    executor.submit(make_run(gate), ends)
    gate.wait_for_body()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "default_1")

    executor.kill()
    gate.opened.set()
    thread.join(PATIENCE)

    assert not thread.is_alive()
    assert ends.count() == 2
    assert not gate.entered.acquire(blocking=False)


def test_where_no_thread_can_be_started_the_run_fails(start, ends, monkeypatch):
    executor = start(ThreadPoolExecutor(1))

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    executor.submit(make_run(bodies.add, 1), ends)
    outcome = ends.outcome()

    assert (outcome.exception_type, outcome.exception_message) == ("RuntimeError", "can't start new thread")
    assert executor.running() == 0


def test_where_no_further_thread_can_be_started_those_that_are_there_do_the_work(start, ends, gate, monkeypatch):
    executor = start(ThreadPoolExecutor(2))
    executor.submit(make_run(gate), ends)
    gate.wait_for_body()

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    executor.submit(make_run(bodies.add, 1), ends)
    gate.opened.set()

    assert [ends.outcome().result, ends.outcome().result] == ["passed", 1]


SCRIPT = """
import threading
from tests.unit.executors.support import Host, make_run
from django_apscheduler_ng.executors.pool import ThreadPoolExecutor

begun, ending = threading.Event(), threading.Event()

def body():
    begun.set()
    {body}
    print("body ended")

executor = ThreadPoolExecutor(1)
executor.start(Host(), "default")
executor.submit(make_run(body), lambda run, outcome: print(outcome.status))
begun.wait()
threading.Timer(0.05, ending.set).start()
{end}
print("main thread ended")
"""


def run_script(*, body: str, end: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body, end=end)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert found.stderr == ""
    return found.stdout.splitlines()


@pytest.mark.parametrize("end", ["pass", "executor.shutdown(wait=False)"])
def test_the_interpreter_exits_when_accepted_runs_have_ended(end):
    assert run_script(body="ending.wait()", end=end) == ["main thread ended", "body ended", "succeeded"]


def test_after_a_kill_a_body_that_never_ends_does_not_keep_the_interpreter():
    assert run_script(body="threading.Event().wait()", end="executor.kill()") == ["interrupted", "main thread ended"]
