"""Retention on real rows, and its command."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_apscheduler_ng import retention
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.retention import Pruned, prune, steps
from django_apscheduler_ng.runs import RunStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def run(days_ago: float, status: str = RunStatus.SUCCEEDED, job_key: int = 1) -> JobRun:
    ended = None if status in ("pending", "claimed", "running") else NOW - timedelta(days=days_ago)
    return JobRun.objects.create(
        job_key=job_key,
        job_id=f"job-{job_key}",
        due_at=NOW - timedelta(days=days_ago),
        finished_at=ended,
        status=status,
    )


def job(job_id: str, finished_days_ago: float | None, declared: str = "") -> ScheduledJob:
    finished = None if finished_days_ago is None else NOW - timedelta(days=finished_days_ago)
    return ScheduledJob.objects.create(
        job_id=job_id, trigger="{}", declared=declared, created_at=NOW, updated_at=NOW, finished_at=finished
    )


@pytest.mark.parametrize(
    ("days_ago", "kept"),
    [
        pytest.param(29, 1, id="younger-stays"),
        pytest.param(30, 1, id="exactly-at-the-limit-stays"),
        pytest.param(30.001, 0, id="older-goes"),
    ],
)
def test_ended_runs_are_deleted_by_age(days_ago, kept):
    run(days_ago)

    prune("default", NOW, max_age_days=30, max_runs_per_job=None)

    assert JobRun.objects.count() == kept


@pytest.mark.parametrize("status", ["pending", "claimed", "running"])
def test_a_run_that_has_not_ended_stays_however_old(status):
    run(1000, status)

    prune("default", NOW, max_age_days=30, max_runs_per_job=1)

    assert JobRun.objects.count() == 1


def test_the_latest_runs_of_each_job_are_kept():
    crowded, sparse = job("crowded", None), job("sparse", None)
    runs = [run(1, job_key=crowded.pk) for _ in range(5)]
    other = run(1, job_key=sparse.pk)

    pruned = prune("default", NOW, max_age_days=None, max_runs_per_job=2)

    assert list(JobRun.objects.order_by("pk")) == [*runs[3:], other]
    assert pruned == Pruned(runs=3, entries=0, jobs=0, nodes=0)


def test_old_events_finished_jobs_and_stopped_nodes_go_and_what_is_needed_stays():
    JobLogEntry.objects.create(job_key=1, job_id="x", at=NOW - timedelta(days=31), action="added")
    JobLogEntry.objects.create(job_key=1, job_id="x", at=NOW, action="added")
    job("old", 31)
    job("old-but-declared", 31, declared="{}")
    job("active", None)
    for state in ("stopped", "dead", "running"):
        SchedulerNode.objects.create(
            id=state, host="h", pid=1, version="1", state=state, started_at=NOW, seen_at=NOW - timedelta(days=31)
        )

    pruned = prune("default", NOW, max_age_days=30, max_runs_per_job=None)

    assert pruned == Pruned(runs=0, entries=1, jobs=1, nodes=2)
    assert sorted(ScheduledJob.objects.values_list("job_id", flat=True)) == ["active", "old-but-declared"]
    assert list(SchedulerNode.objects.values_list("pk", flat=True)) == ["running"]


def test_many_rows_are_deleted_in_batches(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        run(31)

    made = [pruned.runs for pruned in steps("default", NOW, max_age_days=30, max_runs_per_job=None) if pruned]

    assert made == [2, 2, 1]
    assert JobRun.objects.count() == 0


def test_the_command_prunes_by_the_settings_and_says_what_it_did():
    run(31 + (datetime.now(UTC) - NOW).days)
    out = StringIO()

    with override_settings(APSCHEDULER={"retention": {"max_age_days": 30}}):
        call_command("scheduler", "prune", stdout=out)

    assert out.getvalue() == "Database 'default': deleted 1 run(s), 0 event(s), 0 finished job(s), 0 node(s).\n"


def test_the_command_refuses_a_limit_below_one():
    with pytest.raises(CommandError) as caught:
        call_command("scheduler", "prune", "--days", "0")

    assert str(caught.value) == "Option --days must be a whole number of at least 1, got 0."
