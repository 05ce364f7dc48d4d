"""Jobs that cannot be loaded or planned: kept, shown, out of the others' way, and back by themselves once repaired (S5)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from django_apscheduler_ng.models import AT_ONCE, JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

pytestmark = pytest.mark.django_db


@pytest.fixture
def scheduler(fake_clock: FakeClock):
    made = ManualScheduler(fake_clock, jobstores={"default": {"type": "django"}})
    made.start()
    made.add_job("tests.project.jobs:noop", "interval", seconds=10, id="healthy")
    made.add_job("tests.project.jobs:noop", "interval", seconds=10, id="sick")
    yield made
    made.shutdown()


def spoil(**columns: object) -> Callable[[], None]:
    return lambda: ScheduledJob.objects.filter(job_id="sick").update(**columns) and None


SPOILED = [
    pytest.param(
        {"func_ref": "tests.project.jobs:gone"},
        "CallableReferenceError: Callable 'tests.project.jobs:gone' cannot be loaded: module 'tests.project.jobs' has no 'gone'.",
        id="callable-gone",
    ),
    pytest.param(
        {"func_ref": "tests.nowhere:noop"},
        "CallableReferenceError: Callable 'tests.nowhere:noop' is not allowed to run. Decorate it with @job, put it into a module "
        "of an installed app, or add a pattern for it to APSCHEDULER['allowed_callables'].",
        id="callable-not-allowed",
    ),
    pytest.param({"args": "{"}, "StoredDataError: ", id="arguments-corrupt"),
    pytest.param(
        {"kwargs": "[1]"}, "StoredDataError: Stored arguments '[]' and '[1]' must be ", id="arguments-no-mapping"
    ),
    pytest.param({"trigger": "{'"}, "ConfigurationError: ", id="trigger-corrupt"),
    pytest.param({"trigger": '{"type":"lunar","version":1}'}, "ConfigurationError: ", id="trigger-unknown"),
    pytest.param(
        {"executor": "gpu"},
        "ConfigurationError: Executor 'gpu' is not configured in this scheduler. Add it to APSCHEDULER['executors'], "
        "or change the job.",
        id="executor-unknown",
    ),
]


@pytest.mark.parametrize(("columns", "reason"), SPOILED)
def test_a_spoiled_job_is_broken_and_kept_while_its_neighbour_runs(scheduler, columns, reason):
    spoil(**columns)()

    scheduler.travel(30)

    sick = ScheduledJob.objects.get(job_id="sick")
    assert sick.broken_reason.startswith(reason)
    assert [entry.reason for entry in JobLogEntry.objects.filter(action="broken")] == [sick.broken_reason]
    assert JobRun.objects.filter(job_id="healthy", status="succeeded").count() == 3
    assert not JobRun.objects.filter(job_id="sick").exists()
    assert {job.id for job in scheduler.get_jobs()} == {"healthy", "sick"}


@pytest.mark.parametrize(("columns", "reason"), SPOILED)
def test_a_broken_job_works_again_by_itself_once_its_row_is_repaired(scheduler, columns, reason):
    healthy = {name: getattr(ScheduledJob.objects.get(job_id="sick"), name) for name in columns}
    spoil(**columns)()
    scheduler.travel(20)

    spoil(**healthy)()
    scheduler.travel(120)

    sick = ScheduledJob.objects.get(job_id="sick")
    assert sick.broken_reason == ""
    assert JobRun.objects.filter(job_id="sick", status="succeeded").exists()
    assert list(JobLogEntry.objects.filter(job_id="sick").order_by("pk").values_list("action", flat=True)) == [
        "added",
        "broken",
        "repaired",
    ]


def test_an_edit_through_the_api_repairs_at_once(scheduler):
    spoil(func_ref="tests.project.jobs:gone")()
    scheduler.travel(10)

    scheduler.modify_job("sick", func="tests.project.jobs:echo")
    scheduler.travel(0)

    assert JobRun.objects.get(job_id="sick").func_ref == "tests.project.jobs:echo"


def test_a_broken_job_is_tried_again_ever_more_seldom_and_said_to_be_broken_once(scheduler, caplog):
    scheduler.remove_job("healthy")
    spoil(func_ref="tests.project.jobs:gone")()

    scheduler.travel(3600)

    sick = ScheduledJob.objects.get(job_id="sick")
    assert 5 <= sick.retries <= 9
    assert sum("is broken and kept" in record.message for record in caplog.records) == 1
    assert JobLogEntry.objects.filter(action="broken").count() == 1


def test_a_node_that_starts_tries_broken_jobs_again(scheduler, fake_clock):
    scheduler.remove_job("healthy")
    spoil(func_ref="tests.project.jobs:gone")()
    scheduler.travel(3600)
    spoil(func_ref="tests.project.jobs:noop")()

    other = ManualScheduler(fake_clock, jobstores={"default": {"type": "django"}})
    other.start()
    other.travel(0)
    other.shutdown()

    assert JobRun.objects.filter(job_id="sick", status="succeeded").exists()


def test_a_job_is_not_broken_while_another_node_may_still_run_it(scheduler, fake_clock):
    now = fake_clock.now()
    SchedulerNode.objects.create(id="other", host="h", pid=1, version="1", started_at=now, seen_at=now)
    spoil(func_ref="tests.project.jobs:gone")()

    scheduler.travel(10)

    sick = ScheduledJob.objects.get(job_id="sick")
    assert sick.broken_reason == ""
    assert sick.declined_by == SchedulerNode.objects.exclude(pk="other").get().pk


def test_no_read_deletes_or_repairs(scheduler):
    spoil(func_ref="x", args="{", trigger="nonsense")()
    before = ScheduledJob.objects.filter(job_id="sick").values().get()

    scheduler.get_jobs()
    scheduler.get_job("sick")
    text = str(scheduler.get_job("sick"))

    assert text == "noop (trigger: unreadable, broken)"
    assert ScheduledJob.objects.filter(job_id="sick").values().get() == before


def test_pausing_a_corrupt_job_keeps_what_is_stored(scheduler):
    spoil(args="{", trigger="nonsense")()

    scheduler.pause_job("sick")

    row = ScheduledJob.objects.get(job_id="sick")
    assert (row.paused, row.args, row.trigger) == (True, "{", "nonsense")


class RaisingTrigger(BaseTrigger):
    """Fails when it is asked."""

    def get_next_fire_time(self, previous_fire_time, now):
        raise RuntimeError("no idea")

    def to_state(self):
        return {}

    def describe(self):
        return "never"


class StandingTrigger(RaisingTrigger):
    """Never gets on."""

    def get_next_fire_time(self, previous_fire_time, now):
        return previous_fire_time or now


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        pytest.param(RaisingTrigger(), "RuntimeError: no idea", id="raises"),
        pytest.param(StandingTrigger(), "ValueError: Trigger ", id="never-ends"),
    ],
)
def test_a_trigger_that_raises_or_never_ends_breaks_only_its_own_job(scheduler, monkeypatch, trigger, reason):
    from django_apscheduler_ng import serialization

    text = ScheduledJob.objects.get(job_id="sick").trigger + " "
    ScheduledJob.objects.filter(job_id="sick").update(trigger=text, planned_trigger=text)
    load = serialization._cached_trigger
    monkeypatch.setattr(serialization, "_cached_trigger", lambda stored: trigger if stored == text else load(stored))

    scheduler.travel(30)

    assert ScheduledJob.objects.get(job_id="sick").broken_reason.startswith(reason)
    assert JobRun.objects.filter(job_id="healthy", status="succeeded").count() == 3


def test_999_other_jobs_run_on_time(scheduler, fake_clock):
    now = fake_clock.now()
    template = ScheduledJob.objects.get(job_id="healthy")
    rows = []
    for number in range(999):
        row = ScheduledJob(
            **{
                field.attname: getattr(template, field.attname)
                for field in ScheduledJob._meta.concrete_fields
                if field.attname not in ("id", "wake_at")
            }
        )
        row.job_id = f"job-{number}"
        rows.append(row)
    ScheduledJob.objects.bulk_create(rows)
    spoil(func_ref="tests.project.jobs:gone")()

    scheduler.travel(10)

    runs = JobRun.objects.filter(status="succeeded")
    assert runs.count() == 1000
    assert set(runs.values_list("started_at", flat=True)) == {now + timedelta(seconds=10)}


def test_the_moment_at_once_is_before_every_other():
    assert IntervalTrigger(seconds=1).get_next_fire_time(None, AT_ONCE) > AT_ONCE
