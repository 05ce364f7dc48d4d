"""Scheduler events."""

import threading
from itertools import pairwise

import pytest

from django_apscheduler_ng import events
from django_apscheduler_ng.events import EVENT_ALL, EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler

from .jobs import crash, myfunc

PATIENCE = 10

#: The constants of the original's module `events`, with the class of their events.
CONSTANTS = {
    "EVENT_SCHEDULER_STARTED": "SchedulerEvent",
    "EVENT_SCHEDULER_SHUTDOWN": "SchedulerEvent",
    "EVENT_SCHEDULER_PAUSED": "SchedulerEvent",
    "EVENT_SCHEDULER_RESUMED": "SchedulerEvent",
    "EVENT_EXECUTOR_ADDED": "SchedulerEvent",
    "EVENT_EXECUTOR_REMOVED": "SchedulerEvent",
    "EVENT_JOBSTORE_ADDED": "SchedulerEvent",
    "EVENT_JOBSTORE_REMOVED": "SchedulerEvent",
    "EVENT_ALL_JOBS_REMOVED": "SchedulerEvent",
    "EVENT_JOB_ADDED": "JobEvent",
    "EVENT_JOB_REMOVED": "JobEvent",
    "EVENT_JOB_MODIFIED": "JobEvent",
    "EVENT_JOB_SUBMITTED": "JobSubmissionEvent",
    "EVENT_JOB_MAX_INSTANCES": "JobSubmissionEvent",
    "EVENT_JOB_EXECUTED": "JobExecutionEvent",
    "EVENT_JOB_ERROR": "JobExecutionEvent",
    "EVENT_JOB_MISSED": "JobExecutionEvent",
}
ATTRIBUTES = {
    "SchedulerEvent": {"code", "alias"},
    "JobEvent": {"code", "job_id", "jobstore"},
    "JobSubmissionEvent": {"code", "job_id", "jobstore", "scheduled_run_times"},
    "JobExecutionEvent": {"code", "job_id", "jobstore", "scheduled_run_time", "retval", "exception", "traceback"},
}


def test_a_listener_tells_whether_a_job_crashed(scheduler, capsys):
    both = threading.Semaphore(0)

    def my_listener(event):
        if event.exception:
            print("The job crashed :(")
        else:
            print("The job worked :)")

    scheduler.add_listener(my_listener, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)

    scheduler.add_listener(lambda event: both.release(), EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.add_job(myfunc)
    scheduler.add_job(crash)
    assert both.acquire(timeout=PATIENCE)
    assert both.acquire(timeout=PATIENCE)
    assert sorted(capsys.readouterr().out.splitlines()) == ["The job crashed :(", "The job worked :)"]


def test_each_constant_is_a_bit_of_its_own():
    codes = sorted(getattr(events, name) for name in CONSTANTS)

    assert all(code & (code - 1) == 0 for code in codes)
    assert all(one != other for one, other in pairwise(codes))
    assert sum(codes) == EVENT_ALL


@pytest.fixture(scope="module")
def everything():
    """Every event of a scheduler to which everything happens."""
    log, scheduler = EventLog(), ManualScheduler(FakeClock())
    scheduler.add_listener(log)
    scheduler.start()
    scheduler.add_executor("threadpool", "other")
    scheduler.add_jobstore("memory", "other")
    scheduler.add_job(myfunc, id="works").modify(name="Alternate name")
    scheduler.add_job(crash, id="crashes")
    scheduler.travel(1)
    scheduler.add_job(myfunc, "interval", minutes=1, id="late", misfire_grace_time=5)
    scheduler.pause()
    scheduler.travel(90)
    scheduler.resume()
    scheduler.travel(0)
    _meet_itself(scheduler)
    scheduler.remove_job("late")
    scheduler.remove_all_jobs()
    scheduler.remove_executor("other")
    scheduler.remove_jobstore("other")
    scheduler.shutdown()
    return log.events


def _meet_itself(scheduler):
    """Let a fire time come while the run before it is going on in a thread."""
    begun, end = threading.Event(), threading.Event()

    def lasting():
        begun.set()
        end.wait(PATIENCE)

    scheduler.add_job(lasting, "interval", minutes=1, id="lasting", executor="other")
    scheduler.travel(60)
    assert begun.wait(PATIENCE)
    scheduler.travel(60)
    end.set()


@pytest.mark.parametrize(("name", "kind"), CONSTANTS.items())
def test_each_event_is_sent_with_its_attributes(everything, name, kind):
    code = getattr(events, name)

    found = [event for event in everything if event.code == code]

    assert {type(event).__name__ for event in found} == {kind}
    assert vars(found[0]).keys() >= ATTRIBUTES[kind]


def test_the_attributes_say_what_happened(everything):
    by_code = {event.code: event for event in everything}

    executed, error = by_code[EVENT_JOB_EXECUTED], by_code[EVENT_JOB_ERROR]
    assert (error.job_id, error.jobstore, repr(error.exception)) == ("crashes", "default", "ValueError('crashed')")
    assert "raise ValueError" in error.traceback
    assert executed.retval in ("done", None)
    assert by_code[events.EVENT_EXECUTOR_REMOVED].alias == "other"
    assert by_code[events.EVENT_JOB_MISSED].scheduled_run_time.isoformat() == "2026-01-05T09:01:01+00:00"


def test_a_listener_without_a_mask_hears_everything(manual):
    heard = EventLog()
    manual.add_listener(heard)

    manual.add_job(myfunc)
    manual.travel(1)

    assert set(heard.names()) == {"JOB_ADDED", "JOB_SUBMITTED", "JOB_EXECUTED", "JOB_REMOVED"}


def test_a_listener_that_is_removed_hears_nothing(manual):
    heard = EventLog()
    manual.add_listener(heard)

    manual.remove_listener(heard)

    manual.add_job(myfunc)
    assert heard.events == []


def test_a_listener_that_fails_hurts_nobody_else(manual):
    def broken(event):
        raise RuntimeError("listener")

    heard = EventLog()
    manual.add_listener(broken)
    manual.add_listener(heard, EVENT_JOB_EXECUTED)

    manual.add_job(myfunc)
    manual.travel(1)

    assert heard.names() == ["JOB_EXECUTED"]
