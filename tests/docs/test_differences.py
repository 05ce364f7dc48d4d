"""The README's table of differences to APScheduler 3, row by row (the side of this project)."""

from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.planning import due_at
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.testing import FakeClock, ManualScheduler, assert_fires
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

BERLIN = "Europe/Berlin"
SPRING = ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00")
AUTUMN = ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00")


def test_a_run_may_start_however_late() -> None:
    scheduler = ManualScheduler()
    scheduler.start()

    job = scheduler.add_job(print, "interval", days=1)

    assert job.misfire_grace_time is None
    scheduler.shutdown()


@pytest.mark.parametrize(
    ("options", "between", "expected"),
    [
        pytest.param({}, SPRING, ["2026-03-29T03:00:00+02:00"], id="spring"),
        pytest.param({"on_gap": "skip"}, SPRING, [], id="spring-skip"),
        pytest.param({}, AUTUMN, ["2026-10-25T02:30:00+02:00"], id="autumn"),
        pytest.param(
            {"on_overlap": "both"}, AUTUMN, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"], id="autumn-both"
        ),
    ],
)
def test_a_daily_job_at_half_past_two(options, between, expected) -> None:
    assert_fires(CronTrigger(hour=2, minute=30, timezone=BERLIN, **options), between, expected)


@pytest.mark.parametrize("sunday", ["0", "7"])
def test_0_and_7_are_sunday_in_a_crontab_and_0_is_monday_as_a_keyword(sunday: str) -> None:
    week = ("2026-01-05T00:00:00+00:00", "2026-01-11T23:59:59+00:00")

    assert_fires(CronTrigger.from_crontab(f"0 9 * * {sunday}", timezone="UTC"), week, ["2026-01-11T09:00:00+00:00"])
    assert_fires(CronTrigger(day_of_week=0, hour=9, timezone="UTC"), week, ["2026-01-05T09:00:00+00:00"])


def test_one_of_the_day_fields_suffices_in_a_crontab_and_not_as_keywords() -> None:
    days = ("2026-02-12T00:00:00+00:00", "2026-02-20T23:59:59+00:00")
    friday_13th, friday_20th = "2026-02-13T00:00:00+00:00", "2026-02-20T00:00:00+00:00"

    assert_fires(CronTrigger.from_crontab("0 0 13 * fri", timezone="UTC"), days, [friday_13th, friday_20th])
    assert_fires(CronTrigger(day=13, day_of_week="fri", timezone="UTC"), days, [friday_13th])


def test_jitter_is_a_delay_that_depends_on_job_and_fire_time_and_moves_nothing_else() -> None:
    trigger = IntervalTrigger(minutes=10, jitter=60, timezone="UTC")
    now = datetime(2026, 1, 5, 9, tzinfo=UTC)

    fire_time = trigger.get_next_fire_time(now, now)
    delays = {due_at(job_id, trigger, fire_time) - fire_time for job_id in ("a", "b", "a")}

    assert fire_time == now + timedelta(minutes=10)
    assert len(delays) == 2
    assert all(timedelta(0) <= delay <= timedelta(seconds=60) for delay in delays)
    with pytest.raises(InvalidTriggerError):
        IntervalTrigger(seconds=30, jitter=31)


def test_triggers_are_stored_as_json() -> None:
    assert dump_trigger(IntervalTrigger(minutes=5, timezone="UTC")).startswith("{")


@pytest.mark.django_db
def test_a_job_whose_function_is_gone_is_kept() -> None:
    from django_apscheduler_ng.models import ScheduledJob

    scheduler = ManualScheduler(FakeClock(), jobstores={"default": {"type": "django"}})
    scheduler.start()
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=1, id="moved")
    ScheduledJob.objects.update(func_ref="tests.project.jobs:gone")

    scheduler.travel(60)

    job = scheduler.get_job("moved")
    scheduler.shutdown()
    assert job is not None
    assert job.broken_reason.startswith("CallableReferenceError: Callable 'tests.project.jobs:gone' cannot be loaded")


@pytest.mark.django_db
def test_a_job_whose_schedule_has_ended_leaves_the_list_and_stays_as_finished() -> None:
    from django_apscheduler_ng.models import ScheduledJob

    scheduler = ManualScheduler(FakeClock(), jobstores={"default": {"type": "django"}})
    scheduler.start()
    scheduler.add_job("tests.project.jobs:noop", id="once")

    scheduler.travel(1)

    jobs = scheduler.get_jobs()
    scheduler.shutdown()
    assert jobs == []
    assert ScheduledJob.objects.get(job_id="once").finished_at is not None


@pytest.mark.parametrize("store", ["memory", pytest.param("django", marks=pytest.mark.django_db)])
def test_adding_a_job_again_keeps_its_next_run_time_and_its_pause(store: str) -> None:
    scheduler = ManualScheduler(FakeClock(), jobstores={"default": {"type": store}})
    scheduler.start()
    described = {"func": "tests.project.jobs:noop", "trigger": "interval", "days": 7, "id": "weekly"}
    planned = scheduler.add_job(**described).next_run_time
    scheduler.travel(3600)

    again = scheduler.add_job(**described, replace_existing=True).next_run_time
    scheduler.pause_job("weekly")
    scheduler.add_job(**described, replace_existing=True)

    paused = scheduler.get_job("weekly")
    scheduler.shutdown()
    assert again == planned
    assert paused is not None
    assert paused.next_run_time is None


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: IntervalTrigger(), id="interval-of-0"),
        pytest.param(lambda: CronTrigger(month=2, day=31), id="never-matches"),
    ],
)
def test_mistakes_are_refused(make) -> None:
    with pytest.raises(InvalidTriggerError):
        make()
