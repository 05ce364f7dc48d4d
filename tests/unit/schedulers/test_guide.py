"""The examples of the user guide, with nothing but the package's name changed."""

import threading

import pytest

from django_apscheduler_ng.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog
from django_apscheduler_ng.triggers.cron import CronTrigger

PATIENCE = 10


def myfunc():
    return "done"


def crash():
    raise ValueError("crashed")


@pytest.fixture
def scheduler():
    scheduler = BackgroundScheduler()
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


def first_way():
    pytz = pytest.importorskip("pytz")
    jobstores = {"mongo": MemoryJobStore(), "default": MemoryJobStore()}
    executors = {"default": ThreadPoolExecutor(20), "processpool": ProcessPoolExecutor(5)}
    job_defaults = {"coalesce": False, "max_instances": 3}
    return BackgroundScheduler(jobstores=jobstores, executors=executors, job_defaults=job_defaults, timezone=pytz.utc)


def second_way():
    return BackgroundScheduler(
        {
            "apscheduler.jobstores.mongo": {"type": "memory"},
            "apscheduler.jobstores.default": {"type": "memory"},
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


def third_way():
    jobstores = {"mongo": {"type": "memory"}, "default": MemoryJobStore()}
    executors = {
        "default": {"type": "threadpool", "max_workers": 20},
        "processpool": ProcessPoolExecutor(max_workers=5),
    }
    job_defaults = {"coalesce": False, "max_instances": 3}
    scheduler = BackgroundScheduler()
    scheduler.configure(jobstores=jobstores, executors=executors, job_defaults=job_defaults, timezone="UTC")
    return scheduler


@pytest.mark.parametrize("make", [first_way, second_way, third_way])
def test_three_ways_to_configure_are_the_same(make):
    scheduler = make()

    assert [type(store) for store in scheduler.jobstores().values()] == [MemoryJobStore, MemoryJobStore]
    assert {alias: (type(executor), executor.capacity) for alias, executor in scheduler.executors().items()} == {
        "default": (ThreadPoolExecutor, 20),
        "processpool": (ProcessPoolExecutor, 5),
    }
    job = scheduler.add_job(myfunc, "interval", minutes=2)
    assert (job.coalesce, job.max_instances) == (False, 3)
    assert str(scheduler.timezone) == "UTC"


def test_a_class_of_the_original_is_refused_with_our_path():
    with pytest.raises(ConfigurationError) as caught:
        BackgroundScheduler(
            {"apscheduler.executors.default": {"class": "apscheduler.executors.pool:ThreadPoolExecutor"}}
        )

    assert str(caught.value) == (
        "Option 'executors.default.class' must be a class of this package or your own, "
        "got 'apscheduler.executors.pool:ThreadPoolExecutor'. Write 'django_apscheduler_ng.executors.pool:ThreadPoolExecutor'."
    )


def test_a_job_is_removed_by_itself_or_by_its_id(scheduler):
    job = scheduler.add_job(myfunc, "interval", minutes=2)
    job.remove()

    scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id")
    scheduler.remove_job("my_job_id")

    assert scheduler.get_jobs() == []


def test_a_job_is_paused_and_resumed_by_itself_or_by_its_id(scheduler):
    job = scheduler.add_job(myfunc, "interval", seconds=200, id="my_job_id")
    times = [job.next_run_time]
    for step in (
        job.pause,
        job.resume,
        lambda: scheduler.pause_job("my_job_id"),
        lambda: scheduler.resume_job("my_job_id"),
    ):
        step()
        times.append(scheduler.get_job("my_job_id").next_run_time)

    assert [moment is None for moment in times] == [False, True, False, True, False]


def test_a_job_is_modified_and_rescheduled(scheduler):
    job = scheduler.add_job(myfunc, "interval", minutes=2, id="my_job_id")

    job.modify(max_instances=6, name="Alternate name")
    scheduler.reschedule_job("my_job_id", trigger="cron", minute="*/5")

    stored = scheduler.get_job("my_job_id")
    assert (stored.max_instances, stored.name) == (6, "Alternate name")
    assert isinstance(stored.trigger, CronTrigger)
    assert stored.next_run_time.minute % 5 == 0


def test_policies_are_given_with_the_job(scheduler):
    several = scheduler.add_job(myfunc, "interval", seconds=2, max_instances=3, id="several")
    patient = scheduler.add_job(myfunc, "interval", seconds=2, misfire_grace_time=60, id="patient")

    assert several.max_instances == 3
    assert patient.misfire_grace_time == 60


def test_a_job_whose_schedule_ends_is_removed_automatically(scheduler):
    log = EventLog()
    scheduler.add_listener(log, EVENT_JOB_EXECUTED)

    scheduler.add_job(myfunc, "date")

    log.wait_for(EVENT_JOB_EXECUTED)
    assert scheduler.get_jobs() == []


def test_a_listener_tells_whether_a_job_crashed(scheduler):
    said, both = [], threading.Semaphore(0)

    def my_listener(event):
        if event.exception:
            said.append("The job crashed :(")
        else:
            said.append("The job worked :)")
        both.release()

    scheduler.add_listener(my_listener, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.add_job(myfunc)
    scheduler.add_job(crash)

    assert both.acquire(timeout=PATIENCE)
    assert both.acquire(timeout=PATIENCE)
    assert sorted(said) == ["The job crashed :(", "The job worked :)"]


def test_processing_is_paused_and_resumed(scheduler):
    log = EventLog()
    scheduler.add_listener(log, EVENT_JOB_EXECUTED)
    scheduler.pause()
    scheduler.add_job(myfunc)
    held = log.events

    scheduler.resume()

    assert held == []
    log.wait_for(EVENT_JOB_EXECUTED)


def test_unwanted_jobs_are_pruned_before_they_run():
    scheduler = BackgroundScheduler()
    scheduler.add_job(myfunc, id="unwanted")

    scheduler.start(paused=True)
    scheduler.remove_job("unwanted")
    scheduler.resume()
    scheduler.shutdown()

    assert scheduler.get_jobs() == []
