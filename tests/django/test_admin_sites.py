"""Other admin sites: with names of their own, with some of our models only, with classes registered anew."""

import re
from html import unescape
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import path

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.admin import EventAdmin, JobAdmin, NodeAdmin, RunAdmin
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.django.edit_kit import filled
from tests.shop import make_run, make_shop

OURS = {ScheduledJob: JobAdmin, JobRun: RunAdmin, JobLogEntry: EventAdmin, SchedulerNode: NodeAdmin}


class OfficeSite(admin.AdminSite):
    """A site of a project's own."""

    site_header = "The office"


class OwnJobs(JobAdmin):
    """Our class, with other columns."""

    list_display = ("job", "length", "schedule")
    list_filter = ("priority",)

    @admin.display(description="length of the name")
    def length(self, row):
        return f"{len(row.name)} letters"


class PlainJobs(admin.ModelAdmin):
    """Pages that have nothing to do with ours."""


def make_site(name, classes):
    site = OfficeSite(name=name)
    for model, cls in classes.items():
        site.register(model, cls)
    return site


def register_anew(site):
    site.unregister(ScheduledJob)
    site.register(ScheduledJob, OwnJobs)
    return site


COMPLETE = (make_site("office", OURS), register_anew(make_site("changed", OURS)))
PARTIAL = (
    *(make_site(f"only-{model._meta.model_name}", {model: cls}) for model, cls in OURS.items()),
    make_site("history", {JobRun: RunAdmin, JobLogEntry: EventAdmin}),
    make_site("plain", {**OURS, ScheduledJob: PlainJobs}),
)
urlpatterns = [path(f"{site.name}/", site.urls) for site in (*COMPLETE, *PARTIAL, admin.site)]
pytestmark = pytest.mark.urls("tests.django.test_admin_sites")


@pytest.fixture
def client(db):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    return client


@pytest.fixture(params=[site.name for site in COMPLETE])
def site(request):
    """The address of our part of a site that has everything."""
    return f"/{request.param}/django_apscheduler_ng"


@pytest.fixture
def report(db, registered):
    get_scheduler().add_job(
        "tests.project.jobs:noop", "interval", hours=1, id="report", name="Report", args=[1], timezone="Europe/Berlin"
    )
    return ScheduledJob.objects.get()


def addresses_in(response, where):
    """The addresses that a page links to or posts to, without what only filters a list."""
    found = re.findall(r'(?:href|action)="([^"#]+)"', response.content.decode())
    return {urljoin(where, unescape(address)).partition("?")[0] for address in found}


def crawl(client, name):
    """Open every page of our part of a site that can be reached by links; return them, and what is linked outside of it."""
    ours = f"/{name}/django_apscheduler_ng/"
    waiting, seen, outside = [ours], set(), set()
    while waiting:
        where = waiting.pop()
        response = client.get(where)
        assert response.status_code == 200, where
        seen.add(where)
        for address in addresses_in(response, where):
            if not address.startswith(ours):
                outside.add(address)
            elif address not in seen and address not in waiting:
                waiting.append(address)
    return seen, {
        address for address in outside if not address.startswith((f"/{name}/", "/static/")) and address != "/"
    }


def small_shop():
    """A shop of which three jobs are left, so that there is a page of each kind and not many of any."""
    shop = make_shop()
    kept = [shop[name].pk for name in ("invoices.nightly", "cleanup.sessions", "statistics")]
    JobLogEntry.objects.filter(action="run requested").delete()  # tells of a run that the shop does not have
    for model, column in ((ScheduledJob, "pk"), (JobRun, "job_key"), (JobLogEntry, "job_key")):
        model.objects.exclude(**{f"{column}__in": kept}).delete()


def test_every_page_of_a_site_links_to_pages_of_that_site(client, site):
    small_shop()

    seen, strangers = crawl(client, site.split("/")[1])

    assert strangers == set()
    kinds = {re.sub(r"/(\d+|[0-9a-f]{32})(?=/)", "/#", address.removeprefix(site)) for address in seen}
    verbs = ("pause", "resume", "remove", "reschedule", "edit", "run", "revisions", "revert/#", "change")
    assert {f"/scheduledjob/#/{verb}/" for verb in verbs} <= kinds
    assert {"/scheduledjob/dashboard/", "/scheduledjob/add/", "/jobrun/#/change/", "/jobrun/#/cancel/"} <= kinds
    assert {"/joblogentry/#/change/", "/schedulernode/#/change/"} <= kinds


@pytest.mark.parametrize("part", PARTIAL, ids=lambda part: part.name)
def test_a_site_with_some_of_the_models_has_no_link_to_the_others(client, part):
    small_shop()

    seen, strangers = crawl(client, part.name)

    assert strangers == set()
    models = {address.split("/")[3] for address in seen} - {""}
    assert models == {model._meta.model_name for model in OURS if part.is_registered(model)}


def test_the_header_and_the_columns_are_those_of_the_site(client):
    make_shop()

    office = client.get("/office/django_apscheduler_ng/scheduledjob/").text
    changed = client.get("/changed/django_apscheduler_ng/scheduledjob/").text

    assert "The office" in office
    assert "letters" not in office
    assert "16 letters" in changed
    assert "Last outcomes" not in changed


def edit(client, page, **data):
    return client.post(page, {**filled(client.get(page)), **data})


def revert(client, page):
    return client.post(page, {"seen": client.get(page).context["plan"].seen, "reason": "no"})


def act(client, jobs, action, *rows):
    data = {
        "action": action,
        "_selected_action": [row.pk for row in rows],
        "index": "0",
        "confirmed": "yes",
        "reason": "no",
    }
    return client.post(jobs, data)


EVERY = {"type": "interval", "interval-minutes": "5", "interval-hours": "", "interval-timezone": "UTC"}
#: What is done with a job, by name: the request, and what Django's log says afterwards, each line with its kind.
DEEDS = {
    "add": (
        lambda client, site, job: edit(client, f"{site}/add/", func="tests.project.jobs:noop", name="New", **EVERY),
        [(ADDITION, "Added: every 5 minutes.")],
    ),
    "edit": (
        lambda client, site, job: edit(client, f"{site}/{job.pk}/edit/", name="Other", reason="so"),
        [(CHANGE, "Changed name. so")],
    ),
    "pause": (
        lambda client, site, job: client.post(f"{site}/{job.pk}/pause/", {"reason": "no"}),
        [(CHANGE, "Paused: no")],
    ),
    "run": (lambda client, site, job: client.post(f"{site}/{job.pk}/run/"), [(CHANGE, "Run now.")]),
    "run-with": (
        lambda client, site, job: client.post(f"{site}/{job.pk}/run/", {"args": "[2]", "kwargs": "{}", "reason": "no"}),
        [(CHANGE, "Run now: no")],
    ),
    "reschedule": (
        lambda client, site, job: client.post(
            f"{site}/{job.pk}/reschedule/", {"type": "interval", "minutes": "5", "timezone": "UTC", "reason": "no"}
        ),
        [(CHANGE, "Rescheduled: every 5 minutes. no")],
    ),
    "remove": (
        lambda client, site, job: client.post(f"{site}/{job.pk}/remove/", {"reason": "no"}),
        [(DELETION, "")],
    ),
    "pause-selected": (
        lambda client, site, job: act(client, f"{site}/", "pause_selected", job),
        [(CHANGE, "Paused: no")],
    ),
    "run-selected": (lambda client, site, job: act(client, f"{site}/", "run_selected", job), [(CHANGE, "Run now: no")]),
    "remove-selected": (lambda client, site, job: act(client, f"{site}/", "delete_selected", job), [(DELETION, "")]),
}


def logged():
    return list(LogEntry.objects.order_by("pk").values_list("action_flag", "change_message", "user__username"))


@pytest.mark.parametrize("deed", DEEDS)
def test_what_is_done_with_a_job_is_logged_and_leads_back_to_the_same_site(client, site, report, deed):
    do, lines = DEEDS[deed]

    response = do(client, f"{site}/scheduledjob", report)

    assert response.status_code == 302
    assert urljoin(f"{site}/scheduledjob/", response["Location"]).startswith(f"{site}/scheduledjob/")
    assert logged() == [(flag, message, "maria") for flag, message in lines]
    assert LogEntry.objects.get().content_type.model_class() is ScheduledJob
    assert client.get(f"/{site.split('/')[1]}/").status_code == 200  # lists the latest of them


def test_what_is_done_with_a_paused_job_is_logged(client, site, report):
    get_scheduler().pause_job("report")
    client.post(f"{site}/scheduledjob/{report.pk}/resume/", {"reason": "no"})
    get_scheduler().pause_job("report")
    act(client, f"{site}/scheduledjob/", "resume_selected", report)

    assert logged() == [(CHANGE, "Resumed: no", "maria"), (CHANGE, "Resumed: no", "maria")]


def test_a_change_that_is_taken_back_is_logged(client, site, report):
    get_scheduler().edit_job("report", timeout=30)
    event = JobLogEntry.objects.latest("pk")

    response = revert(client, f"{site}/scheduledjob/{report.pk}/revert/{event.pk}/")

    assert response["Location"].startswith(f"{site}/")
    assert logged() == [(CHANGE, f"Took back event {event.pk}: timeout (s). no", "maria")]


def test_a_job_that_is_pointed_to_another_callable_is_logged(client, site, report):
    broken = "CallableReferenceError: 'tests.project.tasks:noop' is not there"
    ScheduledJob.objects.update(func_ref="tests.project.tasks:noop", broken_reason=broken)

    response = client.post(f"{site}/scheduledjob/{report.pk}/repoint/", {"reason": "no"})

    assert response["Location"].startswith(f"{site}/")
    assert logged() == [(CHANGE, "Pointed to another callable: no", "maria")]


def test_what_is_done_with_runs_is_logged(client, site, report):
    running, other = (make_run(report, ago, RunStatus.RUNNING) for ago in (60, 30))
    failed, missed = (make_run(report, ago, RunStatus.FAILED) for ago in (90, 120))

    places = [
        client.post(f"{site}/jobrun/{running.pk}/cancel/", {"reason": "no"})["Location"],
        client.post(f"{site}/jobrun/{failed.pk}/retry/", {"reason": ""})["Location"],
        urljoin(f"{site}/jobrun/", act(client, f"{site}/jobrun/", "cancel_selected", other)["Location"]),
        urljoin(f"{site}/jobrun/", act(client, f"{site}/jobrun/", "retry_selected", missed)["Location"]),
    ]

    assert all(place.startswith(f"{site}/") for place in places)
    assert [message for _flag, message, _who in logged()] == [
        "Cancelled: no",
        "Retried.",
        "Cancelled: no",
        "Retried: no",
    ]
    assert {(flag, who) for flag, _message, who in logged()} == {(CHANGE, "maria")}


def test_links_in_messages_lead_to_the_same_site(client, site, report):
    shown = client.post(f"{site}/scheduledjob/{report.pk}/run/", follow=True).text

    assert f'<a href="{site}/jobrun/{JobRun.objects.get().pk}/change/">' in shown
