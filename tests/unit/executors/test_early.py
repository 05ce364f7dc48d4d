"""Runs that end early: their time is up, or somebody cancels them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from django_apscheduler_ng.executors.asyncio import AsyncIOExecutor
from django_apscheduler_ng.executors.futures import FuturesExecutor
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.executors.process import WorkerProcess
from django_apscheduler_ng.runs import RunCancelled, RunStatus, current_run

from . import bodies, guests
from .support import PATIENCE, Host, make_run

#: Long enough for a body to be under way when its time is up.
SOON = 0.2


class Gate:
    """A body that does not end before the gate is opened."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self):
        self.entered.release()
        assert self.opened.wait(PATIENCE)
        return "passed"

    def wait_for_body(self):
        assert self.entered.acquire(timeout=PATIENCE)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


def impatient(executor):
    executor.cancel_patience = SOON
    return executor


def wait_until(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def wait_for_file(path):
    wait_until(Path(path).exists)


def cancel(executor, run, **words):
    return executor.cancel(run.jobstore, run.id, **words)


THREADS = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: ThreadPoolExecutor(2), id="threads"),
        pytest.param(lambda: AsyncIOExecutor(2), id="threads-beside-a-loop"),
        pytest.param(lambda: FuturesExecutor("concurrent.futures:ThreadPoolExecutor", 2), id="futures"),
        pytest.param(lambda: guests.in_reactor(2), id="reactor"),
    ],
)


# -- threads: a flag, and a run without its body ------------------------------------------------------------------------


@THREADS
def test_a_run_in_a_thread_ends_when_its_time_is_up_and_its_body_goes_on(start, ends, gate, make):
    executor = start(make())

    executor.submit(make_run(gate, timeout=SOON), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.exception_type == "TimeoutError"
    assert isinstance(outcome.exception, TimeoutError)
    assert outcome.exception_message.startswith("The run took longer than its timeout of 0.2 s. Its body goes on ")
    assert not gate.opened.is_set()


def test_the_outcome_shows_where_the_thread_is(start, ends, gate):
    executor = start(ThreadPoolExecutor(1), alias="reports")

    executor.submit(make_run(gate, timeout=SOON), ends)
    outcome = ends.outcome()

    lines = outcome.traceback.splitlines()
    assert lines[0] == "Where it was (most recent call last):"
    assert "test_early.py" in lines[1]
    assert lines[1].endswith("in __call__")
    assert outcome.worker == "reports_1"
    assert outcome.exception_message.endswith(" Its body goes on in thread reports_1.")


@THREADS
def test_the_thread_of_a_body_that_goes_on_counts_as_taken(start, ends, gate, make):
    executor = start(make())
    executor.submit(make_run(gate, timeout=SOON), ends)
    ends.outcome()

    during = executor.running(), executor.free()
    gate.opened.set()
    wait_until(lambda: executor.free() == 2)

    assert during == (0, 1)


@THREADS
def test_beside_a_body_that_goes_on_other_runs_are_performed(start, ends, gate, make):
    executor = start(make())
    executor.submit(make_run(gate, timeout=SOON), ends)
    assert ends.outcome().status is RunStatus.TIMED_OUT

    for _ in range(5):
        executor.submit(make_run(bodies.add, 1, 2), ends)
        assert ends.outcome().result == 3


def test_what_a_body_returns_too_late_is_dropped_with_a_word(start, ends, gate, caplog):
    caplog.set_level(logging.DEBUG, "django_apscheduler_ng")
    executor = start(ThreadPoolExecutor(1))
    run = make_run(gate, timeout=SOON)
    executor.submit(run, ends)
    ends.outcome()

    gate.opened.set()
    executor.submit(make_run(bodies.add, 1), ends)  # the only thread is free again
    assert ends.outcome().result == 1

    assert ends.count() == 0
    about_it = [record for record in caplog.records if getattr(record, "run_id", "") == run.id]
    (record,) = (record for record in about_it if record.levelno == logging.DEBUG)
    assert (
        record.getMessage()
        == f"The body of run {run.id} of job 'job' has ended at last, as succeeded; that is dropped."
    )


def test_a_body_in_a_thread_sees_that_its_time_is_up(start, ends):
    executor = start(ThreadPoolExecutor(1))
    seen = threading.Event()

    def body():
        wait_until(lambda: current_run().cancelled)
        seen.set()

    executor.submit(make_run(body, timeout=SOON), ends)

    assert ends.outcome().status is RunStatus.TIMED_OUT
    assert seen.wait(PATIENCE)


def test_a_shutdown_waits_for_no_body_that_goes_on(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))
    executor.submit(make_run(gate, timeout=SOON), ends)
    ends.outcome()

    executor.shutdown(wait=True)

    assert not gate.opened.is_set()


def test_a_run_that_ends_in_time_is_left_alone(start, ends):
    executor = start(ThreadPoolExecutor(1))

    for _ in range(200):
        executor.submit(make_run(bodies.add, 1, timeout=3600), ends)

    assert {ends.outcome().status for _ in range(200)} == {RunStatus.SUCCEEDED}
    assert len(executor._deadlines) < 200


def test_the_time_in_which_a_run_waits_does_not_count(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))
    executor.submit(make_run(gate), ends)
    executor.submit(make_run(bodies.add, 1, timeout=SOON), ends)
    gate.wait_for_body()

    time.sleep(2 * SOON)
    gate.opened.set()

    assert [ends.outcome().status for _ in range(2)] == [RunStatus.SUCCEEDED] * 2


def test_a_run_without_a_timeout_starts_no_thread_that_watches(start, ends):
    executor = start(ThreadPoolExecutor(1), alias="timeless")

    executor.submit(make_run(bodies.add, 1), ends)
    ends.outcome()

    assert "timeless deadlines" not in [thread.name for thread in threading.enumerate()]


# -- threads: cancelling ------------------------------------------------------------------------------------------------


@THREADS
def test_a_body_that_checks_is_cancelled(start, ends, make):
    executor = start(make())
    begun = threading.Event()

    def body():
        begun.set()
        wait_until(current_run().check)

    run = make_run(body)
    executor.submit(run, ends)
    assert begun.wait(PATIENCE)
    status = cancel(executor, run, by="maria", reason="the bank is closed.")
    outcome = ends.outcome()

    assert status is RunStatus.RUNNING
    assert outcome.status is RunStatus.CANCELLED
    assert outcome.exception_type == ""
    assert outcome.exception_message == "The run was cancelled by maria: the bank is closed."
    assert isinstance(outcome.exception, RunCancelled)


def test_a_body_that_sees_the_flag_and_returns_is_cancelled_and_its_result_kept(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))

    def body():
        gate()
        return "half of it" if current_run().cancelled else "all of it"

    run = make_run(body)
    executor.submit(run, ends)
    gate.wait_for_body()
    cancel(executor, run)
    gate.opened.set()
    outcome = ends.outcome()

    assert (outcome.status, outcome.result) == (RunStatus.CANCELLED, "half of it")
    assert outcome.exception_message == "The run was cancelled."


def test_a_body_that_never_looks_and_ends_has_succeeded(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))
    run = make_run(gate)
    executor.submit(run, ends)
    gate.wait_for_body()

    cancel(executor, run)
    gate.opened.set()
    outcome = ends.outcome()

    assert (outcome.status, outcome.result) == (RunStatus.SUCCEEDED, "passed")


def test_a_cancelled_run_ends_after_some_patience_although_its_body_goes_on(start, ends, gate, caplog):
    executor = start(impatient(ThreadPoolExecutor(1)))
    run = make_run(gate)
    executor.submit(run, ends)
    gate.wait_for_body()

    cancel(executor, run, reason="stuck")
    outcome = ends.outcome()

    assert outcome.status is RunStatus.CANCELLED
    assert outcome.exception_message == "The run was cancelled: stuck. Its body goes on in thread default_1."
    assert "in __call__" in outcome.traceback
    assert [record.getMessage() for record in caplog.records] == [
        f"Run {run.id} of job 'job' has ended as cancelled, but its body goes on in thread default_1. "
        "1 of the 1 workers of executor 'default' are taken up so."
    ]


@THREADS
def test_a_run_that_waits_is_cancelled_without_being_performed(start, ends, gate, make):
    executor = start(make())
    performed = []
    for _ in range(2):
        executor.submit(make_run(gate), ends)
        gate.wait_for_body()
    waiting = make_run(performed.append, 1)
    executor.submit(waiting, ends)

    cancel(executor, waiting)
    run, outcome = ends.next()
    gate.opened.set()
    executor.shutdown()

    assert run is waiting
    assert outcome.status is RunStatus.CANCELLED
    assert outcome.exception_message == "The run was cancelled. Its body had not begun."
    assert performed == []


def test_what_an_executor_does_not_have_it_cannot_cancel(start, ends, gate):
    executor = start(ThreadPoolExecutor(1))
    run = make_run(gate)
    executor.submit(run, ends)

    assert executor.cancel("default", "another") is None
    assert executor.cancel("another", run.id) is None


def test_an_executor_that_was_never_started_has_nothing_to_cancel():
    assert ThreadPoolExecutor(1).cancel("default", "1") is None
    assert AsyncIOExecutor(1).cancel("default", "1") is None


def test_a_cancellation_that_races_with_the_end_gives_one_outcome(start, ends):
    executor = start(ThreadPoolExecutor(4))

    for _ in range(50):
        barrier = threading.Barrier(2, timeout=PATIENCE)
        run = make_run(barrier.wait)
        executor.submit(run, ends)
        barrier.wait()
        cancel(executor, run)
        assert ends.outcome().status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED)

    executor.shutdown()
    assert ends.count() == 0


# -- processes ----------------------------------------------------------------------------------------------------------


def test_a_process_is_killed_when_the_time_of_its_run_is_up(start, ends, tmp_path):
    executor = start(ProcessPoolExecutor(1))
    path = tmp_path / "pid"

    executor.submit(make_run(bodies.announce_and_hang, str(path), timeout=1.0), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.exception_message == "The run took longer than its timeout of 1 s."
    assert outcome.worker.startswith("default_1 (pid ")
    assert "in announce_and_hang" in outcome.traceback
    assert not Path(f"/proc/{path.read_text()}").exists()


def test_the_time_of_a_run_begins_when_its_process_is_ready(start, ends):
    executor = start(ProcessPoolExecutor(1, {"initializer": time.sleep, "initargs": (1.0,)}))

    executor.submit(make_run(bodies.add, 1, timeout=0.5), ends)

    assert ends.outcome().status is RunStatus.SUCCEEDED


def test_the_time_in_which_a_process_makes_ready_does_not_count(start, ends):
    executor = start(ProcessPoolExecutor(1), Host(around_run="tests.unit.executors.bodies:SlowFence"))

    executor.submit(make_run(bodies.add, 1, timeout=0.5), ends)

    assert ends.outcome().status is RunStatus.SUCCEEDED


def test_what_goes_wrong_while_a_process_makes_ready_costs_no_run(start, ends):
    executor = start(ProcessPoolExecutor(1), Host(around_run="tests.unit.executors.bodies:BrokenSlowFence"))

    executor.submit(make_run(bodies.add, 1), ends)

    assert ends.outcome().result == 1


def test_a_process_is_killed_when_its_run_is_cancelled_and_the_next_run_gets_another_one(start, ends, tmp_path):
    executor = start(ProcessPoolExecutor(1))
    path = tmp_path / "pid"
    run = make_run(bodies.announce_and_spin, str(path))
    executor.submit(run, ends)
    wait_for_file(path)
    wait_until(path.read_text)

    cancel(executor, run, by="maria")
    outcome = ends.outcome()
    executor.submit(make_run(bodies.pid), ends)

    assert outcome.status is RunStatus.CANCELLED
    assert outcome.exception_message == "The run was cancelled by maria."
    assert "in announce_and_spin" in outcome.traceback
    assert ends.outcome().result != int(path.read_text())


def test_killing_one_process_disturbs_no_other_one(start, ends, tmp_path):
    executor = start(ProcessPoolExecutor(2))
    doomed, other = tmp_path / "doomed", tmp_path / "other"
    run, neighbour = (make_run(bodies.announce_and_hang, str(path)) for path in (doomed, other))
    for each, path in ((run, doomed), (neighbour, other)):
        executor.submit(each, ends)
        wait_for_file(path)

    cancel(executor, run)

    assert ends.next()[0] is run
    assert Path(f"/proc/{other.read_text()}").exists()
    assert executor.running() == 1


def test_a_run_that_is_cancelled_while_its_process_starts_is_not_performed(start, ends, tmp_path):
    path = tmp_path / "ran"
    executor = start(ProcessPoolExecutor(1, {"initializer": time.sleep, "initargs": (0.5,)}))
    run = make_run(bodies.say, str(path), "ran")
    executor.submit(run, ends)
    wait_until(lambda: executor._load._begun)

    cancel(executor, run)
    outcome = ends.outcome()
    executor.submit(make_run(bodies.add, 2), ends)

    assert outcome.status is RunStatus.CANCELLED
    assert ends.outcome().result == 2
    assert not path.exists()


def test_a_run_that_is_cancelled_before_there_is_a_process_is_not_performed(start, ends, tmp_path, monkeypatch):
    path = tmp_path / "ran"
    executor = start(ProcessPoolExecutor(1))
    run = make_run(bodies.say, str(path), "ran")
    start_process = WorkerProcess._start

    def cancel_and_start(self):
        cancel(executor, run)
        start_process(self)

    monkeypatch.setattr(WorkerProcess, "_start", cancel_and_start)
    executor.submit(run, ends)

    assert ends.outcome().status is RunStatus.CANCELLED
    executor.shutdown()
    assert not path.exists()


def test_a_cancellation_that_races_with_the_end_in_a_process_gives_one_outcome_and_costs_no_other_run(start, ends):
    executor = start(ProcessPoolExecutor(1))
    executor.submit(make_run(bodies.add, 0), ends)
    ends.outcome()

    for number in range(50):
        raced, following = make_run(bodies.add, number), make_run(bodies.add, -number)
        executor.submit(raced, ends)
        executor.submit(following, ends)
        time.sleep(0.0001 * (number % 10))
        cancel(executor, raced)
        by_run = {run.id: outcome for run, outcome in (ends.next() for _ in range(2))}
        assert by_run[raced.id].status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED)
        assert by_run[following.id].result == -number

    executor.shutdown()
    assert ends.count() == 0


# -- tasks --------------------------------------------------------------------------------------------------------------


def test_a_task_is_cancelled_when_its_time_is_up(start, ends, tmp_path):
    executor = start(AsyncIOExecutor(1))

    executor.submit(make_run(bodies.announce_and_wait, str(tmp_path / "waiting"), timeout=SOON), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.exception_message == "The run took longer than its timeout of 0.2 s."
    assert "in announce_and_wait" in outcome.traceback
    assert "in perform_async" not in outcome.traceback
    wait_until(lambda: executor.free() == 1)


def test_a_task_is_cancelled_by_hand(start, ends, tmp_path):
    executor = start(AsyncIOExecutor(1))
    path = tmp_path / "waiting"
    run = make_run(bodies.announce_and_wait, str(path))
    executor.submit(run, ends)
    wait_for_file(path)

    cancel(executor, run)

    assert ends.outcome().status is RunStatus.CANCELLED


def test_a_task_that_swallows_its_cancellation_and_returns_has_timed_out_all_the_same(start, ends, tmp_path):
    executor = start(AsyncIOExecutor(1))

    executor.submit(make_run(bodies.announce_and_insist, str(tmp_path / "waiting"), 1, timeout=SOON), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_type) == (RunStatus.TIMED_OUT, "TimeoutError")


def test_a_task_that_goes_on_after_its_cancellation_is_left_and_counts_as_taken(start, ends, tmp_path, caplog):
    executor = start(impatient(AsyncIOExecutor(2)))

    executor.submit(make_run(bodies.announce_and_insist, str(tmp_path / "waiting"), 2, timeout=SOON), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.exception_message == "The run took longer than its timeout of 0.2 s. Its body goes on unheard."
    assert "in announce_and_insist" in outcome.traceback
    assert (executor.running(), executor.free()) == (0, 1)
    assert "1 of the 2 workers" in caplog.text


def test_a_task_that_blocks_the_loop_is_left_and_the_outcome_shows_where_it_blocks(start, ends, gate):
    executor = start(impatient(AsyncIOExecutor(2)))

    async def body():
        gate()

    executor.submit(make_run(body, timeout=SOON), ends)
    outcome = ends.outcome()
    gate.opened.set()

    assert outcome.status is RunStatus.TIMED_OUT
    assert "in body" in outcome.traceback


def test_a_task_that_waits_for_a_slot_is_cancelled_without_being_performed(start, ends, tmp_path):
    executor = start(AsyncIOExecutor(1))
    first = make_run(bodies.announce_and_wait, str(tmp_path / "first"))
    executor.submit(first, ends)
    wait_for_file(tmp_path / "first")
    second = make_run(bodies.announce_and_wait, str(tmp_path / "second"))
    executor.submit(second, ends)

    cancel(executor, second)
    ended, outcome = ends.next()
    cancel(executor, first)

    assert ended is second
    assert outcome.status is RunStatus.CANCELLED
    assert ends.next()[0] is first
    assert not (tmp_path / "second").exists()


def test_a_task_that_cleans_up_when_it_is_cancelled_is_waited_for(start, ends, tmp_path):
    executor = start(AsyncIOExecutor(1))
    cleaned = []

    async def body():
        try:
            bodies.tell(str(tmp_path / "waiting"), "")
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(SOON)
            cleaned.append(True)

    run = make_run(body)
    executor.submit(run, ends)
    wait_for_file(tmp_path / "waiting")
    cancel(executor, run)

    assert ends.outcome().status is RunStatus.CANCELLED
    assert cleaned == [True]


# -- pools of somebody else ---------------------------------------------------------------------------------------------


def test_a_run_in_the_processes_of_somebody_else_is_marked_when_its_time_is_up(start, ends):
    executor = start(guests.pool_of_processes())
    executor.submit(make_run(bodies.add, 1), ends)
    ends.outcome()

    executor.submit(make_run(time.sleep, 1.5, timeout=SOON), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.exception_message == "The run took longer than its timeout of 0.2 s. Its body goes on unheard."


# -- greenlets ----------------------------------------------------------------------------------------------------------


def wait_in_hub(path):
    import gevent

    bodies.tell(path, "waiting")
    gevent.sleep(3600)


def insist_in_hub(path):
    import gevent

    bodies.tell(path, "waiting")
    with suppress(RunCancelled):
        gevent.sleep(3600)
    gevent.sleep(2.0)


def test_a_greenlet_whose_time_is_up_gets_an_exception_where_it_waits(start, ends, tmp_path):
    executor = start(guests.in_hub())

    executor.submit(make_run(wait_in_hub, str(tmp_path / "waiting"), timeout=SOON), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert outcome.exception_message == "The run took longer than its timeout of 0.2 s."
    assert "in wait_in_hub" in outcome.traceback
    assert executor.free() == 1


def test_a_greenlet_is_cancelled(start, ends, tmp_path):
    executor = start(guests.in_hub())
    run = make_run(wait_in_hub, str(tmp_path / "waiting"))
    executor.submit(run, ends)
    wait_for_file(tmp_path / "waiting")

    cancel(executor, run, reason="no use")
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (RunStatus.CANCELLED, "The run was cancelled: no use.")


def test_a_greenlet_that_goes_on_is_left(start, ends, tmp_path):
    executor = start(impatient(guests.in_hub()))

    executor.submit(make_run(insist_in_hub, str(tmp_path / "waiting"), timeout=SOON), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.TIMED_OUT
    assert executor.free() == 0
    wait_until(lambda: executor.free() == 1)
