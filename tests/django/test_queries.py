"""What a pass costs: how many statements, and that none of them reads a table from end to end."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng.job import Job
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.planning import first_plan
from django_apscheduler_ng.runs import Outcome, RunStatus
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.testing import FakeClock
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.project import jobs

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
TRIGGER = IntervalTrigger(minutes=1, start_date=NOW, timezone="UTC")
MANY = 1_000

#: Statements that are no work: transactions, and the savepoints that stand for them inside a test.
_FRAME = re.compile(r"^(SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|SET )", re.IGNORECASE)


class Host:
    """A scheduler that is driven by hand, with one executor."""

    driven_by_hand = True

    def __init__(self):
        self.clock = FakeClock(NOW)

    def wakeup(self):
        """Be awake already."""

    def executor_aliases(self):
        return ["default"]


@pytest.fixture
def store():
    store = DjangoJobStore()
    store.start(Host(), "default")
    yield store
    store.shutdown()


@pytest.fixture
def count():
    """Return the statements that a call makes."""

    def count(call, *args):
        with CaptureQueriesContext(connection, ) as captured:
            call(*args)
        return [query["sql"] for query in captured if not _FRAME.match(query["sql"])]

    return count


def add(store, number, **options):
    for index in range(number):
        job = Job(id=f"{number}-{index}", func=jobs.noop, trigger=TRIGGER, **options)
        first = first_plan(job.id, job.trigger, store.clock.now())
        job.next_fire_time, job.next_run_time = first.next_fire_time, first.next_run_time
        store.add_job(job)


def claim(store):
    return store.claim(store.clock.now(), {"default": MANY})


def end(store, runs):
    now = store.clock.now()
    for run in runs:
        store._recorder.put(_ended(run, now))
    store._recorder.flush()


def _ended(run, now):
    from django_apscheduler_ng.recorder import Ended

    return Ended(run, Outcome(status=RunStatus.SUCCEEDED, started_at=now, finished_at=now))


# -- how many ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, 50], ids=["no-jobs", "jobs"])
def test_an_idle_pass_is_one_statement(store, count, number):
    store.host_now = store._host.clock.advance(1)
    add(store, number)

    assert len(count(claim, store)) == 1


@pytest.mark.django_db
def test_a_claim_takes_as_many_statements_for_fifty_jobs_as_for_one(store, count):
    costs = []
    for number in (1, 50):
        store.remove_all_jobs()
        add(store, number)
        statements = count(claim, store)
        costs.append(len(statements))
        assert JobRun.objects.count() == sum((1, 50)[: len(costs)])

    assert costs[0] == costs[1] <= 8


@pytest.mark.django_db
def test_catching_up_takes_no_more_statements_than_one_run(store, count):
    add(store, 1, coalesce=False, max_instances=MANY)
    store._host.clock.advance(3600)

    statements = count(claim, store)

    assert JobRun.objects.count() == 61
    assert len(statements) <= 8


@pytest.mark.django_db
def test_a_start_and_an_end_are_one_statement_each_for_fifty_runs(store, count):
    add(store, 50)
    runs = claim(store).runs

    started = count(lambda: store.start_runs(runs, store.clock.now()))
    ended = count(end, store, runs)

    assert (len(started), len(ended)) == (1, 1)
    assert JobRun.objects.filter(status="succeeded").count() == 50


@pytest.mark.django_db
def test_an_end_of_a_job_that_catches_up_looks_once_for_parked_ones(store, count):
    add(store, 50, coalesce=False)
    runs = claim(store).runs
    store.start_runs(runs, store.clock.now())

    assert len(count(end, store, runs)) == 2


@pytest.mark.django_db
def test_a_listing_is_one_statement(store, count):
    add(store, 50)

    assert len(count(store.get_all_jobs)) == 1
    assert len(count(store.get_next_run_time)) == 1
    assert len(count(store.lookup_job, "50-0")) == 1


# -- how -----------------------------------------------------------------------------------------------------------------

_SQLITE_SCAN = re.compile(r"^SCAN (?!CONSTANT|json_each|v\b|value|\()")
_TABLES = {model._meta.db_table for model in (ScheduledJob, JobRun, JobLogEntry)}


def full_reads(sql):
    """Return what the plan of a statement says of tables that are read from end to end."""
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN", "mysql": "EXPLAIN"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}" if connection.vendor != "sqlite" else f"{explain} {sql}")
        rows = cursor.fetchall()
        names = [column[0] for column in cursor.description]
    if connection.vendor == "sqlite":
        lines = [row[-1] for row in rows]
        return [line for line in lines if line.startswith("SCAN ") and " USING " not in line and _is_ours(line.split()[1])]
    if connection.vendor == "postgresql":
        return [row[0] for row in rows if "Seq Scan" in row[0] and any(table in row[0] for table in _TABLES)]
    plans = [dict(zip(names, row, strict=True)) for row in rows]
    return [str(plan) for plan in plans if plan.get("type") == "ALL" and _is_ours(plan.get("table") or "")]


def _is_ours(name):
    return name in _TABLES or name in ("t", "U0", "U1")


@pytest.fixture
def filled(transactional_db):
    """20,000 jobs, most of them for later, and 20,000 runs, most of them ended; and what the database knows about them."""
    text = dump_trigger(TRIGGER)
    ScheduledJob.objects.bulk_create(
        [
            ScheduledJob(
                job_id=f"later-{number}",
                name="later",
                func_ref="tests.project.jobs:noop",
                trigger=text,
                planned_trigger=text,
                next_run_time=NOW + timedelta(days=1, seconds=number),
                next_fire_time=NOW + timedelta(days=1, seconds=number),
                created_at=NOW,
                updated_at=NOW,
            )
            for number in range(5_000)
        ],
        batch_size=500,
    )
    JobRun.objects.bulk_create(
        [
            JobRun(
                job_key=number % 500,
                job_id="old",
                job_name="old",
                slot=NOW - timedelta(days=1, seconds=number),
                due_at=NOW - timedelta(days=1, seconds=number),
                status="succeeded",
            )
            for number in range(10_000)
        ],
        batch_size=500,
    )
    analyze()


def analyze():
    verb = {"sqlite": "ANALYZE {}", "postgresql": "ANALYZE {}", "mysql": "ANALYZE TABLE {}"}[connection.vendor]
    with connection.cursor() as cursor:
        for table in sorted(_TABLES):
            cursor.execute(verb.format(table))
            if connection.vendor == "mysql":
                cursor.fetchall()


def test_no_statement_of_a_whole_pass_reads_a_big_table_from_end_to_end(filled, store, count):
    add(store, 20, coalesce=False)
    store.request_run("20-0")
    analyze()

    def whole_pass():
        runs = claim(store).runs
        store.start_runs(runs, store.clock.now())
        end(store, runs)
        claim(store)

    statements = count(whole_pass)

    assert {sql: full_reads(sql) for sql in statements if full_reads(sql)} == {}
    assert len(statements) >= 10


def test_what_people_ask_for_reads_no_big_table_from_end_to_end(filled, store, count):
    add(store, 1)
    analyze()

    def requests():
        store.lookup_job("1-0")
        store.get_next_run_time()
        store.modify_job("1-0", lambda job: {"name": "new"})
        store.request_run("1-0")
        store.remove_job("1-0")

    statements = count(requests)

    assert {sql: full_reads(sql) for sql in statements if full_reads(sql)} == {}
    assert len(statements) >= 9


def test_a_read_from_end_to_end_would_be_noticed(filled, count):
    statements = count(lambda: list(JobRun.objects.filter(reason="nowhere")))

    assert len(full_reads(statements[0])) == 1
    assert json.dumps(statements)
