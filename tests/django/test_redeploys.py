"""Jobs that code declares, over restarts and deploys: what is unchanged goes on, and what people changed stays theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.declarations import Declaration, Origin
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.merging import merge
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.project.jobs import echo, noop

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def declare(trigger: BaseTrigger, **options: Any) -> Declaration:
    """Return a declaration of the job "declared"."""
    func = options.pop("func", noop)
    place = Origin(module="shop.jobs", file="shop/jobs.py", line=1, loaded=None)
    values = {"name": "declared", "func_ref": f"tests.project.jobs:{func.__name__}", "func": func, **options}
    return Declaration(id="declared", trigger=trigger, origin=place, **values)


def deploy(
    clock: FakeClock, *declarations: Declaration, run_for: timedelta = timedelta(0)
) -> list[tuple[str, tuple[str, ...]]]:
    """Start a node with these declarations, let it work for a while and stop it; returns what the merge came to."""
    scheduler = ManualScheduler(clock, jobstores={"default": {"type": "django"}})
    scheduler.start()
    store = scheduler.jobstores()["default"]
    assert isinstance(store, DjangoJobStore)
    merges = merge(store, declarations, {"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    scheduler.travel(run_for)
    scheduler.shutdown()
    return [(done.outcome, done.columns) for done in merges]


def row() -> ScheduledJob:
    return ScheduledJob.objects.get()


def test_a_weekly_interval_fires_although_the_process_restarts_every_hour(fake_clock):
    began = fake_clock.now()

    for _ in range(24 * 8):
        deploy(fake_clock, declare(IntervalTrigger(days=7)), run_for=HOUR)

    ((slot, status),) = JobRun.objects.values_list("slot", "status")
    assert slot == began + timedelta(days=7)
    assert status == RunStatus.SUCCEEDED
    assert row().next_run_time == slot + timedelta(days=7)


def test_declaring_a_job_again_leaves_everything_as_it_is(fake_clock):
    trigger = CronTrigger(hour=3, timezone="Europe/Berlin")
    deploy(fake_clock, declare(trigger), run_for=timedelta(days=2))
    get_scheduler().pause_job("declared", reason="the supplier is closed")
    before, entries = row(), JobLogEntry.objects.count()

    outcome = deploy(fake_clock, declare(CronTrigger(hour=3, timezone="Europe/Berlin")), run_for=timedelta(days=2))

    after = row()
    assert outcome == [("unchanged", ())]
    for column in (
        "paused",
        "pause_reason",
        "paused_at",
        "next_run_time",
        "claimed_through",
        "updated_at",
        "created_at",
    ):
        assert getattr(after, column) == getattr(before, column), column
    assert JobLogEntry.objects.count() == entries
    assert JobRun.objects.count() == 2


def test_changing_only_arguments_keeps_the_next_run_time(fake_clock):
    deploy(fake_clock, declare(IntervalTrigger(days=7)), run_for=HOUR)
    planned = row().next_run_time

    outcome = deploy(fake_clock, declare(IntervalTrigger(days=7), func=echo, args=("new",)), run_for=HOUR)

    assert outcome == [("updated", ("args", "func_ref"))]
    assert row().next_run_time == planned
    assert row().func_ref == "tests.project.jobs:echo"
    entry = JobLogEntry.objects.latest("pk")
    assert (entry.action, entry.reason) == ("updated from code", "declared in code")


def test_a_trigger_changed_in_code_is_planned_from_now_on(fake_clock):
    deploy(fake_clock, declare(IntervalTrigger(days=7)), run_for=HOUR)

    outcome = deploy(fake_clock, declare(CronTrigger(hour=3, timezone="UTC")))

    assert outcome == [("updated", ("trigger", "trigger_type"))]
    tonight = datetime.combine(fake_clock.now().date() + timedelta(days=1), datetime.min.time(), UTC) + 3 * HOUR
    assert row().next_run_time == tonight
    assert JobRun.objects.count() == 0


def test_a_paused_job_whose_trigger_changed_in_code_stays_paused_and_resumes_with_it(fake_clock):
    deploy(fake_clock, declare(IntervalTrigger(days=7)))
    get_scheduler().pause_job("declared")

    deploy(fake_clock, declare(IntervalTrigger(hours=1)), run_for=timedelta(days=1))

    assert row().paused
    assert JobRun.objects.count() == 0
    get_scheduler().resume_job("declared")
    assert row().next_run_time - datetime.now(UTC) <= HOUR


def test_what_people_changed_stays_as_they_left_it(fake_clock):
    deploy(fake_clock, declare(CronTrigger(hour=3), args=(1,)))
    get_scheduler().modify_job("declared", name="nightly", args=[2])

    unchanged = deploy(fake_clock, declare(CronTrigger(hour=3), args=(1,)))
    changed = deploy(fake_clock, declare(CronTrigger(hour=3), args=(3,), executor="processpool"))
    again = deploy(fake_clock, declare(CronTrigger(hour=3), args=(3,), executor="processpool"))

    assert unchanged == [("differs", ("args", "name"))]
    assert changed == [("updated", ("executor",))]
    assert again == [("differs", ("args", "name"))]
    assert (row().name, row().args, row().executor) == ("nightly", "[2]", "processpool")


def test_people_and_code_that_agree_again_do_not_differ(fake_clock):
    deploy(fake_clock, declare(CronTrigger(hour=3), args=(1,)))
    get_scheduler().modify_job("declared", args=[2])

    assert deploy(fake_clock, declare(CronTrigger(hour=3), args=(2,))) == [("unchanged", ())]
    assert deploy(fake_clock, declare(CronTrigger(hour=3), args=(5,))) == [("updated", ("args",))]


@pytest.mark.parametrize("due", [timedelta(hours=-5), timedelta(minutes=150)], ids=["past", "future"])
def test_a_date_job_runs_once_over_five_restarts(fake_clock, due):
    moment = fake_clock.now() + due

    for _ in range(6):
        deploy(fake_clock, declare(DateTrigger(moment)), run_for=HOUR)

    assert list(JobRun.objects.values_list("slot", "status")) == [(moment, RunStatus.SUCCEEDED)]
    assert row().finished_at is not None
    assert get_scheduler().get_jobs() == []


def test_a_finished_date_job_with_a_new_date_runs_again(fake_clock):
    deploy(fake_clock, declare(DateTrigger(fake_clock.now() + HOUR)), run_for=2 * HOUR)
    assert row().finished_at is not None

    deploy(fake_clock, declare(DateTrigger(fake_clock.now() + HOUR)), run_for=2 * HOUR)

    assert JobRun.objects.filter(status=RunStatus.SUCCEEDED).count() == 2


def test_a_node_that_declares_nothing_changes_nothing(fake_clock):
    deploy(fake_clock, declare(CronTrigger(hour=3, timezone="UTC")))
    before = ScheduledJob.objects.values().get()

    deploy(fake_clock)

    assert ScheduledJob.objects.values().get() == before
