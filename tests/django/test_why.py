"""Why nothing runs, in one sentence, on real rows."""

from datetime import timedelta

import pytest

from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.models import JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.why import why

NO_NODE = "No scheduler is running: start `manage.py runscheduler`."


@pytest.fixture
def scheduler(db, fake_clock: FakeClock):
    made = ManualScheduler(fake_clock, jobstores={"default": {"type": "django"}})
    made.start()
    yield made
    if made.running:
        made.shutdown()


def sentence(job_id: str, clock: FakeClock) -> str:
    row = ScheduledJob.objects.get(job_id=job_id)
    return why([row], clock.now())[row.pk]


def test_a_job_that_only_waits_for_its_time_has_nothing_in_its_way(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="fine")

    assert sentence("fine", fake_clock) == ""


def test_a_lost_heartbeat_says_that_no_scheduler_is_running(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="fine")

    fake_clock.advance(26)

    assert sentence("fine", fake_clock) == NO_NODE


def test_a_stopped_node_says_that_no_scheduler_is_running(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="fine")

    scheduler.shutdown()

    assert sentence("fine", fake_clock) == NO_NODE


def test_a_pause_names_who_paused_it_when_and_why(scheduler, fake_clock, django_user_model):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="held")
    with acting(django_user_model.objects.create(username="ada")):
        scheduler.pause_job("held", reason="the disk is full")

    assert sentence("held", fake_clock) == "Paused by ada since Mon 2026-01-05 09:00: the disk is full"


def test_a_pause_by_nobody_in_particular_says_so(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="held")
    ScheduledJob.objects.filter(job_id="held").update(paused=True)

    scheduler.travel(0)

    assert sentence("held", fake_clock) == "Paused."


def test_a_broken_job_shows_its_reason(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", seconds=10, id="lost")
    ScheduledJob.objects.filter(job_id="lost").update(func_ref="tests.project.jobs:nop")

    scheduler.travel(10)

    assert sentence("lost", fake_clock).startswith("Broken: CallableReferenceError: ")
    assert "Did you mean 'tests.project.jobs:noop'?" in sentence("lost", fake_clock)


def test_a_finished_job_says_that_its_schedule_has_ended(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", id="once")

    scheduler.travel(0)

    assert sentence("once", fake_clock) == "Its schedule has ended: there is no further fire time."


def test_another_environment_is_named_with_both_labels(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="copied")
    ScheduledJob.objects.update(environment="production")
    SchedulerNode.objects.update(environment="staging")

    assert (
        sentence("copied", fake_clock)
        == "Its environment is 'production', that of the scheduler is 'staging': it is left alone."
    )


def test_a_paused_scheduler_is_the_reason_for_all_its_jobs(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="fine")
    SchedulerNode.objects.update(state="paused")

    assert sentence("fine", fake_clock) == "The scheduler is paused."


def overdue(fake_clock: FakeClock, job_id: str) -> ScheduledJob:
    ScheduledJob.objects.filter(job_id=job_id).update(next_run_time=fake_clock.now() - timedelta(minutes=1))
    return ScheduledJob.objects.get(job_id=job_id)


def test_a_job_behind_its_own_run_names_the_run(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="slow")
    row = overdue(fake_clock, "slow")
    run = JobRun.objects.create(
        job_key=row.pk,
        job_id="slow",
        due_at=fake_clock.now(),
        started_at=fake_clock.now(),
        status=RunStatus.RUNNING,
        node=SchedulerNode.objects.get().pk,
        executor="default",
    )

    assert (
        sentence("slow", fake_clock)
        == f"Still running since Mon 2026-01-05 09:00 (run {run.pk}), with max. 1 instance(s)."
    )


def test_a_late_job_without_a_run_waits_for_a_slot(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="late")
    overdue(fake_clock, "late")

    assert sentence("late", fake_clock) == "Due since Mon 2026-01-05 08:59, waiting for a slot of executor 'default'."


def test_a_page_of_jobs_takes_two_queries(scheduler, fake_clock, django_assert_num_queries):
    for number in range(20):
        scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id=f"job-{number}")
    rows = list(ScheduledJob.objects.all())

    with django_assert_num_queries(2):
        sentences = why(rows, fake_clock.now())

    assert sentences == {row.pk: "" for row in rows}


def test_a_queue_that_no_scheduler_serves_is_named_with_what_to_start(scheduler, fake_clock):
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="stray", queue="mial")
    scheduler.add_job("tests.project.jobs:noop", "interval", minutes=5, id="fine", queue="mail")
    SchedulerNode.objects.update(queues='["mail", "default"]')

    assert sentence("fine", fake_clock) == ""
    assert sentence("stray", fake_clock) == (
        "No scheduler serves queue 'mial': start `manage.py runscheduler --queues mial`. Did you mean 'mail'?"
    )
