"""What runs on the ORM store know and say, from the claim to their rows."""

import logging
from datetime import UTC, datetime

import pytest

from django_apscheduler_ng import current_run
from django_apscheduler_ng.ledger import next_attempt
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.project import jobs

log = logging.getLogger(__name__)

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

seen = []


def look():
    """Note what the run knows, and say something."""
    run = current_run()
    seen.append(run)
    run.progress(run.attempt, 3, "looking")
    log.warning("seen")
    return {run.attempt}


@pytest.fixture
def scheduler(db):
    seen.clear()
    scheduler = ManualScheduler(FakeClock(NOW), jobstores={"default": {"type": "django", "namespace": "shop"}})
    scheduler.start()
    yield scheduler
    scheduler.shutdown()


@pytest.fixture(autouse=True)
def _allowed(settings):
    settings.APSCHEDULER = {"allowed_callables": [f"{__name__}:*"]}


def again(run):
    """Write a further attempt of a run that failed."""
    JobRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED)
    next_attempt(run, NOW).save()


def test_a_run_knows_its_job_and_says_what_it_says_in_its_row(scheduler):
    scheduler.add_job(look, IntervalTrigger(minutes=1, start_date=NOW, timezone="UTC"), id="look", name="Look")

    scheduler.travel(1)

    (run,) = seen
    row = JobRun.objects.get()
    assert (run.id, run.job_id, run.name, run.fire_time, run.attempt) == (str(row.pk), "look", "Look", NOW, 1)
    assert (row.progress_done, row.progress_total, row.progress_text) == (1, 3, "looking")
    assert row.log.endswith(f" WARNING {__name__}: seen\n")
    assert (row.result, row.result_is_repr) == ("[1]", False)


def test_further_attempts_of_a_fire_time_have_its_key(scheduler):
    scheduler.add_job(look, IntervalTrigger(minutes=1, start_date=NOW, timezone="UTC"), id="look")
    scheduler.travel(1)
    for _ in range(2):
        again(JobRun.objects.latest("pk"))
        scheduler.travel(1)
    scheduler.travel(60)

    assert [run.attempt for run in seen] == [1, 2, 3, 1]
    keys = [run.key for run in seen]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_further_attempts_of_a_run_by_hand_have_its_key(scheduler):
    scheduler.add_job(look, IntervalTrigger(days=1, timezone="UTC"), id="look")
    scheduler.run_job("look")
    scheduler.travel(1)
    for _ in range(2):
        again(JobRun.objects.latest("pk"))
        scheduler.travel(1)
    scheduler.run_job("look")
    scheduler.travel(1)

    assert [(run.attempt, run.fire_time) for run in seen] == [(1, None), (2, None), (3, None), (1, None)]
    keys = [run.key for run in seen]
    assert keys[0] == keys[1] == keys[2] != keys[3]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        pytest.param({"log_limit": 0}, False, id="off"),
        pytest.param({"log_level": "error"}, False, id="quiet"),
        pytest.param({"log_level": "warning"}, True, id="loud-enough"),
    ],
)
def test_the_settings_say_what_is_kept_of_logs(db, settings, options, kept):
    settings.APSCHEDULER = {"allowed_callables": [f"{__name__}:*"], **options}
    scheduler = ManualScheduler(FakeClock(NOW), jobstores={"default": {"type": "django"}})
    scheduler.start()
    scheduler.add_job(look, id="look")

    scheduler.travel(1)
    scheduler.shutdown()

    assert bool(JobRun.objects.get().log) is kept


def test_a_node_that_stops_leaves_logging_as_it_was(scheduler):
    before = logging.getLogRecordFactory()
    another = ManualScheduler(FakeClock(NOW), jobstores={"default": {"type": "django", "namespace": "other"}})
    another.start()
    another.shutdown()

    assert logging.getLogRecordFactory() is before
    scheduler.shutdown()
    assert logging.getLogRecordFactory() is logging.LogRecord
    scheduler.start()


def test_runs_that_say_nothing_are_recorded_without_columns_for_it(scheduler, django_assert_max_num_queries):
    scheduler.add_job(jobs.noop, IntervalTrigger(minutes=1, start_date=NOW, timezone="UTC"), id="quiet")

    with django_assert_max_num_queries(100) as captured:
        scheduler.travel(1)

    (finish,) = (
        query["sql"]
        for query in captured.captured_queries
        if "t.status = 'running'" in query["sql"].replace("+t", "t") and "finished_at" in query["sql"]
    )
    assert JobRun.objects.get().status == "succeeded"
    assert "finished_at" in finish
    assert "progress_done" not in finish
