import json
import logging
import math
import re
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from django.db import DataError, OperationalError, connection

from django_apscheduler_ng.hotsql import hot_sql
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.output import Progress, Report
from django_apscheduler_ng.recordable import result_json, storable_text
from django_apscheduler_ng.recorder import BATCH_TEXT, CAPACITY, Ended, Limits, Recorder
from django_apscheduler_ng.runs import Outcome, Run, RunStatus

MOMENT = datetime(2026, 1, 5, 9, tzinfo=UTC)
NODE = "node"
EMOJI = "\N{GRINNING FACE}"


def make_run(number=0, **columns):
    """Write a running row of this node and return its run."""
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
    return as_run(row.pk)


def as_run(pk):
    return Run(
        id=str(pk),
        job_id="job",
        name="job",
        jobstore="default",
        executor="default",
        func=print,
        func_ref="builtins:print",
        fire_time=MOMENT,
        due_at=MOMENT,
    )


def ended(run, **given):
    return Ended(run, outcome(**given), MOMENT, MOMENT)


def outcome(**given):
    return Outcome(
        **{"status": RunStatus.SUCCEEDED, "started_at": MOMENT, "finished_at": MOMENT, "worker": "w", **given}
    )


class Refusing:
    """Hot writes of a database that refuses one run, whatever it is written with or only with its payload."""

    def __init__(self, refused, *, bare_too=False, error=DataError):
        self.real = hot_sql(connection)
        self.refused = refused
        self.bare_too = bare_too
        self.error = error
        self.batches = []

    def finish(self, cursor, rows, node):
        self.batches.append([row.id for row in rows])
        for row in rows:
            if row.id == self.refused and (self.bare_too or row.result):
                raise self.error("refused")
        return self.real.finish(cursor, rows, node)


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(told):
    def make(sql=None, **limits):
        return Recorder(
            using="default",
            node=NODE,
            sql=sql or hot_sql(connection),
            limits=Limits(**limits),
            recorded=lambda batch: told.extend(ended.run.id for ended in batch),
        )

    return make


# -- what is written -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_ends_are_written_and_told(make, told):
    recorder, runs = make(), [make_run(number) for number in range(3)]
    for number, run in enumerate(runs):
        recorder.put(ended(run, result=number))

    recorder.flush()

    assert list(JobRun.objects.order_by("pk").values_list("status", "result", "worker", "finished_at")) == [
        ("succeeded", str(number), "w", MOMENT) for number in range(3)
    ]
    assert told == [run.id for run in runs]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "columns", [{"node": "another"}, {"status": "abandoned"}], ids=["another-node", "not-running-any-more"]
)
def test_the_end_of_a_run_that_this_node_does_not_hold_changes_nothing(make, told, columns):
    recorder, run = make(), make_run(**columns)
    recorder.put(ended(run, result=5))

    recorder.flush()

    assert JobRun.objects.get().status == columns.get("status", "running")
    assert JobRun.objects.get().result == ""
    assert told == [run.id]


WEIRD = "NUL \0 surrogate \ud800 " + EMOJI + " NaN \x1b[31m \u2028 '\"\\ ü"


@pytest.mark.django_db
def test_any_output_is_recorded(make):
    recorder, run = make(), make_run()
    recorder.put(
        ended(
            run,
            status=RunStatus.FAILED,
            result={"text": WEIRD, "nan": math.nan},
            exception_type="x" * 300,
            exception_message=WEIRD,
            traceback=WEIRD,
            worker=WEIRD * 20,
        )
    )

    recorder.flush()

    row = JobRun.objects.get()
    kept = "NUL \N{SYMBOL FOR NULL} surrogate ? " + EMOJI + " NaN \x1b[31m \u2028 '\"\\ ü"
    assert (row.status, row.exception_message, row.traceback) == ("failed", kept, kept)
    assert "surrogate" in json.loads(row.result)
    assert (len(row.exception_type), len(row.worker)) == (255, 255)


@pytest.mark.django_db
def test_ten_megabytes_are_capped_and_the_cut_is_marked(make):
    recorder, run = make(result=100, traceback=100, message=100), make_run()
    huge = EMOJI * 10_000_000

    recorder.put(ended(run, result=huge, traceback=huge + "END", exception_message=huge))
    recorder.flush()

    row = JobRun.objects.get()
    assert [len(text) for text in (row.result, row.traceback, row.exception_message)] == [100, 100, 100]
    assert row.result.endswith("characters left out] …")
    assert row.traceback.startswith("… [")
    assert row.traceback.endswith("END")


@pytest.mark.django_db
def test_what_a_run_said_is_written_with_its_end(make):
    recorder, runs = make(), [make_run(number) for number in range(3)]
    recorder.put(ended(runs[0], report=Report(Progress(3, 7.5, WEIRD), WEIRD + "\n")))
    recorder.put(ended(runs[1], report=Report(log="only a log\n")))
    recorder.put(ended(runs[2], result=2j))

    recorder.flush()

    kept = "NUL \N{SYMBOL FOR NULL} surrogate ? " + EMOJI + " NaN \x1b[31m \u2028 '\"\\ ü"
    columns = ("progress_done", "progress_total", "progress_text", "log", "result", "result_is_repr")
    assert list(JobRun.objects.order_by("pk").values_list(*columns)) == [
        (3.0, 7.5, kept, kept + "\n", "", False),
        (None, None, "", "only a log\n", "", False),
        (None, None, "", "", '"2j"', True),
    ]


@pytest.mark.django_db
def test_an_end_without_output_leaves_what_was_reported_before(make):
    recorder, run = make(), make_run(log="said before\n", progress_done=1)
    recorder.put(ended(run))

    recorder.flush()

    row = JobRun.objects.get()
    assert (row.status, row.log, row.progress_done) == ("succeeded", "said before\n", 1)


@pytest.mark.django_db
def test_ends_with_long_logs_are_written_in_several_statements(make, told):
    runs = [make_run(number) for number in range(5)]
    sql = Refusing(0)
    recorder = make(sql)
    for run in runs:
        recorder.put(ended(run, report=Report(log="x" * (BATCH_TEXT // 2))))

    recorder.flush()

    assert [len(batch) for batch in sql.batches] == [2, 2, 1]
    assert told == [run.id for run in runs]


# -- what the database refuses -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_refused_end_never_blocks_the_others(make, told, caplog):
    runs = [make_run(number) for number in range(8)]
    sql = Refusing(int(runs[5].id))
    recorder = make(sql)
    for run in runs:
        recorder.put(ended(run, result="payload"))

    recorder.flush()

    assert set(JobRun.objects.values_list("status", flat=True)) == {"succeeded"}
    bare = JobRun.objects.get(pk=runs[5].id)
    assert (bare.result, bare.exception_message) == ("", "(not recorded: DataError)")
    assert JobRun.objects.filter(result='"payload"').count() == 7
    assert told == [run.id for run in runs]
    assert [len(batch) for batch in sql.batches] == [8, 4, 4, 2, 1, 1, 1, 2]
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == f"The output of run {runs[5].id} was refused by the database and is left out: refused"


@pytest.mark.django_db
def test_what_cannot_be_reached_is_kept_and_tried_again(make, told):
    runs = [make_run(number) for number in range(2)]
    recorder = make(Refusing(int(runs[1].id), error=OperationalError))
    for run in runs:
        recorder.put(ended(run, result=1))

    with pytest.raises(OperationalError):
        recorder.flush()
    first = list(told)
    recorder._sql = hot_sql(connection)
    recorder.flush()

    assert first == []
    assert told == [run.id for run in runs]
    assert set(JobRun.objects.values_list("status", flat=True)) == {"succeeded"}


def test_a_full_recorder_says_so(make):
    recorder = make(sql=object())
    for _ in range(CAPACITY - 1):
        recorder.put(ended(as_run(1)))
    before = recorder.full

    recorder.put(ended(as_run(1)))

    assert (before, recorder.full) == (False, True)


# -- on its own thread ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_what_is_put_and_all_of_it_before_it_stops(make):
    recorder, runs = make(), [make_run(number) for number in range(20)]
    recorder.start()
    for run in runs:
        recorder.put(ended(run, result=1))

    left = recorder.stop(timeout=10)

    assert left == 0
    assert JobRun.objects.filter(status="succeeded").count() == 20


def test_a_recorder_that_cannot_write_says_how_much_is_left(make, caplog):
    class Broken:
        def finish(self, cursor, rows, node):
            raise OperationalError("gone")

    recorder = make(Broken())
    recorder._using = "nowhere"
    recorder.put(ended(as_run(1)))

    assert recorder.stop(timeout=0.05) == 1


# -- texts ---------------------------------------------------------------------------------------------------------------


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")


CONTAINS_ITSELF = []
CONTAINS_ITSELF.append(CONTAINS_ITSELF)


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        pytest.param(None, "", id="none"),
        pytest.param({"a": [1, "ü"]}, '{"a": [1, "ü"]}', id="json"),
        pytest.param((1, (2,)), "[1, [2]]", id="tuple"),
        pytest.param({"b", "a"}, '["a", "b"]', id="set"),
        pytest.param({"b", 2, 10, None, 1.5}, '[null, 1.5, 2, 10, "b"]', id="mixed-set"),
        pytest.param(frozenset({(2,), (1,)}), "[[1], [2]]", id="frozenset"),
        pytest.param(MOMENT, '"2026-01-05T09:00:00Z"', id="datetime"),
        pytest.param([MOMENT.date(), timedelta(hours=1)], '["2026-01-05", "P0DT01H00M00S"]', id="date-and-span"),
        pytest.param({"sum": Decimal("1.10")}, '{"sum": "1.10"}', id="decimal"),
        pytest.param(UUID(int=7), '"00000000-0000-0000-0000-000000000007"', id="uuid"),
        pytest.param(Colour.RED, '"red"', id="enum"),
    ],
)
def test_a_result_becomes_json(result, text):
    assert result_json(result) == (text, False)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        pytest.param(math.nan, '"nan"', id="nan"),
        pytest.param([math.inf], '"[inf]"', id="infinity-inside"),
        pytest.param({(1, 2): 3}, '"{(1, 2): 3}"', id="keys-that-are-no-text"),
        pytest.param(b"raw", "\"b'raw'\"", id="bytes"),
        pytest.param({"n": 1, "other": 2j}, '{"n": 1, "other": "2j"}', id="inside"),
        pytest.param(Unprintable(), '"<Unprintable; its repr() raised RuntimeError>"', id="unprintable"),
        pytest.param(CONTAINS_ITSELF, '"[[...]]"', id="contains-itself"),
    ],
)
def test_a_result_without_a_json_form_becomes_its_repr_and_is_marked(result, text):
    assert result_json(result) == (text, True)


def test_text_of_exactly_the_limit_is_left_alone():
    assert storable_text("x" * 50, 50) == "x" * 50


@pytest.mark.parametrize(
    ("keep_end", "pattern"),
    [(False, r"x+… \[\d+ characters left out\] …"), (True, r"… \[\d+ characters left out\] …x+")],
    ids=["beginning", "end"],
)
def test_longer_text_is_cut_to_the_limit_and_says_so(keep_end, pattern):
    cut = storable_text("x" * 51, 50, keep_end=keep_end)

    assert len(cut) == 50
    assert re.fullmatch(pattern, cut)


def test_a_tiny_limit_is_kept_too():
    assert len(storable_text("x" * 100, 5)) == 5
    assert len(storable_text("x" * 100, 5, keep_end=True)) == 5


def test_a_flush_waits_for_what_another_thread_is_just_recording(db):
    class Accepting:
        def finish(self, cursor, rows, node):
            return len(rows)

    def slowly(batch):
        writing.set()
        assert go_on.wait(10)
        done.append(len(batch))

    writing, go_on, done = threading.Event(), threading.Event(), []
    recorder = Recorder(using="default", node=NODE, sql=Accepting(), limits=Limits(), recorded=slowly)
    recorder.put(ended(as_run(1)))

    def flush():
        recorder.flush()
        connection.close()

    other = threading.Thread(target=flush)
    other.start()
    assert writing.wait(10)
    threading.Timer(0.05, go_on.set).start()
    recorder.flush()

    assert done == [1]
    other.join(10)
