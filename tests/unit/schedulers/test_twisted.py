"""What only the scheduler in a Twisted reactor does; all else is in `test_loops.py`."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("twisted")

from twisted.internet.selectreactor import SelectReactor
from twisted.python.threadable import isInIOThread

from django_apscheduler_ng.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.twisted import TwistedExecutor
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.schedulers.twisted import TwistedScheduler
from django_apscheduler_ng.testing import EventLog
from tests.unit.executors.support import Ends, Host, make_run
from tests.unit.loops import PATIENCE, TwistedLoop, close_reactor


@pytest.fixture
def loop():
    loop = TwistedLoop()
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


def test_jobs_run_in_the_threads_of_the_reactor(loop, scheduler, log):
    loop.call(scheduler.start)

    scheduler.add_job(lambda: (threading.current_thread(), isInIOThread()))

    thread, in_reactor = log.wait_for(EVENT_JOB_EXECUTED, PATIENCE).retval
    assert thread in loop.reactor.getThreadPool().threads
    assert not in_reactor


def test_what_is_no_reactor_is_refused():
    with pytest.raises(ConfigurationError) as caught:
        TwistedScheduler(reactor="epoll")

    assert str(caught.value) == (
        "Option 'reactor' must be a Twisted reactor with threads, got 'epoll'. Leave it out to use the installed one."
    )


def test_the_executor_refuses_a_scheduler_without_a_reactor():
    scheduler = BackgroundScheduler(executors={"default": {"type": "twisted"}})

    with pytest.raises(ConfigurationError) as caught:
        scheduler.start()

    assert str(caught.value) == (
        "Executor 'default' performs in the threads of a Twisted reactor, and BackgroundScheduler has none. "
        "Use it with a TwistedScheduler, or choose the type 'threadpool'."
    )


def test_no_more_runs_are_in_the_threads_than_there_are_workers(loop):
    host, ends, executor = Host(), Ends(), TwistedExecutor(2)
    host.reactor = loop.reactor
    executor.start(host, "default")
    begun, opened = threading.Semaphore(0), threading.Event()

    def body():
        begun.release()
        assert opened.wait(PATIENCE)

    for _ in range(4):
        executor.submit(make_run(body), ends)
    assert begun.acquire(timeout=PATIENCE)
    assert begun.acquire(timeout=PATIENCE)
    third = begun.acquire(timeout=0.1)
    opened.set()
    executor.shutdown()

    assert not third
    assert ends.count() == 4


def test_runs_that_wait_when_the_reactor_has_stopped_are_interrupted():
    host, ends, executor = Host(), Ends(), TwistedExecutor()
    host.reactor = reactor = SelectReactor()  # never runs
    executor.start(host, "default")
    executor.submit(make_run(print), ends)

    executor.shutdown()

    assert ends.outcome().status is RunStatus.INTERRUPTED
    close_reactor(reactor)


def test_runs_after_the_reactor_has_stopped_fail_and_say_why(loop, scheduler, log):
    loop.call(scheduler.start)
    scheduler.add_job(print)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    loop.end()

    ends = Ends()
    scheduler.executors()["default"].submit(make_run(print), ends)

    assert ends.outcome().exception_message == (
        "The Twisted reactor has stopped, and its threads with it. Shut the scheduler down before."
    )
    assert log.of(EVENT_JOB_ERROR) == []
