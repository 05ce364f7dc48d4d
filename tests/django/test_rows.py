import json
from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.exceptions import CallableReferenceError, StoredDataError, UnstorableError
from django_apscheduler_ng.job import Job
from django_apscheduler_ng.models import ScheduledJob
from django_apscheduler_ng.rows import definition, difference, snapshot, to_job
from django_apscheduler_ng.serialization import dump_trigger, dump_value, read_arguments
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.unreadable import UnreadableTrigger
from tests.project import jobs

TRIGGER = CronTrigger(hour=3, timezone="Europe/Berlin")
MOMENT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def make_row(**columns):
    job = Job(id="job", func=jobs.echo, trigger=TRIGGER, args=[1], name="Echo", max_instances=2, misfire_grace_time=5)
    row = ScheduledJob(job_id="job", **definition(job), next_run_time=MOMENT, next_fire_time=MOMENT)
    for name, value in columns.items():
        setattr(row, name, value)
    return row


def test_a_job_is_written_into_columns():
    job = Job(id="job", func=jobs.echo, trigger=TRIGGER, args=[(1, "a")], name="n" * 300, misfire_grace_time=5)

    columns = definition(job)

    assert columns["func_ref"] == "tests.project.jobs:echo"
    assert (columns["trigger"], columns["trigger_type"]) == (dump_trigger(TRIGGER), "cron")
    assert columns["name"] == "n" * 255
    assert json.loads(columns["kwargs"]) == {}


def test_only_the_columns_of_the_options_that_changed_are_written():
    job = Job(id="job", func=jobs.echo, trigger=TRIGGER)

    assert definition(job, ["coalesce", "next_run_time", "pause_reason"]) == {"coalesce": True}


def test_a_job_comes_back_without_importing_its_callable(monkeypatch):
    row = make_row(func_ref="tests.nowhere:gone")

    job = to_job(row)

    assert (job.id, job.name, job.args, job.kwargs, job.trigger) == ("job", "Echo", (1,), {}, TRIGGER)
    assert (job.max_instances, job.misfire_grace_time, job.next_run_time) == (2, 5, MOMENT)
    assert not job.broken_reason
    with pytest.raises(CallableReferenceError):
        _ = job.func


def test_a_paused_row_has_no_next_run_time():
    assert to_job(make_row(paused=True)).next_run_time is None


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        pytest.param({"args": "["}, "Cannot read the stored text '['", id="damaged-arguments"),
        pytest.param(
            {"args": "5"}, "Stored arguments '5' and '{}' must be a JSON list and a JSON object.", id="no-list"
        ),
        pytest.param({"kwargs": "[]"}, "Stored arguments '[1]' and '[]' must be", id="no-mapping"),
        pytest.param({"trigger": "cron"}, "Cannot read the stored text 'cron'", id="damaged-trigger"),
        pytest.param(
            {"trigger": '{"type": "os.system", "version": 1}'}, "Cannot read the stored text", id="foreign-trigger"
        ),
        pytest.param(
            {"trigger": '{"type": "cron", "version": 99}'},
            "Cannot read the stored trigger of type 'cron': its version must be at most 1, got 99.",
            id="later-version",
        ),
    ],
)
def test_a_damaged_row_becomes_a_broken_job(columns, problem):
    row = make_row(**columns)

    assert to_job(row).broken_reason.startswith(problem)


def test_a_trigger_that_cannot_be_read_is_kept_as_text():
    trigger = to_job(make_row(trigger="cron")).trigger

    assert isinstance(trigger, UnreadableTrigger)
    assert (trigger.text, str(trigger), trigger.describe()) == ("cron", "unreadable", "unreadable")
    with pytest.raises(ValueError, match="Cannot read the stored text 'cron'"):
        trigger.get_next_fire_time(None, MOMENT)


def test_a_sound_row_has_no_problem():
    assert to_job(make_row()).broken_reason == ""
    assert read_arguments("[]", "{}") == ((), {})


def test_names_of_arguments_are_text():
    with pytest.raises(StoredDataError):
        read_arguments("[]", dump_value({1: 2}))


@pytest.mark.parametrize(
    "value", [object(), ScheduledJob(), lambda: None], ids=["object", "model-instance", "function"]
)
def test_what_has_no_place_in_a_column_is_refused(value):
    with pytest.raises(UnstorableError):
        definition(Job(id="job", func=jobs.echo, trigger=TRIGGER, args=[value]))


def test_a_snapshot_is_json():
    shown = json.loads(json.dumps(snapshot(make_row())))

    assert (shown["name"], shown["paused"], shown["next_run_time"]) == ("Echo", False, "2026-01-05T09:00:00+00:00")


def test_a_difference_has_what_differs():
    before, after = difference({"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 5, "new": 4})

    assert (json.loads(before), json.loads(after)) == ({"b": 2, "gone": 3}, {"b": 5, "new": 4})
