"""What only the scheduler in a Tornado loop does; all else is in `test_loops.py`."""

from __future__ import annotations

import asyncio
import threading

import pytest

pytest.importorskip("tornado")

from tornado import gen
from tornado.ioloop import IOLoop

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.schedulers.tornado import TornadoScheduler


async def where():
    return IOLoop.current(), threading.current_thread()


@gen.coroutine
def where_decorated():
    yield gen.sleep(0.001)
    return (IOLoop.current(), threading.current_thread())


@pytest.fixture
def io_loop():
    io_loop = IOLoop(make_current=False)
    yield io_loop
    io_loop.close(all_fds=True)


def stop_after(scheduler, count):
    """Collect what so many jobs return, then stop the loop."""
    results = []

    def note(event):
        results.append(event.retval)
        if len(results) == count:
            io_loop = scheduler._given_io_loop
            io_loop.add_callback(io_loop.stop)

    scheduler.add_listener(note, EVENT_JOB_EXECUTED)
    return results


def test_coroutines_of_both_kinds_are_performed_in_the_loop_and_others_in_threads(io_loop):
    scheduler = TornadoScheduler(io_loop=io_loop)
    results = stop_after(scheduler, 3)
    for func in (where, where_decorated, threading.current_thread):
        scheduler.add_job(func)

    scheduler.start()
    io_loop.start()
    scheduler.shutdown()

    threads = [result for result in results if isinstance(result, threading.Thread)]
    assert [result for result in results if result not in threads] == [(io_loop, threading.current_thread())] * 2
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_the_current_loop_is_the_default():
    async def main():
        scheduler = TornadoScheduler()
        scheduler.start()
        scheduler.shutdown()
        return scheduler.event_loop is asyncio.get_running_loop()

    assert asyncio.run(main())


def test_what_is_no_loop_is_refused():
    with pytest.raises(ConfigurationError) as caught:
        TornadoScheduler(io_loop="main")

    assert (
        str(caught.value)
        == "Option 'io_loop' must be a Tornado IOLoop, got 'main'. Leave it out to use IOLoop.current()."
    )
