from __future__ import annotations

import asyncio
import threading
from types import TracebackType

import pytest

from django_apscheduler_ng.executors.asyncio import AsyncIOExecutor
from django_apscheduler_ng.executors.debug import DebugExecutor
from django_apscheduler_ng.runs import RunContext, RunStatus

from . import bodies
from .support import PATIENCE, Ends, Host, make_run

seen_around: list[str] = []


class AsyncFence:
    """Surroundings that are entered asynchronously where that is possible."""

    def __init__(self, context: RunContext) -> None:
        self.job_id = context.job_id

    async def __aenter__(self) -> None:
        await asyncio.sleep(0)
        seen_around.append(f"enter {self.job_id}")

    async def __aexit__(self, kind: type | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await asyncio.sleep(0)
        seen_around.append(f"exit {self.job_id} {kind.__name__ if kind else None}")


class LoopHost(Host):
    """A scheduler that runs in an event loop."""

    def __init__(self, event_loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.event_loop = event_loop


class Hang:
    """An async body that is under way until its task is cancelled."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.cancelled = threading.Event()

    async def body(self) -> None:
        self.entered.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def wait_for_body(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)


async def told(ends: Ends) -> object:
    return await asyncio.to_thread(ends.outcome)


def test_tasks_are_under_way_at_once_in_one_thread(start, ends):
    executor = start(AsyncIOExecutor())
    met = asyncio.Barrier(3)

    async def meet():
        async with asyncio.timeout(PATIENCE):
            await met.wait()
        return threading.current_thread().name

    for _ in range(3):
        executor.submit(make_run(meet), ends)
    outcomes = [ends.outcome() for _ in range(3)]

    assert [outcome.result for outcome in outcomes] == ["default_loop"] * 3
    assert [outcome.worker for outcome in outcomes] == ["default_loop"] * 3


def test_no_more_tasks_are_under_way_than_there_are_workers(start):
    ends = Ends()
    under_way, most = 0, 0

    async def body():
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    async def main():
        executor = start(AsyncIOExecutor(2), LoopHost(asyncio.get_running_loop()))
        for _ in range(20):
            executor.submit(make_run(body), ends)
        return [await told(ends) for _ in range(20)]

    outcomes = asyncio.run(main())

    assert {outcome.status for outcome in outcomes} == {RunStatus.SUCCEEDED}
    assert most == 2


def test_free_and_running_count_tasks(start, ends):
    executor = start(AsyncIOExecutor(3))
    hang = Hang()

    for _ in range(2):
        executor.submit(make_run(hang.body), ends)
        hang.wait_for_body()

    assert (executor.running(), executor.free()) == (2, 1)


def test_plain_functions_run_in_threads_and_block_no_task(start, ends):
    executor = start(AsyncIOExecutor())
    gate = threading.Event()

    executor.submit(make_run(gate.wait, PATIENCE), ends)
    executor.submit(make_run(bodies.add_async, 1), ends)
    first = ends.outcome()
    gate.set()
    second = ends.outcome()

    assert (first.result, first.worker) == (1, "default_loop")
    assert (second.result, second.worker) == (True, "default_1")


def test_the_loop_of_the_scheduler_is_used_where_it_has_one(start):
    ends = Ends()

    async def body():
        return asyncio.get_running_loop()

    async def main():
        executor = start(AsyncIOExecutor(), LoopHost(asyncio.get_running_loop()))
        executor.submit(make_run(body), ends)
        outcome = await told(ends)
        executor.shutdown()
        return outcome.result is asyncio.get_running_loop()

    assert asyncio.run(main())


def test_a_shutdown_in_the_loop_blocks_nothing_and_lets_tasks_end(start):
    ends = Ends()
    entered = threading.Event()

    async def main():
        gate = asyncio.Event()

        async def body():
            entered.set()
            await gate.wait()
            return "passed"

        executor = start(AsyncIOExecutor(), LoopHost(asyncio.get_running_loop()))
        executor.submit(make_run(body), ends)
        await asyncio.to_thread(entered.wait, PATIENCE)
        executor.shutdown()
        gate.set()
        return await told(ends)

    assert asyncio.run(main()).result == "passed"


def test_a_shutdown_waits_for_tasks(start, ends):
    executor = start(AsyncIOExecutor())
    for number in range(20):
        executor.submit(make_run(bodies.add_async, number), ends)
        executor.submit(make_run(bodies.add, number), ends)

    executor.shutdown()

    assert ends.count() == 40
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("default_")]


def test_a_shutdown_that_does_not_wait_cancels_tasks(start, ends):
    executor = start(AsyncIOExecutor())
    hang = Hang()
    executor.submit(make_run(hang.body), ends)
    hang.wait_for_body()

    executor.shutdown(wait=False)
    outcome = ends.outcome()

    assert hang.cancelled.is_set()
    assert (outcome.status, outcome.exception_message) == (
        RunStatus.INTERRUPTED,
        "The run was under way when executor 'default' was stopped.",
    )
    assert executor.running() == 0


def test_tasks_that_are_cancelled_before_they_begin_are_interrupted_too(start):
    ends = Ends()

    async def main():
        executor = start(AsyncIOExecutor(1), LoopHost(asyncio.get_running_loop()))
        for _ in range(3):
            executor.submit(make_run(bodies.add_async, 1), ends)
        executor.shutdown(wait=False)
        return [await told(ends) for _ in range(3)]

    outcomes = asyncio.run(main())

    assert {(outcome.status, outcome.exception_message) for outcome in outcomes} == {
        (RunStatus.INTERRUPTED, "The run had not begun when executor 'default' was stopped.")
    }


def test_tasks_of_a_loop_that_has_stopped_are_given_up(start, ends):
    loop = asyncio.new_event_loop()
    executor = start(AsyncIOExecutor(), LoopHost(loop))
    executor.submit(make_run(bodies.add_async, 1), ends)

    executor.shutdown()
    outcome = ends.outcome()
    loop.close()

    assert (outcome.status, outcome.exception_message) == (
        RunStatus.INTERRUPTED,
        "The run had not begun when executor 'default' was stopped.",
    )


def test_where_the_loop_is_closed_the_run_fails(start, ends):
    loop = asyncio.new_event_loop()
    loop.close()
    executor = start(AsyncIOExecutor(), LoopHost(loop))

    executor.submit(make_run(bodies.add_async, 1), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (RunStatus.FAILED, "Event loop is closed")


def test_a_kill_interrupts_tasks_and_threads_at_once(start, ends):
    executor = start(AsyncIOExecutor())
    hang, gate, begun = Hang(), threading.Event(), threading.Event()

    def body():
        begun.set()
        gate.wait(PATIENCE)

    executor.submit(make_run(hang.body), ends)
    executor.submit(make_run(body), ends)
    hang.wait_for_body()
    assert begun.wait(PATIENCE)
    executor.kill()
    count = ends.count()
    gate.set()

    assert count == 2
    assert {ends.outcome().status, ends.outcome().status} == {RunStatus.INTERRUPTED}
    assert hang.cancelled.wait(PATIENCE)
    assert ends.count() == 0


def test_a_body_that_cancels_itself_has_failed(start, ends):
    executor = start(AsyncIOExecutor())

    async def body():
        raise asyncio.CancelledError("enough")

    executor.submit(make_run(body), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_type) == (RunStatus.FAILED, "asyncio.exceptions.CancelledError")


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt])
def test_a_task_that_wants_to_end_the_process_only_fails(start, ends, raised):
    executor = start(AsyncIOExecutor())

    async def body():
        raise raised

    executor.submit(make_run(body), ends)
    executor.submit(make_run(bodies.add_async, 1), ends)
    first, second = ends.outcome(), ends.outcome()

    assert (first.status, first.exception_type) == (RunStatus.FAILED, raised.__name__)
    assert second.result == 1


def test_asynchronous_surroundings_are_entered_asynchronously(start, ends):
    executor = start(AsyncIOExecutor(), Host(around_run=f"{__name__}:AsyncFence"))
    seen_around.clear()

    executor.submit(make_run(bodies.add_async, 1, job_id="good"), ends)
    good = ends.outcome()
    executor.submit(make_run(bodies.fail_async, job_id="bad"), ends)
    bad = ends.outcome()

    assert (good.result, bad.exception_message) == (1, "on purpose")
    assert seen_around == ["enter good", "exit good None", "enter bad", "exit bad ValueError"]


def test_tasks_that_a_body_leaves_behind_are_cancelled_at_the_end(start, ends):
    executor = start(AsyncIOExecutor())
    hang = Hang()
    left = []

    async def body():
        left.append(asyncio.create_task(hang.body()))

    executor.submit(make_run(body), ends)
    ends.next()
    hang.wait_for_body()
    executor.shutdown()

    assert hang.cancelled.is_set()


def test_an_async_body_runs_beside_a_loop_that_is_already_running(start, ends):
    executor = start(DebugExecutor())

    async def main():
        executor.submit(make_run(bodies.seen_run_async, job_id="report"), ends)

    asyncio.run(main())
    outcome = ends.outcome()

    assert outcome.exception is None
    assert outcome.result.job_id == "report"
