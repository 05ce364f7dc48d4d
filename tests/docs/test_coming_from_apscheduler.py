"""The page for those who come from APScheduler 3: what it says of this project that no other test of the documentation shows."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng import exceptions
from django_apscheduler_ng.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from django_apscheduler_ng.exceptions import (
    CallableReferenceError,
    ConfigurationError,
    InvalidJobError,
    InvalidTriggerError,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerNotRunningError,
)
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.interval import IntervalTrigger

from .pages import CHECKOUT

PAGE = (CHECKOUT / "docs" / "how-to" / "from-apscheduler.md").read_text()


@pytest.fixture
def scheduler():
    scheduler = ManualScheduler(FakeClock(), timezone="UTC")
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def log(scheduler) -> EventLog:
    log = EventLog()
    scheduler.add_listener(log)
    return log


def work():
    return "done"


async def work_asynchronously():
    return "done"


@pytest.mark.parametrize(("grace", "ran"), [pytest.param(None, 1, id="here"), pytest.param(1, 0, id="as-before")])
def test_a_date_in_the_past(scheduler, log, grace, ran) -> None:
    scheduler.add_job(work, "date", run_date="2026-01-05 08:00:00", misfire_grace_time=grace)

    scheduler.travel(1)

    assert len(log.of(EVENT_JOB_EXECUTED)) == ran


def test_a_backlog_is_run_and_not_skipped(scheduler, log) -> None:
    scheduler.add_job(work, "interval", seconds=2, coalesce=False, max_instances=1)
    scheduler.pause()
    scheduler.travel(20)

    scheduler.resume()
    scheduler.travel(0)

    assert len(log.of(EVENT_JOB_EXECUTED)) == 10
    assert log.of(EVENT_JOB_MAX_INSTANCES) == []


def test_missed_fire_times_in_a_row_are_one_event(scheduler, log) -> None:
    scheduler.add_job(work, "interval", seconds=1, coalesce=False, misfire_grace_time=1)
    scheduler.pause()
    scheduler.travel(timedelta(days=7))

    scheduler.resume()
    scheduler.travel(0)

    (missed,) = log.of(EVENT_JOB_MISSED)
    assert missed.count > 600_000


def test_the_next_run_time_is_in_utc_and_the_trigger_answers_in_its_zone(scheduler) -> None:
    job = scheduler.add_job(work, "cron", hour=3, timezone="Asia/Shanghai")

    assert job.next_run_time.isoformat() == "2026-01-05T19:00:00+00:00"
    assert job.next_run_time.astimezone(job.trigger.timezone).isoformat() == "2026-01-06T03:00:00+08:00"
    assert job.trigger.get_next_fire_time(None, datetime(2026, 1, 5, 9, tzinfo=UTC)).isoformat() == (
        "2026-01-06T03:00:00+08:00"
    )


def test_a_coroutine_function_runs_in_any_executor() -> None:
    scheduler, log = BackgroundScheduler(), EventLog()
    scheduler.add_listener(log)
    scheduler.start()

    scheduler.add_job(work_asynchronously)

    assert log.wait_for(EVENT_JOB_EXECUTED).retval == "done"
    scheduler.shutdown()


def test_next_run_time_moves_the_schedule_and_run_job_does_not(scheduler, log) -> None:
    job = scheduler.add_job(work, "interval", minutes=10)
    planned = job.next_run_time
    scheduler.travel(180)
    scheduler.run_job(job.id)
    scheduler.travel(0)
    after_run = scheduler.get_job(job.id).next_run_time

    job.modify(next_run_time=scheduler.fake_clock.now())
    scheduler.travel(0)

    assert after_run == planned
    assert scheduler.get_job(job.id).next_run_time == planned + timedelta(minutes=3)
    assert len(log.of(EVENT_JOB_EXECUTED)) == 2


def test_the_scheduler_itself_logs_as_before(caplog) -> None:
    caplog.set_level(logging.INFO)
    scheduler = ManualScheduler(logger="apscheduler.scheduler")

    scheduler.start()
    scheduler.shutdown()

    assert {record.name for record in caplog.records if "Scheduler" in record.getMessage()} == {"apscheduler.scheduler"}


MISTAKES = {
    "an unknown trigger": (InvalidTriggerError, ValueError, lambda it: it.add_job(work, "crom")),
    "a callable that cannot be found": (CallableReferenceError, LookupError, lambda it: it.add_job("nowhere:work")),
    "an impossible option of a job": (InvalidJobError, ValueError, lambda it: it.add_job(work, max_instances=0)),
    "an unknown job store or executor": (ConfigurationError, ValueError, lambda it: it.add_job(work, executor="x")),
    "an alias that is taken": (ConfigurationError, ValueError, lambda it: it.add_executor("threadpool")),
    "an option of the scheduler that does not exist": (
        ConfigurationError, ValueError, lambda it: BackgroundScheduler(misfire=1),
    ),
    "a listener that is not callable": (TypeError, TypeError, lambda it: it.add_listener(5)),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_an_error_of_the_type_that_the_page_names(scheduler, mistake) -> None:
    error, builtin, make = MISTAKES[mistake]
    (row,) = re.findall(rf"(?m)^\| {re.escape(mistake)} \| .* \| (.*) \|$", PAGE)

    with pytest.raises(error) as caught:
        make(scheduler)

    assert isinstance(caught.value, builtin)
    assert f"`{error.__name__}`" in row


def test_a_scheduler_is_started_and_stopped_once(scheduler) -> None:
    with pytest.raises(SchedulerAlreadyRunningError) as twice:
        scheduler.start()
    scheduler.shutdown()
    with pytest.raises(SchedulerNotRunningError) as stopped:
        scheduler.shutdown()

    assert isinstance(twice.value, RuntimeError)
    assert isinstance(stopped.value, RuntimeError)


def test_every_error_is_a_scheduler_error() -> None:
    errors = [value for value in vars(exceptions).values() if isinstance(value, type) and issubclass(value, Exception)]

    assert all(issubclass(error, SchedulerError) for error in errors)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda it: it.add_job(work, "interval", minutes=1, end_date="2020-01-01"), id="never-fires"),
        pytest.param(lambda it: IntervalTrigger(seconds=30, jitter=31), id="jitter"),
        pytest.param(lambda it: IntervalTrigger(), id="no-interval"),
    ],
)
def test_what_can_never_work_is_refused(scheduler, make) -> None:
    with pytest.raises(InvalidTriggerError):
        make(scheduler)


def test_a_trigger_is_named_by_reschedule_and_not_by_modify(scheduler) -> None:
    job = scheduler.add_job(work, "interval", minutes=1)

    with pytest.raises(InvalidJobError, match="reschedule"):
        job.modify(trigger="cron")


def test_two_errors_do_not_exist() -> None:
    for name in ("MaxInstancesReachedError", "TransientJobError"):
        assert f"`{name}`" in PAGE
        assert not hasattr(exceptions, name)
