"""What runs say while they run, on its way to their rows."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng.hotsql import hot_sql
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.reports import BATCH_TEXT, Reports
from django_apscheduler_ng.runs import Run

MOMENT = datetime(2026, 1, 5, 9, tzinfo=UTC)
NODE = "node"


class CountingSQL:
    """Hot writes that count, and fail as often as they are told to."""

    def __init__(self, *errors):
        self.real = hot_sql(connection)
        self.errors = list(errors)
        self.batches = []
        self.moments = []
        self.written = threading.Event()

    def report(self, cursor, rows, node):
        self.batches.append([row.id for row in rows])
        self.moments.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        count = self.real.report(cursor, rows, node)
        self.written.set()
        return count


@pytest.fixture
def sql():
    return CountingSQL()


@pytest.fixture
def make(sql):
    made = []

    def make(**times):
        made.append(Reports(using="default", node=NODE, sql=sql, **times))
        return made[-1]

    yield make
    for reports in made:
        reports.stop(10)


def make_run(reports, number=0, **columns):
    """Write a running row of this node, and return its run, of which `reports` takes note."""
    row = JobRun.objects.create(
        **{
            "job_key": 1,
            "job_id": "job",
            "job_name": "job",
            "slot": MOMENT + timedelta(seconds=number),
            "due_at": MOMENT,
            "status": "running",
            "node": NODE,
            **columns,
        }
    )
    run = Run(
        id=str(row.pk),
        job_id="job",
        name="job",
        jobstore="default",
        executor="default",
        func=print,
        func_ref="builtins:print",
        fire_time=row.slot,
        due_at=MOMENT,
    )
    run.context.output.listener = lambda: reports.note(run.context)
    return run


class Quiet(Reports):
    """Reports that are written when the test says so."""

    def __init__(self, sql):
        super().__init__(using="default", node=NODE, sql=sql, delay=1000, interval=1000)
        self._reporter = self

    def note(self, run=None):
        if run is not None:
            self._changed.append(run)


@pytest.fixture
def quiet(sql):
    return Quiet(sql)


def rows():
    return list(JobRun.objects.order_by("pk").values_list("progress_done", "progress_total", "progress_text", "log"))


@pytest.mark.django_db
def test_what_runs_have_said_is_in_their_rows_after_one_statement_however_many_they_are(quiet):
    runs = [make_run(quiet, number) for number in range(300)]
    for step, run in enumerate(runs):
        run.context.progress(step, 300, f"step {step}\0")
        run.context.output.add_line("a line\ud800", 1000)
        run.context.progress(step + 1, 300, f"step {step}\0")

    with CaptureQueriesContext(connection) as captured:
        quiet.write()
    with CaptureQueriesContext(connection) as afterwards:
        quiet.write()

    assert len(captured) == 1
    assert rows() == [(step + 1, 300, f"step {step}\N{SYMBOL FOR NULL}", "a line?\n") for step in range(300)]
    assert len(afterwards) == 0


@pytest.mark.django_db
def test_only_what_is_new_is_written(quiet, sql):
    runs = [make_run(quiet, number) for number in range(3)]
    for run in runs:
        run.context.progress(1)
    quiet.write()
    runs[1].context.progress(2)
    runs[1].context.progress(3)

    quiet.write()

    assert sql.batches == [[int(run.id) for run in runs], [int(runs[1].id)]]
    assert [done for done, *_ in rows()] == [1, 3, 1]


@pytest.mark.django_db
def test_a_run_that_ended_before_the_write_costs_no_statement(quiet, sql):
    run = make_run(quiet)
    run.context.progress(1)
    run.context.output.close()

    quiet.write()

    assert sql.batches == []


@pytest.mark.django_db
def test_rows_that_this_node_does_not_hold_any_more_are_left_alone(quiet):
    run = make_run(quiet, node="another")
    run.context.progress(1)

    quiet.write()

    assert rows() == [(None, None, "", "")]


@pytest.mark.django_db
def test_long_logs_are_spread_over_several_statements(quiet, sql):
    runs = [make_run(quiet, number) for number in range(5)]
    for run in runs:
        run.context.output.add_line("x" * (BATCH_TEXT * 2 // 3), BATCH_TEXT * 2)

    for _ in range(3):
        quiet.write()

    assert [len(batch) for batch in sql.batches] == [2, 2, 1]


@pytest.mark.django_db
def test_what_could_not_be_written_is_written_later(quiet, sql):
    sql.errors.append(OperationalError("gone"))
    run = make_run(quiet)
    run.context.progress(1)

    with pytest.raises(OperationalError):
        quiet.write()
    quiet.write()

    assert rows() == [(1, None, "", "")]


@pytest.mark.django_db
def test_what_was_refused_does_not_stand_in_the_way_of_what_comes_next(quiet, sql, caplog):
    sql.errors += [DataError("refused"), DataError("refused")]
    run = make_run(quiet)

    for step in (1, 2, 3):
        run.context.progress(step)
        quiet._write_safely()

    assert rows() == [(3, None, "", "")]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "What runs have said so far cannot be written (refused); it is tried again, and written with their ends."
    ]


# -- in its own thread ---------------------------------------------------------------------------------------------------


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "django_apscheduler_ng reports"]


@pytest.mark.django_db(transaction=True)
def test_runs_that_report_all_the_time_cost_one_statement_per_interval(make, sql):
    reports = make(delay=0.05, interval=0.2)
    assert threads() == []
    runs = [make_run(reports, number) for number in range(10)]

    until = time.monotonic() + 1.1
    step = 0
    while time.monotonic() < until:
        step += 1
        for run in runs:
            run.context.progress(step)
            run.context.output.add_line(f"step {step}", 1000)
    reports.stop(10)

    assert step > 100
    assert 2 <= len(sql.batches) <= 7  # one more at the end
    assert {len(batch) for batch in sql.batches} == {10}
    assert {done for done, *_ in rows()} == {step}
    assert all(log.endswith(f"step {step}\n") for *_, log in rows())


@pytest.mark.django_db(transaction=True)
def test_no_thread_is_started_for_runs_that_say_nothing(make, sql):
    reports = make(delay=0.0, interval=0.01)
    run = make_run(reports)

    run.context.output.close()
    reports.stop(10)

    assert threads() == []
    assert sql.batches == []


@pytest.mark.django_db(transaction=True)
def test_the_thread_goes_on_after_an_outage_and_says_so_once(make, sql, caplog):
    sql.errors += [OperationalError("gone"), OperationalError("gone")]
    reports = make(delay=0.0, interval=0.01)
    run = make_run(reports)

    run.context.progress(1)

    assert sql.written.wait(10)
    reports.stop(10)
    assert rows() == [(1, None, "", "")]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "What runs have said so far cannot be written (gone); it is tried again, and written with their ends."
    ]
