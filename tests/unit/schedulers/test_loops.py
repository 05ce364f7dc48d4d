"""Every scheduler that lives in a loop, in a real one. Tests wait for events and never sleep."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import ContextVar, copy_context

import pytest

from django_apscheduler_ng.events import (
    EVENT_ALL,
    EVENT_JOB_ADDED,
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_SUBMITTED,
    EVENT_SCHEDULER_SHUTDOWN,
)
from django_apscheduler_ng.exceptions import SchedulerAlreadyRunningError
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.schedulers.base import STATE_PAUSED, STATE_RUNNING, STATE_STOPPED
from django_apscheduler_ng.schedulers.loops import LONGEST_WAIT
from django_apscheduler_ng.testing import EventLog
from tests.unit.loops import LOOPS, PATIENCE, make_loop

DEFAULT_EXECUTORS = {
    "asyncio": "AsyncIOExecutor",
    "tornado": "TornadoExecutor",
    "gevent": "GeventExecutor",
    "twisted": "TwistedExecutor",
    "qt": "ThreadPoolExecutor",
}

#: Seconds after which a scheduler looks by itself; a test that gets by in less was woken.
LONG = 3600


@pytest.fixture(params=LOOPS)
def loop(request):
    loop = make_loop(request.param)
    yield loop
    loop.end()
    loop.close()


@pytest.fixture
def scheduler(loop):
    scheduler = loop.scheduler(timezone="UTC", poll_interval=LONG)
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("django_apscheduler_ng")] == []


@pytest.fixture
def log(scheduler):
    log = EventLog()
    scheduler.add_listener(log)
    return log


def work():
    return 42


def fail():
    raise ValueError("on purpose")


class Gate:
    """A job that says when it begins, and ends when it is told to. It may be in a greenlet, and waits as those do."""

    def __init__(self):
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self):
        self.begun.set()
        until = time.monotonic() + PATIENCE
        while not self.open.is_set() and time.monotonic() < until:
            self.pause()

    def pause(self):
        self.open.wait(0.01)


class GreenGate(Gate):
    def pause(self):
        import gevent

        gevent.sleep(0.01)


@pytest.fixture
def gate(request):
    gate = GreenGate() if request.node.callspec.params["loop"] == "gevent" else Gate()
    yield gate
    gate.open.set()


class BlockingStore(MemoryJobStore):
    """A job store whose answers may take long, and do so while `slow` is set."""

    blocks = True

    def __init__(self):
        super().__init__()
        self.slow = threading.Event()
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.threads = set()
        self.left = []

    def claim(self, now, free):
        self.threads.add(threading.current_thread())
        claim = super().claim(now, free)
        if self.slow.is_set():
            self.asked.set()
            assert self.answer.wait(PATIENCE)
        return claim

    def leave(self):
        self.left.append(threading.current_thread())


# -- a life ------------------------------------------------------------------------------------------------------------


def test_the_states_of_a_life(loop, scheduler, log):
    states = [scheduler.state]
    for step in (scheduler.start, scheduler.pause, scheduler.resume, scheduler.shutdown):
        loop.call(step)
        states.append(scheduler.state)

    assert states == [STATE_STOPPED, STATE_RUNNING, STATE_PAUSED, STATE_RUNNING, STATE_STOPPED]
    assert log.names()[-4:] == [
        "SCHEDULER_STARTED",
        "SCHEDULER_PAUSED",
        "SCHEDULER_RESUMED",
        "SCHEDULER_SHUTDOWN",
    ]


def test_the_executor_that_is_there_by_default_is_that_of_the_loop(loop, scheduler, request):
    loop.call(scheduler.start)

    kind = type(scheduler.executors()["default"]).__name__
    assert kind == DEFAULT_EXECUTORS[request.node.callspec.params["loop"]]


def test_jobs_that_wait_for_the_start_are_run(loop, scheduler, log):
    scheduler.add_job(work, id="now")

    loop.call(scheduler.start)

    event = log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    assert (event.job_id, event.retval, event.exception) == ("now", 42, None)


def test_a_job_that_is_added_in_the_loop_is_run(loop, scheduler, log):
    loop.call(scheduler.start)

    loop.call(scheduler.add_job, work)

    assert log.wait_for(EVENT_JOB_EXECUTED, PATIENCE).retval == 42


def test_a_job_that_is_added_by_another_thread_wakes_the_loop(loop, scheduler, log):
    loop.call(scheduler.start)

    scheduler.add_job(work)

    assert log.wait_for(EVENT_JOB_EXECUTED, PATIENCE).retval == 42


def test_a_job_with_a_time_wakes_the_loop_by_its_timer(loop, scheduler, log):
    loop.call(scheduler.start)

    scheduler.add_job(work, "interval", seconds=0.05)

    third = log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=3)
    first = log.of(EVENT_JOB_EXECUTED)[0]
    assert (third.scheduled_run_time - first.scheduled_run_time).total_seconds() >= 0.1


def test_no_timer_is_early(loop, scheduler, log):
    early, call_later = [], scheduler._call_later

    def measured(seconds, call):
        until = time.monotonic() + seconds

        def fired():
            early.append(until - time.monotonic())
            call()

        return call_later(seconds, fired)

    scheduler._call_later = measured
    loop.call(scheduler.start)

    scheduler.add_job(work, "interval", seconds=0.137)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=5)
    assert max(early) < 0.0001


def test_failures_are_told(loop, scheduler, log):
    loop.call(scheduler.start)

    scheduler.add_job(fail)

    event = log.wait_for(EVENT_JOB_ERROR, PATIENCE)
    assert isinstance(event.exception, ValueError)
    assert event.traceback.endswith("ValueError: on purpose\n")


def test_a_paused_scheduler_runs_nothing_until_it_is_resumed(loop, scheduler, log):
    scheduler.add_job(work, id="waiting")
    loop.call(scheduler.start, paused=True)
    scheduler.add_job(work, id="unwanted")
    scheduler.remove_job("unwanted")
    loop.call(lambda: None)
    before = log.of(EVENT_JOB_EXECUTED)

    loop.call(scheduler.resume)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    scheduler.shutdown()

    assert before == []
    assert [event.job_id for event in log.of(EVENT_JOB_EXECUTED)] == ["waiting"]


def test_a_scheduler_can_be_started_again(loop, scheduler, log):
    for _ in range(2):
        loop.call(scheduler.start)
        loop.call(scheduler.shutdown)
    log.clear()

    loop.call(scheduler.start)
    scheduler.add_job(work)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)


def test_a_running_scheduler_is_not_disturbed_by_a_second_start(loop, scheduler, log):
    loop.call(scheduler.start)

    with pytest.raises(SchedulerAlreadyRunningError):
        scheduler.start()

    scheduler.add_job(work)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)


def test_after_shutdown_nothing_starts(loop, scheduler, log):
    scheduler.add_job(work, "interval", seconds=0.005)
    loop.call(scheduler.start)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)

    loop.call(scheduler.shutdown)

    log.clear()
    loop.call(lambda: None)
    assert log.names(EVENT_ALL & ~EVENT_JOB_EXECUTED) == []
    assert scheduler._stop_timer is None


def test_a_job_may_shut_its_scheduler_down(loop, scheduler, log):
    loop.call(scheduler.start)

    scheduler.add_job(scheduler.shutdown)

    log.wait_for(EVENT_SCHEDULER_SHUTDOWN, PATIENCE)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    assert not scheduler.running


def test_a_shutdown_in_another_thread_waits_for_the_runs_under_way(loop, scheduler, log, gate):
    loop.call(scheduler.start)
    scheduler.add_job(gate)
    assert gate.begun.wait(PATIENCE)

    threading.Timer(0.05, gate.open.set).start()
    scheduler.shutdown()

    assert log.names(EVENT_JOB_EXECUTED | EVENT_SCHEDULER_SHUTDOWN) == ["JOB_EXECUTED", "SCHEDULER_SHUTDOWN"]


def test_a_shutdown_in_the_loop_that_does_not_wait_lets_runs_end(loop, scheduler, log, gate):
    loop.call(scheduler.start)
    scheduler.add_job(gate)
    assert gate.begun.wait(PATIENCE)

    loop.call(scheduler.shutdown, wait=False)

    assert log.names(EVENT_JOB_EXECUTED | EVENT_SCHEDULER_SHUTDOWN) == ["SCHEDULER_SHUTDOWN"]
    gate.open.set()
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)


def test_a_shutdown_in_the_loop_never_locks_up(loop, scheduler, log, gate):
    loop.call(scheduler.start)
    scheduler.add_job(gate)
    assert gate.begun.wait(PATIENCE)

    threading.Timer(0.05, gate.open.set).start()
    loop.call(scheduler.shutdown, wait=True)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)


def test_a_long_wait_is_cut_to_what_a_timer_can_hold(loop, log, scheduler):
    scheduler.poll_interval = 1e9
    waits = []
    call_later = scheduler._call_later
    scheduler._call_later = lambda seconds, call: waits.append(seconds) or call_later(seconds, call)

    loop.call(scheduler.start)
    scheduler.add_job(work, "date", run_date="2999-01-01", id="far")
    scheduler.add_job(work, id="now")

    assert log.wait_for(EVENT_JOB_EXECUTED, PATIENCE).job_id == "now"
    loop.call(lambda: None)
    assert set(waits) == {LONGEST_WAIT}


# -- where passes are made ---------------------------------------------------------------------------------------------


def test_the_memory_store_is_asked_in_the_loop(loop, scheduler, log):
    threads = []
    scheduler.add_listener(lambda event: threads.append(threading.current_thread()), EVENT_JOB_SUBMITTED)
    loop.call(scheduler.start)

    scheduler.add_job(work)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    assert threads == [loop.thread]


@pytest.fixture
def store(scheduler):
    store = BlockingStore()
    scheduler.add_jobstore(store)
    yield store
    store.answer.set()


def test_a_job_store_that_may_block_is_asked_in_one_thread_beside_the_loop(loop, scheduler, log, store):
    loop.call(scheduler.start)

    scheduler.add_job(work, "interval", seconds=0.02)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=5)
    (thread,) = store.threads
    assert thread is not loop.thread
    assert thread.name == "django_apscheduler_ng_0"


def test_the_loop_goes_on_while_a_job_store_takes_long(loop, scheduler, log, store):
    loop.call(scheduler.start)
    store.slow.set()
    scheduler.wakeup()
    assert store.asked.wait(PATIENCE)

    went_on = loop.call(lambda: not store.answer.is_set())

    assert went_on
    scheduler.add_job(work)
    store.slow.clear()
    store.answer.set()
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)


def test_a_job_that_comes_while_a_job_store_takes_long_is_seen_right_after(loop, scheduler, log, store):
    loop.call(scheduler.start)
    store.slow.set()
    scheduler.wakeup()
    assert store.asked.wait(PATIENCE)

    scheduler.add_job(work)
    loop.call(lambda: None)
    store.slow.clear()
    store.answer.set()

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)


def test_the_thread_for_passes_says_good_bye_to_job_stores_and_ends(loop, scheduler, log, store):
    loop.call(scheduler.start)
    scheduler.add_job(work)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)

    loop.call(scheduler.shutdown)

    (thread,) = store.threads
    assert store.left == [thread]
    assert not thread.is_alive()


def test_a_listener_may_shut_the_scheduler_down_from_the_thread_for_passes(loop, scheduler, log, store, caplog):
    scheduler.add_listener(lambda event: scheduler.shutdown(), EVENT_JOB_SUBMITTED)
    loop.call(scheduler.start)

    scheduler.add_job(work)

    log.wait_for(EVENT_SCHEDULER_SHUTDOWN, PATIENCE)
    (thread,) = store.threads
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("blocks", [False, True], ids=["in-the-loop", "beside-the-loop"])
def test_a_pass_that_fails_altogether_is_logged_and_followed_by_the_next(loop, scheduler, log, caplog, blocks):
    store = BlockingStore() if blocks else MemoryJobStore()
    scheduler.add_jobstore(store)
    scheduler.poll_interval = 0.01
    run, failed = scheduler._pass.run, threading.Event()

    def fail_once():
        if failed.is_set():
            return run()
        failed.set()
        raise RuntimeError("on purpose")

    scheduler._pass.run = fail_once
    scheduler.add_job(work)
    loop.call(scheduler.start)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "A pass failed; the next one is made in 0.01 s."


def test_many_wake_ups_make_few_passes(loop, scheduler, log):
    passes = []
    run = scheduler._pass.run
    scheduler._pass.run = lambda: passes.append(1) or run()
    loop.call(scheduler.start)

    def wake():
        for _ in range(1000):
            scheduler.wakeup()

    loop.call(wake)
    loop.call(lambda: None)
    loop.call(lambda: None)

    assert 1 <= len(passes) <= 4


shade: ContextVar[str] = ContextVar("shade", default="none")


def test_variables_of_the_context_that_woke_the_scheduler_stay_out_of_passes(loop, scheduler, log):
    seen = []
    scheduler.add_listener(lambda event: seen.append(shade.get()), EVENT_JOB_SUBMITTED)
    loop.call(scheduler.start)

    def of_a_request():
        shade.set("of a request")
        scheduler.add_job(work, "interval", seconds=0.01, next_run_time=scheduler.clock.now())

    loop.call(copy_context().run, of_a_request)

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=3)
    assert set(seen) == {"none"}


def test_changes_from_many_threads_are_all_seen(loop, scheduler, log):
    loop.call(scheduler.start)

    def add():
        for _ in range(20):
            scheduler.add_job(work)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=80)
    assert len(log.of(EVENT_JOB_ADDED)) == 80


def test_a_shutdown_after_the_loop_has_ended_does_not_wait_for_ever(loop, scheduler, log):
    scheduler.add_job(work)
    loop.call(scheduler.start)
    log.wait_for(EVENT_JOB_EXECUTED, PATIENCE)
    loop.end()

    scheduler.wakeup()
    scheduler.shutdown()

    assert log.names()[-1] == "SCHEDULER_SHUTDOWN"
