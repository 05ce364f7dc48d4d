"""What became of a fire time, in one sentence: on rows that a real scheduler wrote, moved through time by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.accounts import Fate, account_for, decide, gather_facts, last_accounts
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.planning import due_at
from django_apscheduler_ng.retention import prune
from django_apscheduler_ng.rows import read_trigger
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler

NOOP = "tests.project.jobs:noop"


@pytest.fixture
def make_scheduler(db, fake_clock: FakeClock):
    """Start a node; each call makes another one, on the same clock."""
    made: list[ManualScheduler] = []

    def make() -> ManualScheduler:
        scheduler = ManualScheduler(fake_clock, jobstores={"default": {"type": "django"}})
        scheduler.start()
        made.append(scheduler)
        return scheduler

    yield make
    for scheduler in made:
        if scheduler.running:
            scheduler.shutdown()


@pytest.fixture
def scheduler(make_scheduler):
    return make_scheduler()


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create(username="ada")


def at(text: str) -> datetime:
    """Return a moment of the first day, or of another one: `10:00`, `06 10:00`."""
    day, _, clock = text.rpartition(" ")
    return datetime.fromisoformat(f"2026-01-{day or '05'} {clock}").replace(tzinfo=UTC)


@pytest.fixture
def account(fake_clock, monkeypatch):
    """Return what became of a fire time of the job `job`, at the present of the fake clock."""
    monkeypatch.setattr("django_apscheduler_ng.accounts.gathering.store_now", lambda using: fake_clock.now())

    def of(moment: datetime | str, job_id: str = "job", **options):
        moment = at(moment) if isinstance(moment, str) else moment
        return account_for(ScheduledJob.objects.get(job_id=job_id), moment, **options)

    return of


def the_node() -> SchedulerNode:
    return SchedulerNode.objects.earliest("started_at")


# -- it ran ---------------------------------------------------------------------------------------------------------------


def test_a_run_tells_its_node_lateness_outcome_and_id(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)

    told = account("10:00")

    run = JobRun.objects.get()
    assert (told.fate, told.run) == (Fate.RUN, run.pk)
    assert told.sentence == f"It ran on {the_node()}, 0\xa0ms late: succeeded after 0\xa0ms (run {run.pk})."


def test_a_failure_tells_the_exception(scheduler, account):
    scheduler.add_job("tests.project.jobs:fail", "cron", hour="10-23", id="job")
    scheduler.travel(3600)

    assert account("10:00").sentence == (
        f"It ran on {the_node()}, 0\xa0ms late: failed after 0\xa0ms (run {JobRun.objects.get().pk}): ValueError: on purpose"
    )


def test_what_was_caught_up_later_says_that_no_scheduler_was_running(make_scheduler, account, fake_clock):
    first = make_scheduler()
    first.add_job(NOOP, "cron", hour=10, id="job")
    first.travel(1800)
    node = the_node()
    first.shutdown()
    fake_clock.set(at("11:30"))
    make_scheduler().travel(0)

    told = account("10:00")

    second = SchedulerNode.objects.latest("started_at")
    assert told.sentence == (
        f"It ran on {second}, 1\xa0h\xa030\xa0min late: succeeded after 0\xa0ms (run {told.run}). "
        f"No scheduler was running from Mon 2026-01-05 09:30, when {node} gave its last sign of life, until Mon 2026-01-05 11:30."
    )


def test_a_late_claim_by_a_living_node_names_what_it_may_have_waited_for(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(due_at=at("09:40"), slot=at("09:40"))
    SchedulerNode.objects.update(seen_at=at("10:00"))

    told = account("09:40")

    assert (
        f"{the_node()} was running then: it waited for a free slot of executor 'default', or for the database."
        in told.sentence
    )


def test_a_late_start_after_a_claim_in_time_waited_for_a_slot(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(started_at=at("10:05"), finished_at=at("10:06"))

    assert account("10:00").sentence.endswith(
        "It was claimed at once, and waited for a free slot of executor 'default'."
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("claimed", "It was handed to executor 'default', and no worker has started it yet (run %(run)d)."),
        (
            "running",
            "It has been running on w1 (pid 7) since Mon 2026-01-05 10:00, started 0\xa0ms late (run %(run)d).",
        ),
        (
            "abandoned",
            "It started on w1 (pid 7) at Mon 2026-01-05 10:00, and that worker died: how far it got is not known (run %(run)d).",
        ),
        ("succeeded", "It ran on w1 (pid 7), 0\xa0ms late: succeeded after 0\xa0ms (run %(run)d)."),
    ],
)
def test_a_run_on_a_cluster_names_the_worker(scheduler, account, status, words):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(status=status, on_cluster=True, node="f" * 32, worker="w1 (pid 7)")

    assert account("10:00").sentence == words % {"run": JobRun.objects.get(slot=at("10:00")).pk}


def test_a_late_start_on_a_cluster_waited_for_a_worker(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(started_at=at("10:05"), finished_at=at("10:06"), on_cluster=True)

    assert account("10:00").sentence.endswith("It was claimed at once, and waited for a worker of executor 'default'.")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "It waits to be claimed by a scheduler (run %(run)d)."),
        ("claimed", "%(node)s has claimed it, and has not started it yet (run %(run)d)."),
        ("running", "It has been running on %(node)s since Mon 2026-01-05 10:00, started 0\xa0ms late (run %(run)d)."),
        (
            "abandoned",
            "It started on %(node)s at Mon 2026-01-05 10:00, and that node died: how far it got is not known (run %(run)d).",
        ),
        ("cancelled", "It ran on %(node)s, 0\xa0ms late: cancelled after 0\xa0ms (run %(run)d): ada was in doubt"),
    ],
)
def test_each_status_has_words(scheduler, account, status, words):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(status=status, reason="ada was in doubt" if status == "cancelled" else "")

    assert account("10:00").sentence == words % {"node": the_node(), "run": JobRun.objects.get().pk}


def test_a_run_that_never_started_says_so(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(
        status="cancelled", started_at=None, claimed_at=None, reason="its job was removed before it could start"
    )

    run = JobRun.objects.get().pk
    assert (
        account("10:00").sentence
        == f"It did not start: cancelled (run {run}): its job was removed before it could start"
    )


def test_the_last_attempt_counts(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    again = JobRun.objects.get()
    JobRun.objects.update(status="failed")
    again.pk, again.attempt = None, 2
    again.save(force_insert=True)

    told = account("10:00")

    assert told.run == again.pk
    assert told.sentence.endswith(f"succeeded after 0\xa0ms (run {again.pk}). That was attempt 2.")


# -- it did not run -------------------------------------------------------------------------------------------------------


def test_a_miss_tells_grace_time_lateness_and_that_no_node_lived(make_scheduler, account, fake_clock):
    first = make_scheduler()
    first.add_job(NOOP, "cron", hour=10, id="job", misfire_grace_time=60)
    first.shutdown()
    node = the_node()
    fake_clock.set(at("10:30"))
    make_scheduler().travel(0)

    told = account("10:00")

    assert told.fate is Fate.MISSED
    assert told.sentence == (
        "It was missed: a scheduler looked at it 30\xa0min late, at Mon 2026-01-05 10:30, later than its grace time of "
        f"1\xa0min allows. No scheduler was running from Mon 2026-01-05 09:00, when {node} gave its last sign of life, "
        "until Mon 2026-01-05 10:30."
    )


def test_a_miss_of_many_names_the_range(make_scheduler, account, fake_clock):
    first = make_scheduler()
    first.add_job(NOOP, "cron", minute="*/10", id="job", misfire_grace_time=60, coalesce=False)
    first.shutdown()
    fake_clock.set(at("10:05"))
    make_scheduler().travel(0)

    told = account("09:30")

    assert told.fate is Fate.MISSED
    assert told.sentence.endswith("So were all 7 fire times from Mon 2026-01-05 09:00 to Mon 2026-01-05 10:00.")


def test_a_miss_tells_the_grace_time_of_that_time(make_scheduler, account, fake_clock):
    first = make_scheduler()
    first.add_job(NOOP, "cron", hour=10, id="job", misfire_grace_time=60)
    first.shutdown()
    fake_clock.set(at("10:30"))
    second = make_scheduler()
    second.travel(0)
    fake_clock.set(at("10:40"))
    second.modify_job("job", misfire_grace_time=7200)

    assert "later than its grace time of 1\xa0min allows" in account("10:00").sentence


def test_a_miss_in_the_pool_says_that_no_slot_was_free(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job", misfire_grace_time=60)
    scheduler.travel(3600)
    JobRun.objects.update(status="missed", started_at=None)

    assert account("10:00").sentence == (
        "It was missed: claimed in time, and no slot of executor 'default' was free within its grace time of 1\xa0min."
    )


def test_a_skip_names_the_run_that_held_the_slot(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    holder = JobRun.objects.get()
    scheduler.travel(3600)
    JobRun.objects.filter(pk=holder.pk).update(status="running", finished_at=None)
    JobRun.objects.filter(slot=at("11:00")).update(status="skipped", started_at=None)

    told = account("11:00")

    assert told.fate is Fate.SKIPPED
    assert told.sentence == (
        f"It was skipped: run {holder.pk}, under way since Mon 2026-01-05 10:00, held the slot (max. 1 instance(s))."
    )


def test_a_skip_does_not_name_a_run_that_had_ended(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(timedelta(hours=3))
    holder = JobRun.objects.get(slot=at("10:00"))
    JobRun.objects.filter(pk=holder.pk).update(status="running", finished_at=None)
    JobRun.objects.filter(slot=at("12:00")).update(status="skipped", started_at=None)

    assert account("12:00").sentence.startswith(
        f"It was skipped: run {holder.pk}, under way since Mon 2026-01-05 10:00,"
    )


def test_a_skip_whose_holder_was_deleted_says_so(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    JobRun.objects.update(status="skipped", started_at=None, claimed_at=None)

    assert account("10:00").sentence == (
        "It was skipped: the job had its 1 instance(s) under way; which runs these were is not kept."
    )


@pytest.fixture
def downtime(make_scheduler, fake_clock):
    """A job each 10 minutes, and a scheduler that was down from 09:15 to 10:05."""
    first = make_scheduler()
    first.add_job(NOOP, "cron", minute="*/10", id="job")
    first.travel(15 * 60)
    first.shutdown()
    fake_clock.set(at("10:05"))
    second = make_scheduler()
    second.travel(0)
    return second


def test_a_coalesced_fire_time_names_the_run_that_stands_for_it(downtime, account):
    told = account("09:30")

    stand_in = JobRun.objects.get(slot=at("10:00"))
    assert told.fate is Fate.COALESCED
    assert told.sentence.startswith(
        "It was coalesced into the fire time of Mon 2026-01-05 10:00, the latest that was due then: succeeded "
        f"(run {stand_in.pk}). No scheduler was running from Mon 2026-01-05 09:1"
    )
    assert told.sentence.endswith("So were all 4 fire times from Mon 2026-01-05 09:20 to Mon 2026-01-05 09:50.")


def test_a_stand_in_that_was_deleted_is_not_replaced_by_a_later_run(downtime, account):
    downtime.travel(3600)
    JobRun.objects.filter(slot=at("10:00")).delete()

    assert account("09:30").sentence.startswith("It was coalesced into a later fire time, whose run is not kept.")


def test_a_moment_inside_a_summary_that_is_no_fire_time_is_none(downtime, account):
    assert account("09:31").sentence == (
        "It is no fire time of the job. The nearest: Mon 2026-01-05 09:30 and Mon 2026-01-05 09:40."
    )


def test_a_pause_tells_who_paused_it_why_and_until_when(scheduler, account, ada):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(1800)
    with acting(ada):
        scheduler.pause_job("job", reason="the disk is full")
    scheduler.travel(7200)
    with acting(name="bob"):
        scheduler.resume_job("job")
    scheduler.travel(3600)

    told = account("10:00")

    assert told.fate is Fate.PAUSED
    assert told.sentence == (
        "It did not run: the job was paused by ada since Mon 2026-01-05 09:30, until it was resumed by bob at "
        "Mon 2026-01-05 11:30. Reason of the pause: the disk is full"
    )
    assert account("12:00").fate is Fate.RUN


def test_a_pause_that_lasts_has_no_end(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(1800)
    scheduler.pause_job("job")
    scheduler.travel(7200)

    assert account("11:00").sentence == "It did not run: the job was paused since Mon 2026-01-05 09:30."


def test_what_was_due_when_somebody_paused_the_job_was_overtaken(make_scheduler, account, fake_clock, ada):
    first = make_scheduler()
    first.add_job(NOOP, "cron", hour="10-23", id="job")
    first.shutdown()
    fake_clock.set(at("10:10"))
    second = make_scheduler()
    with acting(ada):
        second.pause_job("job")
        second.resume_job("job")
    second.travel(3600)

    told = account("10:00")

    assert told.fate is Fate.OVERTAKEN
    assert told.sentence == (
        "It did not run: no scheduler had claimed it when the job was paused by ada at Mon 2026-01-05 10:10, "
        "and it was planned from then on."
    )


def test_before_it_was_added_the_job_did_not_exist(scheduler, account, ada):
    scheduler.travel(1800)
    with acting(ada):
        scheduler.add_job(NOOP, "cron", hour="10-23", id="job")

    told = account("09:00")

    assert told.fate is Fate.NOT_ADDED
    assert told.sentence == "The job did not exist yet: it was added by ada at Mon 2026-01-05 09:30."


def test_another_trigger_at_that_time_is_named_with_who_changed_it(scheduler, account, ada):
    scheduler.add_job(NOOP, "cron", hour="*/2", id="job")
    scheduler.travel(2 * 3600)
    with acting(ada):
        scheduler.reschedule_job("job", trigger="cron", hour="10-23")
    scheduler.travel(2 * 3600)

    told = account("09:30")

    assert told.fate is Fate.NO_FIRE_TIME
    assert told.sentence == (
        "It was no fire time of the job, whose schedule was “every 2 hours” until it was rescheduled by ada at "
        "Mon 2026-01-05 11:00. The nearest: Mon 2026-01-05 10:00."
    )


def test_a_moment_that_is_no_fire_time_names_the_nearest_ones(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(7200)

    told = account("10:20")

    assert told.fate is Fate.NO_FIRE_TIME
    assert told.sentence == "It is no fire time of the job. The nearest: Mon 2026-01-05 10:00 and Mon 2026-01-05 11:00."


def test_the_future_lies_ahead(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")

    told = account("12:00")

    assert (told.fate, told.sentence) == (Fate.AHEAD, "It lies ahead.")
    assert account("12:30").fate is Fate.NO_FIRE_TIME


def test_the_future_of_a_paused_job_says_that_it_is_paused(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.pause_job("job", reason="the bank is closed")

    assert account("12:00").sentence == (
        "It lies ahead. As things stand it will not run: Paused since Mon 2026-01-05 09:00: the bank is closed"
    )


def test_what_is_due_and_not_claimed_says_why(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.shutdown()
    fake_clock.set(at("10:10"))

    told = account("10:00")

    assert told.fate is Fate.DUE
    assert told.sentence == (
        "It is due, and no scheduler has claimed it yet. No scheduler is running: start `manage.py runscheduler`."
    )


def test_a_broken_job_gives_the_reason(scheduler, account, fake_clock, ada):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    ScheduledJob.objects.update(func_ref="tests.project.jobs:nop")
    scheduler.travel(5400)
    SchedulerNode.objects.update(seen_at=fake_clock.now())
    due = account("11:00")
    with acting(ada):
        scheduler.modify_job("job", func=NOOP)
        scheduler.reschedule_job("job", trigger="cron", hour="10-23")
    scheduler.travel(3600)

    told = account("11:00")

    assert due.fate is Fate.DUE
    assert "Broken: CallableReferenceError: " in due.sentence
    assert told.fate is Fate.BROKEN
    assert told.sentence.startswith(
        "It did not run: the job was broken since Mon 2026-01-05 11:00, until it was rescheduled by ada at Mon 2026-01-05 11:30. "
        "Reason: CallableReferenceError: Callable 'tests.project.jobs:nop'"
    )


def test_what_a_broken_job_had_to_do_is_made_up_for_once_it_is_repaired(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(3600)
    ScheduledJob.objects.update(func_ref="tests.project.jobs:nop")
    scheduler.travel(5400)
    scheduler.modify_job("job", func=NOOP)
    scheduler.travel(0)

    assert account("11:00").fate is Fate.RUN


def test_a_retired_job_was_not_declared(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    job = ScheduledJob.objects.get()
    JobLogEntry.objects.create(job_key=job.pk, job_id="job", at=at("09:30"), action="retired")
    ScheduledJob.objects.update(retired_at=at("09:30"))
    scheduler.travel(7200)

    told = account("10:00")

    assert told.fate is Fate.RETIRED
    assert told.sentence == (
        "It did not run: no running scheduler declared the job in code any more, and it was retired since Mon 2026-01-05 09:30."
    )


def test_after_the_end_of_its_schedule_a_job_does_not_fire(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", end_date="2026-01-05T10:30:00+00:00", id="job")
    scheduler.travel(7200)

    assert account("10:00").fate is Fate.RUN
    assert account("11:00").sentence == "The schedule of the job ended at Mon 2026-01-05 10:00."
    assert account("06 11:00").fate is Fate.FINISHED


# -- history that was deleted -----------------------------------------------------------------------------------------------


def test_old_runs_that_were_deleted_are_said_to_be(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "cron", hour=10, id="job")
    scheduler.travel(timedelta(days=40))
    prune("default", fake_clock.now(), max_age_days=30, max_runs_per_job=None)

    told = account("06 10:00")

    assert told.fate is Fate.PRUNED
    assert told.sentence.startswith(
        "What became of it is not known: old history has been deleted. What is kept of its runs begins at "
    )


def test_runs_deleted_for_their_number_are_said_to_be_deleted(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(timedelta(hours=10))
    prune("default", fake_clock.now(), max_age_days=None, max_runs_per_job=3)

    assert account("10:00").fate is Fate.PRUNED
    assert account("17:00").fate is Fate.RUN


def test_a_pause_after_deleted_runs_is_not_taken_for_the_reason(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(timedelta(hours=5, minutes=30))
    scheduler.pause_job("job")
    JobRun.objects.all().delete()
    JobLogEntry.objects.filter(action="added").delete()
    fake_clock.set(at("20:00"))

    assert account("10:00").fate is Fate.PRUNED
    assert account("15:00").fate is Fate.PAUSED


def test_a_change_is_not_taken_for_the_reason_where_runs_were_deleted_for_their_number(scheduler, account, settings):
    settings.APSCHEDULER = {"retention": {"max_runs_per_job": 3}}
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(timedelta(hours=6, minutes=30))
    scheduler.pause_job("job")
    scheduler.resume_job("job")
    scheduler.travel(timedelta(hours=3))
    prune("default", at("19:00"), max_age_days=None, max_runs_per_job=3)

    assert account("10:00").fate is Fate.PRUNED


def test_a_change_is_not_taken_for_the_reason_where_events_were_deleted(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(600)
    scheduler.pause_job("job")
    scheduler.resume_job("job")
    scheduler.travel(timedelta(hours=3))
    scheduler.pause_job("job")
    scheduler.resume_job("job")
    JobRun.objects.all().delete()
    JobLogEntry.objects.filter(action="added").delete()

    assert account("10:00").fate is Fate.PRUNED


def test_a_change_is_not_taken_for_the_reason_where_a_run_in_between_is_the_first_that_is_kept(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(timedelta(hours=3, minutes=30))
    scheduler.pause_job("job")
    scheduler.resume_job("job")
    JobRun.objects.filter(slot__lt=at("12:00")).delete()

    assert account("10:00").fate is Fate.PRUNED


def test_a_job_whose_journal_is_gone_is_known_since_its_last_change(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(1800)
    scheduler.reschedule_job("job", trigger="cron", hour="*/2")
    scheduler.travel(7200)
    JobLogEntry.objects.all().delete()

    assert account("09:10").fate is Fate.PRUNED
    assert account("11:00").fate is Fate.NO_FIRE_TIME
    assert account("10:00").fate is Fate.RUN


# -- jitter and clock changes -----------------------------------------------------------------------------------------------


def test_with_jitter_the_fire_time_and_the_planned_start_name_the_same_run(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", jitter=600, id="job")
    scheduler.travel(2 * 3600)
    run = JobRun.objects.get(slot=at("10:00"))

    assert account(run.due_at).run == account("10:00").run == run.pk
    assert account(run.due_at).moment == at("10:00")
    assert "0\xa0ms late" in account("10:00").sentence


def test_with_jitter_a_planned_start_during_a_pause_is_found(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", jitter=600, id="job")
    scheduler.pause_job("job")
    scheduler.travel(2 * 3600)
    job = ScheduledJob.objects.get()
    planned = due_at("job", read_trigger(job), at("10:00"))

    told = account(planned)

    assert planned > at("10:00")
    assert (told.moment, told.fate) == (at("10:00"), Fate.PAUSED)


def test_with_jitter_the_planned_start_itself_is_no_fire_time(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", jitter=600, id="job")
    job = ScheduledJob.objects.get()

    assert decide(job.next_run_time, gather_facts(job, at("09:00"), at("12:00"))).fate is Fate.NO_FIRE_TIME


def test_with_jitter_a_fire_time_ahead_tells_its_planned_start(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", jitter=600, id="job")
    planned = due_at("job", read_trigger(ScheduledJob.objects.get()), at("12:00"))

    assert (
        account("12:00").sentence
        == f"It lies ahead, and is planned with its jitter for Mon {planned:%Y-%m-%d %H:%M:%S}."
    )


def test_a_moment_without_seconds_finds_the_fire_time_in_its_minute(scheduler, account, fake_clock):
    fake_clock.set(at("09:00:17"))
    scheduler.add_job(NOOP, "interval", minutes=30, id="job")
    scheduler.travel(3600)

    told = account("09:30", precision=timedelta(seconds=59))

    assert told.moment == at("09:30:17")
    assert told.fate is Fate.RUN
    assert account("09:30").fate is Fate.NO_FIRE_TIME


@pytest.mark.parametrize(
    ("now", "fire_time", "shown"),
    [
        pytest.param("2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00", "Sun 2026-03-29 03:00", id="spring"),
        pytest.param("2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00", "Sun 2026-10-25 02:30", id="autumn"),
    ],
)
def test_on_the_night_of_a_clock_change_the_fire_time_is_the_one_that_exists(
    scheduler, account, fake_clock, now, fire_time, shown
):
    fake_clock.set(datetime.fromisoformat(now).astimezone(UTC))
    scheduler.add_job(NOOP, "cron", hour=2, minute=30, timezone="Europe/Berlin", id="job")
    scheduler.travel(86400)
    moment = datetime.fromisoformat(fire_time).astimezone(UTC)

    assert account(moment).fate is Fate.RUN
    assert account(moment + timedelta(hours=1)).sentence.startswith(
        f"It is no fire time of the job. The nearest: {shown} and Mon "
    )


# -- intervals that count from their planning -------------------------------------------------------------------------------


def test_an_interval_counts_from_its_known_fire_times(scheduler, account, fake_clock):
    scheduler.add_job(NOOP, "interval", minutes=20, id="job")
    scheduler.travel(3600)

    assert account("09:20").fate is Fate.RUN
    assert (
        account("09:30").sentence
        == "It is no fire time of the job. The nearest: Mon 2026-01-05 09:20 and Mon 2026-01-05 09:40."
    )
    assert account("10:20").fate is Fate.AHEAD


def test_an_interval_counts_anew_from_a_pause(scheduler, account):
    scheduler.add_job(NOOP, "interval", minutes=20, id="job")
    scheduler.travel(1500)
    scheduler.pause_job("job")
    scheduler.travel(1800)
    scheduler.resume_job("job")
    scheduler.travel(3600)

    assert account("09:40").fate is Fate.PAUSED
    assert account("10:15").fate is Fate.RUN
    assert account("10:00").fate is Fate.NO_FIRE_TIME


# -- the last ones ------------------------------------------------------------------------------------------------------------


def last(count: int) -> list[tuple[str, Fate]]:
    told = last_accounts(ScheduledJob.objects.get(job_id="job"), count)
    return [(f"{one.moment:%H:%M}", one.fate) for one in told]


def test_the_last_fire_times_come_with_those_that_had_no_run(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")
    scheduler.travel(timedelta(hours=2, minutes=30))
    scheduler.pause_job("job")
    scheduler.travel(timedelta(hours=2))
    scheduler.resume_job("job")
    scheduler.travel(timedelta(hours=1))

    assert last(4) == [("14:00", Fate.RUN), ("13:00", Fate.PAUSED), ("12:00", Fate.PAUSED), ("11:00", Fate.RUN)]


def test_the_last_fire_times_go_through_an_outage(downtime, account):
    assert last(4) == [
        ("10:00", Fate.RUN),
        ("09:50", Fate.COALESCED),
        ("09:40", Fate.COALESCED),
        ("09:30", Fate.COALESCED),
    ]


def test_the_last_fire_times_go_back_beyond_a_change_of_the_trigger(scheduler, account):
    scheduler.add_job(NOOP, "interval", minutes=10, id="job")
    scheduler.travel(1500)
    scheduler.reschedule_job("job", trigger="cron", minute="*/15")
    scheduler.travel(1800)

    assert last(9) == [("09:45", Fate.RUN), ("09:30", Fate.RUN), ("09:20", Fate.RUN), ("09:10", Fate.RUN)]


def test_a_job_that_never_fired_has_no_last_fire_times(scheduler, account):
    scheduler.add_job(NOOP, "cron", hour="10-23", id="job")

    assert last(5) == []


def test_the_last_fire_times_take_a_constant_number_of_queries(scheduler, account, django_assert_max_num_queries):
    scheduler.add_job(NOOP, "cron", minute="*", id="job")
    scheduler.travel(3600)
    job = ScheduledJob.objects.get(job_id="job")

    with django_assert_max_num_queries(10):
        told = last_accounts(job, 50)

    assert [one.fate for one in told] == [Fate.RUN] * 50


def test_a_second_job_a_week_down_is_answered_at_once(make_scheduler, account, fake_clock):
    first = make_scheduler()
    first.add_job(NOOP, "interval", seconds=1, id="job")
    first.shutdown()
    fake_clock.advance(7 * 86400)
    make_scheduler().travel(0)

    told = account(at("07 10:00"))

    assert told.fate is Fate.COALESCED
    assert "So were all 604799 fire times from Mon 2026-01-05 09:00:01 to Mon 2026-01-12 08:59:59." in told.sentence
    assert JobRun.objects.filter(status=RunStatus.SUCCEEDED).count() == 1
