"""What only the scheduler in an asyncio loop does; all else is in `test_loops.py`."""

from __future__ import annotations

import asyncio
import threading

import pytest

from django_apscheduler_ng.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.schedulers.asyncio import AsyncIOScheduler
from django_apscheduler_ng.testing import EventLog

PATIENCE = 10


@pytest.fixture
def log():
    return EventLog()


@pytest.fixture
def scheduler(log):
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_listener(log)
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


async def told(log, event, count=1):
    return await asyncio.to_thread(log.wait_for, event, PATIENCE, count=count)


async def where():
    return asyncio.get_running_loop(), threading.current_thread()


def test_async_functions_are_tasks_of_the_loop_and_others_run_in_threads(scheduler, log):
    async def main():
        scheduler.start()
        scheduler.add_job(where, id="task")
        task = await told(log, EVENT_JOB_EXECUTED)
        scheduler.add_job(threading.current_thread)
        other = await told(log, EVENT_JOB_EXECUTED, count=2)
        scheduler.shutdown()
        return task.retval, other.retval, (asyncio.get_running_loop(), threading.current_thread())

    task, other, here = asyncio.run(main())

    assert task == here
    assert other is not threading.current_thread()


def test_an_async_job_that_fails_is_told(scheduler, log):
    async def fail():
        await asyncio.sleep(0)
        raise ValueError("on purpose")

    async def main():
        scheduler.start()
        scheduler.add_job(fail)
        return await told(log, EVENT_JOB_ERROR)

    event = asyncio.run(main())

    assert isinstance(event.exception, ValueError)


def test_without_a_loop_the_start_says_what_is_needed(scheduler):
    with pytest.raises(ConfigurationError) as caught:
        scheduler.start()

    assert str(caught.value) == (
        "AsyncIOScheduler found no running event loop. Call start() in an async function, or pass event_loop=."
    )
    assert not scheduler.running


@pytest.mark.parametrize("how", ["keyword", "configure", "dotted"])
def test_a_loop_may_be_given_and_need_not_run_yet(log, how):
    loop = asyncio.new_event_loop()
    scheduler = AsyncIOScheduler(event_loop=loop) if how == "keyword" else AsyncIOScheduler()
    if how == "configure":
        scheduler.configure(event_loop=loop)
    elif how == "dotted":
        scheduler.configure({"apscheduler.event_loop": loop})
    scheduler.add_listener(log)
    scheduler.add_job(where)
    scheduler.start()

    event = loop.run_until_complete(told(log, EVENT_JOB_EXECUTED))
    scheduler.shutdown()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()

    assert event.retval == (loop, threading.current_thread())


def test_what_is_no_loop_is_refused():
    with pytest.raises(ConfigurationError) as caught:
        AsyncIOScheduler(event_loop="uvloop")

    assert str(caught.value) == (
        "Option 'event_loop' must be an asyncio event loop, got 'uvloop'. Leave it out to use the running one."
    )


def test_options_of_other_schedulers_are_refused():
    with pytest.raises(ConfigurationError, match=r"^Unknown option 'reactor'\."):
        AsyncIOScheduler(reactor=None)


def test_a_shutdown_in_a_thread_waits_for_tasks(scheduler, log):
    async def slow():
        await asyncio.sleep(0.1)
        return "done"

    async def main():
        scheduler.start()
        scheduler.add_job(slow)
        while not scheduler.executors()["default"].running():
            await asyncio.sleep(0)
        await asyncio.to_thread(scheduler.shutdown)

    asyncio.run(main())

    assert [name for name in log.names() if name in ("JOB_EXECUTED", "SCHEDULER_SHUTDOWN")] == [
        "JOB_EXECUTED",
        "SCHEDULER_SHUTDOWN",
    ]


def test_a_shutdown_that_does_not_wait_cancels_tasks(scheduler, log):
    async def endless():
        await asyncio.Event().wait()

    async def main():
        scheduler.start()
        scheduler.add_job(endless)
        while not scheduler.executors()["default"].running():
            await asyncio.sleep(0)
        scheduler.shutdown(wait=False)
        return await told(log, EVENT_JOB_ERROR)

    asyncio.run(main())

    assert log.names()[-1] == "JOB_ERROR"


def test_after_the_loop_has_ended_nothing_happens_and_nothing_raises(scheduler, log):
    async def main():
        scheduler.start()

    asyncio.run(main())

    scheduler.add_job(where, id="late")
    scheduler.wakeup()
    scheduler.shutdown()

    assert log.names()[-1] == "SCHEDULER_SHUTDOWN"
    assert log.of(EVENT_JOB_EXECUTED | EVENT_JOB_ERROR) == []


def test_each_start_may_be_in_another_loop(scheduler, log):
    async def main():
        log.clear()
        scheduler.start()
        scheduler.add_job(where)
        event = await told(log, EVENT_JOB_EXECUTED)
        scheduler.shutdown()
        return event.retval[0] is asyncio.get_running_loop()

    assert [asyncio.run(main()), asyncio.run(main())] == [True, True]
