"""What a pass costs: how many statements, and that none of them reads a table from end to end."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial

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

    def executors(self):
        return {}


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
        with CaptureQueriesContext(
            connection,
        ) as captured:
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


def end(store, runs, status=RunStatus.SUCCEEDED):
    now = store.clock.now()
    for run in runs:
        store.member.recorder.put(_ended(run, now, status))
    store.member.recorder.flush()


def _ended(run, now, status):
    from django_apscheduler_ng.recorder import Ended

    return Ended(run, Outcome(status=status, started_at=now, finished_at=now), now, now)


# -- how many ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, 50], ids=["no-jobs", "jobs"])
def test_an_idle_pass_is_one_statement(store, count, number):
    store._host.clock.step(-1)
    add(store, number)

    assert len(count(claim, store)) == 1


@pytest.mark.django_db
def test_a_pass_while_only_what_rests_with_a_paused_job_waits_is_one_statement(store, count):
    add(store, 1, retry={"attempts": 2, "delay": 0})
    runs = claim(store).runs
    store.start_runs(runs, store.clock.now())
    end(store, runs, RunStatus.FAILED)
    store.modify_job("1-0", lambda job: {"next_run_time": None})

    statements = count(claim, store)

    assert len(statements) == 1
    assert JobRun.objects.filter(status="pending").count() == 1


@pytest.mark.django_db
def test_a_heartbeat_is_two_statements(store, count):
    store.care()  # the first one looks for jobs of other executors

    assert len(count(store.member._node.beat)) == 1
    assert len(count(store.care)) == 1


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

    assert len(count(end, store, runs)) <= 3


@pytest.mark.django_db
def test_each_further_level_of_priority_that_is_due_takes_two_statements_more(store, count):
    costs = []
    for levels in (["normal"], ["high", "normal", "low"]):
        store.remove_all_jobs()
        for number, level in enumerate(levels, start=10):
            add(store, number, priority=level)
        costs.append(len(count(claim, store)))

    assert costs[1] == costs[0] + 2 * (3 if connection.vendor == "mysql" else 2)


@pytest.mark.django_db
def test_failed_runs_that_are_tried_again_take_a_few_statements_however_many(store, count):
    costs = []
    for number in (1, 50):
        store.remove_all_jobs()
        add(store, number, retry=3)
        runs = claim(store).runs
        store.start_runs(runs, store.clock.now())
        costs.append(len(count(end, store, runs, RunStatus.FAILED)))

    # SQLite: begins with a write, and takes so many parameters and no more; Django 5.2 never more than 999
    many = 6 if connection.features.max_query_params == 999 else 4
    assert costs == ([4, many] if connection.vendor == "sqlite" else [3, 3])
    assert JobRun.objects.filter(status="pending", attempt=2).count() == 51


@pytest.mark.django_db
def test_an_end_that_is_not_tried_again_is_one_statement_whatever_the_policy(store, count):
    add(store, 50, retry=3)
    runs = claim(store).runs
    store.start_runs(runs, store.clock.now())

    assert len(count(end, store, runs)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 20])
@pytest.mark.parametrize(
    ("overlap", "more"),
    [
        pytest.param("skip", 1, id="skip-reads-which-runs-they-met"),
        pytest.param("queue", 0, id="queue-inserts-pending-runs-in-place-of-live-ones"),
        pytest.param("replace", 2, id="replace-locks-and-cancels-as-well"),
    ],
)
def test_overlaps_take_a_few_statements_more_however_many(store, count, overlap, more, number):
    add(store, number, overlap=overlap)
    plain = len(count(claim, store))
    store._host.clock.advance(60)

    assert len(count(claim, store)) == plain + more


@pytest.mark.django_db
def test_a_listing_is_one_statement(store, count):
    add(store, 50)

    assert len(count(store.get_all_jobs)) == 1
    assert len(count(store.get_next_run_time)) == 1
    assert len(count(store.lookup_job, "50-0")) == 1


# -- how -----------------------------------------------------------------------------------------------------------------

_TABLES = {model._meta.db_table for model in (ScheduledJob, JobRun, JobLogEntry)}


def explain(sql):
    """Return the plan of a statement, a dict of named columns for each of its lines."""
    verb = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN", "mysql": "EXPLAIN"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} {sql}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def full_reads(sql):
    """Return what the plan of a statement says of tables that are read from end to end."""
    if re.match(r"INSERT .* VALUES ", sql, re.DOTALL):
        return []  # reads nothing, whatever MariaDB says
    lines = explain(sql)
    if connection.vendor == "sqlite":
        texts = [line["detail"] for line in lines]
        return [text for text in texts if text.startswith("SCAN ") and _is_ours(text.split()[1]) and not _is_short(sql)]
    if connection.vendor == "postgresql":
        texts = [line["QUERY PLAN"] for line in lines]
        return [text for text in texts if "Seq Scan" in text and any(table in text for table in _TABLES)]
    return [str(line) for line in lines if line["type"] == "ALL" and _is_ours(line["table"] or "")]


def _is_ours(name):
    return name in _TABLES or name in ("t", "U1")


def _is_short(sql):
    """Tell whether an index is read in its order, and not to its end."""
    return re.search(r"ORDER BY .* LIMIT \d+$", sql) and "TEMP B-TREE" not in str(explain(sql))


@pytest.fixture
def filled(transactional_db):
    """32,000 jobs that are due later and 32,000 runs that have ended, and what the database knows about them."""
    text = dump_trigger(TRIGGER)
    moments = [NOW + timedelta(days=1, seconds=number) for number in range(500)]
    ScheduledJob.objects.bulk_create(
        ScheduledJob(
            job_id=f"later-{number}",
            name="later",
            func_ref="tests.project.jobs:noop",
            trigger=text,
            planned_trigger=text,
            next_run_time=moment,
            next_fire_time=moment,
            created_at=NOW,
            updated_at=NOW,
        )
        for number, moment in enumerate(moments)
    )
    JobRun.objects.bulk_create(
        JobRun(job_key=number, job_id="old", job_name="old", slot=NOW, due_at=NOW, status="succeeded")
        for number in range(500)
    )
    for power in range(6):
        double(
            ScheduledJob,
            job_id=f"CONCAT(job_id, '-{power}')" if connection.vendor != "sqlite" else f"job_id || '-{power}'",
        )
        double(JobRun, attempt=f"attempt + {2**power}")
    analyze()


def double(model, **changed):
    """Write each row of a table once more, with some columns changed."""
    names = [field.column for field in model._meta.concrete_fields if not (field.primary_key or field.generated)]
    quoted = [connection.ops.quote_name(name) for name in names]
    values = [changed.get(name, column) for name, column in zip(names, quoted, strict=True)]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {', '.join(values)} FROM {table}")


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
        store.care()
        end(store, runs)
        claim(store)

    statements = count(whole_pass)

    assert {sql: full_reads(sql) for sql in statements if full_reads(sql)} == {}
    assert len(statements) >= 10


@pytest.fixture
def picky_store(settings):
    """A node that serves a few queues only."""
    settings.APSCHEDULER = {"queues": ["default", "mail"]}
    store = DjangoJobStore()
    store.start(Host(), "default")
    yield store
    store.shutdown()


def test_no_statement_of_a_pass_with_attempts_overlaps_and_queues_reads_a_big_table_from_end_to_end(
    filled, picky_store, count
):
    store = picky_store
    for index, overlap in enumerate(("skip", "queue", "replace"), start=10):
        add(store, index, overlap=overlap, retry={"attempts": 3, "delay": 0}, priority="high")
    analyze()

    def passes():
        runs = claim(store).runs
        store.start_runs(runs, store.clock.now())
        end(store, runs[:20], RunStatus.FAILED)
        for _ in range(3):
            store._host.clock.advance(60)
            store.start_runs(claim(store).runs, store.clock.now())

    statements = count(passes)

    assert {sql: full_reads(sql) for sql in statements if full_reads(sql)} == {}
    assert JobRun.objects.filter(attempt=2).exists()
    assert JobRun.objects.filter(cancel_requested_at__isnull=False).exists()
    assert JobRun.objects.filter(status="skipped").exists()


@pytest.mark.parametrize("queues", [(), ("default", "mail")], ids=["all-queues", "some-queues"])
def test_due_jobs_are_found_in_the_order_of_their_index_and_never_sorted(filled, store, picky_store, count, queues):
    add(store, 20)
    analyze()
    serving = picky_store if queues else store

    reads = [sql for sql in count(claim, serving) if "wake_at" in sql and "ORDER BY" in sql]

    assert len(reads) >= 3
    for sql in reads:
        plan = str(explain(sql))
        by_keys = connection.vendor == "mysql" and "FOR UPDATE" in sql  # found by the plain read before
        assert ("PRIMARY" if by_keys else "apsng_job_wake_ix") in plan
        assert not re.search(r"Sort|TEMP B-TREE|filesort", plan), plan


@pytest.mark.parametrize("known", [True, False], ids=["with-statistics", "without-statistics"])
def test_a_batch_is_written_by_primary_key(filled, store, count, known):
    if connection.vendor == "sqlite" and not known:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_stat1")
            cursor.execute("ANALYZE sqlite_schema")
    add(store, 20)

    def whole_pass():
        runs = claim(store).runs
        store.start_runs(runs, store.clock.now())
        for run in runs:
            run.context.output.listener = partial(store.member._reports._changed.append, run.context)
            run.context.progress(1)
        store.member._reports.write()
        end(store, runs)

    writes = [sql for sql in count(whole_pass) if " AS t " in sql]

    assert len(writes) == 4
    for sql in writes:
        assert re.search(r"t USING INTEGER PRIMARY KEY|_pkey|'PRIMARY'", str(explain(sql))), sql


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
