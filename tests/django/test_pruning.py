"""How a node prunes: a bounded amount after each heartbeat, by index, and in nobody's way."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng import pruning, retention
from django_apscheduler_ng.claiming import Identity
from django_apscheduler_ng.clock import AnchoredClock
from django_apscheduler_ng.conf import get_config
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.pruning import Pruner
from django_apscheduler_ng.retention import Pruned, prune
from django_apscheduler_ng.testing import FakeClock

from .test_queries import _FRAME, analyze, double, explain, filled, full_reads  # noqa: F401 - a fixture

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=31)


def pruner(clock: FakeClock, **retention: int | None) -> Pruner:
    """Return the pruner of a node that starts now and looks at once."""
    identity = Identity(using="default", namespace="default", alias="default", node="0" * 32, environment="")
    with override_settings(APSCHEDULER={"retention": retention}):
        return Pruner(identity, AnchoredClock(clock), get_config())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def runs(number: int, at: datetime = OLD, job_key: int = 1, status: str = "succeeded") -> None:
    """Add ended runs, doubling the rows of the table where there are many."""
    small = min(number, 1_600)
    JobRun.objects.bulk_create(
        JobRun(job_key=job_key, job_id="x", due_at=at, finished_at=at, status=status) for _ in range(small)
    )
    while JobRun.objects.count() < number:
        double(JobRun)


def job(key: int) -> None:
    ScheduledJob.objects.create(pk=key, job_id=str(key), trigger="{}", created_at=NOW, updated_at=NOW)


def whole_round(mine: Pruner, clock: FakeClock) -> None:
    """Let the pruner work until it rests."""
    mine.work()
    while mine._round is not None:
        clock.advance(15)
        mine.work()


def statements(call) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured if not _FRAME.match(query["sql"])]


# -- how much at once ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_costs_a_bounded_number_of_statements_however_much_is_old(clock):
    runs(100_000)
    assert JobRun.objects.count() == 102_400
    mine = pruner(clock)

    made = len(statements(mine.work))

    assert JobRun.objects.count() == 52_400
    assert made == pruning.MOST_STEPS * (2 if connection.vendor == "sqlite" else 3)


@pytest.mark.django_db
def test_pruning_ends_when_a_quarter_of_the_heartbeat_interval_is_over(clock, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    runs(100)
    mine = pruner(clock)
    monkeypatch.setattr(pruning, "_BREATH", 0)
    delete = retention._delete

    def slow(*args):
        clock.advance(0.5)
        return delete(*args)

    monkeypatch.setattr(retention, "_delete", slow)

    mine.work()

    assert JobRun.objects.count() == 60  # a quarter of 7.5 s is over with the fourth batch


@pytest.mark.django_db
def test_pruning_stops_with_its_node(clock, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    runs(100)
    mine = pruner(clock)
    mine.stop()

    mine.work()

    assert JobRun.objects.count() == 90


# -- how often ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_after_a_round_it_rests_before_it_looks_again(clock, caplog):
    caplog.set_level(logging.INFO, "django_apscheduler_ng")
    runs(3)
    mine = pruner(clock)
    whole_round(mine, clock)
    assert JobRun.objects.count() == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Old history deleted: 3 run(s), 0 event(s), 0 finished job(s), 0 node(s)."
    ]
    runs(1)

    clock.advance(599)
    assert statements(mine.work) == []
    clock.advance(1)
    mine.work()

    assert JobRun.objects.count() == 0


@pytest.mark.django_db
def test_looking_in_vain_takes_one_statement_in_six_heartbeats(clock, monkeypatch):
    monkeypatch.setattr(retention, "JOBS", 2)
    for key in range(1, 6):
        job(key)
    mine = pruner(clock, max_age_days=None, max_runs_per_job=5)

    looks = []
    for _ in range(19):
        looks.append(len(statements(mine.work)))
        clock.advance(7.5)

    assert looks == [1, 0, 0, 0, 0, 0] * 3 + [0]


@pytest.mark.django_db
def test_what_is_found_is_deleted_at_once(clock, monkeypatch):
    monkeypatch.setattr(retention, "JOBS", 2)
    for key in range(1, 5):
        job(key)
        runs(3, NOW, job_key=key)
    mine = pruner(clock, max_age_days=None, max_runs_per_job=1)

    mine.work()

    assert JobRun.objects.count() == 4


@pytest.mark.parametrize(
    ("node", "seconds"), [("0" * 32, 0), ("8" + "0" * 31, 30), ("f" * 32, 60)], ids=["first", "middle", "last"]
)
def test_nodes_that_start_together_begin_at_different_moments(clock, node, seconds):
    identity = Identity(using="default", namespace="default", alias="default", node=node, environment="")

    mine = Pruner(identity, AnchoredClock(clock), get_config())

    assert mine._next_look - clock.monotonic() == pytest.approx(seconds, abs=0.001)


@pytest.mark.django_db
def test_without_limits_nothing_is_looked_at(clock):
    runs(2)

    assert statements(pruner(clock, max_age_days=None, max_runs_per_job=None).work) == []
    assert JobRun.objects.count() == 2


@pytest.mark.django_db
def test_a_failure_is_logged_and_tried_again_later(clock, monkeypatch, caplog):
    runs(2)
    mine = pruner(clock)
    delete = retention._delete

    def fail(*_args):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(retention, "_delete", fail)
    mine.work()
    assert [record.getMessage() for record in caplog.records] == [
        "Old history could not be deleted (the disk is full); it is tried again in 60 s."
    ]
    monkeypatch.setattr(retention, "_delete", delete)

    mine.work()
    assert JobRun.objects.count() == 2
    clock.advance(60)
    mine.work()

    assert JobRun.objects.count() == 0


# -- what -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_old_runs_behind_a_batch_of_open_ones_are_found(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    JobRun.objects.bulk_create(JobRun(job_key=1, job_id="x", due_at=OLD, status="pending") for _ in range(7))
    runs(2)

    assert prune("default", NOW, max_age_days=30, max_runs_per_job=None) == Pruned(runs=2)


@pytest.mark.django_db
def test_looking_for_old_runs_ends_at_the_first_batch_without_one(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    runs(4)
    runs(20, NOW)

    made = statements(lambda: prune("default", NOW, max_age_days=30, max_runs_per_job=None))

    assert JobRun.objects.count() == 20
    assert len([sql for sql in made if sql.startswith("SELECT") and "finished_at" in sql and "status" in sql]) <= 5


@pytest.mark.django_db
def test_the_latest_ended_runs_are_kept_beside_open_ones_and_over_several_batches(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "JOBS", 1)
    for key in (1, 2, 3):
        job(key)
        statuses = ["failed"] * 4 * key + ["running"] + ["succeeded"] * 2
        JobRun.objects.bulk_create(
            JobRun(job_key=key, job_id="x", due_at=NOW, finished_at=NOW, status=status) for status in statuses
        )

    pruned = prune("default", NOW, max_age_days=None, max_runs_per_job=4)

    assert pruned == Pruned(runs=2 + 6 + 10)
    for key in (1, 2, 3):
        kept = JobRun.objects.filter(job_key=key).order_by("pk").values_list("status", flat=True)
        assert list(kept) == ["failed", "failed", "running", "succeeded", "succeeded"]


# -- how --------------------------------------------------------------------------------------------------------------


def test_no_statement_reads_a_big_table_from_end_to_end_or_sorts_it(filled):  # noqa: F811
    runs(5)
    JobRun.objects.filter(status="succeeded", finished_at=None).update(due_at=NOW, finished_at=NOW)
    for number, at in ((1_500, OLD), (20_000, NOW)):
        JobLogEntry.objects.bulk_create(
            JobLogEntry(job_key=1, job_id="x", at=at, action="added", before="x" * 500) for _ in range(number)
        )
    crowded = ScheduledJob.objects.order_by("pk")[300].pk
    JobRun.objects.filter(job_key__lt=300).update(job_key=crowded, slot=None)
    analyze()

    made = statements(lambda: prune("default", NOW, max_age_days=30, max_runs_per_job=10_000))

    plans = {sql: str(explain(sql)) for sql in made if "schedulernode" not in sql}
    whole = {sql: plan for sql, plan in plans.items() if not re.search(r"\bid\W* IN \(", sql)}
    assert {sql: plan for sql, plan in whole.items() if full_reads(sql) or sorts(plan)} == {}
    if connection.vendor != "postgresql":  # it reads a table that is no bigger than this rather than look up 1,000 keys
        assert {sql: plan for sql, plan in plans.items() if sql not in whole and not re.search(BY_KEY, plan)} == {}
    assert JobRun.objects.filter(job_key=crowded).count() == 10_000
    assert len(whole) > 80
    assert len(plans) > 100


def sorts(plan: str) -> bool:
    """Tell whether more than a few batches are sorted: that many rows PostgreSQL may well sort rather than walk along an index."""
    small = re.search(r"Sort +\(cost=\S+ rows=(\d+)", plan)
    return bool(re.search("Sort|TEMP B-TREE|filesort|temporary", plan)) and not (small and int(small[1]) <= 5_000)


BY_KEY = r"INTEGER PRIMARY KEY|_pkey|'PRIMARY'"


# -- beside others ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite locks no rows")
def test_a_row_that_somebody_has_locked_is_left_and_not_waited_for():
    runs(3)
    first = JobRun.objects.order_by("pk")[0].pk
    found: list[Pruned] = []

    def work():
        found.append(prune("default", NOW, max_age_days=30, max_runs_per_job=None))
        connections.close_all()

    with transaction.atomic():
        JobRun.objects.select_for_update().get(pk=first)
        thread = Thread(target=work)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    assert found == [Pruned(runs=2)]
    assert list(JobRun.objects.values_list("pk", flat=True)) == [first]
