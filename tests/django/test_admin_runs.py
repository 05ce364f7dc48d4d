"""What people do with runs in the admin: cancel and retry, with the effect, the words, the record, and who may."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from tests.django.admin_kit import PAGES, client_of, told
from tests.shop import make_run as past_run

PERMISSIONS = ("view_jobrun", "cancel_jobrun", "view_scheduledjob", "run_scheduledjob", "view_joblogentry")


@pytest.fixture
def maria(db):
    return client_of(*PERMISSIONS, name="maria")


@pytest.fixture
def job(db):
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report")
    JobLogEntry.objects.all().delete()
    return ScheduledJob.objects.get()


def make_run(job, status, **columns):
    if status in ("pending", "claimed", "running"):
        columns = {"finished_at": None, "started_at": None, **columns}
    return past_run(job, 60, status, **columns)


def address(run, page="change"):
    return f"{PAGES}/jobrun/{run.pk}/{page}/"


def choose(client, action, *runs, **data):
    return client.post(
        f"{PAGES}/jobrun/", {"action": action, "_selected_action": [run.pk for run in runs], "index": "0", **data}
    )


def happened():
    return list(JobLogEntry.objects.order_by("pk").values_list("action", "actor_name", "reason"))


def logged():
    return list(LogEntry.objects.values_list("action_flag", "object_id", "change_message"))


def statuses():
    return list(JobRun.objects.order_by("pk").values_list("status", flat=True))


def buttons(client, run):
    """The buttons on the page of a run, by label."""
    return [str(button["label"]) for button in client.get(address(run)).context["buttons"]]


# -- the buttons of a run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", ["Cancel the run"]),
        ("claimed", ["Cancel the run"]),
        ("running", ["Cancel the run"]),
        *((status, ["Retry"]) for status in ("succeeded", "failed", "timed_out", "cancelled", "abandoned", "missed")),
        ("coalesced", []),
    ],
)
def test_a_run_has_the_buttons_that_make_sense(maria, job, status, expected):
    assert buttons(maria, make_run(job, status)) == expected


def test_a_run_that_is_being_cancelled_says_who_wants_that_and_has_no_button_for_it(maria, job):
    run = make_run(
        job, "running", cancel_requested_at=datetime.now(UTC), cancel_requested_by="ada", cancel_reason="<hangs>"
    )

    page = maria.get(address(run))

    assert page.context["buttons"] == []
    assert "ada wants it to end: &lt;hangs&gt;" in page.content.decode()


@pytest.mark.parametrize(("permission", "left"), [("cancel_jobrun", "failed"), ("run_scheduledjob", "running")])
def test_who_may_not_sees_no_button_and_gets_no_page(job, permission, left):
    client = client_of(*(name for name in PERMISSIONS if name != permission), name="bob")
    ended, live = make_run(job, "failed"), make_run(job, "running")
    page = "cancel" if permission == "cancel_jobrun" else "retry"
    run = live if page == "cancel" else ended

    assert buttons(client, run) == []
    assert client.get(address(run, page)).status_code == 403
    assert client.post(address(run, page), {"reason": ""}).status_code == 403
    assert statuses() == ["failed", "running"]
    assert happened() == []


def test_who_may_only_look_is_offered_no_action(job):
    make_run(job, "running")
    viewer = client_of("view_jobrun", name="bob")

    page = viewer.get(f"{PAGES}/jobrun/")

    assert page.status_code == 200
    assert "cancel_selected" not in page.content.decode()
    assert "<style>" not in page.content.decode()


def test_the_page_that_asks_names_the_run_and_changes_nothing(maria, job):
    run = make_run(job, "running")

    page = maria.get(address(run, "cancel")).content.decode()

    assert "Cancel before the end?" in page
    assert f"run {run.pk}, running" in page
    assert 'name="reason"' in page
    assert f'href="{address(run)}">Back</a>' in page
    assert JobRun.objects.get().cancel_requested_at is None


def test_a_running_run_is_asked_to_end(maria, job):
    run = make_run(job, "running")

    response = maria.post(address(run, "cancel"), {"reason": "the bank is closed"})

    run.refresh_from_db()
    assert (run.status, run.cancel_requested_by, run.cancel_reason) == ("running", "maria", "the bank is closed")
    assert response.url == address(run)
    assert told(response) == ["The end of 1 run is asked for."]
    assert happened() == [("cancellation requested", "maria", "the bank is closed")]
    assert logged() == [(CHANGE, str(run.pk), "Cancelled: the bank is closed")]


def test_a_pending_run_is_cancelled_and_its_page_says_by_whom(maria, job):
    run = make_run(job, "pending")

    maria.post(address(run, "cancel"), {"reason": "not today"})

    page = maria.get(address(run)).content.decode()
    assert statuses() == ["cancelled"]
    assert "It was cancelled before it began" in page
    assert "maria (not today)" in page


def test_a_run_that_ended_meanwhile_is_said_to_have_ended(maria, job):
    run = make_run(job, "succeeded")

    response = maria.post(address(run, "cancel"), {"reason": ""})

    assert told(response) == ["1 run has ended, or is being cancelled already."]
    assert statuses() == ["succeeded"]
    assert logged() == []


def test_a_failed_run_is_tried_again(maria, job):
    run = make_run(job, "failed")

    response = maria.post(address(run, "retry"), {})

    attempt = JobRun.objects.exclude(pk=run.pk).get()
    assert (attempt.status, attempt.attempt, attempt.requested_by) == ("pending", 2, "maria")
    assert response.url == address(attempt)
    assert told(response) == [f'This further attempt of <a href="{address(run)}">run {run.pk}</a> is asked for.']
    assert happened() == [("retry requested", "maria", "")]
    assert logged() == [(CHANGE, str(run.pk), "Retried.")]


def test_a_run_that_was_tried_again_names_the_attempt(maria, job):
    run = make_run(job, "failed")
    attempt = get_scheduler().retry_run(run.pk)

    response = maria.post(address(run, "retry"), {})

    assert response.url == address(run)
    assert told(response) == [
        f"Run {run.pk} of “Report”: Run {run.pk} of job 'report' was tried again already: "
        f"run {attempt} is attempt 2, and pending. Retry run {attempt}."
    ]


@pytest.mark.parametrize("page", ["cancel", "retry"])
def test_nothing_is_done_without_a_token(job, page):
    run = make_run(job, "running" if page == "cancel" else "failed")
    maria = client_of(*PERMISSIONS, name="maria")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = maria.cookies

    assert strict.post(address(run, page), {"reason": ""}).status_code == 403
    assert happened() == []


@pytest.mark.parametrize("page", ["cancel", "retry"])
def test_a_run_that_is_gone_leads_to_the_list(maria, job, page):
    response = maria.post(f"{PAGES}/jobrun/4711/{page}/", {"reason": ""})

    assert response.url == f"{PAGES}/jobrun/"


def test_the_page_of_a_run_that_timed_out_shows_the_limit_and_where_it_was(maria, job):
    run = make_run(
        job,
        "timed_out",
        timeout=5,
        exception_type="TimeoutError",
        exception_message="The run took longer than its timeout of 5 s.",
        traceback="Where it was (most recent call last):\n",
    )

    page = maria.get(address(run)).content.decode()

    assert "<strong>TimeoutError</strong>: The run took longer than its timeout of 5 s." in page
    assert "Where it was (most recent call last):" in page
    assert "<dt>Timeout</dt><dd>5 s</dd>" in page


def test_the_page_of_a_cancelled_run_does_not_speak_of_an_exception(maria, job):
    run = make_run(job, "cancelled", exception_message="The run was cancelled by ada.")

    page = maria.get(address(run)).content.decode()

    assert "<h2>Cancelled</h2>" in page
    assert '<p class="apsng-exception">The run was cancelled by ada.</p>' in page
    assert "<h2>Exception</h2>" not in page


# -- actions of the list --------------------------------------------------------------------------------------------------


def test_selected_runs_are_cancelled_with_one_reason_and_counted(maria, job):
    pending, running, ended = (make_run(job, status) for status in ("pending", "running", "failed"))

    asked = choose(maria, "cancel_selected", pending, running, ended)
    page = asked.content.decode()
    response = choose(maria, "cancel_selected", pending, running, ended, confirmed="yes", reason="stop it all")

    assert f"run {pending.pk}, pending" in page
    assert f"run {ended.pk}, failed" not in page
    assert "1 other run stays as it is." in page
    assert statuses() == ["cancelled", "running", "failed"]
    assert told(response) == [
        "The end of 2 runs is asked for.",
        "1 run has ended, or is being cancelled already.",
    ]
    assert happened() == [
        ("cancellation requested", "maria", "stop it all"),
        ("run cancelled", "maria", "stop it all"),
    ]


def test_selected_runs_are_retried_and_counted(maria, job):
    failed, missed, running = (make_run(job, status) for status in ("failed", "missed", "running"))

    response = choose(maria, "retry_selected", failed, missed, running, confirmed="yes")

    assert statuses() == ["failed", "missed", "running", "pending", "pending"]
    assert told(response) == [
        "2 further attempts are asked for.",
        "1 run has not ended, or stands for fire times that got no run.",
    ]


def test_who_may_not_cannot_choose_the_action_either(job):
    run = make_run(job, "running")
    client = client_of("view_jobrun", "run_scheduledjob", name="bob")

    choose(client, "cancel_selected", run, confirmed="yes", reason="")

    assert JobRun.objects.get().cancel_requested_at is None
