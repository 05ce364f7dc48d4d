"""Forged posts, rights taken away and jobs removed meanwhile, and what jobs produce: nothing changes, leaks or gets lost."""

from __future__ import annotations

import json
import re
import time

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of
from tests.django.edit_kit import ADD, EVERYTHING, HISTORY, errors, filled, text_of
from tests.shop import make_event, make_job, make_node, make_run

MODELS = {"scheduledjob": ScheduledJob, "jobrun": JobRun, "joblogentry": JobLogEntry, "schedulernode": SchedulerNode}
VERBS = ("run", "pause", "resume", "repoint", "remove", "delete")
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(1)</script></textarea></title>'&"


@pytest.fixture
def root(db, registered):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="secret"))
    return client


@pytest.fixture
def rows(report):
    """A job with a run that ended, one that runs, an event and a node."""
    make_node()
    return {
        "job": report,
        "ended": make_run(report, 60, RunStatus.FAILED),
        "running": make_run(report, 30, RunStatus.RUNNING, finished_at=None),
        "event": make_event(report, "modified", 5, before='{"priority": "low"}', after='{"priority": "normal"}'),
    }


def stored():
    """Everything that a person could change, Django's own log included."""
    return [list(model.objects.order_by("pk").values()) for model in (*MODELS.values(), LogEntry)]


def verb_pages(rows):
    """The address of every page that does something when it is posted, with what it takes."""
    job, event = rows["job"], rows["event"]
    yield from ((address(job, verb), {"reason": "r"}) for verb in VERBS)
    yield address(job, "run"), {"args": "[]", "kwargs": "{}", "reason": "r"}
    yield address(job, "reschedule"), {"type": "interval", "hours": "7", "timezone": "UTC", "reason": "r"}
    yield address(job, "edit"), {"reason": "r", "name": "Other"}
    yield f"{address(job, 'revert')}{event.pk}/", {"reason": "r"}
    yield ADD, {"func": "tests.project.jobs:noop", "type": "interval", "interval-hours": "1", "id": "new"}
    yield f"{PAGES}/jobrun/{rows['running'].pk}/cancel/", {"reason": "r"}
    yield f"{PAGES}/jobrun/{rows['ended'].pk}/retry/", {"reason": "r"}
    for action in ("pause_selected", "resume_selected", "run_selected", "delete_selected"):
        data = {"action": action, "_selected_action": [job.pk], "confirmed": "yes", "index": "0"}
        yield f"{PAGES}/scheduledjob/", data
    for action in ("cancel_selected", "retry_selected"):
        keys = [rows["running"].pk, rows["ended"].pk]
        yield f"{PAGES}/jobrun/", {"action": action, "_selected_action": keys, "confirmed": "yes", "index": "0"}


# -- forged posts -----------------------------------------------------------------------------------------------------


def test_what_would_be_posted_does_nothing_in_an_address(root, rows):
    before = stored()

    for where, data in verb_pages(rows):
        for method in (root.get, root.head, root.options):
            assert method(where, data).status_code < 500, where

    assert stored() == before


@pytest.mark.parametrize("token", [None, "x" * 32, "y" * 64])
def test_without_the_token_of_this_session_nothing_is_done(db, registered, rows, token):
    client = Client(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.create_superuser("root"))
    client.cookies["csrftoken"] = "z" * 32
    before = stored()

    for where, data in verb_pages(rows):
        given = data if token is None else {**data, "csrfmiddlewaretoken": token}
        assert client.post(where, given).status_code == 403, where

    assert stored() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_change_nothing(root, rows, method):
    before = stored()

    for where, _data in verb_pages(rows):
        assert getattr(root, method)(where).status_code < 500, where

    assert stored() == before


@pytest.mark.parametrize("model", ["jobrun", "joblogentry", "schedulernode"])
@pytest.mark.parametrize("query", ["", "?_to_field=", "?_to_field=id", "?_popup=1", "?_to_field=log"])
def test_django_s_own_pages_do_nothing_with_history(root, rows, model, query):
    before = stored()
    key = MODELS[model].objects.values_list("pk", flat=True).last()

    for page in ("add", f"{key}/delete", f"{key}/change"):
        response = root.post(
            f"{PAGES}/{model}/{page}/{query}", {"post": "yes", "status": "succeeded", "reason": "forged"}
        )
        assert response.status_code in (400, 403, 405), page
    for action in ("delete_selected", "delete_queryset", "__init__", "pause_selected", "", "\0"):
        data = {"action": action, "_selected_action": [key], "post": "yes", "confirmed": "yes", "index": "0"}
        assert root.post(f"{PAGES}/{model}/{query}", data).status_code < 500

    assert stored() == before


@pytest.mark.parametrize("key", ["", "x", "-1", "1.5", "\0", "9" * 40, "1,2", HOSTILE])
@pytest.mark.parametrize(("model", "action"), [("scheduledjob", "pause_selected"), ("jobrun", "cancel_selected")])
def test_a_selection_of_no_keys_changes_nothing(root, rows, model, action, key):
    before = stored()

    response = root.post(
        f"{PAGES}/{model}/", {"action": action, "_selected_action": [key], "confirmed": "yes", "index": "0"}
    )

    assert response.status_code in (200, 302, 400)
    assert stored() == before


@pytest.mark.parametrize("index", ["x", "-1", "7", "9" * 30, "\0"])
def test_a_forged_index_of_an_action_is_no_error(root, rows, index):
    before = stored()
    data = {"action": "nothing", "_selected_action": [rows["job"].pk], "index": index}

    assert root.post(f"{PAGES}/scheduledjob/", data).status_code < 500
    assert stored() == before


def test_jobs_of_a_store_that_this_site_does_not_know_stay_as_they_are(root, rows):
    ScheduledJob.objects.update(namespace="elsewhere")
    JobRun.objects.update(namespace="elsewhere")
    before = stored()

    for where, data in verb_pages(rows):
        if where != ADD:
            assert root.post(where, data).status_code in (200, 302), where

    assert stored() == before


FORGED = {
    "namespace": "elsewhere", "origin": "code", "declared": "{}", "revision": "99", "planned_trigger": "{}", "pk": "7", "id": "forged",
    "next_run_time": "2020-01-01T00:00:00Z", "paused": "on", "paused_by": "somebody", "broken_reason": "x", "environment": "x",
    "finished_at": "2020-01-01T00:00:00Z", "trigger": "{}", "func_ref": "os:system", "jobstore": "elsewhere", "job_id": "forged",
}  # fmt: skip


def test_fields_that_the_form_does_not_have_are_not_taken(editor, report):
    page = address(report, "edit")
    before = ScheduledJob.objects.values().get()

    response = editor.post(page, {**filled(editor.get(page)), **FORGED, "timeout": "5"})

    after = ScheduledJob.objects.values().get()
    changed = {name for name, value in after.items() if value != before[name]}
    assert response.status_code == 302, errors(response)
    assert changed <= {"timeout", "updated_at", "revision"}
    assert after["timeout"] == 5


@pytest.mark.parametrize("field", ["executor", "jobstore", "priority", "overlap", "on_abandoned", "func", "type"])
def test_a_choice_that_was_not_offered_is_refused(editor, report, field):
    new = {"func": "tests.project.jobs:noop", "type": "interval", "interval-hours": "1", "interval-timezone": "UTC"}
    given = {**filled(editor.get(ADD)), **new, field: "forged"}

    response = editor.post(ADD, given)

    if field == "jobstore":  # there is one only, and so no field
        assert response.status_code == 302
        assert ScheduledJob.objects.filter(namespace="default").count() == 2
    else:
        assert response.status_code == 200
        assert ScheduledJob.objects.count() == 1


BAD_JSON = [
    pytest.param("[" * 100_000 + "]" * 100_000, id="nested-too-deeply"),
    pytest.param("[" * 100_000, id="unfinished"),
    pytest.param("[NaN]", id="nan"),
    pytest.param("[Infinity]", id="infinite"),
    pytest.param("[" + "9" * 5000 + "]", id="more-digits-than-python-reads"),
    pytest.param('[{"$type": "os.system"}]', id="unknown-type"),
]


@pytest.mark.parametrize("text", BAD_JSON)
@pytest.mark.parametrize("page", ["add", "edit", "run"])
def test_json_that_cannot_be_read_is_said_at_its_field_and_stays(editor, report, page, text):
    where = ADD if page == "add" else address(report, page)
    new = {"func": "tests.project.jobs:echo", "type": "interval", "interval-hours": "1"} if page == "add" else {}
    base = {"reason": "why"} if page == "run" else filled(editor.get(where))
    before = stored()

    response = editor.post(where, {**base, **new, "args": text, "kwargs": "{}", "reason": "why"})

    assert stored() == before
    assert response.status_code == 200
    assert response.context["form"].errors["args"]
    assert response.context["form"]["args"].value() == text
    assert response.context["form"]["reason"].value() == "why"


def test_a_post_of_ten_megabytes_is_refused_by_django_and_changes_nothing(editor, report):
    before = stored()

    response = editor.post(
        address(report, "edit"), {**filled(editor.get(address(report, "edit"))), "args": "1" * 10_000_000}
    )

    assert response.status_code == 400
    assert stored() == before


@pytest.mark.parametrize(
    "body",
    [
        b"reason=%ff%fe%80",
        b"reason=%00",
        b"\xff\xfe\x80",
        b"reason=" + b"x" * 501,
        b"&&&===;;;",
        b"reason[]=1&reason=%ud800",
    ],
)
def test_a_body_of_rubbish_is_no_error(root, rows, body):
    for where, _data in verb_pages(rows):
        response = root.post(where, body, content_type="application/x-www-form-urlencoded")
        assert response.status_code < 500, where
        assert root.post(where, body, content_type="application/json").status_code < 500, where
        broken = root.post(
            where, body, content_type="multipart/form-data; boundary=\xff".encode("latin-1").decode("latin-1")
        )
        assert broken.status_code < 500, where


def test_a_reason_that_is_too_long_does_nothing_and_stays(root, rows):
    before = stored()

    for where in (
        address(rows["job"], "pause"),
        address(rows["job"], "remove"),
        f"{PAGES}/jobrun/{rows['running'].pk}/cancel/",
    ):
        response = root.post(where, {"reason": "y" * 501})
        assert response.status_code == 200
        assert "y" * 501 in response.content.decode()

    assert stored() == before


@pytest.mark.parametrize("extra", [{}, {"_preview": "1"}])
def test_a_trigger_that_never_fires_is_not_given_to_a_job_and_stays_in_the_form(editor, report, extra):
    page = address(report, "edit")
    before = stored()

    response = editor.post(page, {**filled(editor.get(page)), "interval-end_date": "2020-01-01T00:00", **extra})

    assert stored() == before
    assert filled(response)["interval-end_date"] == "2020-01-01T00:00"
    assert "never fires" in text_of(response) or "There is no further fire time." in text_of(response)


# -- a right taken away -----------------------------------------------------------------------------------------------

RIGHTS = (*EVERYTHING, *HISTORY, "cancel_jobrun")


def lose(user, how):
    if how == "rights":
        user.user_permissions.clear()
    elif how == "one-right":
        user.user_permissions.set(user.user_permissions.filter(codename__startswith="view_"))
    else:
        setattr(user, {"inactive": "is_active", "no-staff": "is_staff"}[how], False)
        user.save()


@pytest.mark.parametrize("how", ["rights", "one-right", "inactive", "no-staff", "logged-out"])
def test_what_is_posted_after_a_right_is_taken_away_is_refused_and_tells_nothing(report, rows, how):
    client = client_of(*RIGHTS, name="maria")
    forms = {address(report, "edit"): filled(client.get(address(report, "edit")))}
    if how == "logged-out":
        client.post("/admin/logout/")
    else:
        lose(get_user_model().objects.get(), how)
    before = stored()

    for where, data in verb_pages(rows):
        response = client.post(where, {**forms.get(where, {}), **data})
        if (where == f"{PAGES}/scheduledjob/" and how == "one-right") or (
            where == f"{PAGES}/jobrun/" and how == "one-right"
        ):
            assert response.status_code in (200, 302)  # the list, which may still be seen
        elif how in ("rights", "one-right"):
            assert response.status_code == 403, where
        else:
            assert response.url.startswith("/admin/login/"), where
        if response.status_code == 403:
            assert "Report" not in response.content.decode()

    assert stored() == before


# -- removed, or changed, under one's feet ----------------------------------------------------------------------------


def remove(report, reason="nobody needs it"):
    from django_apscheduler_ng.actors import acting

    with acting(name="bob", reason=reason):
        get_scheduler().remove_job(report.job_id)


JOB_PAGES = (
    "change",
    "edit",
    "run",
    "pause",
    "resume",
    "repoint",
    "remove",
    "delete",
    "reschedule",
    "revisions",
    "history",
)


@pytest.mark.parametrize("page", JOB_PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_of_a_job_that_was_removed_meanwhile_every_page_says_by_whom(editor, report, rows, page, method):
    remove(report)
    before = [list(model.objects.order_by("pk").values()) for model in MODELS.values()]

    response = getattr(editor, method)(address(report, page), follow=True)

    assert response.status_code == (405 if (method, page) == ("post", "change") else 200)
    assert [list(model.objects.order_by("pk").values()) for model in MODELS.values()] == before
    text = text_of(response)
    if response.status_code == 200:
        assert "“Report” is not there any more. bob removed the job." in text
        assert f'href="{PAGES}/joblogentry/?job={report.pk}"' in response.content.decode()
        assert "bob removed the job" in text_of(editor.get(f"{PAGES}/joblogentry/?job={report.pk}"))


def test_the_revert_page_of_a_job_that_was_removed_says_by_whom(editor, report, rows):
    remove(report)

    for method in (editor.get, editor.post):
        response = method(f"{PAGES}/scheduledjob/{report.pk}/revert/{rows['event'].pk}/", follow=True)
        assert "bob removed the job." in text_of(response)


def test_duplicating_a_job_that_was_removed_says_by_whom(editor, report):
    remove(report)

    response = editor.get(f"{ADD}?like={report.pk}")

    assert response.status_code == 200
    assert "“Report” is not there any more. bob removed the job." in text_of(response)


def test_who_may_not_see_events_is_told_only_that_it_is_gone(report):
    remove(report)

    response = client_of(*EVERYTHING, name="maria").get(address(report), follow=True)

    assert f"There is no job with the key “{report.pk}”. It may have been removed." in text_of(response)
    assert "bob" not in text_of(response)


@pytest.mark.parametrize("page", ["cancel", "retry", "change", "history"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_run_that_is_gone_leads_to_the_list(root, rows, page, method):
    key = rows["running"].pk
    JobRun.objects.all().delete()

    response = getattr(root, method)(f"{PAGES}/jobrun/{key}/{page}/", follow=True)

    assert response.status_code in (200, 405)


def test_a_run_and_an_event_outlive_their_job_on_every_page(root, report, rows):
    remove(report)

    for where in (
        f"jobrun/{rows['ended'].pk}/change/",
        f"joblogentry/{rows['event'].pk}/change/",
        "scheduledjob/dashboard/",
        "jobrun/",
    ):
        assert root.get(f"{PAGES}/{where}").status_code == 200
    response = root.post(f"{PAGES}/jobrun/{rows['ended'].pk}/retry/", {"reason": ""}, follow=True)
    assert response.status_code == 200
    assert text_of(response)


def test_rescheduling_takes_the_job_as_it_is_then(editor, report):
    get_scheduler().pause_job("report", reason="meanwhile")

    editor.post(address(report, "reschedule"), {"type": "interval", "hours": "7", "timezone": "UTC", "reason": "r"})

    changed = ScheduledJob.objects.get()
    assert (changed.paused, changed.pause_reason, changed.next_run_time) == (True, "meanwhile", None)


# -- what jobs produce ------------------------------------------------------------------------------------------------


def every_page(client):
    """Every page that one gets to by links from the dashboard and the lists, once each."""
    waiting = [f"{PAGES}/", "/admin/", f"{PAGES}/scheduledjob/dashboard/"] + [f"{PAGES}/{model}/" for model in MODELS]
    seen = set(waiting)
    while waiting:
        where = waiting.pop()
        response = client.get(where)
        if response.status_code == 200 and "text/html" in response["Content-Type"]:
            text = response.content.decode()
            yield where, text
            for link in re.findall(r'href="(/admin/django_apscheduler_ng/[^"#]*)"', text):
                plain = link.replace("&amp;", "&")
                if plain not in seen and len(seen) < 250:
                    seen.add(plain)
                    waiting.append(plain)


def test_html_is_text_everywhere_that_links_lead_to(root, db):
    make_node(host=HOSTILE[:100], executors=json.dumps({HOSTILE: {"type": HOSTILE, "capacity": 1, "running": 1}}))
    job = make_job(
        HOSTILE, HOSTILE, IntervalTrigger(minutes=5), args=json.dumps([HOSTILE]), kwargs=json.dumps({HOSTILE: HOSTILE}),
        executor=HOSTILE[:100], queue=HOSTILE[:100], paused_by=HOSTILE, pause_reason=HOSTILE, environment=HOSTILE[:100],
    )  # fmt: skip
    texts = dict.fromkeys(
        (
            "result",
            "traceback",
            "exception_type",
            "exception_message",
            "reason",
            "worker",
            "requested_by",
            "log",
            "progress_text",
        ),
        HOSTILE,
    )
    for status in (RunStatus.FAILED, RunStatus.SUCCEEDED, RunStatus.SKIPPED, RunStatus.CANCELLED):
        make_run(job, 60, status, **texts, progress_done=1)
    make_run(job, 30, RunStatus.RUNNING, finished_at=None, **texts)
    make_event(
        job,
        "modified",
        5,
        actor_name=HOSTILE,
        reason=HOSTILE,
        before=json.dumps({"name": HOSTILE}),
        after=json.dumps({"name": "x"}),
    )
    make_event(
        job, "removed", 5, actor_name=HOSTILE, reason=HOSTILE, before=json.dumps({"name": HOSTILE, "trigger": "{}"})
    )
    messages = [
        root.post(address(job, "pause"), {"reason": HOSTILE}),
        root.post(address(job, "resume"), {"reason": HOSTILE}),
        root.post(address(job, "run"), {"reason": HOSTILE}),
    ]
    asked = [
        root.post(
            f"{PAGES}/scheduledjob/", {"action": f"{verb}_selected", "_selected_action": [job.pk], "index": "0"}
        ).content.decode()
        for verb in ("pause", "resume", "run", "delete")
    ]

    pages = [*every_page(root), *((f"asked {number}", text) for number, text in enumerate(asked))]
    gone = make_job("gone", HOSTILE, IntervalTrigger(hours=1))
    make_event(gone, "removed", 5, actor_name=HOSTILE, before=json.dumps({"name": HOSTILE}))
    gone_key = gone.pk
    gone.delete()
    pages += [("gone", root.get(f"{PAGES}/scheduledjob/{gone_key}/change/", follow=True).content.decode())]
    pages += [("searched", root.get(f"{PAGES}/scheduledjob/", {"q": HOSTILE, "executor": HOSTILE}).content.decode())]

    assert len(pages) > 40
    assert len(messages) == 3
    for where, text in pages:
        for markup in ("<img src=x", "<script>alert", "</textarea></title>"):
            assert markup not in text, (where, text[max(0, text.find(markup) - 200) : text.find(markup) + 50])


def test_a_traceback_a_log_and_a_result_of_a_megabyte_are_cut_on_the_page_and_stay_whole(root, report):
    whole = "".join(f"line {number:07}\n" for number in range(80_000))
    run = make_run(
        report,
        60,
        RunStatus.FAILED,
        traceback=whole,
        log=whole,
        result=json.dumps(whole),
        exception_message=whole,
        exception_type="E",
    )

    page, started = f"jobrun/{run.pk}/change/", time.monotonic()
    sizes = {
        where: len(root.get(f"{PAGES}/{where}").content)
        for where in (
            f"jobrun/{run.pk}/change/",
            "jobrun/",
            f"scheduledjob/{report.pk}/change/",
            "scheduledjob/dashboard/",
            "scheduledjob/",
        )
    }

    assert time.monotonic() - started < 30
    assert sizes.pop(page) < 500_000
    assert max(sizes.values()) < 150_000, sizes
    kept = JobRun.objects.get(pk=run.pk)
    assert (kept.traceback, kept.log, json.loads(kept.result)) == (whole, whole, whole)
