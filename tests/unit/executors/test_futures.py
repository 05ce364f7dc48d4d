"""Pools with the interface of `concurrent.futures`, of threads and of processes."""

from __future__ import annotations

import concurrent.futures
import gc
import os
import threading
import weakref
from multiprocessing import get_context

import pytest

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.futures import FuturesExecutor
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog

from . import bodies
from .support import PATIENCE, Host, make_run
from .test_threads import Gate

SPAWN = {"mp_context": get_context("spawn")}
PROCESSES = "concurrent.futures:ProcessPoolExecutor"
made: list[concurrent.futures.Executor] = []


def make_pool(*, colour: str) -> concurrent.futures.Executor:
    made.append(concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix=colour))
    return made[-1]


def make_nothing() -> None:
    pass


def fail_to_make() -> concurrent.futures.Executor:
    raise OSError("no cluster")


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


def test_a_pool_is_made_by_settings_alone():
    scheduler, log = BackgroundScheduler(), EventLog()
    scheduler.add_listener(log, EVENT_JOB_EXECUTED)
    scheduler.configure(
        {
            "apscheduler.executors.default.type": "futures",
            "apscheduler.executors.default.pool": f"{__name__}:make_pool",
            "apscheduler.executors.default.max_workers": "3",
            "apscheduler.executors.default.pool_kwargs": {"colour": "green"},
        }
    )
    scheduler.start()

    scheduler.add_job(lambda: threading.current_thread().name)

    assert log.wait_for(EVENT_JOB_EXECUTED).retval == "green_0"
    assert scheduler.executors()["default"].capacity == 3
    scheduler.shutdown()


def test_a_class_that_makes_pools_is_told_the_number_of_workers(start):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 3))

    assert executor._pool._max_workers == 3


def test_a_number_of_workers_for_the_pool_alone_comes_first(start):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 3, {"max_workers": 5}))

    assert (executor.capacity, executor._pool._max_workers) == (3, 5)


def test_no_more_runs_are_in_the_pool_than_there_are_workers(start, ends, gate):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor(4), 2))

    for _ in range(4):
        executor.submit(make_run(gate), ends)
    gate.wait_for_body()
    gate.wait_for_body()
    third = gate.entered.acquire(timeout=0.1)
    during = executor.running(), executor.free()
    gate.opened.set()

    assert not third
    assert during == (4, 0)
    assert {ends.outcome().result for _ in range(4)} == {"passed"}
    executor._pool.shutdown()


def test_runs_begin_in_the_order_in_which_they_came(start, ends):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 1))

    for number in range(50):
        executor.submit(make_run(bodies.add, number), ends)

    assert [ends.outcome().result for _ in range(50)] == list(range(50))


def test_a_thousand_runs_that_end_at_once_take_no_deep_stack(start, ends):
    class Immediate(concurrent.futures.Executor):
        def submit(self, function):
            future = concurrent.futures.Future()
            future.set_result(function())
            return future

    executor = start(FuturesExecutor(Immediate(), 1))
    executor._handing_over.acquire()  # so that all of them wait
    for number in range(1000):
        executor.submit(make_run(bodies.add, number), ends)
    executor._handing_over.release()

    executor.submit(make_run(bodies.add, 1000), ends)

    assert [ends.outcome().result for _ in range(1001)] == list(range(1001))


def test_a_pool_that_was_made_here_is_shut_down_and_made_anew(start, ends):
    made.clear()
    executor = FuturesExecutor(make_pool, 1, {"colour": "red"})
    for _ in range(2):
        start(executor)
        executor.submit(make_run(bodies.add, 1), ends)
        executor.shutdown()

    assert len(made) == 2
    for pool in made:
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(print)


def test_a_pool_of_processes_is_gone_after_a_shutdown_that_waits(start, ends):
    executor = start(FuturesExecutor(PROCESSES, 1, SPAWN))
    executor.submit(make_run(bodies.pid), ends)
    pid = ends.outcome().result

    executor.shutdown()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_pool_of_somebody_else_is_left_alone(start, ends):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        executor = start(FuturesExecutor(pool, 1))
        executor.submit(make_run(bodies.add, 1), ends)
        executor.shutdown()

        assert pool.submit(bodies.add, 2).result(PATIENCE) == 2


def test_a_pool_of_threads_takes_what_cannot_be_pickled(start, ends):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 1))
    lock = threading.Lock()

    executor.submit(make_run(lambda given: given, lock), ends)

    assert ends.outcome().result is lock


def test_what_the_body_returned_is_kept_by_nobody(start, ends):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 1))

    class Large:
        pass

    executor.submit(make_run(Large), ends)
    kept = weakref.ref(ends.outcome().result)
    executor.submit(make_run(bodies.add, 1), ends)
    ends.outcome()
    gc.collect()

    assert kept() is None


@pytest.mark.parametrize(
    ("func", "args", "message"),
    [
        pytest.param(
            bodies.add,
            [threading.Lock()],
            "The arguments of the run cannot be sent to a worker process: TypeError: cannot pickle '_thread.lock' object. "
            "Pass plain values instead: text, numbers, a primary key, a path.",
            id="arguments",
        ),
        pytest.param(
            bodies.return_lock,
            [],
            "The result of the run cannot be sent back from the worker process: TypeError: cannot pickle '_thread.lock' object. "
            "Return plain values instead: text, numbers, a primary key, a path.",
            id="result",
        ),
        pytest.param(bodies.fail_demandingly, [], "7: too few arguments", id="exception"),
        pytest.param(bodies.fail_unpicklably, [], "a lock in it", id="unpicklable-exception"),
    ],
)
def test_what_does_not_get_through_to_a_process_fails_the_run_and_says_so(start, ends, func, args, message):
    executor = start(FuturesExecutor(PROCESSES, 1, SPAWN))

    executor.submit(make_run(func, *args), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (RunStatus.FAILED, message)


def test_a_body_in_a_process_gets_its_surroundings_and_names_its_process(start, ends):
    executor = start(FuturesExecutor(PROCESSES, 1, SPAWN), Host(around_run=f"{bodies.__name__}:fence"))

    executor.submit(make_run(bodies.seen_surroundings, job_id="report"), ends)
    outcome = ends.outcome()

    assert outcome.result == "around report"
    assert outcome.worker.startswith("SpawnProcess-")


def test_a_process_that_dies_fails_its_run_and_the_broken_pool_is_replaced(start, ends, caplog):
    executor = start(FuturesExecutor(PROCESSES, 1, SPAWN))

    executor.submit(make_run(bodies.vanish, 5), ends)
    died = ends.outcome()
    executor.submit(make_run(bodies.add, 1), ends)
    after = ends.outcome()

    assert (died.status, died.exception_type) == (RunStatus.FAILED, "concurrent.futures.process.BrokenProcessPool")
    assert (after.status, after.result) == (RunStatus.SUCCEEDED, 1)
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "The pool of executor 'default' is broken"
    ]


def test_a_broken_pool_of_somebody_else_fails_the_runs(start, ends):
    with concurrent.futures.ProcessPoolExecutor(1, **SPAWN) as pool:
        executor = start(FuturesExecutor(pool, 1))
        for func, args in ((bodies.vanish, [5]), (bodies.add, [1])):
            executor.submit(make_run(func, *args), ends)

        outcomes = [ends.outcome(), ends.outcome()]

    assert [outcome.exception_type for outcome in outcomes] == ["concurrent.futures.process.BrokenProcessPool"] * 2
    assert executor.running() == 0


def test_a_pool_that_somebody_shut_down_fails_the_runs(start, ends):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    executor = start(FuturesExecutor(pool, 1))
    pool.shutdown()

    executor.submit(make_run(bodies.add, 1), ends)

    assert ends.outcome().exception_message == "cannot schedule new futures after shutdown"


def test_a_run_whose_future_is_cancelled_is_interrupted(start, ends, gate):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    executor = start(FuturesExecutor(pool, 2))
    executor.submit(make_run(gate), ends)
    gate.wait_for_body()
    executor.submit(make_run(bodies.add, 1), ends)

    pool.shutdown(wait=False, cancel_futures=True)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (
        RunStatus.INTERRUPTED,
        "The run was under way when executor 'default' was stopped.",
    )


def test_a_kill_ends_what_waits_and_what_is_under_way_at_once(start, ends, gate):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 1))
    for _ in range(3):
        executor.submit(make_run(gate), ends)
    gate.wait_for_body()

    executor.kill()
    count = ends.count()
    gate.opened.set()

    assert count == 3
    assert {ends.outcome().status for _ in range(3)} == {RunStatus.INTERRUPTED}
    assert not gate.entered.acquire(timeout=0.1)


def test_a_shutdown_waits_for_what_was_accepted(start, ends):
    executor = start(FuturesExecutor(concurrent.futures.ThreadPoolExecutor, 2))
    for number in range(50):
        executor.submit(make_run(bodies.add, number), ends)

    executor.shutdown()

    assert ends.count() == 50


POOL = "Option 'pool' of FuturesExecutor"
EXAMPLE = "Write it as 'concurrent.futures:ThreadPoolExecutor'."


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        pytest.param(
            7, f"{POOL} must be a concurrent.futures.Executor or what makes one, got 7. {EXAMPLE}", id="number"
        ),
        pytest.param(
            "concurrent.futures:ThreadPolExecutor",
            f"{POOL} cannot be used: Callable 'concurrent.futures:ThreadPolExecutor' cannot be loaded: module "
            "'concurrent.futures' has no 'ThreadPolExecutor'. Did you mean 'concurrent.futures:ThreadPoolExecutor'? "
            f"{EXAMPLE}",
            id="typo",
        ),
    ],
)
def test_what_makes_no_pool_is_refused(pool, message):
    with pytest.raises(ConfigurationError) as caught:
        FuturesExecutor(pool)

    assert str(caught.value) == message


def test_arguments_for_a_pool_that_is_made_already_are_refused():
    with concurrent.futures.ThreadPoolExecutor(1) as pool, pytest.raises(ConfigurationError) as caught:
        FuturesExecutor(pool, 1, {"thread_name_prefix": "x"})

    assert str(caught.value) == (
        f"Option 'pool_kwargs' of FuturesExecutor is for what makes the pool, and {pool!r} was made already. Leave it out."
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            fail_to_make,
            "The pool of executor 'default' could not be made: OSError: no cluster. Correct the options 'pool' and 'pool_kwargs'.",
            id="raises",
        ),
        pytest.param(
            make_nothing,
            "The pool of executor 'default' must be a concurrent.futures.Executor, got None. Correct the option 'pool'.",
            id="makes-nothing",
        ),
    ],
)
def test_what_fails_to_make_a_pool_is_named_at_the_start(make, message):
    with pytest.raises(ConfigurationError) as caught:
        FuturesExecutor(make).start(Host(), "default")

    assert str(caught.value) == message
