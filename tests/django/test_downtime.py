"""No scheduler was running for a while: what was due meanwhile is made up for once, and accounted for."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from time import perf_counter

import pytest

from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.planning import JobView, plan
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger


@pytest.fixture
def scheduler(fake_clock: FakeClock, db: None):
    made = ManualScheduler(fake_clock, jobstores={"default": {"type": "django"}})
    made.start()
    yield made
    if made.running:
        made.shutdown()


def restart(clock: FakeClock, after: timedelta) -> ManualScheduler:
    """Let time pass without a scheduler, then start one and let it do what is due."""
    clock.advance(after)
    made = ManualScheduler(clock, jobstores={"default": {"type": "django"}})
    made.start()
    made.travel(0)
    made.shutdown()
    return made


def rows() -> list[tuple[str, int]]:
    return list(JobRun.objects.order_by("pk").values_list("status", "count"))


def test_three_hours_of_a_job_every_ten_minutes_make_one_run_and_one_row_with_the_count(scheduler, fake_clock):
    fake_clock.set("2026-01-05T09:01:00+00:00")
    scheduler.add_job("tests.project.jobs:noop", CronTrigger(minute="*/10", timezone="UTC"), id="often")
    scheduler.shutdown()

    restart(fake_clock, timedelta(hours=3))

    assert sorted(rows()) == [(RunStatus.COALESCED, 17), (RunStatus.SUCCEEDED, 1)]
    summary = JobRun.objects.get(status=RunStatus.COALESCED)
    assert (f"{summary.covers_from:%H:%M}", f"{summary.covers_until:%H:%M}") == ("09:10", "11:50")
    assert summary.count_is_exact
    assert f"{JobRun.objects.get(status=RunStatus.SUCCEEDED).slot:%H:%M}" == "12:00"


def test_a_job_that_catches_up_makes_a_run_for_each(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=10, id="each", coalesce=False)
    scheduler.shutdown()

    restart(fake_clock, timedelta(hours=1))

    assert rows() == [(RunStatus.SUCCEEDED, 1)] * 6


def test_what_is_older_than_the_grace_time_is_missed_in_one_row(scheduler, fake_clock):
    options = {"minutes": 10, "misfire_grace_time": 60}
    scheduler.add_job("tests.project.jobs:noop", "interval", id="late", **options)
    scheduler.shutdown()

    restart(fake_clock, timedelta(hours=3, minutes=5))

    assert sum(count for _, count in rows()) == 18
    assert {status for status, _ in rows()} <= {RunStatus.MISSED, RunStatus.COALESCED}


def test_a_paused_job_does_not_make_up_for_its_pause(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=10, id="paused")
    scheduler.pause_job("paused")
    scheduler.travel(timedelta(hours=3))

    scheduler.resume_job("paused")
    scheduler.travel(0)

    assert rows() == []
    scheduler.travel(timedelta(minutes=10))
    assert rows() == [(RunStatus.SUCCEEDED, 1)]


def test_rescheduling_does_not_fire_the_past(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", days=1, id="job")
    scheduler.travel(timedelta(hours=3))

    scheduler.reschedule_job("job", trigger="interval", minutes=10, start_date=fake_clock.now() - timedelta(hours=2))
    scheduler.travel(0)

    assert {count for _, count in rows()} <= {1}
    assert len(rows()) <= 1  # the fire time of this moment, if there is one


@pytest.mark.parametrize(
    ("trigger", "jitter"),
    [
        pytest.param("interval", None, id="interval"),
        pytest.param("interval", 0.5, id="interval-with-jitter"),
        pytest.param("cron", None, id="cron"),
    ],
)
@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
def test_a_week_of_a_job_every_second_is_planned_in_50_ms_without_a_list(fake_clock, trigger, jitter, coalesce):
    start = fake_clock.now()
    made: BaseTrigger = (
        IntervalTrigger(seconds=1, start_date=start, jitter=jitter)
        if trigger == "interval"
        else CronTrigger(second="*", timezone="Europe/Berlin")
    )
    view = JobView(job_id="job", trigger=made, next_fire_time=start, next_run_time=start, coalesce=coalesce)
    now = start + timedelta(days=7)
    plan(view, now, 10)  # imports and caches

    began = perf_counter()
    planned = plan(view, now, 10)
    took = perf_counter() - began
    tracemalloc.start()
    plan(view, now, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert took < 0.05
    assert peak < 200_000
    assert len(planned.slots) == 1
    if coalesce:
        week = 7 * 24 * 3600
        assert planned.summaries[0].span.count in ((week,) if jitter is None else (week - 1, week))
        assert planned.next_fire_time == now + timedelta(seconds=1) or jitter
    else:
        assert planned.summaries == ()
        assert planned.next_fire_time == start + timedelta(seconds=1)
