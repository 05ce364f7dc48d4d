"""Schedulers with loops of their own, from start to shutdown. Tests wait for events and never sleep."""

import logging
import threading
from datetime import timedelta

import pytest

from django_apscheduler_ng.events import (
    EVENT_ALL,
    EVENT_EXECUTOR_ADDED,
    EVENT_EXECUTOR_REMOVED,
    EVENT_JOB_ADDED,
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOBSTORE_ADDED,
    EVENT_JOBSTORE_REMOVED,
    EVENT_SCHEDULER_SHUTDOWN,
    EVENT_SCHEDULER_STARTED,
)
from django_apscheduler_ng.exceptions import (
    ConfigurationError,
    SchedulerAlreadyRunningError,
    SchedulerNotRunningError,
)
from django_apscheduler_ng.executors.debug import DebugExecutor
from django_apscheduler_ng.executors.pool import ThreadPoolExecutor
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.schedulers.base import STATE_PAUSED, STATE_RUNNING, STATE_STOPPED
from django_apscheduler_ng.schedulers.blocking import BlockingScheduler
from django_apscheduler_ng.testing import EventLog

PATIENCE = 10


class Gate:
    """A job that says when it begins and ends when it is told to."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self):
        self.begun.release()
        assert self.open.wait(PATIENCE)

    def wait(self):
        assert self.begun.acquire(timeout=PATIENCE)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def scheduler(gate):
    scheduler = BackgroundScheduler(timezone="UTC")
    yield scheduler
    gate.open.set()
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def log(scheduler):
    log = EventLog()
    scheduler.add_listener(log)
    return log


def work():
    return 42


def fail():
    raise ValueError("on purpose")


# -- start and shutdown --------------------------------------------------------------------------------------------------


def test_a_scheduler_begins_with_a_memory_store_and_ten_threads(scheduler):
    scheduler.start()

    assert isinstance(scheduler.jobstores()["default"], MemoryJobStore)
    executor = scheduler.executors()["default"]
    assert isinstance(executor, ThreadPoolExecutor)
    assert executor.capacity == 10


def test_the_states_of_a_life(scheduler, log):
    states = [scheduler.state]
    for step in (scheduler.start, scheduler.pause, scheduler.resume, scheduler.shutdown):
        step()
        states.append(scheduler.state)

    assert states == [STATE_STOPPED, STATE_RUNNING, STATE_PAUSED, STATE_RUNNING, STATE_STOPPED] == [0, 1, 2, 1, 0]
    assert log.names() == [
        "EXECUTOR_ADDED",
        "JOBSTORE_ADDED",
        "SCHEDULER_STARTED",
        "SCHEDULER_PAUSED",
        "SCHEDULER_RESUMED",
        "SCHEDULER_SHUTDOWN",
    ]
    assert not scheduler.running


def test_a_paused_scheduler_counts_as_running(scheduler):
    scheduler.start(paused=True)

    assert scheduler.running
    assert scheduler.state == STATE_PAUSED


def test_jobs_run_in_the_background(scheduler, log):
    scheduler.start()

    scheduler.add_job(work, id="now")

    event = log.wait_for(EVENT_JOB_EXECUTED)
    assert (event.job_id, event.retval, event.exception) == ("now", 42, None)


def test_an_interval_goes_on_and_on(scheduler, log):
    scheduler.add_job(work, "interval", seconds=0.01, id="often")
    scheduler.start()

    third = log.wait_for(EVENT_JOB_EXECUTED, count=3)

    assert third.scheduled_run_time - log.of(EVENT_JOB_EXECUTED)[0].scheduled_run_time >= timedelta(seconds=0.02)


def test_a_failure_is_told_and_logged(scheduler, log, caplog):
    scheduler.start()

    scheduler.add_job(fail, id="failing")

    event = log.wait_for(EVENT_JOB_ERROR)
    assert isinstance(event.exception, ValueError)
    assert event.traceback.endswith("ValueError: on purpose\n")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == f"Job 'failing' failed in run {event.run_id}: ValueError: on purpose"
    assert (record.job_id, record.run_id) == ("failing", event.run_id)


def test_a_scheduler_that_starts_paused_runs_nothing_until_it_is_resumed(scheduler, log):
    scheduler.add_job(work, id="unwanted")
    scheduler.add_job(work, id="wanted")
    scheduler.start(paused=True)
    scheduler.remove_job("unwanted")
    before = log.of(EVENT_JOB_EXECUTED)

    scheduler.resume()
    log.wait_for(EVENT_JOB_EXECUTED)
    scheduler.shutdown()

    assert before == []
    assert [event.job_id for event in log.of(EVENT_JOB_EXECUTED)] == ["wanted"]


def test_pausing_and_resuming_twice_is_told_once(scheduler, log):
    scheduler.start()
    log.clear()

    for step in (scheduler.pause, scheduler.pause, scheduler.resume, scheduler.resume):
        step()

    assert log.names() == ["SCHEDULER_PAUSED", "SCHEDULER_RESUMED"]


def test_a_running_scheduler_cannot_be_started_again(scheduler):
    scheduler.start()

    with pytest.raises(SchedulerAlreadyRunningError) as caught:
        scheduler.start()

    assert str(caught.value) == "The scheduler is already running. Call shutdown() before starting it again."


@pytest.mark.parametrize("action", ["shutdown", "pause", "resume"])
def test_a_scheduler_that_is_not_running_cannot_be_stopped_paused_or_resumed(scheduler, action):
    with pytest.raises(SchedulerNotRunningError) as caught:
        getattr(scheduler, action)()

    assert str(caught.value) == "The scheduler is not running. Call start() first."


def test_the_options_of_a_running_scheduler_cannot_be_changed(scheduler):
    scheduler.start()

    with pytest.raises(SchedulerAlreadyRunningError) as caught:
        scheduler.configure(timezone="Europe/Berlin")

    assert (
        str(caught.value)
        == "The scheduler is running, and its options cannot be changed. Call configure() before start()."
    )
    assert str(scheduler.timezone) == "UTC"


def test_shutdown_waits_for_the_runs_under_way(scheduler, log, gate):
    scheduler.start()
    scheduler.add_job(gate, id="slow")
    gate.wait()

    threading.Timer(0.05, gate.open.set).start()
    scheduler.shutdown()

    assert log.names(EVENT_JOB_EXECUTED | EVENT_SCHEDULER_SHUTDOWN) == ["JOB_EXECUTED", "SCHEDULER_SHUTDOWN"]


def test_shutdown_need_not_wait(scheduler, log, gate):
    scheduler.start()
    scheduler.add_job(gate, id="slow")
    gate.wait()

    scheduler.shutdown(wait=False)

    assert log.names(EVENT_JOB_EXECUTED | EVENT_SCHEDULER_SHUTDOWN) == ["SCHEDULER_SHUTDOWN"]
    gate.open.set()
    log.wait_for(EVENT_JOB_EXECUTED)


def test_after_shutdown_nothing_starts(scheduler, log):
    scheduler.add_job(work, "interval", seconds=0.005)
    scheduler.start()
    log.wait_for(EVENT_JOB_EXECUTED)

    scheduler.shutdown()

    after = log.names().index("SCHEDULER_SHUTDOWN")
    assert log.names()[after:] == ["SCHEDULER_SHUTDOWN"]
    assert not any(thread.name == "django_apscheduler_ng" for thread in threading.enumerate())


def test_a_scheduler_can_be_started_again(scheduler, log):
    scheduler.start()
    scheduler.shutdown()
    log.clear()

    scheduler.start()
    scheduler.add_job(work)

    log.wait_for(EVENT_JOB_EXECUTED)


def test_a_job_may_shut_its_scheduler_down(scheduler, log):
    scheduler.start()

    scheduler.add_job(scheduler.shutdown)

    log.wait_for(EVENT_SCHEDULER_SHUTDOWN)
    assert not scheduler.running


def test_a_blocking_scheduler_returns_from_start_when_it_is_shut_down():
    scheduler, log = BlockingScheduler(), EventLog()
    scheduler.add_listener(log)
    scheduler.add_job(work)
    scheduler.add_listener(lambda event: scheduler.shutdown(wait=False), EVENT_JOB_EXECUTED)

    scheduler.start()

    assert not scheduler.running
    assert "JOB_EXECUTED" in log.names()


def test_a_blocking_scheduler_is_stopped_from_another_thread():
    scheduler, log = BlockingScheduler(), EventLog()
    scheduler.add_listener(log)
    thread = threading.Thread(target=scheduler.start)
    thread.start()
    log.wait_for(EVENT_SCHEDULER_STARTED)

    scheduler.shutdown()

    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("make", "daemon"),
    [
        pytest.param(BackgroundScheduler, True, id="default"),
        pytest.param(lambda: BackgroundScheduler(daemon=False), False, id="keyword"),
        pytest.param(lambda: BackgroundScheduler({"apscheduler.daemon": "false"}), False, id="dotted"),
    ],
)
def test_whether_the_thread_keeps_the_process_alive_is_an_option(make, daemon):
    scheduler = make()
    scheduler.start()

    (thread,) = [thread for thread in threading.enumerate() if thread.name == "django_apscheduler_ng"]

    assert thread.daemon is daemon
    scheduler.shutdown()


# -- policies ----------------------------------------------------------------------------------------------------------


def test_one_instance_at_a_time_is_the_default_and_what_meets_it_is_skipped(scheduler, log, gate):
    scheduler.add_job(gate, "interval", seconds=0.02, id="slow")
    scheduler.start()
    gate.wait()

    event = log.wait_for(EVENT_JOB_MAX_INSTANCES)

    assert event.job_id == "slow"
    assert len(event.scheduled_run_times) >= 1
    assert not gate.begun.acquire(blocking=False)


def test_as_many_instances_run_at_once_as_allowed(scheduler, log, gate):
    scheduler.add_job(gate, "interval", seconds=0.02, max_instances=3, id="slow")
    scheduler.start()

    for _ in range(3):
        gate.wait()
    log.wait_for(EVENT_JOB_MAX_INSTANCES)

    assert not gate.begun.acquire(blocking=False)


def test_more_work_than_threads_waits_and_all_of_it_is_done(scheduler, log):
    scheduler.add_executor({"type": "threadpool", "max_workers": 2}, "default")
    for number in range(20):
        scheduler.add_job(work, id=f"job-{number}")

    scheduler.start()

    log.wait_for(EVENT_JOB_EXECUTED, count=20)
    assert scheduler.get_jobs() == []


# -- parts ---------------------------------------------------------------------------------------------------------------


def test_executors_come_and_go_while_the_scheduler_runs(scheduler, log):
    scheduler.start()
    log.clear()

    scheduler.add_executor("threadpool", "extra", max_workers=1)
    scheduler.add_job(work, id="extra", executor="extra")
    log.wait_for(EVENT_JOB_EXECUTED)
    scheduler.remove_executor("extra")

    assert [event.alias for event in log.of(EVENT_EXECUTOR_ADDED | EVENT_EXECUTOR_REMOVED)] == ["extra", "extra"]
    assert list(scheduler.executors()) == ["default"]


def test_job_stores_come_and_go_while_the_scheduler_runs(scheduler, log):
    scheduler.start()
    log.clear()
    store = MemoryJobStore()

    scheduler.add_jobstore(store, "extra")
    scheduler.add_job(work, jobstore="extra")
    log.wait_for(EVENT_JOB_EXECUTED)
    scheduler.add_job(work, "interval", hours=1, id="kept", jobstore="extra")
    scheduler.remove_jobstore("extra")

    assert [event.alias for event in log.of(EVENT_JOBSTORE_ADDED | EVENT_JOBSTORE_REMOVED)] == ["extra", "extra"]
    assert scheduler.get_job("kept") is None
    assert store.lookup_job("kept") is not None


def test_waiting_jobs_of_a_store_that_is_added_while_running_are_planned(scheduler, log):
    scheduler.start()
    scheduler.add_jobstore({"type": "memory"}, "extra")

    scheduler.add_job(work, "interval", hours=1, jobstore="extra")

    log.wait_for(EVENT_JOB_ADDED)
    assert len(scheduler.get_jobs("extra")) == 1


@pytest.mark.parametrize(
    ("action", "arguments", "message"),
    [
        pytest.param(
            "add_executor",
            ["debug", "default"],
            "Executor 'default' already exists. Remove it first, or choose another alias.",
            id="executor-taken",
        ),
        pytest.param(
            "add_jobstore",
            ["memory", "default"],
            "Job store 'default' already exists. Remove it first, or choose another alias.",
            id="store-taken",
        ),
        pytest.param(
            "remove_executor",
            ["defalut"],
            "Executor 'defalut' is not configured. Did you mean 'default'?",
            id="executor-unknown",
        ),
        pytest.param(
            "remove_jobstore",
            ["defalut"],
            "Job store 'defalut' is not configured. Did you mean 'default'? There are: 'default'. "
            "Add it with add_jobstore() or in the configuration.",
            id="store-unknown",
        ),
        pytest.param(
            "add_executor",
            ["thredpool", "extra"],
            "Unknown type 'thredpool' of executor 'executors.extra'. Did you mean 'threadpool'?",
            id="type-typo",
        ),
        pytest.param(
            "add_executor",
            [5, "extra"],
            "Executor 'extra' must be an instance, the name of a type or a dict of options, got 5.",
            id="no-executor",
        ),
    ],
)
def test_parts_that_cannot_be_added_or_removed(scheduler, action, arguments, message):
    scheduler.start()

    with pytest.raises(ConfigurationError) as caught:
        getattr(scheduler, action)(*arguments)

    assert str(caught.value) == message
    assert list(scheduler.executors()) == list(scheduler.jobstores()) == ["default"]


# -- configuration -------------------------------------------------------------------------------------------------------


def test_a_typo_in_an_option_gets_a_suggestion():
    with pytest.raises(ConfigurationError) as caught:
        BackgroundScheduler(job_default={"coalesce": False})

    assert str(caught.value) == "Unknown option 'job_default'. Did you mean 'job_defaults'?"


def test_options_may_be_given_in_several_calls():
    scheduler = BackgroundScheduler({"apscheduler.executors.default": {"type": "debug"}})

    scheduler.configure({"apscheduler.job_defaults.coalesce": "false"}, timezone="Europe/Berlin")

    assert isinstance(scheduler.executors()["default"], DebugExecutor)
    assert scheduler.add_job(work, "interval", seconds=1).coalesce is False
    assert str(scheduler.timezone) == "Europe/Berlin"


def test_a_logger_of_ones_own_is_used(caplog):
    scheduler = BackgroundScheduler(logger="shop.scheduler")
    caplog.set_level(logging.INFO, "shop.scheduler")

    scheduler.start()
    scheduler.shutdown()

    assert [(record.name, record.getMessage()) for record in caplog.records if record.name == "shop.scheduler"] == [
        ("shop.scheduler", "Scheduler started."),
        ("shop.scheduler", "Scheduler shut down."),
    ]


# -- listeners ---------------------------------------------------------------------------------------------------------


def test_a_failing_listener_hurts_neither_jobs_nor_other_listeners(scheduler, log):
    def fail(event):
        raise RuntimeError("on purpose")

    scheduler.remove_listener(log)
    scheduler.add_listener(fail)
    scheduler.add_listener(log, EVENT_ALL)
    scheduler.start()

    scheduler.add_job(work)

    log.wait_for(EVENT_JOB_EXECUTED)


def test_a_listener_is_told_what_its_mask_selects(scheduler):
    log = EventLog()
    scheduler.add_listener(log, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.start()

    scheduler.add_job(work)
    scheduler.add_job(fail)
    log.wait_for(EVENT_ALL, count=2)

    assert sorted(log.names()) == ["JOB_ERROR", "JOB_EXECUTED"]


def test_a_removed_listener_is_told_nothing(scheduler, log):
    scheduler.remove_listener(log)

    scheduler.start()

    assert log.events == []
