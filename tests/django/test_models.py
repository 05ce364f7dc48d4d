"""The column that says when a node has to look at a job, for every way in which a row can be written."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from django_apscheduler_ng.models import AT_ONCE, JobLogEntry, JobRun, ScheduledJob, SchedulerNode

pytestmark = pytest.mark.django_db

NEXT = datetime(2026, 1, 5, 9, tzinfo=UTC)
RETRY = datetime(2026, 1, 5, 10, tzinfo=UTC)
TABLE = ScheduledJob._meta.db_table


@pytest.fixture
def key():
    row = ScheduledJob.objects.create(
        job_id="job",
        name="Job",
        func_ref="a:b",
        trigger="T",
        planned_trigger="T",
        next_run_time=NEXT,
        next_fire_time=NEXT,
        created_at=NEXT,
        updated_at=NEXT,
    )
    return row.pk


def true():
    return "1" if connection.vendor != "postgresql" else "true"


@pytest.mark.parametrize(
    ("assignments", "wake_at"),
    [
        pytest.param("name = 'new'", NEXT, id="planned"),
        pytest.param("next_run_time = '2026-01-05 10:00:00.000000'", RETRY, id="run-time-chosen"),
        pytest.param("next_run_time = NULL", AT_ONCE, id="never-planned"),
        pytest.param("trigger_ = 'U'", AT_ONCE, id="trigger-changed"),
        pytest.param("trigger_ = 't'", AT_ONCE, id="trigger-changed-in-case"),
        pytest.param("trigger_ = 'T '", AT_ONCE, id="trigger-changed-by-a-blank"),
        pytest.param("paused = true", AT_ONCE, id="paused-from-outside"),
        pytest.param("paused = true, next_run_time = NULL", None, id="paused"),
        pytest.param("paused = true, trigger_ = 'U'", AT_ONCE, id="paused-from-outside-with-another-trigger"),
        pytest.param("paused = true, next_run_time = NULL, trigger_ = 'U'", None, id="paused-with-another-trigger"),
        pytest.param("parked = true, retry_at = '2026-01-05 10:00:00.000000'", RETRY, id="parked"),
        pytest.param("parked = true", NEXT, id="parked-by-hand"),
        pytest.param("parked = true, trigger_ = 'U'", AT_ONCE, id="parked-with-another-trigger"),
        pytest.param("broken_reason = 'x', retry_at = '2026-01-05 10:00:00.000000'", RETRY, id="broken"),
        pytest.param("broken_reason = 'x', retry_at = NULL", None, id="broken-for-good"),
        pytest.param("broken_reason = 'x', trigger_ = 'U'", AT_ONCE, id="broken-with-another-trigger"),
        pytest.param(
            "broken_reason = 'x', parked = true, retry_at = '2026-01-05 10:00:00.000000'", RETRY, id="broken-and-parked"
        ),
        pytest.param("finished_at = '2026-01-05 10:00:00.000000', next_run_time = NULL", None, id="finished"),
        pytest.param(
            "finished_at = '2026-01-05 10:00:00.000000', next_run_time = NULL, trigger_ = 'U'",
            AT_ONCE,
            id="finished-with-another-trigger",
        ),
        pytest.param("finished_at = '2026-01-05 10:00:00.000000', paused = true", None, id="finished-and-paused"),
    ],
)
def test_plain_sql_on_a_row_decides_when_it_is_looked_at(key, assignments, wake_at):
    trigger = connection.ops.quote_name("trigger")
    sql = assignments.replace("trigger_", trigger).replace("true", true())

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET {sql} WHERE id = %s", [key])

    assert ScheduledJob.objects.get(pk=key).wake_at == wake_at


def test_a_queryset_update_does_the_same(key):
    ScheduledJob.objects.filter(pk=key).update(paused=True)
    paused = ScheduledJob.objects.get(pk=key).wake_at
    ScheduledJob.objects.filter(pk=key).update(paused=False)

    assert paused == AT_ONCE
    assert ScheduledJob.objects.get(pk=key).wake_at == NEXT


def test_what_waits_is_due_at_its_moment(key):
    assert list(ScheduledJob.objects.due(NEXT).values_list("pk", flat=True)) == [key]
    assert not ScheduledJob.objects.due(datetime(2026, 1, 5, 8, 59, 59, 999999, tzinfo=UTC)).exists()


def test_rows_are_shown_in_words(key):
    run = JobRun(job_name="Report", status="succeeded")

    assert str(ScheduledJob.objects.get(pk=key)) == "Job"
    assert str(ScheduledJob(job_id="nameless")) == "nameless"
    assert str(run) == "Report (succeeded)"
    assert str(JobLogEntry(job_id="job", action="added")) == "job: added"
    assert str(SchedulerNode(host="web-1", pid=5)) == "web-1:5"
