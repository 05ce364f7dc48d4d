"""On MariaDB a statement locks what it reads, so the hot writes must read nothing but their own rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from django_apscheduler_ng.hotsql import hot_sql
from django_apscheduler_ng.hotsql.base import FINISH, FINISH_BARE, REPORT
from django_apscheduler_ng.hotsql.batches import INT, dump
from django_apscheduler_ng.models import JobRun

pytestmark = pytest.mark.skipif(connection.vendor != "mysql", reason="about MariaDB")


@pytest.mark.django_db(transaction=True)  # the table was just emptied, and its statistics say so
@pytest.mark.parametrize(
    "columns",
    [{"id": INT}, REPORT, FINISH_BARE, FINISH],
    ids=["start", "report", "finish", "finish-with-output"],
)
@pytest.mark.parametrize("rows", [1, 2, 3, 30])
def test_a_hot_write_reads_only_its_own_rows_however_few_there_are(rows, columns):
    now = datetime.now(UTC)
    runs = [
        JobRun(job_key=key, job_name="job", executor="default", due_at=now, status="claimed") for key in range(rows)
    ]
    JobRun.objects.bulk_create(runs)
    sql = hot_sql(connection)

    with connection.cursor() as cursor:
        statement = sql.update(sql.runs, columns, {"status": "'running'"}, "t.status = 'claimed' AND t.node = %s")
        cursor.execute(f"EXPLAIN {statement}", [dump([[1] * len(columns)]), "node"])
        names = [column[0] for column in cursor.description]
        plan = [dict(zip(names, line, strict=True)) for line in cursor.fetchall()]

    assert [(line["table"], line["type"], line["key"]) for line in plan] == [
        ("v", "ALL", None),
        ("t", "eq_ref", "PRIMARY"),
    ]
