"""What people do with jobs in the admin: the effect, the words, the record, and who may."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.test import Client, RequestFactory

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.admin import JobAdmin
from django_apscheduler_ng.admin.verbs import VERBS
from django_apscheduler_ng.models import JobLogEntry, JobRun, Origin, ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, choose, client_of, told
from tests.shop import make_job, make_run

PAUSED = {"paused": True, "next_run_time": None}
FINISHED = {"finished_at": datetime(2026, 1, 1, tzinfo=UTC)}
EVERYTHING = ("view", "change", "delete", "run", "pause")


@pytest.fixture
def maria(db):
    return client_of(*(f"{verb}_scheduledjob" for verb in EVERYTHING), "view_jobrun", name="maria")


@pytest.fixture
def job(db):
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report")
    JobLogEntry.objects.all().delete()
    return ScheduledJob.objects.get()


def again(job):
    return ScheduledJob.objects.get(pk=job.pk)


def happened():
    """The events, as (what, by whom, why)."""
    return list(JobLogEntry.objects.values_list("action", "actor_name", "reason"))


def logged():
    """Django's own log of the admin, as (flag, object, message)."""
    return list(LogEntry.objects.values_list("action_flag", "object_repr", "change_message"))


# -- the buttons of a job ---------------------------------------------------------------------------------------------


def test_a_job_is_paused_with_a_reason(maria, job):
    response = maria.post(address(job, "pause"), {"reason": "the bank is closed"})

    paused = again(job)
    assert (paused.paused, paused.pause_reason, paused.paused_by) == (True, "the bank is closed", "maria")
    assert paused.next_run_time is None
    assert response.url == address(job)
    assert told(response) == ["1 job is paused."]
    assert happened() == [("paused", "maria", "the bank is closed")]
    assert logged() == [(CHANGE, "Report", "Paused: the bank is closed")]


def test_pausing_touches_nothing_but_the_pause(maria, job):
    kept = ("trigger", "func_ref", "args", "kwargs", "executor", "claimed_through", "origin", "name")

    maria.post(address(job, "pause"), {"reason": ""})

    assert {name: getattr(again(job), name) for name in kept} == {name: getattr(job, name) for name in kept}


def test_a_job_is_resumed(maria, job):
    get_scheduler().pause_job("report", reason="a while")

    response = maria.post(address(job, "resume"), {})

    resumed = again(job)
    assert (resumed.paused, resumed.pause_reason) == (False, "")
    assert resumed.next_run_time > datetime.now(UTC)
    assert told(response) == ["1 job is resumed."]
    assert happened()[-1] == ("resumed", "maria", "")
    assert logged() == [(CHANGE, "Report", "Resumed.")]


def test_a_job_whose_schedule_ended_while_it_was_paused_is_removed_when_it_is_resumed(maria, db):
    trigger = DateTrigger("2020-01-01 00:00", timezone="UTC")
    job = make_job("once", "Once", trigger, paused=True, next_run_time=None, next_fire_time=None)

    response = maria.post(address(job, "resume"), {}, follow=True)

    assert not ScheduledJob.objects.exists()
    assert "“Once” had no further fire time and was removed." in response.content.decode()
    assert response.redirect_chain == [(f"{PAGES}/scheduledjob/", 302)]


def test_a_run_is_asked_for_and_not_performed(maria, job):
    response = maria.post(address(job, "run"), {})

    run = JobRun.objects.get()
    assert (run.status, run.origin, run.requested_by, run.job_key) == (RunStatus.PENDING, "manual", "maria", job.pk)
    assert again(job).next_run_time == job.next_run_time
    assert told(response) == [f'<a href="{PAGES}/jobrun/{run.pk}/change/">Run {run.pk}</a> of “Report” is asked for.']
    assert happened() == [("run requested", "maria", "")]
    assert logged() == [(CHANGE, "Report", "Run now.")]


@pytest.mark.parametrize("page", ["remove", "delete"])
def test_a_job_is_removed_and_its_history_stays(maria, job, page):
    make_run(job, 60)

    response = maria.post(address(job, page), {"reason": "replaced"})

    assert not ScheduledJob.objects.exists()
    assert JobRun.objects.count() == 1
    assert response.url == f"{PAGES}/scheduledjob/"
    assert told(response) == ["1 job is removed."]
    assert happened() == [("removed", "maria", "replaced")]
    assert [(flag, name) for flag, name, _ in logged()] == [(DELETION, "Report")]


def test_the_row_of_a_finished_job_is_removed_with_a_record(maria, job):
    ScheduledJob.objects.update(finished_at=datetime.now(UTC), next_run_time=None)

    response = maria.post(address(job, "remove"), {"reason": "done with"})

    assert not ScheduledJob.objects.exists()
    assert told(response) == ["1 job is removed."]
    assert happened() == [("removed", "maria", "done with")]


@pytest.mark.parametrize(
    ("page", "columns", "message"),
    [
        pytest.param("pause", PAUSED, "1 job was paused or finished already.", id="pause-twice"),
        pytest.param("pause", FINISHED, "1 job was paused or finished already.", id="pause-finished"),
        pytest.param("resume", {}, "1 job was not paused.", id="resume-unpaused"),
        pytest.param("run", FINISHED, "1 job has finished and cannot run.", id="run-finished"),
    ],
)
def test_what_changes_nothing_is_not_recorded(maria, job, page, columns, message):
    ScheduledJob.objects.update(**columns)

    response = maria.post(address(job, page), {"reason": "again"})

    assert told(response) == [message]
    assert (happened(), logged(), JobRun.objects.count()) == ([], [], 0)


def test_a_job_of_a_store_that_is_not_configured_stays_as_it_is(maria, job):
    ScheduledJob.objects.update(namespace="elsewhere")

    response = maria.post(address(job, "pause"), {})

    assert told(response) == [
        "Job “Report”: No job store keeps its jobs under 'elsewhere'; there are: 'default'. "
        "Add it to APSCHEDULER['jobstores'] in the settings of this process."
    ]
    assert not again(job).paused
    assert logged() == []


def test_a_job_whose_trigger_cannot_be_read_can_be_paused_and_removed_but_not_resumed(maria, db):
    job = make_job("odd", "Odd", "{not json", planned_trigger="")

    maria.post(address(job, "pause"), {})
    response = maria.post(address(job, "resume"), {})

    message = told(response)[-1]
    assert message.startswith("Job “Odd”: Cannot read the stored text '{not json': ")
    assert again(job).paused
    maria.post(address(job, "remove"), {})
    assert not ScheduledJob.objects.exists()


def test_a_job_that_is_gone_meanwhile_is_no_error(maria, job):
    job.delete()

    response = maria.post(address(ScheduledJob(pk=12345), "pause"), {}, follow=True)

    assert response.status_code == 200
    assert "There is no job with the key “12345”." in response.content.decode()


@pytest.mark.parametrize("page", [*(verb.name for verb in VERBS), "delete", "reschedule"])
def test_opening_a_page_changes_nothing(maria, job, page):
    before = ScheduledJob.objects.values().get()

    for method in (maria.get, maria.head):
        assert method(address(job, page)).status_code == 200

    assert ScheduledJob.objects.values().get() == before
    assert (JobRun.objects.count(), happened(), logged()) == (0, [], [])


@pytest.mark.parametrize("page", [*(verb.name for verb in VERBS), "delete", "reschedule"])
def test_a_post_without_the_token_is_refused(job, page):
    get_user_model().objects.create_superuser("root", password="secret")
    client = Client(enforce_csrf_checks=True)
    client.login(username="root", password="secret")

    assert client.post(address(job, page), {"type": "interval", "hours": 2, "timezone": "UTC"}).status_code == 403
    assert ScheduledJob.objects.values().get()["revision"] == job.revision
    assert JobRun.objects.count() == 0


def test_an_error_of_the_database_is_not_taken_for_a_refusal(maria, job, monkeypatch):
    def fails(*args, **kwargs):
        raise OperationalError("gone away")

    monkeypatch.setattr("django_apscheduler_ng.bootstrap.RequestScheduler.pause_job", fails)

    with pytest.raises(OperationalError, match=r"^gone away$"):
        maria.post(address(job, "pause"), {})


# -- actions on several jobs ------------------------------------------------------------------------------------------


@pytest.fixture
def three(db):
    return [make_job(f"job.{number}", f"Job {number}", IntervalTrigger(hours=1)) for number in range(3)]


def test_selected_jobs_are_paused_with_one_reason(maria, three):
    asked = choose(maria, "pause_selected", *three[:2])

    assert asked.status_code == 200
    assert "Pause until somebody resumes?" in asked.content.decode()
    assert not ScheduledJob.objects.filter(paused=True).exists()

    done = choose(maria, "pause_selected", *three[:2], confirmed="yes", reason="moving house")

    assert told(done) == ["2 jobs are paused."]
    assert set(ScheduledJob.objects.filter(paused=True).values_list("pause_reason", flat=True)) == {"moving house"}
    assert happened() == [("paused", "maria", "moving house")] * 2
    assert sorted(logged()) == [(CHANGE, "Job 0", "Paused: moving house"), (CHANGE, "Job 1", "Paused: moving house")]


def test_the_page_that_asks_posts_the_same_selection_again(maria, three):
    asked = choose(maria, "pause_selected", *three[:2]).content.decode()

    for job in three[:2]:
        assert f'name="_selected_action" value="{job.pk}"' in asked
    assert f'name="_selected_action" value="{three[2].pk}"' not in asked
    assert '<input type="hidden" name="action" value="pause_selected">' in asked


def test_all_jobs_that_match_a_filter_are_paused(maria, three):
    ScheduledJob.objects.filter(pk=three[2].pk).update(executor="processpool")

    response = maria.post(
        f"{PAGES}/scheduledjob/?executor=default",
        {
            "action": "pause_selected",
            "select_across": "1",
            "_selected_action": [three[0].pk],
            "confirmed": "yes",
            "index": "0",
        },
    )

    assert told(response) == ["2 jobs are paused."]
    assert set(ScheduledJob.objects.filter(paused=True)) == set(three[:2])


def test_selected_jobs_are_resumed(maria, three):
    ScheduledJob.objects.filter(pk__in=[three[0].pk, three[1].pk]).update(paused=True, next_run_time=None)

    response = choose(maria, "resume_selected", *three, confirmed="yes")

    assert told(response) == ["2 jobs are resumed.", "1 job was not paused."]
    assert not ScheduledJob.objects.filter(paused=True).exists()


def test_selected_jobs_are_run_now(maria, three):
    response = choose(maria, "run_selected", *three, confirmed="yes")

    assert told(response) == ["3 runs are asked for."]
    assert JobRun.objects.filter(status=RunStatus.PENDING, requested_by="maria").count() == 3


def test_selected_jobs_are_removed_after_a_question(maria, three):
    ScheduledJob.objects.filter(pk=three[0].pk).update(declared="{}", origin=Origin.CODE)

    asked = choose(maria, "delete_selected", *three).content.decode()

    assert ScheduledJob.objects.count() == 3
    assert "1 of these jobs is declared in code and comes back when a scheduler starts." in asked
    assert told(choose(maria, "delete_selected", *three, confirmed="yes")) == ["3 jobs are removed."]
    assert not ScheduledJob.objects.exists()


def test_one_job_that_refuses_stops_no_other(maria, three):
    ScheduledJob.objects.filter(pk=three[1].pk).update(namespace="elsewhere")

    response = choose(maria, "pause_selected", *three, confirmed="yes")

    first, second = told(response)
    assert first == "2 jobs are paused."
    assert second.startswith("Job “Job 1”: No job store keeps its jobs under 'elsewhere'")


def test_one_click_changes_a_bounded_number_of_jobs(maria, three, monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.admin.acting.MOST_ROWS", 2)

    response = choose(maria, "pause_selected", *three, confirmed="yes")

    assert told(response) == [
        "2 jobs are paused.",
        "Only the first 2 jobs were looked at. Repeat the action for the others.",
    ]
    assert ScheduledJob.objects.filter(paused=True).count() == 2


def test_django_s_own_deletion_goes_through_the_scheduler_too(three, rf):
    from django.contrib import admin
    from django.contrib.messages.storage.fallback import FallbackStorage

    request = rf.post("/")
    request.user = get_user_model().objects.create_superuser("root")
    request.session = {}
    request._messages = FallbackStorage(request)
    job_admin = JobAdmin(ScheduledJob, admin.site)

    job_admin.delete_model(request, three[0])
    job_admin.delete_queryset(request, ScheduledJob.objects.all())

    assert not ScheduledJob.objects.exists()
    assert happened() == [("removed", "root", "")] * 3


def test_the_action_takes_the_place_of_django_s_own_deletion(maria):
    shown = maria.get(f"{PAGES}/scheduledjob/").content.decode()

    assert re.findall(r'<option value="(\w+)">', shown.split('name="action"')[1].split("</select>")[0]) == [
        "pause_selected",
        "resume_selected",
        "run_selected",
        "delete_selected",
    ]


# -- who may ------------------------------------------------------------------------------------------------------------

ACTIONS = {
    "pause": ("pause", "pause_selected"),
    "resume": ("pause", "resume_selected"),
    "run": ("run", "run_selected"),
    "remove": ("delete", "delete_selected"),
    "delete": ("delete", None),
    "reschedule": ("change", None),
}


def state_of_everything():
    return list(ScheduledJob.objects.order_by("pk").values()), JobRun.objects.count(), happened(), logged()


@pytest.mark.parametrize("page", ACTIONS)
def test_all_other_permissions_together_do_not_allow_it(db, page):
    needed, action = ACTIONS[page]
    paused = page == "resume"
    job = make_job("one", "One", IntervalTrigger(hours=1), paused=paused)
    client = client_of(*(f"{verb}_scheduledjob" for verb in EVERYTHING if verb != needed))
    before = state_of_everything()

    for answer in (
        client.get(address(job, page)),
        client.post(address(job, page), {"type": "interval", "hours": "3", "timezone": "UTC"}),
    ):
        assert answer.status_code == 403
    if action:
        choose(client, action, job, confirmed="yes")

    assert state_of_everything() == before
    shown = client.get(address(job)).content.decode()
    assert f"/{page}/" not in shown
    if action:
        assert f'value="{action}"' not in client.get(f"{PAGES}/scheduledjob/").content.decode()


@pytest.mark.parametrize("page", ACTIONS)
def test_the_one_permission_allows_it(db, page):
    needed, _ = ACTIONS[page]
    job = make_job("one", "One", IntervalTrigger(hours=1), paused=page == "resume")
    client = client_of("view_scheduledjob", f"{needed}_scheduledjob")
    before = state_of_everything()

    offered = client.get(address(job)).content.decode()
    answer = client.post(address(job, page), {"type": "interval", "hours": "3", "timezone": "UTC"})

    assert f"/{'remove' if page == 'delete' else page}/" in offered
    assert answer.status_code == 302
    assert state_of_everything() != before


@pytest.mark.parametrize("page", ACTIONS)
def test_a_verb_needs_the_permission_to_view_as_well(db, page):
    job = make_job("one", "One", IntervalTrigger(hours=1))
    client = client_of(*(f"{verb}_scheduledjob" for verb in ("run", "pause", "delete")))

    assert client.post(address(job, page), {}).status_code == 403


@pytest.mark.parametrize("page", [*ACTIONS, "change"])
def test_strangers_are_sent_to_the_login(client, db, page):
    job = make_job("one", "One", IntervalTrigger(hours=1))

    response = client.post(address(job, page), {})

    assert response.url.startswith("/admin/login/")


def test_a_view_that_is_called_past_its_address_checks_as_well(three):
    from django.contrib import admin

    request = RequestFactory().post("/")
    request.user = get_user_model().objects.create_user("nobody", is_staff=True)

    with pytest.raises(PermissionDenied):
        JobAdmin(ScheduledJob, admin.site).verb_view(VERBS[0], request, str(three[0].pk))
