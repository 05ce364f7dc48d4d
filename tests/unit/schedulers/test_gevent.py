"""What only the scheduler in a gevent hub does; all else is in `test_loops.py`. This process is not patched."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("gevent")

import gevent
from gevent.event import Event

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.gevent import GeventExecutor
from django_apscheduler_ng.runs import RunStatus, current_run
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog
from tests.unit.executors.support import Ends, Host, make_run
from tests.unit.loops import PATIENCE, GeventLoop


@pytest.fixture
def loop():
    loop = GeventLoop()
    yield loop
    loop.end()
    loop.close()


@pytest.fixture
def scheduler(loop):
    scheduler = loop.scheduler()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def log(scheduler):
    log = EventLog()
    scheduler.add_listener(log)
    return log


@pytest.fixture
def executor(loop):
    executor, host = GeventExecutor(2), Host()
    host.hub = loop.hub
    executor.start(host, "default")
    yield executor
    executor.kill()


def test_start_returns_a_greenlet_that_ends_with_the_scheduler(loop, scheduler):
    def live():
        greenlet = scheduler.start()
        gevent.spawn_later(0.05, scheduler.shutdown)
        alive = not greenlet.ready()
        greenlet.join(PATIENCE)
        return alive, greenlet.ready()

    assert loop.call(live) == (True, True)


def test_a_paused_scheduler_keeps_its_hub_from_running_out_of_work():
    # in a thread without a rig: nothing else is in this hub
    ended, log = [], EventLog()

    def live():
        scheduler = GeventLoop.scheduler(None)
        scheduler.add_listener(log)
        greenlet = scheduler.start(paused=True)
        threading.Timer(0.05, scheduler.shutdown).start()
        greenlet.join()
        ended.append(greenlet.ready())
        gevent.get_hub().destroy()

    thread = threading.Thread(target=live)
    thread.start()
    thread.join(PATIENCE)

    assert ended == [True]
    assert log.names()[-1] == "SCHEDULER_SHUTDOWN"


def test_bodies_let_each_other_go_on_and_know_their_own_run(loop, scheduler, log):
    first, second = loop.call(Event), loop.call(Event)

    def meet(mine, other):
        mine.set()
        assert other.wait(PATIENCE)
        return current_run().job_id, threading.current_thread() is loop.thread

    loop.call(scheduler.start)
    scheduler.add_job(meet, args=[first, second], id="one")
    scheduler.add_job(meet, args=[second, first], id="two")

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=2)
    told = {event.job_id: event.retval for event in log.of(EVENT_JOB_EXECUTED)}
    assert {job_id: retval[0] for job_id, retval in told.items()} == {"one": "one", "two": "two"}


def test_a_shutdown_in_the_hub_waits_and_lets_the_greenlets_go_on(loop, scheduler, log):
    gate = loop.call(Event)

    def body():
        return gate.wait(PATIENCE)

    def stop():
        scheduler.add_job(body)
        while not scheduler.executors()["default"].running():
            gevent.sleep(0.001)
        gevent.spawn_later(0.05, gate.set)
        scheduler.shutdown()

    loop.call(scheduler.start)
    loop.call(stop)

    assert log.names()[-2:] == ["JOB_EXECUTED", "SCHEDULER_SHUTDOWN"]


def test_no_more_greenlets_are_under_way_than_there_are_workers(loop, executor):
    ends = Ends()
    gate, begun = loop.call(Event), []

    def body():
        begun.append(1)
        gate.wait(PATIENCE)

    for _ in range(4):
        executor.submit(make_run(body), ends)
    for _ in range(3):
        loop.call(gevent.sleep, 0.01)
    during = len(begun), executor.free()
    loop.call(gate.set)
    executor.shutdown()

    assert during == (2, 0)
    assert ends.count() == 4


def test_a_kill_ends_greenlets(loop, executor):
    ends, left = Ends(), threading.Event()
    begun = threading.Event()

    def body():
        begun.set()
        try:
            Event().wait(PATIENCE)
        finally:
            left.set()

    executor.submit(make_run(body), ends)
    assert begun.wait(PATIENCE)

    executor.kill()

    assert ends.outcome().status is RunStatus.INTERRUPTED
    assert left.wait(PATIENCE)
    assert ends.count() == 0


def test_the_executor_refuses_a_scheduler_that_runs_no_greenlets():
    scheduler = BackgroundScheduler(executors={"default": {"type": "gevent"}})

    with pytest.raises(ConfigurationError) as caught:
        scheduler.start()

    assert str(caught.value) == (
        "Executor 'default' performs in greenlets, and BackgroundScheduler has no hub that runs them. "
        "Use it with a GeventScheduler, call gevent.monkey.patch_all() first, or choose the type 'threadpool'."
    )


def test_runs_of_a_hub_that_was_destroyed_are_interrupted_and_later_ones_fail(loop, executor):
    ends, gate, begun = Ends(), loop.call(Event), threading.Event()

    def body():
        begun.set()
        gate.wait(PATIENCE)

    executor.submit(make_run(body), ends)
    assert begun.wait(PATIENCE)
    loop.end()

    executor.submit(make_run(body), ends)
    executor.shutdown()

    outcomes = [ends.outcome(), ends.outcome()]
    assert [outcome.status for outcome in outcomes] == [RunStatus.FAILED, RunStatus.INTERRUPTED]
    assert outcomes[0].exception_message == (
        "The gevent hub was destroyed, and its greenlets with it. Shut the scheduler down before."
    )
