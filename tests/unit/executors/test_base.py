"""What every executor does alike."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.exceptions import ConfigurationError, SchedulerNotRunningError
from django_apscheduler_ng.executors.asyncio import AsyncIOExecutor
from django_apscheduler_ng.executors.base import BaseExecutor
from django_apscheduler_ng.executors.debug import DebugExecutor
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.runs import RunStatus

from . import bodies
from .guests import in_hub, in_reactor, in_tornado, pool_of_processes, pool_of_threads
from .support import PATIENCE, Host, make_run

AROUND = f"{bodies.__name__}:fence"

with_every_executor = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: ThreadPoolExecutor(1), id="thread"),
        pytest.param(lambda: ProcessPoolExecutor(1), id="process"),
        pytest.param(lambda: AsyncIOExecutor(1), id="asyncio"),
        pytest.param(in_tornado, id="tornado"),
        pytest.param(in_hub, id="gevent"),
        pytest.param(in_reactor, id="twisted"),
        pytest.param(pool_of_threads, id="pool-of-threads"),
        pytest.param(pool_of_processes, id="pool-of-processes"),
        pytest.param(DebugExecutor, id="debug"),
    ],
)
in_both_colours = pytest.mark.parametrize("suffix", [pytest.param("", id="plain"), pytest.param("_async", id="async")])


def body(name: str, suffix: str) -> Callable[..., object]:
    found: Callable[..., object] = getattr(bodies, name + suffix)
    return found


@with_every_executor
@in_both_colours
def test_what_the_body_returns_is_the_result(start, ends, make, suffix):
    executor = start(make())
    run = make_run(body("add", suffix), 1, other=2)

    executor.submit(run, ends)
    told, outcome = ends.next()

    assert told is run
    assert (outcome.status, outcome.result) == (RunStatus.SUCCEEDED, 3)
    assert (outcome.exception, outcome.exception_type, outcome.traceback) == (None, "", "")
    assert outcome.worker
    assert executor.running() == 0


@with_every_executor
@in_both_colours
def test_what_the_body_raises_fails_the_run_and_the_traceback_begins_with_the_body(start, ends, make, suffix):
    executor = start(make())

    executor.submit(make_run(body("fail", suffix)), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.result) == (RunStatus.FAILED, None)
    assert (outcome.exception_type, outcome.exception_message) == ("ValueError", "on purpose")
    assert isinstance(outcome.exception, ValueError)
    assert outcome.exception.args == ("on purpose",)
    line = body("fail", suffix).__code__.co_firstlineno + (2 if suffix else 1)
    assert outcome.traceback == (
        "Traceback (most recent call last):\n"
        f'  File "{bodies.__file__}", line {line}, in fail{suffix}\n'
        "    raise ValueError(text)\n"
        "ValueError: on purpose\n"
    )


@with_every_executor
def test_arguments_that_do_not_fit_fail_the_run(start, ends, make):
    executor = start(make())

    executor.submit(make_run(bodies.add, 1, 2, 3), ends)

    assert ends.outcome().traceback == "TypeError: add() takes from 1 to 2 positional arguments but 3 were given\n"


@with_every_executor
@in_both_colours
def test_the_body_knows_its_run(start, ends, make, suffix):
    executor = start(make())
    run = make_run(body("seen_run", suffix))

    executor.submit(run, ends)

    assert ends.outcome().result == run.context


@with_every_executor
@in_both_colours
def test_context_variables_pass_neither_from_the_caller_nor_from_the_run_before(start, ends, make, suffix):
    executor = start(make())
    bodies.colour.set("of the caller")

    for colour in ("red", "blue"):
        executor.submit(make_run(body("swap_colour", suffix), colour), ends)

    assert [ends.outcome().result, ends.outcome().result] == ["none", "none"]
    assert bodies.colour.get() == "of the caller"


@with_every_executor
@in_both_colours
def test_the_scheduler_can_put_something_around_each_body(start, ends, make, suffix):
    executor = start(make(), Host(around_run=AROUND))

    executor.submit(make_run(body("seen_surroundings", suffix), job_id="report"), ends)

    assert ends.outcome().result == "around report"


@with_every_executor
@in_both_colours
def test_surroundings_that_raise_fail_the_run(start, ends, make, suffix):
    executor = start(make(), Host(around_run=f"{bodies.__name__}:broken_fence"))

    executor.submit(make_run(body("add", suffix), 1), ends)
    outcome = ends.outcome()

    assert (outcome.exception_type, outcome.exception_message) == ("RuntimeError", "no surroundings")


@with_every_executor
@pytest.mark.parametrize(
    ("func", "args", "kind", "text"),
    [
        pytest.param(bodies.leave, [3], "SystemExit", "3", id="exit"),
        pytest.param(
            bodies.fail_unspeakably,
            [],
            f"{bodies.__name__}.Unspeakable",
            "<str() of this exception raised RuntimeError>",
            id="unspeakable",
        ),
    ],
)
def test_no_exception_of_a_body_costs_a_worker(start, ends, make, func, args, kind, text):
    executor = start(make())

    executor.submit(make_run(func, *args), ends)
    executor.submit(make_run(bodies.add, 1), ends)
    failed, good = ends.outcome(), ends.outcome()

    assert (failed.status, failed.exception_type, failed.exception_message) == (RunStatus.FAILED, kind, text)
    assert kind in failed.traceback
    assert good.status == RunStatus.SUCCEEDED


@with_every_executor
def test_a_listener_that_raises_costs_nothing(start, ends, make, caplog):
    executor = start(make())
    heard = threading.Event()

    def deaf(_run, _outcome):
        heard.set()
        raise RuntimeError("deaf")

    run = make_run(bodies.add, 1)
    executor.submit(run, deaf)
    executor.submit(make_run(bodies.add, 1), ends)

    assert heard.wait(PATIENCE)
    assert ends.outcome().status == RunStatus.SUCCEEDED
    executor.shutdown()
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, f"Telling how run {run.id} of job 'job' ended failed; going on")
    ]


@with_every_executor
def test_outcomes_are_dated_by_the_clock_of_the_scheduler(start, ends, make):
    moment = datetime(2040, 2, 29, 12, tzinfo=UTC)

    class StoppedClock:
        def now(self) -> datetime:
            return moment

        def monotonic(self) -> float:
            return 0.0

    executor = start(make(), Host(clock=StoppedClock()))

    executor.submit(make_run(bodies.add, 1), ends)
    outcome = ends.outcome()

    assert (outcome.started_at, outcome.finished_at) == (moment, moment)


@with_every_executor
def test_each_of_many_runs_from_many_threads_ends_once(start, ends, make):
    executor = start(make())
    runs = [make_run(bodies.add, number) for number in range(200)]

    def submit(part):
        for run in part:
            executor.submit(run, ends)

    threads = [threading.Thread(target=submit, args=[runs[first::4]]) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    executor.shutdown()

    told = [ends.next() for _ in runs]
    assert ends.count() == 0
    assert {run.id: outcome.result for run, outcome in told} == {run.id: run.args[0] for run in runs}
    assert executor.running() == 0


@with_every_executor
def test_after_a_shutdown_runs_end_without_being_performed(start, ends, make):
    executor = start(make())
    executor.shutdown()

    executor.submit(make_run(bodies.add, 1), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (
        RunStatus.INTERRUPTED,
        "The run had not begun when executor 'default' was stopped.",
    )
    assert executor.free() == 0


@with_every_executor
def test_stopping_twice_is_fine(start, ends, make):
    executor = start(make())
    executor.submit(make_run(bodies.add, 1), ends)

    executor.shutdown()
    executor.shutdown()
    executor.kill()
    executor.kill()
    executor.shutdown()

    assert ends.count() == 1


@with_every_executor
def test_stopping_what_was_never_started_is_fine(make):
    executor: BaseExecutor = make()

    executor.shutdown()
    executor.kill()

    assert (executor.free(), executor.running()) == (0, 0)


@with_every_executor
@pytest.mark.parametrize("how", ["shutdown", "kill"])
def test_a_stopped_executor_can_be_started_again(start, ends, make, how):
    executor = start(make())
    executor.submit(make_run(bodies.add, 1), ends)
    first = ends.outcome()
    getattr(executor, how)()

    start(executor, alias="again")
    executor.submit(make_run(bodies.add, 2), ends)

    assert (first.result, ends.outcome().result) == (1, 2)


@with_every_executor
def test_an_executor_without_a_scheduler_takes_no_runs(ends, make):
    executor: BaseExecutor = make()

    with pytest.raises(SchedulerNotRunningError) as caught:
        executor.submit(make_run(bodies.add, 1, job_id="report"), ends)

    assert str(caught.value) == (
        f"{type(executor).__name__} was given a run of job 'report' before it was started. "
        "Add it to a scheduler, which starts it."
    )


with_every_pool = pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor, AsyncIOExecutor])


@with_every_pool
@pytest.mark.parametrize(
    ("value", "capacity"),
    [
        pytest.param(1, 1, id="one"),
        pytest.param(20, 20, id="number"),
        pytest.param("20", 20, id="text"),
        pytest.param(" 20 ", 20, id="text-with-spaces"),
    ],
)
def test_the_number_of_workers_may_be_text(pool, value, capacity):
    assert pool(max_workers=value).capacity == capacity


@pytest.mark.parametrize(
    ("pool", "capacity"), [(ThreadPoolExecutor, 10), (ProcessPoolExecutor, 10), (AsyncIOExecutor, 100)]
)
def test_without_a_number_of_workers_there_is_a_default(pool, capacity):
    assert (pool().capacity, pool(None).capacity) == (capacity, capacity)


@with_every_pool
@pytest.mark.parametrize("value", [0, -1, "0", "-1", "ten", "", "1.5", 1.5, True, [3]])
def test_an_impossible_number_of_workers_is_refused(pool, value):
    with pytest.raises(ConfigurationError) as caught:
        pool(max_workers=value)

    assert str(caught.value) == (
        f"Option 'max_workers' of {pool.__name__} must be a whole number, at least 1, got {value!r}. "
        "Write it as 20 or '20'."
    )


@pytest.mark.parametrize(
    ("pool", "worker"),
    [
        pytest.param(ThreadPoolExecutor, "MainProcess default_1", id="thread"),
        pytest.param(ProcessPoolExecutor, "default_1 MainThread", id="process"),
    ],
)
def test_the_surroundings_are_told_in_a_worker_that_it_performs_no_more_bodies(
    start, ends, tmp_path, monkeypatch, pool, worker
):
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    executor = start(pool(1), Host(around_run=f"{bodies.__name__}:NotedFence"))

    executor.submit(make_run(bodies.add, 1), ends)
    ends.next()
    before = (tmp_path / "notes").exists()
    executor.shutdown()

    assert not before
    assert (tmp_path / "notes").read_text() == worker


@pytest.mark.parametrize(
    ("make", "worker"),
    [
        pytest.param(in_hub, "MainProcess GeventLoop", id="gevent"),
        pytest.param(in_reactor, "MainProcess PoolThread-twisted.internet.reactor-", id="twisted"),
        pytest.param(pool_of_threads, "MainProcess ThreadPoolExecutor-", id="pool-of-threads"),
        pytest.param(pool_of_processes, "SpawnProcess-", id="pool-of-processes"),
    ],
)
def test_in_a_thread_of_somebody_else_the_surroundings_are_told_after_each_body(
    start, ends, tmp_path, monkeypatch, make, worker
):
    notes = tmp_path / "notes"
    monkeypatch.setenv("NOTES", str(notes))
    executor = start(make(), Host(around_run=f"{bodies.__name__}:NotedFence"))

    for _ in range(2):
        notes.unlink(missing_ok=True)
        executor.submit(make_run(bodies.add, 1), ends)
        ends.next()

        assert notes.read_text().startswith(worker)
