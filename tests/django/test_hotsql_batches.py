"""What of a batch is sent for each row, and what once."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from django_apscheduler_ng.hotsql import hot_sql
from django_apscheduler_ng.hotsql.base import ADVANCE
from django_apscheduler_ng.hotsql.batches import BOOL, INT, LABEL, MOMENT, Given, fold, spelled
from django_apscheduler_ng.ledger import Advance, NewRun, Note
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.runs import RunStatus

NOW = datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def quote(name):
    return f"<{name}>"


def folded(rows, **columns):
    return fold(rows, columns, quote)


def test_what_all_rows_share_is_sent_once():
    batch = folded([(1, NOW, None, True), (2, NOW, None, True)], id=INT, at=MOMENT, until=MOMENT, exact=BOOL)

    assert json.loads(batch.document) == [[1], [2]]
    assert batch.columns == {"id": INT}
    assert batch.values == {"id": "v.<id>", "at": Given(NOW), "until": Given(None), "exact": Given(True)}


def test_what_differs_is_sent_for_each_row():
    batch = folded([(1, NOW, True), (2, LATER, False)], id=INT, at=MOMENT, exact=BOOL)

    assert json.loads(batch.document) == [
        [1, "2026-10-25 01:30:00.123456", True],
        [2, "2026-10-25 02:30:00.123456", False],
    ]
    assert batch.columns == {"id": INT, "at": MOMENT, "exact": BOOL}
    assert batch.values == {"id": "v.<id>", "at": "v.<at>", "exact": "v.<exact>"}


def test_moments_that_are_those_of_another_column_are_sent_once():
    rows = [(1, NOW, NOW, LATER), (2, LATER, LATER, LATER.replace(microsecond=1))]

    batch = folded(rows, id=INT, slot=MOMENT, due_at=MOMENT, until=MOMENT)

    assert batch.columns == {"id": INT, "slot": MOMENT, "until": MOMENT}
    assert batch.values["due_at"] == "v.<slot>"
    assert [row[1] for row in json.loads(batch.document)] == [
        "2026-10-25 01:30:00.123456",
        "2026-10-25 02:30:00.123456",
    ]


def test_one_moment_of_many_that_differs_sends_the_column():
    rows = [(key, moment, moment) for key, moment in enumerate([NOW] * 50 + [LATER])]
    rows[20] = (20, NOW, LATER)

    batch = folded(rows, id=INT, slot=MOMENT, due_at=MOMENT)

    assert list(batch.columns) == ["id", "slot", "due_at"]
    assert [row[2][11:13] for row in json.loads(batch.document)].count("02") == 2


def test_the_key_is_sent_however_few_rows_there_are():
    assert json.loads(folded([(7, None)], id=INT, at=MOMENT).document) == [[7]]
    assert json.loads(folded([(7, 1), (7, 2)], id=INT, number=INT).document) == [[7, 1], [7, 2]]


def test_text_that_drivers_may_refuse_goes_as_json():
    batch = folded([(1, "caf\N{LATIN SMALL LETTER E WITH ACUTE} \udc80")], id=INT, text=LABEL)

    assert batch.values["text"] == "v.<text>"
    assert batch.document.isascii()


def test_parameters_come_in_the_order_of_their_columns():
    values = {"a": Given(NOW), "b": "v.b", "c": Given(RunStatus.CLAIMED), "d": Given(None), "e": Given(3)}

    texts, parameters = spelled(values)

    assert texts == {"a": "%s", "b": "v.b", "c": "%s", "d": "%s", "e": "%s"}
    assert parameters == ["2026-10-25 01:30:00.123456", "claimed", None, 3]
    assert type(parameters[1]) is str


# -- in the database -------------------------------------------------------------------------------------------------------


def make_job(number):
    return ScheduledJob.objects.create(
        job_id=f"job-{number}", func_ref="a:b", trigger="T", created_at=NOW, updated_at=NOW, next_run_time=NOW
    )


@pytest.mark.django_db
@pytest.mark.parametrize("alike", ["all", "none"])
def test_jobs_are_advanced_to_the_same_row_whether_or_not_they_are_alike(alike):
    jobs = [make_job(number) for number in range(3)]
    moments = [LATER] * 3 if alike == "all" else [LATER, LATER + timedelta(seconds=1), None]
    parked = [True] * 3 if alike == "all" else [True, False, False]
    rows = [
        Advance(job.pk, 0, moment, moment, NOW, waits, LATER if waits else None, None)
        for job, moment, waits in zip(jobs, moments, parked, strict=True)
    ]

    with connection.cursor() as cursor:
        assert hot_sql(connection).advance(cursor, rows) == 3

    names = list(ADVANCE)
    assert [tuple(row) for row in rows] == list(ScheduledJob.objects.order_by("pk").values_list(*names))


@pytest.mark.django_db
def test_runs_and_summaries_of_jobs_that_are_alike_are_inserted_as_they_are():
    jobs = [make_job(number) for number in range(3)]
    runs = [NewRun(job.pk, NOW, NOW, LATER) for job in jobs]
    rest = [NewRun(job.pk, None, NOW, None, LATER, RunStatus.MISSED, NOW, LATER, 9, False, "why") for job in jobs]

    with connection.cursor() as cursor:
        hot_sql(connection).insert(cursor, [*runs, *rest], "n", NOW)
        hot_sql(connection).note(cursor, [Note(job.pk, "finished", "why") for job in jobs], NOW)

    columns = ("job_key", "slot", "due_at", "start_until", "finished_at", "status", "covers_from", "covers_until")
    written = JobRun.objects.order_by("pk").values_list(*columns, "count", "count_is_exact", "reason", "job_id")
    keys = [job.pk for job in jobs]
    assert list(written) == [
        *[(key, NOW, NOW, LATER, None, "claimed", None, None, 1, True, "", f"job-{n}") for n, key in enumerate(keys)],
        *[
            (key, None, NOW, None, LATER, "missed", NOW, LATER, 9, False, "why", f"job-{n}")
            for n, key in enumerate(keys)
        ],
    ]
    entries = JobLogEntry.objects.order_by("job_key").values_list("job_key", "action", "reason", "at")
    assert list(entries) == [(key, "finished", "why", NOW) for key in keys]
