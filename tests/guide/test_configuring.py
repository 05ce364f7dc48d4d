"""Configuring the scheduler."""

import logging
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
import pytz

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError, SchedulerAlreadyRunningError
from django_apscheduler_ng.executors.base import BaseExecutor
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.jobstores.mongodb import MongoDBJobStore
from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler

from .jobs import myfunc


def test_the_default_job_store_and_executor():
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler()

    scheduler.start()
    stores, executors = scheduler.jobstores(), scheduler.executors()
    scheduler.shutdown()
    assert {alias: type(store) for alias, store in stores.items()} == {"default": MemoryJobStore}
    assert {alias: (type(executor), executor.capacity) for alias, executor in executors.items()} == {
        "default": (ThreadPoolExecutor, 10)
    }


def method_1():
    from pytz import utc

    from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
    from django_apscheduler_ng.jobstores.mongodb import MongoDBJobStore
    from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler

    jobstores = {"mongo": MongoDBJobStore(), "default": SQLAlchemyJobStore(url="sqlite:///jobs.sqlite")}
    executors = {"default": ThreadPoolExecutor(20), "processpool": ProcessPoolExecutor(5)}
    job_defaults = {"coalesce": False, "max_instances": 3}
    scheduler = BackgroundScheduler(jobstores=jobstores, executors=executors, job_defaults=job_defaults, timezone=utc)
    return scheduler  # noqa: RET504


def method_2():
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(
        {
            "django_apscheduler_ng.jobstores.mongo": {"type": "mongodb"},
            "django_apscheduler_ng.jobstores.default": {"type": "sqlalchemy", "url": "sqlite:///jobs.sqlite"},
            "django_apscheduler_ng.executors.default": {
                "class": "django_apscheduler_ng.executors.pool:ThreadPoolExecutor",
                "max_workers": "20",
            },
            "django_apscheduler_ng.executors.processpool": {"type": "processpool", "max_workers": "5"},
            "django_apscheduler_ng.job_defaults.coalesce": "false",
            "django_apscheduler_ng.job_defaults.max_instances": "3",
            "django_apscheduler_ng.timezone": "UTC",
        }
    )
    return scheduler  # noqa: RET504


def method_2_with_the_prefix_as_it_was():
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(
        {
            "apscheduler.jobstores.mongo": {"type": "mongodb"},
            "apscheduler.jobstores.default": {"type": "sqlalchemy", "url": "sqlite:///jobs.sqlite"},
            "apscheduler.executors.default": {
                "class": "django_apscheduler_ng.executors.pool:ThreadPoolExecutor",
                "max_workers": "20",
            },
            "apscheduler.executors.processpool": {"type": "processpool", "max_workers": "5"},
            "apscheduler.job_defaults.coalesce": "false",
            "apscheduler.job_defaults.max_instances": "3",
            "apscheduler.timezone": "UTC",
        }
    )
    return scheduler  # noqa: RET504


def method_3():
    from pytz import utc

    from django_apscheduler_ng.executors.pool import ProcessPoolExecutor
    from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore
    from django_apscheduler_ng.schedulers.background import BackgroundScheduler

    jobstores = {"mongo": {"type": "mongodb"}, "default": SQLAlchemyJobStore(url="sqlite:///jobs.sqlite")}
    executors = {
        "default": {"type": "threadpool", "max_workers": 20},
        "processpool": ProcessPoolExecutor(max_workers=5),
    }
    job_defaults = {"coalesce": False, "max_instances": 3}
    scheduler = BackgroundScheduler()

    # .. do something else here, maybe add jobs etc.

    scheduler.configure(jobstores=jobstores, executors=executors, job_defaults=job_defaults, timezone=utc)
    return scheduler


METHODS = [method_1, method_2, method_2_with_the_prefix_as_it_was, method_3]


@pytest.mark.parametrize("make", METHODS)
def test_three_methods_to_configure_are_the_same(make, mongodb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    scheduler = make()

    assert {alias: type(store) for alias, store in scheduler.jobstores().items()} == {
        "mongo": MongoDBJobStore,
        "default": SQLAlchemyJobStore,
    }
    assert {alias: (type(executor), executor.capacity) for alias, executor in scheduler.executors().items()} == {
        "default": (ThreadPoolExecutor, 20),
        "processpool": (ProcessPoolExecutor, 5),
    }
    job = scheduler.add_job(myfunc, "interval", minutes=2)
    assert (job.coalesce, job.max_instances) == (False, 3)
    assert str(scheduler.timezone) == "UTC"


@pytest.mark.parametrize("make", METHODS)
def test_jobs_of_each_configuration_run_from_both_stores_in_both_executors(make, mongodb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scheduler = make()
    log = EventLog()
    scheduler.add_listener(log)
    scheduler.start()
    try:
        scheduler.add_job(myfunc, id="in-sqlite")
        scheduler.add_job(myfunc, id="in-mongo", jobstore="mongo", executor="processpool")

        done = [log.wait_for(lambda event: bool(getattr(event, "run_id", None)), 60, count=n) for n in (1, 2)]
    finally:
        scheduler.shutdown()

    assert {(event.job_id, event.jobstore, event.retval) for event in done} == {
        ("in-sqlite", "default", "done"),
        ("in-mongo", "mongo", "done"),
    }


def test_values_may_be_text():
    scheduler = BackgroundScheduler({
        "apscheduler.executors.default": {"type": "threadpool", "max_workers": "7"},
        "apscheduler.job_defaults.coalesce": "off",
        "apscheduler.job_defaults.max_instances": "4",
        "apscheduler.job_defaults.misfire_grace_time": "90",
        "apscheduler.jobstore_retry_interval": "2.5",
        "apscheduler.timezone": "Asia/Shanghai",
    })  # fmt: skip

    job = scheduler.add_job(myfunc, "interval", minutes=2)
    assert scheduler.executors()["default"].capacity == 7
    assert (job.coalesce, job.max_instances, job.misfire_grace_time) == (False, 4, 90)
    assert scheduler.jobstore_retry_interval == 2.5
    assert scheduler.timezone == ZoneInfo("Asia/Shanghai")


def test_two_prefixes_are_not_mixed():
    with pytest.raises(ConfigurationError, match="one configuration has one prefix"):
        BackgroundScheduler({"apscheduler.timezone": "UTC", "django_apscheduler_ng.poll_interval": "1"})


def test_a_prefix_of_ones_own():
    scheduler = BackgroundScheduler()

    scheduler.configure({"myapp.scheduler.timezone": "Asia/Tokyo"}, prefix="myapp.scheduler.")

    assert scheduler.timezone == ZoneInfo("Asia/Tokyo")


def test_a_class_of_the_original_is_refused_with_our_path():
    with pytest.raises(ConfigurationError) as caught:
        BackgroundScheduler(
            {"apscheduler.executors.default": {"class": "apscheduler.executors.pool:ThreadPoolExecutor"}}
        )

    assert str(caught.value) == (
        "Option 'executors.default.class' must be a class of this package or your own, "
        "got 'apscheduler.executors.pool:ThreadPoolExecutor'. Write 'django_apscheduler_ng.executors.pool:ThreadPoolExecutor'."
    )


class OwnExecutor(ThreadPoolExecutor):
    """An executor of a project's own."""


class OwnJobStore(MemoryJobStore):
    """A job store of a project's own."""


@pytest.mark.parametrize(
    ("executor", "store"),
    [
        pytest.param(OwnExecutor(2), OwnJobStore(), id="instances"),
        pytest.param(
            {"class": f"{__name__}:OwnExecutor", "max_workers": "2"}, {"class": f"{__name__}:OwnJobStore"}, id="dicts"
        ),
    ],
)
def test_executors_and_job_stores_of_ones_own(executor, store):
    scheduler = BackgroundScheduler(executors={"default": executor}, jobstores={"default": store})
    log = EventLog()
    scheduler.add_listener(log)
    scheduler.start()

    scheduler.add_job(myfunc)

    done = log.wait_for(lambda event: getattr(event, "run_id", None) is not None)
    scheduler.shutdown()
    assert done.retval == "done"
    assert type(scheduler.executors()["default"]).__name__ == "OwnExecutor"
    assert type(scheduler.jobstores()["default"]).__name__ == "OwnJobStore"


def test_something_else_is_no_executor():
    with pytest.raises(ConfigurationError, match=f"must be a {BaseExecutor.__name__}"):
        BackgroundScheduler(executors={"default": {"class": "collections:OrderedDict"}})


@pytest.mark.parametrize("logger", [logging.getLogger("myapp.jobs"), "myapp.jobs"], ids=["logger", "name"])
def test_a_logger_of_ones_own(logger, caplog):
    caplog.set_level(logging.INFO)
    scheduler = BackgroundScheduler(logger=logger)

    scheduler.start()
    scheduler.shutdown()

    assert ("myapp.jobs", "Scheduler started.") in [(record.name, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    "zone",
    ["Asia/Shanghai", ZoneInfo("Asia/Shanghai"), pytz.timezone("Asia/Shanghai")],
    ids=["name", "zoneinfo", "pytz"],
)
def test_the_time_zone_counts_for_triggers_and_moments_that_name_none(zone):
    scheduler = ManualScheduler(FakeClock("2026-01-05T00:00:00+00:00"), timezone=zone)
    scheduler.start()

    cron = scheduler.add_job(myfunc, "cron", hour=9)
    date = scheduler.add_job(myfunc, "date", run_date="2026-01-05 09:00:00")

    scheduler.shutdown()
    assert cron.next_run_time.astimezone(UTC).isoformat() == "2026-01-05T01:00:00+00:00"
    assert date.next_run_time == cron.next_run_time


class AilingJobStore(MemoryJobStore):
    """Does not answer the first questions."""

    failures = 10

    def get_due_jobs(self, now):
        if self.failures:
            self.failures -= 1
            raise OSError("no answer")
        return super().get_due_jobs(now)


def test_a_job_store_that_fails_is_asked_again_after_the_retry_interval():
    store = AilingJobStore()
    scheduler = BackgroundScheduler(jobstores={"default": store}, jobstore_retry_interval=0.05, poll_interval=3600)
    log = EventLog()
    scheduler.add_listener(log, EVENT_JOB_EXECUTED)
    scheduler.add_job(myfunc)

    scheduler.start()

    log.wait_for(EVENT_JOB_EXECUTED)
    scheduler.shutdown()
    assert store.failures == 0


def test_after_the_start_nothing_can_be_configured(scheduler):
    with pytest.raises(SchedulerAlreadyRunningError):
        scheduler.configure(timezone="UTC")
