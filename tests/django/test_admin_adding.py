"""The page on which a job is added."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import ADDITION, LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, Origin, ScheduledJob
from django_apscheduler_ng.rows import read_trigger, to_job
from django_apscheduler_ng.triggers.combining import OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of, told
from tests.django.edit_kit import ADD, BERLIN, errors, filled, text_of
from tests.shop import make_job, make_run

NEW = {
    "func": "tests.project.jobs:echo",
    "args": "[]",
    "kwargs": "{}",
    "executor": "default",
    "queue": "default",
    "priority": "normal",
    "coalesce": "on",
    "max_instances": "1",
    "overlap": "skip",
    "on_abandoned": "abandon",
    "type": "cron",
    "cron-hour": "3",
    "cron-minute": "30",
    "cron-timezone": BERLIN,
    "cron-on_gap": "shift",
    "cron-on_overlap": "first",
}


def test_a_job_is_added_with_everything_that_was_filled_in(editor):
    given = {
        "id": "echo", "name": "Echo", "args": '["hello"]', "kwargs": "", "queue": "mails", "priority": "high", "max_instances": "2",
        "overlap": "queue", "misfire_grace_time": "60", "timeout": "2.5", "on_abandoned": "rerun", "retry_attempts": "5",
        "retry_delay": "1", "retry_backoff": "3", "retry_max_delay": "100", "retry_on": "TimeoutError, shop.Busy", "retry_not_on": "",
        "reason": "the bank asked for it",
    }  # fmt: skip

    response = editor.post(ADD, {**NEW, **given})

    assert response.status_code == 302, errors(response)
    row = ScheduledJob.objects.get()
    job = to_job(row)
    assert (row.job_id, row.name, row.func_ref, job.args, job.kwargs) == (
        "echo", "Echo", "tests.project.jobs:echo", ("hello",), {},
    )  # fmt: skip
    assert job.trigger == CronTrigger(hour="3", minute="30", timezone=BERLIN)
    assert (row.queue, row.priority, row.max_instances, row.overlap, row.coalesce) == (
        "mails",
        "high",
        2,
        "queue",
        True,
    )
    assert (row.misfire_grace_time, row.timeout, row.on_abandoned) == (60, 2.5, "rerun")
    assert job.retry is not None
    assert job.retry.as_dict() == {
        "attempts": 5, "delay": 1, "backoff": 3, "max_delay": 100, "on": ["TimeoutError", "shop.Busy"], "not_on": [],
    }  # fmt: skip
    assert (row.origin, row.paused) == (Origin.ADMIN, False)
    assert row.next_run_time > datetime.now(UTC)
    assert response.url == address(row)
    assert told(response) == ["“Echo” is added."]
    assert list(JobLogEntry.objects.values_list("action", "actor_name", "reason")) == [
        ("added", "maria", "the bank asked for it")
    ]
    assert [(entry.action_flag, entry.change_message) for entry in LogEntry.objects.all()] == [
        (ADDITION, f"Added: {job.trigger.describe()}. the bank asked for it")
    ]


def test_what_is_left_empty_is_the_library_s_default(editor):
    editor.post(ADD, NEW)

    row = ScheduledJob.objects.get()
    assert len(row.job_id) == 32
    assert (row.name, row.retry, row.timeout, row.misfire_grace_time) == ("echo", "", None, None)


def test_the_form_begins_with_the_defaults_of_the_settings(editor, settings):
    settings.APSCHEDULER = {"job_defaults": {"max_instances": 4, "coalesce": False, "timeout": 7.5, "retry": 3}}

    form = editor.get(ADD).context["form"]

    assert [form[name].value() for name in ("max_instances", "coalesce", "timeout", "retry_attempts")] == [
        4,
        False,
        7.5,
        3,
    ]


def test_a_job_can_be_added_paused(editor):
    response = editor.post(ADD, {**NEW, "paused": "on"})

    assert response.status_code == 302, errors(response)
    row = ScheduledJob.objects.get()
    assert (row.paused, row.next_run_time, row.wake_at) == (True, None, None)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        pytest.param(
            {"func": "os:system"},
            "func",
            "Callable “os:system” is not registered. Choose one of the list, or decorate it with @job.",
            id="unregistered",
        ),
        pytest.param(
            {"func": "tests.project.jobs:fail"},
            "func",
            "Callable “tests.project.jobs:fail” is not registered. Choose one of the list, or decorate it with @job.",
            id="of-an-app-but-unregistered",
        ),
        pytest.param({"func": ""}, "func", "This field is required.", id="none"),
        pytest.param(
            {"args": "[1,"},
            "args",
            "Must be a JSON list, such as [1, 2], got [1,. Expecting value: line 1 column 4 (char 3).",
            id="no-json",
        ),
        pytest.param({"args": '{"a": 1}'}, "args", 'Must be a JSON list, such as [1, 2], got {"a": 1}.', id="no-list"),
        pytest.param(
            {"kwargs": "[1]"}, "kwargs", 'Must be a JSON object, such as {"limit": 100}, got [1].', id="no-object"
        ),
        pytest.param(
            {"args": "[1, 2]"},
            "args",
            "Arguments of 'tests.project.jobs:echo' do not fit its signature (value: object = None) -> object: "
            "takes 1 positional arguments, got 2. Change args and kwargs of the job.",
            id="too-many",
        ),
        pytest.param(
            {"kwargs": '{"valeu": 1}'},
            "kwargs",
            "Arguments of 'tests.project.jobs:echo' do not fit its signature (value: object = None) -> object: "
            "unexpected 'valeu' (did you mean 'value'?). Change args and kwargs of the job.",
            id="misspelt",
        ),
        pytest.param(
            {"func": "tests.project.jobs:nap"},
            "args",
            "Arguments of 'tests.project.jobs:nap' do not fit its signature (seconds: float) -> float: missing 'seconds'. "
            "Change args and kwargs of the job.",
            id="missing",
        ),
        pytest.param(
            {"queue": "two words"},
            "queue",
            "Job option 'queue' must be 1 to 100 letters, digits, '_', '.', ':' or '-', got 'two words'. "
            "Leave it out for 'default'.",
            id="queue",
        ),
        pytest.param(
            {"timeout": "-1"},
            "timeout",
            "Job option 'timeout' must be a positive number of seconds or None, got -1.0. None lets a run take as long as it takes.",
            id="timeout",
        ),
        pytest.param(
            {"max_instances": "0"},
            "max_instances",
            "Job option 'max_instances' must be a positive whole number, got 0. Use 1 to forbid overlaps.",
            id="max-instances",
        ),
        pytest.param(
            {"retry_attempts": "3", "retry_backoff": "0.5"},
            "retry_backoff",
            "Key 'backoff' of job option 'retry' must be a number from 1 to 100, got 0.5. 1 keeps the delay the same.",
            id="factor",
        ),
        pytest.param(
            {"retry_attempts": "3", "retry_on": "not-a-name"},
            "retry_on",
            "Key 'on' of job option 'retry' must be exception classes or their names, got 'not-a-name'. "
            "Write 'TimeoutError' or 'package.module.Error'.",
            id="exception",
        ),
        pytest.param(
            {"retry_delay": "5"},
            "retry_attempts",
            "Say how many attempts there are, or leave the other fields empty.",
            id="delay-of-no-attempt",
        ),
        pytest.param({"overlap": "dance"}, "overlap", "Select a valid choice. dance is not one of the available choices.", id="forged"),
        pytest.param({"id": "x" * 192}, "id", f"Job id '{'x' * 56}... of 192 characters must be a non-empty string of at most 191 "
                     "characters. Choose another id.", id="long-id"),
        pytest.param(
            {"id": "report"}, "id", "There is a job with this id in the job store already. Choose another id.", id="taken"
        ),
        pytest.param(
            {"cron-minute": "75"}, "cron-minute", "Cron field 'minute' must be within 0-59, got '75'.", id="trigger"
        ),
        pytest.param(
            {"type": "date", "date-run_date": "", "date-timezone": "UTC"}, "date-run_date", "This field is required.", id="no-date"
        ),
        pytest.param(
            {"cron-end_date": "2020-01-01T00:00", "id": "late"},
            "cron-__all__",
            "Trigger cron[hour='3', minute='30'] of job 'late' never fires after now. Give it a fire time in the future.",
            id="never-fires",
        ),
        pytest.param(
            {"cron-end_date": "2020-01-01T00:00", "paused": "on"},
            "cron-__all__",
            "The trigger never fires after now. Give it a fire time in the future.",
            id="never-fires-paused",
        ),
        pytest.param(
            {"type": "<b>"}, "cron-__all__", "There is no such type of trigger. Choose one of those above.", id="forged-type"
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_beside_its_field_and_nothing_is_lost(editor, report, given, field, message):
    response = editor.post(ADD, {**NEW, "reason": "because", **given})

    assert response.status_code == 200
    assert errors(response) == {field: [message]}
    assert ScheduledJob.objects.count() == 1
    assert not LogEntry.objects.exists()
    kept = filled(response)
    typed = {**NEW, "reason": "because", **given}
    lost = {name: value for name, value in typed.items() if kept.get(name) != value and name not in ("type", "paused")}
    assert lost == {}
    assert "It is not saved yet." in text_of(response)


def test_everything_that_is_wrong_is_told_at_once(editor):
    response = editor.post(ADD, {**NEW, "func": "os:system", "timeout": "0", "cron-hour": "25"})

    assert sorted(errors(response)) == ["cron-hour", "func", "timeout"]


def test_what_is_posted_is_shown_as_text(editor):
    evil = "<script>alert(1)</script>"

    page = editor.post(
        ADD, {**NEW, "name": evil, "args": evil, "func": evil, "type": evil, "id": evil}
    ).content.decode()

    assert evil not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_fields_of_another_type_are_shown_without_a_script_and_nothing_is_lost(editor):
    response = editor.post(ADD, {**NEW, "type": "interval", "name": "Half done", "func": "", "_type": "1"})

    assert response.context["choice"].kind == "interval"
    assert filled(response)["name"] == "Half done"
    assert filled(response)["cron-hour"] == "3"
    assert "This field is required." not in text_of(response)
    assert not ScheduledJob.objects.exists()


def test_a_preview_is_shown_without_a_script_and_nothing_is_added(editor):
    response = editor.post(ADD, {**NEW, "cron-hour": "2", "func": "", "_preview": "1"})

    assert "at 02:30 every day" in text_of(response)
    assert "02:30 does not exist: runs at 03:00 instead" in text_of(response)
    assert len(response.context["fire_times"]) == 5
    assert not ScheduledJob.objects.exists()


def test_the_script_gets_the_preview_alone(editor):
    page = editor.post(ADD, {**NEW, "cron-hour": "2", "_fragment": "1"}).content.decode()

    assert "<html" not in page
    assert "at 02:30 every day" in page
    assert "02:30 does not exist: runs at 03:00 instead" in page
    assert "echo(value: object = None)" in page
    assert "Return the argument." in page


@pytest.mark.parametrize(("moment", "is_past"), [("2020-01-01T00:00", True), ("2040-01-01T00:00", False)])
def test_the_preview_warns_of_a_date_that_has_passed(editor, moment, is_past):
    given = {**NEW, "type": "date", "date-run_date": moment, "date-timezone": "UTC", "_fragment": "1"}

    assert ("the job would run at once" in editor.post(ADD, given).content.decode()) is is_past


def test_the_preview_says_what_is_wrong_with_the_trigger(editor):
    page = editor.post(ADD, {**NEW, "cron-hour": "25", "_fragment": "1"}).content.decode()

    assert "Cron field &#x27;hour&#x27; must be within 0-23, got &#x27;25&#x27;." in page


# -- like another one -------------------------------------------------------------------------------------------------


def test_a_duplicate_is_filled_from_its_model(editor, report):
    response = editor.get(f"{ADD}?like={report.pk}")
    given = filled(response)

    assert (given["id"], given["name"], given["func"]) == ("report-copy", "Report (copy)", "tests.project.jobs:noop")

    editor.post(ADD, given)

    copy = ScheduledJob.objects.get(job_id="report-copy")
    same = ("func_ref", "args", "kwargs", "trigger", "retry", "timeout", "executor")
    assert {name: getattr(copy, name) for name in same} == {name: getattr(report, name) for name in same}


def test_the_copy_of_a_copy_gets_an_id_that_is_free(editor, report):
    editor.post(ADD, filled(editor.get(f"{ADD}?like={report.pk}")))

    assert filled(editor.get(f"{ADD}?like={report.pk}"))["id"] == "report-copy-2"


def test_a_duplicate_keeps_a_trigger_that_has_no_form(editor):
    either = OrTrigger([CronTrigger(hour=1, timezone="UTC"), IntervalTrigger(days=1, timezone="UTC")])
    job = make_job("either", "Either", either, func_ref="tests.project.jobs:noop")
    given = filled(editor.get(f"{ADD}?like={job.pk}"))

    assert given["type"] == "keep"
    response = editor.post(ADD, given)

    assert response.status_code == 302, errors(response)
    assert read_trigger(ScheduledJob.objects.get(job_id="either-copy")) == either


def test_a_callable_that_is_not_registered_is_not_duplicated(editor):
    job = make_job("odd", "Odd", IntervalTrigger(hours=1, timezone="UTC"), func_ref="os:system")

    response = editor.post(ADD, {**filled(editor.get(f"{ADD}?like={job.pk}")), "func": "os:system"})

    assert list(errors(response)) == ["func"]
    assert ScheduledJob.objects.count() == 1


def test_a_duplicate_knows_how_long_the_runs_of_its_model_take(editor, report):
    for ago in (100, 200, 300):
        make_run(report, ago, took=720)
    given = {
        **filled(editor.get(f"{ADD}?like={report.pk}")),
        "interval-hours": "",
        "interval-minutes": "5",
        "_fragment": "1",
    }

    page = editor.post(ADD, given).content.decode()

    assert (
        "Fire times are as close as 5\xa0min; a run takes 12\xa0min, the middle of the last 3. Runs will overlap."
        in page
    )


def test_a_job_that_was_removed_is_added_again_from_its_event(editor, report):
    get_scheduler().remove_job("report")
    event = JobLogEntry.objects.get(action="removed")
    assert f"{ADD}?event={event.pk}" in editor.get(f"{PAGES}/joblogentry/{event.pk}/change/").content.decode()

    response = editor.post(ADD, filled(editor.get(f"{ADD}?event={event.pk}")))

    assert response.status_code == 302, errors(response)
    again = ScheduledJob.objects.get()
    assert (again.job_id, again.trigger, again.args, again.retry) == (
        "report",
        report.trigger,
        report.args,
        report.retry,
    )


# -- who may ----------------------------------------------------------------------------------------------------------


def test_adding_needs_its_permission(db, registered):
    others = [f"{verb}_scheduledjob" for verb in ("view", "change", "delete", "run", "pause")]
    client = client_of(*others)

    assert client.get(ADD).status_code == 403
    assert client.post(ADD, NEW).status_code == 403
    assert not ScheduledJob.objects.exists()
    assert "add/" not in client.get(f"{PAGES}/scheduledjob/").content.decode()


def test_the_permission_and_that_to_view_are_enough(db, registered):
    client = client_of("view_scheduledjob", "add_scheduledjob")

    assert ADD in client.get(f"{PAGES}/scheduledjob/").content.decode()
    assert client.post(ADD, NEW).status_code == 302
    assert JobRun.objects.count() == 0


def test_a_post_from_elsewhere_is_refused(db, registered):
    client = client_of("view_scheduledjob", "add_scheduledjob")
    client.handler.enforce_csrf_checks = True

    assert client.post(ADD, NEW).status_code == 403
    assert not ScheduledJob.objects.exists()


@pytest.mark.urls("tests.django.test_admin_pages")
def test_on_another_site_everything_stays_on_that_site(editor, report):
    office = "/office/django_apscheduler_ng/scheduledjob/"
    page = editor.get(f"{office}add/?like={report.pk}")
    assert f'action="{office}add/"' in page.content.decode()

    added = editor.post(f"{office}add/", filled(page))
    copy = ScheduledJob.objects.get(job_id="report-copy")
    edited = editor.post(f"{office}{copy.pk}/edit/", {**filled(editor.get(f"{office}{copy.pk}/edit/")), "timeout": "5"})

    assert (added.status_code, added.url) == (302, f"{office}{copy.pk}/change/")
    assert (edited.status_code, edited.url) == (302, f"{office}{copy.pk}/change/")
    assert editor.get(f"{office}{copy.pk}/revisions/").status_code == 403, "the site has no pages of events"
