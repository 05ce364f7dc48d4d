"""Choosing the scheduler, job stores, executors and triggers."""

import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.schedulers.base import BaseScheduler
from django_apscheduler_ng.testing import EventLog, ManualScheduler, assert_fires
from django_apscheduler_ng.triggers.combining import AndTrigger, OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

from .jobs import myfunc

PROGRAMS = Path(__file__).parent / "programs"
CHECKOUT = Path(__file__).parents[2]
#: Module below `schedulers`, and class.
SCHEDULERS = [
    ("blocking", "BlockingScheduler"),
    ("background", "BackgroundScheduler"),
    ("asyncio", "AsyncIOScheduler"),
    ("gevent", "GeventScheduler"),
    ("tornado", "TornadoScheduler"),
    ("twisted", "TwistedScheduler"),
    ("qt", "QtScheduler"),
]


@pytest.mark.parametrize(("module", "name"), SCHEDULERS, ids=[entry[1] for entry in SCHEDULERS])
def test_each_scheduler_runs_a_job_in_a_program_of_its_kind(module, name, tmp_path):
    scheduler = import_module(f"django_apscheduler_ng.schedulers.{module}")
    program = PROGRAMS / f"with_{module}.py"
    environment = {"PATH": "", "PYTHONPATH": str(CHECKOUT), "QT_QPA_PLATFORM": "offscreen"}

    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )

    assert issubclass(getattr(scheduler, name), BaseScheduler)
    assert (done.returncode, done.stdout) == (0, "The job ran.\n"), done.stderr


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("jobstores.memory", "MemoryJobStore"),
        ("jobstores.sqlalchemy", "SQLAlchemyJobStore"),
        ("jobstores.mongodb", "MongoDBJobStore"),
        ("jobstores.redis", "RedisJobStore"),
        ("executors.pool", "ThreadPoolExecutor"),
        ("executors.pool", "ProcessPoolExecutor"),
        ("executors.asyncio", "AsyncIOExecutor"),
        ("executors.gevent", "GeventExecutor"),
        ("executors.tornado", "TornadoExecutor"),
        ("executors.twisted", "TwistedExecutor"),
        ("executors.debug", "DebugExecutor"),
    ],
)
def test_job_stores_and_executors_have_the_names_of_the_guide(module, name):
    assert isinstance(getattr(import_module(f"django_apscheduler_ng.{module}"), name), type)


def test_threads_and_processes_at_once():
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(20), "processpool": ProcessPoolExecutor(1)}
    )
    log = EventLog()
    scheduler.add_listener(log, EVENT_JOB_EXECUTED)
    scheduler.start()

    scheduler.add_job("os:getpid", id="in a thread")
    scheduler.add_job("os:getpid", id="in a process", executor="processpool")

    log.wait_for(EVENT_JOB_EXECUTED, 60, count=2)
    scheduler.shutdown()
    assert len({event.retval for event in log.events}) == 2


@pytest.mark.parametrize(
    ("trigger", "arguments", "expected"),
    [
        pytest.param("date", {"run_date": "2026-01-05 10:00:00"}, DateTrigger, id="date"),
        pytest.param("interval", {"hours": 1}, IntervalTrigger, id="interval"),
        pytest.param("cron", {"hour": 10}, CronTrigger, id="cron"),
    ],
)
def test_the_three_kinds_of_triggers(trigger, arguments, expected, manual):
    job = manual.add_job(myfunc, trigger, timezone="UTC", **arguments)

    assert isinstance(job.trigger, expected)
    assert job.next_run_time == datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_triggers_are_combined_by_agreement_or_by_union():
    day = ("2026-01-05T00:00:00+00:00", "2026-01-05T12:00:00+00:00")
    every_2, every_3 = (CronTrigger(hour=f"*/{hours}", timezone="UTC") for hours in (2, 3))

    assert_fires(AndTrigger([every_2, every_3]), day, [f"2026-01-05T{hour:02}:00:00+00:00" for hour in (0, 6, 12)])
    assert_fires(
        OrTrigger([every_2, every_3]),
        day,
        [f"2026-01-05T{hour:02}:00:00+00:00" for hour in (0, 2, 3, 4, 6, 8, 9, 10, 12)],
    )


def test_a_trigger_keeps_no_state_between_jobs(manual: ManualScheduler):
    trigger = IntervalTrigger(minutes=2)
    first = manual.add_job(myfunc, trigger)
    manual.travel(60)

    second = manual.add_job(myfunc, trigger)

    assert (second.next_run_time - first.next_run_time).total_seconds() == 60
