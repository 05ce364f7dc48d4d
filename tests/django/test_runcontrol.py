"""Cancelling and retrying runs through the API, in a process that performs nothing; and a node that obeys."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.exceptions import RunLookupError, RunStateError
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.obeying import Obedience
from django_apscheduler_ng.rescue import hand_back, interrupt, rescue
from django_apscheduler_ng.runs import RunCancelled, RunStatus
from django_apscheduler_ng.signals import job_error
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from tests.project import jobs

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
OPEN = ("pending", "claimed", "running")
ENDED = [status.value for status in RunStatus if status not in OPEN]


@pytest.fixture
def job(db):
    get_scheduler().add_job(jobs.noop, "interval", hours=1, id="report", name="Report", args=[1])
    JobLogEntry.objects.all().delete()
    return ScheduledJob.objects.get()


def make_run(job, status="pending", **columns):
    """A run of the job; what a request for one makes, in another status."""
    defaults = {
        "namespace": job.namespace,
        "job_key": job.pk,
        "job_id": job.job_id,
        "job_name": job.name,
        "func_ref": job.func_ref,
        "args": job.args,
        "kwargs": job.kwargs,
        "executor": job.executor,
        "due_at": NOW,
        "slot": NOW,
        "status": status,
    }
    if status not in OPEN:
        defaults |= {"started_at": NOW, "finished_at": NOW + timedelta(seconds=2)}
    return JobRun.objects.create(**{**defaults, **columns})


def journal():
    return list(JobLogEntry.objects.order_by("pk").values_list("action", "actor_name", "reason", "job_id"))


# -- cancelling -----------------------------------------------------------------------------------------------------------


def test_a_pending_run_is_cancelled_at_once(job):
    run = make_run(job)
    maria = get_user_model().objects.create(username="maria")

    with acting(maria):
        status = get_scheduler().cancel_run(run.pk, reason="wrong customer")

    run.refresh_from_db()
    assert status is RunStatus.CANCELLED
    assert (run.status, run.reason) == ("cancelled", "it was cancelled before it began")
    assert (run.cancel_requested_by, run.cancel_reason) == ("maria", "wrong customer")
    assert run.finished_at == run.cancel_requested_at
    assert journal() == [("run cancelled", "maria", "wrong customer", "report")]
    assert JobLogEntry.objects.get().after == f'{{"run": {run.pk}}}'


@pytest.mark.parametrize("status", ["claimed", "running"])
def test_the_node_of_a_live_run_is_asked_to_end_it(job, status):
    run = make_run(job, status, node="somebody")

    answer = get_scheduler().cancel_run(str(run.pk), reason="hangs")

    run.refresh_from_db()
    assert answer == run.status == status
    assert run.finished_at is None
    assert run.cancel_requested_at is not None
    assert (run.cancel_requested_by, run.cancel_reason) == ("", "hangs")
    assert journal() == [("cancellation requested", "", "hangs", "report")]


def test_who_asks_a_second_time_changes_nothing(job):
    run = make_run(job, "running")
    get_scheduler().cancel_run(run.pk, reason="first")
    before = JobRun.objects.values().get()

    assert get_scheduler().cancel_run(run.pk, reason="second") == "running"

    assert JobRun.objects.values().get() == before
    assert len(journal()) == 1


@pytest.mark.parametrize("status", ENDED)
def test_a_run_that_has_ended_is_not_cancelled(job, status):
    run = make_run(job, status)
    before = JobRun.objects.values().get()

    with pytest.raises(RunStateError) as caught:
        get_scheduler().cancel_run(run.pk)

    assert str(caught.value) == (
        f"Run {run.pk} of job 'report' has ended already: {status.replace('_', ' ')} at 2026-01-05 09:00:02+00:00. "
        "Only a run that has not ended can be cancelled; retry_run() runs it again."
    )
    assert JobRun.objects.values().get() == before
    assert journal() == []


@pytest.mark.parametrize("run_id", ["17", "no number", "-1", "", str(2**63), "²"])
@pytest.mark.parametrize("verb", ["cancel_run", "retry_run"])
def test_a_run_that_is_not_there_is_named(job, verb, run_id):
    with pytest.raises(RunLookupError) as caught:
        getattr(get_scheduler(), verb)(run_id)

    assert str(caught.value) == (
        f"Run {run_id!r} is not in job store 'default'. It may have been pruned; "
        "`manage.py scheduler runs` lists what is there."
    )


def test_a_run_of_another_job_store_is_not_there(job):
    run = make_run(job, namespace="elsewhere")

    with pytest.raises(RunLookupError):
        get_scheduler().cancel_run(run.pk)


def test_a_cancellation_that_is_rolled_back_never_was(job):
    run = make_run(job)

    with transaction.atomic():
        get_scheduler().cancel_run(run.pk)
        transaction.set_rollback(True)

    assert JobRun.objects.get().status == "pending"
    assert journal() == []


def test_a_run_that_was_cancelled_before_it_began_is_told_as_an_error(job, django_capture_on_commit_callbacks):
    run = make_run(job)
    heard = []

    def receiver(**arguments):
        heard.append(arguments)

    job_error.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            get_scheduler().cancel_run(run.pk, reason="no use")
    finally:
        job_error.disconnect(receiver)

    (arguments,) = heard
    assert (arguments["job_id"], arguments["run_id"], arguments["scheduled_run_time"]) == ("report", str(run.pk), NOW)
    assert isinstance(arguments["exception"], RunCancelled)
    assert str(arguments["exception"]) == "The run was cancelled: no use."


# -- retrying -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [status for status in ENDED if status != "coalesced"])
def test_a_run_that_has_ended_gets_a_further_attempt(job, status):
    run = make_run(job, status, result="[1]", exception_message="no", reason="because", start_until=NOW, node="n")
    maria = get_user_model().objects.create(username="maria")

    with acting(maria):
        attempt_id = get_scheduler().retry_run(run.pk)

    attempt = JobRun.objects.get(pk=attempt_id)
    assert (attempt.status, attempt.attempt, attempt.first_attempt) == ("pending", 2, run.pk)
    assert (attempt.slot, attempt.args, attempt.func_ref) == (run.slot, run.args, run.func_ref)
    assert (attempt.origin, attempt.requested_by, attempt.start_until) == ("manual", "maria", None)
    assert (attempt.result, attempt.exception_message, attempt.reason, attempt.node) == ("", "", "", "")
    assert abs(attempt.due_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert journal() == [("retry requested", "maria", "", "report")]
    run.refresh_from_db()
    assert run.status == status


@pytest.mark.parametrize("status", OPEN)
def test_a_run_that_has_not_ended_is_not_retried(job, status):
    run = make_run(job, status)

    with pytest.raises(RunStateError) as caught:
        get_scheduler().retry_run(run.pk)

    assert str(caught.value) == (
        f"Run {run.pk} of job 'report' is {status}; only a run that has ended can be retried. cancel_run() ends it."
    )


def test_of_a_run_that_was_tried_again_the_latest_attempt_is_named(job):
    run = make_run(job, "failed")
    second = get_scheduler().retry_run(run.pk)

    with pytest.raises(RunStateError) as caught:
        get_scheduler().retry_run(run.pk)

    assert str(caught.value) == (
        f"Run {run.pk} of job 'report' was tried again already: run {second} is attempt 2, and pending. Retry run {second}."
    )


def test_the_latest_attempt_is_found_where_there_is_no_fire_time(job):
    run = make_run(job, "failed", slot=None)
    second = get_scheduler().retry_run(run.pk)
    JobRun.objects.filter(pk=second).update(status="failed")
    other = make_run(job, "failed", slot=None)

    third = get_scheduler().retry_run(second)

    assert JobRun.objects.get(pk=third).attempt == 3
    with pytest.raises(RunStateError, match=f"Retry run {third}"):
        get_scheduler().retry_run(run.pk)
    assert get_scheduler().retry_run(other.pk)


@pytest.mark.parametrize("status", ["coalesced", "missed", "skipped"])
def test_a_summary_of_several_fire_times_is_not_retried(job, status):
    run = make_run(job, status, slot=None, count=12)

    with pytest.raises(RunStateError) as caught:
        get_scheduler().retry_run(run.pk)

    assert str(caught.value) == (
        f"Run {run.pk} of job 'report' stands for 12 fire times that were {status}; only a run of its own can be retried. "
        "run_job() runs the job now."
    )


def test_a_run_whose_job_was_removed_is_not_retried(job):
    run = make_run(job, "failed")
    get_scheduler().remove_job("report")

    with pytest.raises(RunStateError) as caught:
        get_scheduler().retry_run(run.pk)

    assert str(caught.value) == (
        f"Run {run.pk} of job 'report' cannot be retried: its job was removed. Add the job again, and run it."
    )


# -- a node ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scheduler(db):
    scheduler = ManualScheduler(FakeClock(NOW), jobstores={"default": {"type": "django"}}, timezone="UTC")
    scheduler.start()
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


def test_a_retried_run_is_performed_with_the_arguments_it_had(scheduler):
    scheduler.add_job(jobs.fail, "interval", args=["then"], seconds=10, id="job", misfire_grace_time=1)
    scheduler.travel(10)
    run = JobRun.objects.get()
    scheduler.modify_job("job", args=["now"])
    scheduler.fake_clock.advance(2)

    attempt = scheduler.retry_run(run.pk)
    scheduler.travel(0)

    retried = JobRun.objects.get(pk=attempt)
    assert (retried.status, retried.exception_message) == ("failed", "then")


def test_the_run_of_a_finished_schedule_is_retried(scheduler):
    scheduler.add_job(jobs.fail, "date", run_date=NOW + timedelta(seconds=5), id="once")
    scheduler.travel(10)
    run = JobRun.objects.get()

    attempt = scheduler.retry_run(run.pk)
    scheduler.travel(1)

    assert JobRun.objects.get(pk=attempt).status == "failed"


@pytest.mark.parametrize("trigger", ["interval", None], ids=["by-schedule", "by-hand"])
def test_the_timeout_of_the_job_comes_with_its_runs(db, trigger):
    store = DjangoJobStore()
    scheduler = ManualScheduler(FakeClock(NOW), jobstores={"default": store}, timezone="UTC")
    scheduler.start()
    scheduler.add_job(jobs.noop, "interval", seconds=10, id="job", timeout=7.5)
    if trigger is None:
        scheduler.run_job("job")
    else:
        scheduler.fake_clock.advance(10)

    (run,) = store.claim(scheduler.fake_clock.now(), {"default": 10}).runs
    scheduler.shutdown()

    assert run.timeout == 7.5


class OneRun:
    """An executor with one run, which ends when it is cancelled."""

    capacity = 1

    def __init__(self, run_id):
        self.run_id = str(run_id)
        self.cancelled = []

    def running(self):
        return 1

    def cancel(self, jobstore, run_id, *, by="", reason=""):
        if (jobstore, run_id) != ("default", self.run_id):
            return None
        self.cancelled.append((by, reason))
        return RunStatus.RUNNING


class Holding:
    """The runs that a node knows of."""

    def __init__(self, *keys):
        self.keys = set(keys)

    def ids(self):
        return set(self.keys)


class Host:
    def __init__(self, *executors):
        self._executors = {str(number): executor for number, executor in enumerate(executors)}

    def executors(self):
        return self._executors


@pytest.fixture
def obedient(scheduler):
    """A node with one run, its executor and its clock."""

    def make(run):
        member = scheduler.jobstores()["default"].member
        JobRun.objects.filter(pk=run.pk).update(node=member.identity.node)
        executor, clock = OneRun(run.pk), FakeClock(NOW)
        return Obedience(member.identity, Host(OneRun(-1), executor), clock, Holding(run.pk)), executor, clock

    return make


def statements(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_a_wish_is_found_within_a_second_and_fulfilled_once(job, obedient):
    run = make_run(job, "running")
    obedience, executor, clock = obedient(run)
    obedience.look()
    get_scheduler().cancel_run(run.pk, reason="hangs")

    for _ in range(8):
        clock.advance(0.5)
        obedience.look()

    assert executor.cancelled == [("", "hangs")]


def test_looking_costs_a_statement_a_second_and_none_for_runs_that_are_young_or_gone(job, obedient):
    run = make_run(job, "running")
    obedience, _, clock = obedient(run)

    young = statements(obedience.look)
    clock.advance(0.5)
    costs = []
    for _ in range(6):
        costs.append(statements(obedience.look))
        clock.advance(0.5)
    obedience._held.keys = {run.pk + 1}
    other_ones = statements(obedience.look)
    obedience._held.keys = set()
    clock.advance(5)
    none_at_all = statements(obedience.look)

    assert young == 0
    assert costs == [1, 0, 1, 0, 1, 0]
    assert (other_ones, none_at_all) == (0, 0)


def test_who_is_told_of_a_wish_looks_at_once(job, obedient):
    run = make_run(job, "running")
    obedience, executor, _ = obedient(run)
    get_scheduler().cancel_run(run.pk)

    obedience.soon = True
    obedience.look()

    assert len(executor.cancelled) == 1


def test_a_wish_about_a_run_that_is_on_its_way_to_its_executor_is_tried_again(job, obedient):
    run = make_run(job, "claimed")
    obedience, executor, clock = obedient(run)
    executor.run_id = ""
    get_scheduler().cancel_run(run.pk)
    obedience.soon = True
    obedience.look()
    assert executor.cancelled == []

    executor.run_id = str(run.pk)
    clock.advance(1)
    obedience.look()

    assert len(executor.cancelled) == 1


def test_the_look_reads_by_an_index(job, obedient):
    from django_apscheduler_ng.obeying import wishes

    plan = wishes("default", "default", "me").explain()

    assert "apsng_run_status_ix" in plan or connection.vendor == "postgresql", (
        plan
    )  # a few rows are read faster from end to end there


# -- nodes that die or stop -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("claimed", "it was cancelled before it began"),
        ("running", "its node died while it was being cancelled; whether it did its work is unknown"),
    ],
)
def test_a_run_of_a_dead_node_that_somebody_wants_to_end_is_cancelled(job, status, reason):
    ScheduledJob.objects.update(on_abandoned="rerun")
    run = make_run(job, status, node="dead")
    get_scheduler().cancel_run(run.pk)

    rescue("default", {run.pk: "dead"}, NOW)

    assert list(JobRun.objects.values_list("status", "reason", "finished_at")) == [("cancelled", reason, NOW)]


def test_a_claimed_run_of_a_dead_node_waits_again_where_nobody_wants_it_to_end(job):
    run = make_run(job, "claimed", node="dead")

    rescue("default", {run.pk: "dead"}, NOW)

    assert list(JobRun.objects.values_list("status", "node")) == [("pending", "")]


@pytest.mark.parametrize("wanted", [True, False], ids=["wanted", "to-be-cancelled"])
def test_what_a_node_gives_back_is_cancelled_where_somebody_wants_that(job, wanted):
    lost, claimed = make_run(job, "running", node="me"), make_run(job, "claimed", node="me", attempt=2)
    if not wanted:
        for run in (lost, claimed):
            get_scheduler().cancel_run(run.pk)

    hand_back("default", "me", [lost.pk], NOW)
    interrupt("default", "default", "me", NOW)

    assert set(JobRun.objects.values_list("status", flat=True)) == {"pending" if wanted else "cancelled"}


# -- races ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite3" in connection.settings_dict["ENGINE"], reason="one writer at a time")
def test_of_two_people_who_retry_at_once_one_is_refused(transactional_db):
    get_scheduler().add_job(jobs.noop, "interval", hours=1, id="report")
    job = ScheduledJob.objects.get()
    for number in range(10):
        run = make_run(job, "failed", slot=None if number % 2 else NOW + timedelta(hours=number))
        barrier, answers = threading.Barrier(2), []

        def retry(run=run, barrier=barrier, answers=answers):
            barrier.wait(10)
            try:
                answers.append(get_scheduler().retry_run(run.pk))
            except RunStateError:
                answers.append("refused")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=retry) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(answers)[-1] == "refused"
        assert len(answers) == len(set(answers)) == 2
