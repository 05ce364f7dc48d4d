"""The pages on which a job is run now with other arguments, and on which it is resumed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of, told
from tests.django.edit_kit import text_of
from tests.shop import make_job


@pytest.fixture
def page(report):
    return address(report, "run")


def shown(response):
    return {name: response.context["form"][name].value() for name in ("args", "kwargs")}


def test_the_page_is_filled_with_the_arguments_of_the_job(editor, page):
    response = editor.get(page)

    assert {name: json.loads(text) for name, text in shown(response).items()} == {"args": [1], "kwargs": {"limit": 5}}
    assert "noop(*args: object, **kwargs: object)" in text_of(response)


def test_a_run_is_asked_for_with_other_arguments_and_the_job_keeps_its_own(editor, report, page):
    response = editor.post(page, {"args": "[2]", "kwargs": '{"limit": 9}', "reason": "a second look"})

    run = JobRun.objects.get()
    assert (json.loads(run.args), json.loads(run.kwargs)) == ([2], {"limit": 9})
    assert (run.status, run.origin, run.requested_by) == ("pending", "manual", "maria")
    kept = ScheduledJob.objects.get()
    assert (kept.args, kept.kwargs, kept.next_run_time) == (report.args, report.kwargs, report.next_run_time)
    assert response.url == address(report)
    assert told(response) == [f'<a href="{PAGES}/jobrun/{run.pk}/change/">Run {run.pk}</a> of “Report” is asked for.']
    assert list(JobLogEntry.objects.values_list("action", "actor_name", "reason")) == [
        ("run requested", "maria", "a second look")
    ]
    assert LogEntry.objects.get().change_message == "Run now: a second look"


def test_arguments_that_were_left_alone_are_those_of_the_job(editor, report, page):
    given = {name: text.replace("\n", "\r\n") for name, text in shown(editor.get(page)).items()}

    editor.post(page, {**given, "reason": ""})

    run = JobRun.objects.get()
    assert (run.args, run.kwargs) == (report.args, report.kwargs)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        pytest.param(
            {"args": "[1", "kwargs": "{}"},
            "args",
            "Must be a JSON list, such as [1, 2], got [1. Expecting ',' delimiter: line 1 column 3 (char 2).",
            id="no-json",
        ),
        pytest.param(
            {"args": "[]", "kwargs": '{"secs": 1}'},
            "kwargs",
            "Arguments of 'tests.project.jobs:nap' do not fit its signature (seconds: float) -> float: "
            "missing 'seconds'; unexpected 'secs' (did you mean 'seconds'?). Change args and kwargs of the job.",
            id="misspelt",
        ),
    ],
)
def test_arguments_that_do_not_fit_ask_for_no_run_and_stay(editor, db, given, field, message):
    job = make_job(
        "nap", "Nap", IntervalTrigger(hours=1, timezone="UTC"), func_ref="tests.project.jobs:nap", args="[1]"
    )

    response = editor.post(address(job, "run"), {**given, "reason": "because"})

    assert response.context["form"].errors == {field: [message]}
    assert shown(response) == given
    assert not JobRun.objects.exists()


def test_a_finished_job_does_not_run(editor, report, page):
    ScheduledJob.objects.update(finished_at=datetime.now(UTC), next_run_time=None)

    response = editor.post(page, {"args": "[2]", "kwargs": "{}", "reason": ""})

    assert told(response) == ["1 job has finished and cannot run."]
    assert not JobRun.objects.exists()


def test_running_needs_its_permission(db, report, page):
    client = client_of(
        "view_scheduledjob", "add_scheduledjob", "change_scheduledjob", "delete_scheduledjob", "pause_scheduledjob"
    )

    assert client.get(page).status_code == 403
    assert client.post(page, {"args": "[2]", "kwargs": "{}"}).status_code == 403
    assert not JobRun.objects.exists()


# -- resuming ---------------------------------------------------------------------------------------------------------


def test_before_a_job_is_resumed_its_next_fire_times_are_shown_and_what_passed(editor, report):
    get_scheduler().pause_job("report", reason="a while")
    ScheduledJob.objects.update(paused_at=datetime.now(UTC) - timedelta(hours=5, minutes=30))

    response = editor.get(address(report, "resume"))

    assert "Resume the schedule?" in text_of(response)
    assert len(response.context["fire_times"]) == 5
    assert "5 fire times have passed since then. None of them is made up for." in text_of(response)
    assert ScheduledJob.objects.get().paused

    editor.post(address(report, "resume"), {"reason": "the bank is open"})

    resumed = ScheduledJob.objects.get()
    assert not resumed.paused
    assert resumed.next_run_time > datetime.now(UTC)
    assert not JobRun.objects.exists()
    assert JobLogEntry.objects.last().reason == "the bank is open"


def test_nothing_is_said_to_have_passed_where_nothing_has(editor, report):
    get_scheduler().pause_job("report")

    assert "made up for" not in text_of(editor.get(address(report, "resume"))).replace("is not made up for", "")


def test_it_is_said_that_resuming_removes_a_job_whose_schedule_is_over(editor, db):
    job = make_job("once", "Once", DateTrigger("2020-01-01 00:00", timezone="UTC"), paused=True, next_run_time=None)

    assert "There is none any more: resuming removes the job." in text_of(editor.get(address(job, "resume")))


def test_a_broken_trigger_is_no_obstacle(editor, db):
    job = make_job("odd", "Odd", "{not json", paused=True, next_run_time=None)

    assert editor.get(address(job, "resume")).status_code == 200
