"""Downtime is cheap to catch up with, however long it was (S10)."""

import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.planning import JobView, plan
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
SECONDS = 7 * 24 * 3600

EACH_SECOND = [
    pytest.param(lambda: IntervalTrigger(seconds=1, start_date=START), id="interval"),
    pytest.param(lambda: CronTrigger(second="*", timezone="UTC"), id="cron"),
    pytest.param(lambda: CronTrigger(second="*", timezone="Europe/Berlin"), id="cron-in-a-zone"),
]


def view(trigger, **policies):
    return JobView(job_id="j", trigger=trigger, next_fire_time=START, next_run_time=START, **policies)


@pytest.mark.parametrize("make", EACH_SECOND)
def test_a_week_of_seconds_is_one_run_and_one_exact_count(make):
    planned = plan(view(make()), START + WEEK, 10)

    assert [slot.fire_time for slot in planned.slots] == [START + WEEK]
    (summary,) = planned.summaries
    assert (summary.status, summary.span.count, summary.span.exact) == (RunStatus.COALESCED, SECONDS, True)
    assert planned.next_fire_time == START + WEEK + timedelta(seconds=1)


@pytest.mark.parametrize("make", EACH_SECOND)
def test_a_week_of_seconds_past_the_grace_time_is_one_summary_without_coalescing(make):
    planned = plan(view(make(), coalesce=False, grace=timedelta(seconds=1)), START + WEEK, 1)

    (summary,) = planned.summaries
    assert (summary.status, summary.span.count, summary.span.exact) == (RunStatus.MISSED, SECONDS - 1, True)
    assert len(planned.slots) == 1


@pytest.mark.parametrize("make", EACH_SECOND)
def test_planning_a_week_of_seconds_takes_less_than_50_ms_and_no_memory_to_speak_of(make):
    trigger = make()
    plan(view(trigger), START + timedelta(seconds=5), 10)

    durations = []
    for _ in range(5):
        began = time.perf_counter()
        plan(view(trigger), START + WEEK, 10)
        durations.append(time.perf_counter() - began)
    tracemalloc.start()
    plan(view(trigger), START + WEEK, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert min(durations) < 0.05
    assert peak < 200_000


def test_three_hours_of_every_ten_minutes_are_one_run_and_seventeen_made_up_for():
    trigger = CronTrigger.from_crontab("*/10 * * * *", timezone="UTC")

    planned = plan(view(trigger), START + timedelta(hours=3) - timedelta(seconds=1), 10)

    assert [slot.fire_time for slot in planned.slots] == [START + timedelta(hours=2, minutes=50)]
    (summary,) = planned.summaries
    assert (summary.status, summary.span.count) == (RunStatus.COALESCED, 17)
