"""What only the memory store can do; the rest is in the contract."""

from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.job import Job
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def work():
    """Do nothing."""


@pytest.fixture
def scheduler():
    scheduler = ManualScheduler(FakeClock(NOW), timezone="UTC")
    scheduler.start()
    yield scheduler
    scheduler.shutdown()


def test_anything_callable_can_be_a_job_and_any_object_an_argument(scheduler):
    seen, thing = [], object()
    scheduler.add_job(lambda value: seen.append(value), args=[thing])

    scheduler.travel(0)

    assert seen == [thing]


def test_ten_thousand_jobs_stay_in_order():
    store = MemoryJobStore()
    for number in range(10_000):
        moment = NOW + timedelta(seconds=number * 7919 % 10_000)
        job = Job(id=str(number), func=work, trigger=DateTrigger(moment, timezone="UTC"))
        job.next_fire_time = job.next_run_time = moment
        store.add_job(job)
    for number in range(0, 10_000, 3):
        store.remove_job(str(number))

    times = [job.next_run_time for job in store.get_all_jobs()]

    assert len(times) == 6_666
    assert times == sorted(times)
    assert store.get_next_run_time() == times[0]


def test_a_trigger_of_ones_own_class_is_planned(scheduler):
    class Doubling(IntervalTrigger):
        """Fires after 1, 2, 4, 8 … seconds."""

        def get_next_fire_time(self, previous_fire_time, now):
            return NOW + (timedelta(seconds=1) if previous_fire_time is None else 2 * (previous_fire_time - NOW))

    seen = []
    scheduler.add_job(lambda: seen.append((scheduler.clock.now() - NOW).total_seconds()), Doubling(seconds=1))

    scheduler.travel(20)

    assert seen == [1, 2, 4, 8, 16]


def test_a_run_asked_for_by_hand_keeps_the_arguments_of_that_moment(scheduler):
    seen = []
    job = scheduler.add_job(seen.append, "interval", hours=1, args=["then"])

    scheduler.run_job(job.id)
    job.modify(args=["now"])
    scheduler.travel(0)

    assert seen == ["then"]
