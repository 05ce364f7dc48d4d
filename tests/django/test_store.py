"""What only the ORM job store does; the rest is in the contract."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import TestCase, override_settings

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.exceptions import CallableReferenceError, JobLookupError, UnstorableError
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.models import JobLogEntry, JobRun, Origin, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from tests.project import jobs
from tests.project.models import Mark

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def scheduler():
    scheduler = ManualScheduler(FakeClock(NOW), jobstores={"default": {"type": "django"}}, timezone="UTC")
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


def add(scheduler, func=jobs.noop, trigger="interval", **options):
    arguments = {"seconds": 10} if trigger == "interval" else {}
    return scheduler.add_job(func, trigger, **{"id": "job", **arguments, **options})


def row():
    return ScheduledJob.objects.get(job_id="job")


# -- in the middle of a test case ----------------------------------------------------------------------------------------


class ManualSchedulerInATestCase(TestCase):
    """The kit works with plain Django test cases, whose data no other thread can see."""

    def test_a_body_sees_and_writes_the_data_of_the_test(self):
        scheduler = ManualScheduler(FakeClock(NOW), jobstores={"default": {"type": "django"}}, timezone="UTC")
        scheduler.start()
        scheduler.add_job(jobs.mark, "interval", args=["here"], seconds=10, id="marking")

        scheduler.travel(25)

        marks = Mark.objects.order_by("fire_time").values_list("job_id", "text", "fire_time")
        assert list(marks) == [("marking", "here", at(10)), ("marking", "here", at(20))]
        assert list(JobRun.objects.order_by("slot").values_list("status", "slot")) == [
            ("succeeded", at(10)),
            ("succeeded", at(20)),
        ]
        scheduler.shutdown()


# -- the ledger ----------------------------------------------------------------------------------------------------------


def test_a_run_has_a_row_with_all_that_is_known_of_it(scheduler):
    add(scheduler, jobs.echo, args=[{"a": 1}], name="Echo", misfire_grace_time=30)

    scheduler.travel(10)

    run = JobRun.objects.get()
    stored = row()
    assert (run.namespace, run.job_key, run.job_id, run.job_name) == ("default", stored.pk, "job", "Echo")
    assert (run.func_ref, json.loads(run.args), run.kwargs) == ("tests.project.jobs:echo", [{"a": 1}], "{}")
    assert (run.executor, run.origin, run.attempt, run.count) == ("default", "schedule", 1, 1)
    assert (run.slot, run.due_at, run.start_until) == (at(10), at(10), at(40))
    assert (run.claimed_at, run.started_at, run.finished_at) == (at(10), at(10), at(10))
    assert (run.status, json.loads(run.result), run.worker) == (RunStatus.SUCCEEDED, {"a": 1}, "MainThread")
    assert run.node == scheduler.jobstores()["default"].node_id


def test_a_failure_is_kept_with_its_traceback(scheduler):
    add(scheduler, jobs.fail, args=["really"])

    scheduler.travel(10)

    run = JobRun.objects.get()
    assert (run.status, run.exception_type, run.exception_message) == ("failed", "ValueError", "really")
    assert run.traceback.startswith("Traceback (most recent call last):\n")
    assert run.traceback.endswith("ValueError: really\n")
    assert "django_apscheduler_ng" not in run.traceback


@pytest.mark.parametrize(
    ("options", "wait", "expected"),
    [
        pytest.param(
            {}, 35, [("coalesced", None, at(10), at(20), 2), ("succeeded", at(30), None, None, 1)], id="coalesced"
        ),
        pytest.param(
            {}, 25, [("coalesced", at(10), at(10), at(10), 1), ("succeeded", at(20), None, None, 1)], id="one"
        ),
        pytest.param(
            {"misfire_grace_time": 1, "coalesce": False},
            35,
            [("missed", None, at(10), at(30), 3)],
            id="missed",
        ),
    ],
)
def test_fire_times_without_a_run_are_in_a_summary(scheduler, options, wait, expected):
    add(scheduler, **options)
    scheduler.clock.advance(wait)

    scheduler.travel(0)

    rows = JobRun.objects.order_by("due_at", "pk").values_list("status", "slot", "covers_from", "covers_until", "count")
    assert list(rows) == expected


def test_a_week_of_a_job_that_fires_each_second_is_two_rows(scheduler):
    add(scheduler, seconds=1)
    scheduler.clock.advance(7 * 86400)

    scheduler.travel(0)

    assert list(JobRun.objects.order_by("pk").values_list("status", "count", "count_is_exact")) == [
        ("succeeded", 1, True),
        ("coalesced", 7 * 86400 - 1, True),
    ] or list(JobRun.objects.order_by("due_at").values_list("status", "count", "count_is_exact")) == [
        ("coalesced", 7 * 86400 - 1, True),
        ("succeeded", 1, True),
    ]


def test_history_outlives_the_job(scheduler):
    job = add(scheduler)
    scheduler.travel(10)

    job.remove()

    assert JobRun.objects.filter(job_id="job", status="succeeded").count() == 1
    assert [entry.action for entry in JobLogEntry.objects.order_by("pk")] == ["added", "removed"]


def test_a_slot_stays_closed_when_its_row_was_pruned_and_the_job_set_back(scheduler):
    add(scheduler, jobs.mark)
    scheduler.travel(10)
    JobRun.objects.all().delete()
    ScheduledJob.objects.update(next_run_time=at(10), next_fire_time=at(10))

    scheduler.travel(5)

    assert Mark.objects.count() == 1
    assert row().next_run_time == at(20)


# -- schedules that end -----------------------------------------------------------------------------------------------


def test_a_schedule_that_ended_stays_as_a_finished_row(scheduler):
    add(scheduler, trigger="date", run_date=at(5))

    scheduler.travel(5)

    assert scheduler.get_job("job") is None
    assert scheduler.get_jobs() == []
    assert (row().finished_at, row().wake_at, row().next_run_time) == (at(5), None, None)
    with pytest.raises(JobLookupError):
        scheduler.modify_job("job", name="new")
    with pytest.raises(JobLookupError):
        scheduler.remove_job("job")


def test_declaring_a_finished_job_again_does_not_fire_it_again(scheduler):
    for _ in range(5):
        add(scheduler, jobs.mark, trigger="date", run_date=at(5), replace_existing=True)
        scheduler.travel(5)

    assert Mark.objects.count() == 1


def test_another_trigger_revives_a_finished_job(scheduler):
    add(scheduler, jobs.mark, trigger="date", run_date=at(5))
    scheduler.travel(5)

    add(scheduler, jobs.mark, trigger="date", run_date=at(8), replace_existing=True)
    revived = row().finished_at
    scheduler.travel(5)

    assert revived is None
    assert [mark.fire_time for mark in Mark.objects.order_by("fire_time")] == [at(5), at(8)]


def test_a_new_job_takes_the_id_of_a_finished_one(scheduler):
    add(scheduler, jobs.mark, trigger="date", run_date=at(5))
    scheduler.travel(5)
    before = row().pk

    add(scheduler, jobs.mark, trigger="date", run_date=at(8))
    scheduler.travel(5)

    assert row().pk != before
    assert Mark.objects.count() == 2


# -- changes from outside ------------------------------------------------------------------------------------------------


def test_a_pause_by_queryset_is_obeyed_and_so_is_its_end(scheduler):
    add(scheduler, jobs.mark)
    ScheduledJob.objects.update(paused=True)
    scheduler.travel(100)
    while_paused = Mark.objects.count()

    ScheduledJob.objects.update(paused=False)
    scheduler.travel(10)

    assert while_paused == 0
    assert [mark.fire_time for mark in Mark.objects.all()] == [at(110)]


def test_a_trigger_by_queryset_is_planned_from_now_on(scheduler):
    add(scheduler, jobs.mark)
    other = add(scheduler, jobs.noop, id="other", seconds=25)
    scheduler.travel(5)

    ScheduledJob.objects.filter(job_id="job").update(trigger=ScheduledJob.objects.get(job_id=other.id).trigger)
    scheduler.travel(1)

    assert row().next_run_time == at(30)
    assert Mark.objects.count() == 0


def test_a_next_run_time_by_queryset_is_obeyed(scheduler):
    add(scheduler, jobs.mark)

    ScheduledJob.objects.update(next_run_time=at(3))
    scheduler.travel(5)

    assert [mark.fire_time for mark in Mark.objects.all()] == [at(3)]


def test_a_change_between_two_passes_wins_over_what_was_planned(scheduler):
    job = add(scheduler)
    before = row().revision

    job.modify(name="new")

    assert row().revision == before + 1


# -- inside transactions ----------------------------------------------------------------------------------------------


def test_a_rollback_leaves_no_job_and_no_event():
    with transaction.atomic():
        get_scheduler().add_job(jobs.noop, "interval", seconds=10, id="job")
        added = ScheduledJob.objects.count()
        transaction.set_rollback(True)

    assert added == 1
    assert not ScheduledJob.objects.exists()
    assert not JobLogEntry.objects.exists()


def test_a_refused_id_does_not_spoil_the_transaction_around_it(scheduler):
    add(scheduler)

    with transaction.atomic():
        with pytest.raises(KeyError):
            add(scheduler)
        get_scheduler().modify_job("job", name="still works")

    assert row().name == "still works"


# -- who and why -------------------------------------------------------------------------------------------------------


def test_what_a_person_does_is_written_down_with_before_and_after(scheduler):
    user = get_user_model().objects.create(username="ann")
    with acting(user, origin=Origin.ADMIN, reason="too early"):
        job = get_scheduler().add_job(jobs.noop, "interval", seconds=10, id="job")
        job.reschedule("interval", seconds=20)
        job.pause("holidays")
        paused = row()
        job.resume()
        get_scheduler().run_job("job")
        job.modify(max_instances=3)
        job.remove()

    entries = list(JobLogEntry.objects.order_by("pk"))
    assert [(entry.action, entry.reason) for entry in entries] == [
        ("added", "too early"),
        ("rescheduled", "too early"),
        ("paused", "holidays"),
        ("resumed", "too early"),
        ("run requested", "too early"),
        ("modified", "too early"),
        ("removed", "too early"),
    ]
    assert {(entry.actor_id, entry.actor_name, entry.namespace, entry.job_id) for entry in entries} == {
        (str(user.pk), "ann", "default", "job")
    }
    modified = entries[5]
    assert (json.loads(modified.before), json.loads(modified.after)) == ({"max_instances": 1}, {"max_instances": 3})
    assert (paused.paused_by, paused.pause_reason, paused.origin) == ("ann", "holidays", "admin")
    assert JobRun.objects.get().requested_by == "ann"


def test_a_change_that_changes_nothing_is_not_written_down(scheduler):
    job = add(scheduler, name="same")

    job.modify(name="same")
    job.resume()

    assert [entry.action for entry in JobLogEntry.objects.all()] == ["added"]


# -- what cannot be stored ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("func", "arguments", "error", "message"),
    [
        pytest.param(
            "os:system",
            ["true"],
            CallableReferenceError,
            "Callable 'os:system' is not allowed to run. Decorate it with @job, put it into a module of an installed app, "
            "or add a pattern for it to APSCHEDULER['allowed_callables'].",
            id="not-allowed",
        ),
        pytest.param(
            lambda: None,
            [],
            CallableReferenceError,
            None,
            id="lambda",
        ),
        pytest.param(jobs.echo, [object()], UnstorableError, None, id="argument"),
        pytest.param(jobs.echo, [ScheduledJob()], UnstorableError, None, id="model-instance"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_once_and_nothing_is_written(scheduler, func, arguments, error, message):
    with pytest.raises(error) as caught:
        add(scheduler, func, args=arguments)

    assert message in (None, str(caught.value))
    assert not ScheduledJob.objects.exists()
    assert not JobLogEntry.objects.exists()


@override_settings(APSCHEDULER={"allowed_callables": ["os:getpid"]})
def test_a_pattern_allows_what_is_in_no_app(scheduler):
    add(scheduler, "os:getpid")

    scheduler.travel(10)

    assert JobRun.objects.get().status == "succeeded"


def test_a_callable_that_is_not_allowed_any_more_is_not_run_by_an_edited_row(scheduler):
    add(scheduler)
    ScheduledJob.objects.update(func_ref="os:getpid")

    scheduler.travel(10)

    assert not JobRun.objects.exists()
    assert row().broken_reason.startswith("CallableReferenceError: Callable 'os:getpid' is not allowed to run.")


def test_a_broken_job_whose_arguments_cannot_be_read_never_runs_with_others(scheduler):
    add(scheduler, jobs.echo, args=["precious"])
    ScheduledJob.objects.update(args="[")

    scheduler.travel(2 * 3600)

    assert not JobRun.objects.exclude(status="coalesced").exists()
    assert row().broken_reason


# -- several stores and nodes --------------------------------------------------------------------------------------------


def test_stores_in_one_database_are_kept_apart_by_their_namespaces():
    stores = {"default": DjangoJobStore(), "other": DjangoJobStore(), "named": DjangoJobStore(namespace="shared")}
    scheduler = ManualScheduler(FakeClock(NOW), jobstores=stores, timezone="UTC")
    scheduler.start()

    for alias in stores:
        scheduler.add_job(jobs.mark, "interval", args=[alias], seconds=10, id="job", jobstore=alias)
    scheduler.travel(10)
    scheduler.remove_all_jobs("other")

    assert sorted(Mark.objects.values_list("text", flat=True)) == ["default", "named", "other"]
    assert sorted(ScheduledJob.objects.values_list("namespace", flat=True)) == ["default", "shared"]
    scheduler.shutdown()


def test_two_nodes_share_the_work_and_do_nothing_twice(scheduler):
    other = ManualScheduler(scheduler.fake_clock, jobstores={"default": {"type": "django"}}, timezone="UTC")
    other.start()
    add(scheduler, jobs.mark)

    for _ in range(5):
        scheduler.fake_clock.advance(10)
        other.process_due()
        scheduler.process_due()

    assert Mark.objects.count() == 5
    assert set(JobRun.objects.values_list("node", flat=True)) == {other.jobstores()["default"].node_id}
    other.shutdown()


def test_a_node_says_that_it_lives_and_that_it_stopped(scheduler):
    node = SchedulerNode.objects.get()
    alive = node.state
    scheduler.shutdown()
    node.refresh_from_db()

    assert (node.namespace, node.started_at, alive in ("running", "draining")) == ("default", NOW, True)
    assert node.state == "stopped"


def test_a_run_that_was_given_to_nobody_is_cancelled_with_its_job(scheduler):
    add(scheduler)
    scheduler.pause()
    scheduler.run_job("job")
    scheduler.remove_job("job")
    scheduler.resume()

    scheduler.travel(10)

    run = JobRun.objects.get()
    assert (run.status, run.reason) == ("cancelled", "its job was removed before it could start")


# -- people and code at once -------------------------------------------------------------------------------------------


def test_many_edits_while_the_job_fires_disturb_nobody(scheduler):
    add(scheduler, jobs.mark, seconds=1)
    for number in range(100):
        scheduler.reschedule_job("job", trigger="interval", seconds=1 + number % 3, start_date=NOW, timezone="UTC")
        scheduler.travel(1)

    slots = list(JobRun.objects.exclude(slot=None).values_list("slot", flat=True))
    assert len(slots) == len(set(slots)) == Mark.objects.count()
    assert JobRun.objects.filter(status="succeeded").count() == Mark.objects.count() > 40
    assert not row().broken_reason
