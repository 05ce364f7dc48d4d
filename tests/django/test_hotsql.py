"""The hot writes, on whichever database the tests run."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from django_apscheduler_ng.exceptions import ConfigurationError
from django_apscheduler_ng.fields import moment_from_db
from django_apscheduler_ng.hotsql import hot_sql
from django_apscheduler_ng.hotsql.base import ADVANCE, FINISH, INSERT, NOTE, REPORT
from django_apscheduler_ng.hotsql.batches import text_moment
from django_apscheduler_ng.ledger import PARKED_FOR, Advance, End, NewRun, Note, Said, advance_row, run_row, summary_row
from django_apscheduler_ng.models import JobLogEntry, JobRun, NodeState, ScheduledJob, SchedulerNode
from django_apscheduler_ng.planning import Plan, Slot, Summary
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.base import FireSpan

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=UTC)
NODE = "n" * 32
TEXTS = [
    pytest.param("plain", id="plain"),
    pytest.param("ü é \N{GRINNING FACE} \u2028 \x1b \x7f", id="unicode"),
    pytest.param("'; DROP TABLE x; -- \" ` % %s {} \\ \\n \\u0041", id="quotes"),
    pytest.param("line\nline\r\n\ttab", id="lines"),
    pytest.param("", id="empty"),
    pytest.param("[null]", id="json"),
    pytest.param(" blanks ", id="blanks"),
    pytest.param("x" * 1_000_000, id="a-megabyte"),
]


@pytest.fixture
def sql():
    return hot_sql(connection)


@pytest.fixture
def cursor():
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture(autouse=True)
def node():
    return SchedulerNode.objects.create(id=NODE, host="h", pid=1, version="1", started_at=MOMENT, seen_at=MOMENT)


def make_job(number=0, **columns):
    return ScheduledJob.objects.create(
        **{
            "job_id": f"job-{number}",
            "name": "Job",
            "func_ref": "a:b",
            "trigger": "T",
            "planned_trigger": "T",
            "next_run_time": MOMENT,
            "created_at": MOMENT,
            "updated_at": MOMENT,
            **columns,
        }
    )


def slot(job, moment=MOMENT):
    return run_row(job, Slot(fire_time=moment, due_at=moment), None)


def finish_row(pk, **columns):
    return End(id=pk, status="succeeded", started_at=MOMENT, finished_at=MOMENT)._replace(**columns)


@pytest.mark.parametrize(
    ("row", "columns"), [(Advance, ADVANCE), (NewRun, INSERT), (Said, REPORT), (End, FINISH), (Note, NOTE)]
)
def test_rows_have_the_order_of_their_columns(row, columns):
    assert [{"how_many": "count"}.get(name, name) for name in row._fields] == list(columns)


# -- advance -------------------------------------------------------------------------------------------------------------


def test_an_advance_writes_the_plan_and_forgives(sql, cursor):
    job = make_job(broken_reason="x", retries=3, retry_at=MOMENT, declined_by="n")
    plan = Plan(
        slots=(Slot(fire_time=MOMENT, due_at=MOMENT),), next_fire_time=MOMENT, next_run_time=MOMENT, parked=True
    )

    written = sql.advance(cursor, [advance_row(job, plan, MOMENT)])

    job.refresh_from_db()
    assert written == 1
    assert (job.next_fire_time, job.next_run_time, job.claimed_through, job.parked) == (MOMENT, MOMENT, MOMENT, True)
    assert (job.broken_reason, job.retries, job.declined_by, job.finished_at) == ("", 0, "", None)
    assert job.wake_at == job.retry_at == MOMENT + PARKED_FOR  # it is parked

    assert job.revision == 0


def test_an_advance_that_ends_the_schedule_finishes_the_job(sql, cursor):
    job = make_job()

    sql.advance(cursor, [advance_row(job, Plan(next_fire_time=None, next_run_time=None), MOMENT)])

    job.refresh_from_db()
    assert (job.finished_at, job.next_run_time, job.wake_at) == (MOMENT, None, None)


def test_an_advance_leaves_alone_what_was_changed_meanwhile(sql, cursor):
    jobs = [make_job(number) for number in range(3)]
    ScheduledJob.objects.filter(pk=jobs[1].pk).update(revision=7)
    later = Plan(next_fire_time=MOMENT + timedelta(hours=1), next_run_time=MOMENT + timedelta(hours=1))

    written = sql.advance(cursor, [advance_row(job, later, MOMENT) for job in jobs])

    assert written == 2
    assert list(ScheduledJob.objects.order_by("pk").values_list("next_fire_time", flat=True)) == [
        later.next_fire_time,
        None,
        later.next_fire_time,
    ]


def test_the_last_closed_slot_never_goes_back(sql, cursor):
    job = make_job(claimed_through=MOMENT)
    earlier = MOMENT - timedelta(hours=1)
    plan = Plan(slots=(Slot(fire_time=earlier, due_at=earlier),), next_fire_time=MOMENT, next_run_time=MOMENT)

    assert advance_row(job, plan, MOMENT).claimed_through == MOMENT


# -- insert --------------------------------------------------------------------------------------------------------------


def test_inserted_rows_are_returned_with_their_keys(sql, cursor):
    job = make_job()
    span = FireSpan(first=MOMENT, last=MOMENT + timedelta(seconds=9), count=10, exact=False)
    rows = [slot(job), summary_row(job, Summary(status=RunStatus.COALESCED, span=span), MOMENT)]

    inserted = sql.insert(cursor, rows, NODE, MOMENT)

    assert {(key, moment_from_db(moment)) for _, key, moment in inserted} == {(job.pk, MOMENT), (job.pk, None)}
    assert {key for key, _, _ in inserted} == set(JobRun.objects.values_list("pk", flat=True))
    run, summary = JobRun.objects.get(slot=MOMENT), JobRun.objects.get(slot=None)
    assert (run.status, run.due_at, run.claimed_at, run.finished_at) == ("claimed", MOMENT, MOMENT, None)
    assert (run.node, run.attempt, run.origin, run.count, run.reason) == (NODE, 1, "schedule", 1, "")
    of_the_job = (job.namespace, job.job_id, job.name, job.func_ref, job.args, job.kwargs, job.executor)
    assert of_the_job == (run.namespace, run.job_id, run.job_name, run.func_ref, run.args, run.kwargs, run.executor)
    assert (summary.covers_from, summary.covers_until, summary.count, summary.count_is_exact) == (
        MOMENT,
        MOMENT + timedelta(seconds=9),
        10,
        False,
    )
    assert summary.reason == "made up for by the latest one"


def test_a_slot_that_is_taken_is_left_out(sql, cursor):
    job = make_job()
    first = sql.insert(cursor, [slot(job)], NODE, MOMENT)

    second = sql.insert(cursor, [slot(job), slot(job, MOMENT + timedelta(seconds=1))], NODE, MOMENT)

    assert len(first) == 1
    assert [moment_from_db(moment) for _, _, moment in second] == [MOMENT + timedelta(seconds=1)]
    assert JobRun.objects.count() == 2


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_inserted_as_it_is(sql, cursor, text):
    job = make_job(args=text, kwargs=text)

    sql.insert(cursor, [slot(job)], NODE, MOMENT)
    sql.note(cursor, [Note(job.pk, "broken", text)], MOMENT)

    row, entry = JobRun.objects.get(), JobLogEntry.objects.get()
    assert (row.args, row.kwargs) == (text, text)
    assert (entry.reason, entry.action, entry.actor_name) == (text, "broken", "scheduler")
    assert (entry.job_id, entry.job_key, entry.namespace, entry.at) == (job.job_id, job.pk, job.namespace, MOMENT)


def test_the_half_hours_of_an_autumn_night_are_two_slots(sql, cursor):
    job = make_job()

    inserted = sql.insert(cursor, [slot(job, MOMENT - timedelta(hours=1)), slot(job, MOMENT)], NODE, MOMENT)

    assert len(inserted) == 2
    assert list(JobRun.objects.order_by("slot").values_list("slot", flat=True)) == [MOMENT - timedelta(hours=1), MOMENT]


# -- start -------------------------------------------------------------------------------------------------------------


def claimed(sql, cursor, number=3):
    job = make_job()
    rows = [slot(job, MOMENT + timedelta(seconds=second)) for second in range(number)]
    inserted = sql.insert(cursor, rows, NODE, MOMENT)
    return sorted(key for key, _, _ in inserted)


def test_claimed_runs_start_once(sql, cursor):
    keys = claimed(sql, cursor)

    first = sql.start(cursor, keys, NODE, MOMENT)

    assert first == set(keys)
    assert set(JobRun.objects.values_list("status", "started_at")) == {("running", MOMENT)}


def test_only_runs_that_are_still_claimed_by_this_node_start(sql, cursor):
    keys = claimed(sql, cursor)
    JobRun.objects.filter(pk=keys[0]).update(node="other")
    JobRun.objects.filter(pk=keys[1]).update(status="pending")

    assert sql.start(cursor, keys, NODE, MOMENT) == {keys[2]}


def test_a_node_that_was_taken_for_dead_starts_nothing(sql, cursor):
    keys = claimed(sql, cursor)
    SchedulerNode.objects.update(state=NodeState.DEAD)

    assert not sql.start(cursor, keys, NODE, MOMENT)
    assert set(JobRun.objects.values_list("status", flat=True)) == {"claimed"}


# -- report --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_reported_as_it_is(sql, cursor, text):
    (key,) = claimed(sql, cursor, 1)
    sql.start(cursor, [key], NODE, MOMENT)

    written = sql.report(cursor, [Said(key, 1, 2.5, text[:255], text)], NODE)

    row = JobRun.objects.get()
    assert written == 1
    assert (row.progress_done, row.progress_total, row.progress_text, row.log) == (1, 2.5, text[:255], text)
    assert row.status == "running"


@pytest.mark.parametrize("number", [0, 0.1, 1e-300, 1.7e308, 2**53], ids=str)
def test_any_number_is_reported_as_it_is_and_none_too(sql, cursor, number):
    keys = claimed(sql, cursor, 2)
    sql.start(cursor, keys, NODE, MOMENT)

    sql.report(cursor, [Said(keys[0], number, None), Said(keys[1])], NODE)

    rows = JobRun.objects.order_by("pk").values_list("progress_done", "progress_total")
    assert list(rows) == [(number, None), (None, None)]


def test_only_running_runs_of_this_node_report(sql, cursor):
    keys = claimed(sql, cursor, 4)
    sql.start(cursor, keys[:3], NODE, MOMENT)
    JobRun.objects.filter(pk=keys[0]).update(node="other")
    JobRun.objects.filter(pk=keys[1]).update(status="abandoned")

    written = sql.report(cursor, [Said(key, log="said") for key in keys], NODE)

    assert written == 1
    assert list(JobRun.objects.order_by("pk").values_list("log", flat=True)) == ["", "", "said", ""]


# -- finish --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_recorded_as_it_is(sql, cursor, text):
    (key,) = claimed(sql, cursor, 1)
    sql.start(cursor, [key], NODE, MOMENT)

    written = sql.finish(cursor, [finish_row(key, result=text, traceback=text, exception_message=text)], NODE)

    row = JobRun.objects.get()
    assert written == 1
    assert (row.status, row.result, row.traceback, row.exception_message) == ("succeeded", text, text, text)


def test_only_running_runs_of_this_node_are_finished(sql, cursor):
    keys = claimed(sql, cursor, 4)
    sql.start(cursor, keys, NODE, MOMENT)
    JobRun.objects.filter(pk=keys[0]).update(node="other")
    JobRun.objects.filter(pk=keys[1]).update(status="abandoned")

    written = sql.finish(cursor, [finish_row(key) for key in keys], NODE)

    assert written == 2
    assert list(JobRun.objects.order_by("pk").values_list("status", flat=True)) == [
        "running",
        "abandoned",
        "succeeded",
        "succeeded",
    ]


def test_a_database_without_hot_writes_is_refused():
    with pytest.raises(ConfigurationError) as caught:
        hot_sql(SimpleNamespace(alias="legacy", vendor="oracle"))

    assert str(caught.value) == (
        "Database 'legacy' is of vendor 'oracle', which cannot keep jobs. "
        "Use PostgreSQL, MariaDB or SQLite for the job store (`using=`)."
    )


@pytest.mark.parametrize(
    "moment",
    [
        MOMENT,
        MOMENT.replace(microsecond=0),
        MOMENT.replace(microsecond=999_999),
        MOMENT.astimezone(ZoneInfo("Europe/Berlin")),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime(1, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=str,
)
def test_the_text_of_a_moment_is_its_iso_form_in_utc(moment):
    naive = moment.astimezone(UTC).replace(tzinfo=None)

    assert text_moment(moment) == naive.isoformat(" ", "microseconds")
