"""Every page of the admin, whatever the database holds."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from django_apscheduler_ng.admin import EventAdmin, JobAdmin, NodeAdmin, RunAdmin
from django_apscheduler_ng.admin.base import CappedPaginator
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of
from tests.shop import make_event, make_job, make_node, make_run, make_shop

HOSTILE = "<script>alert('x')</script>\"&'"

other_site = admin.AdminSite(name="office")
other_site.register(ScheduledJob, JobAdmin)
other_site.register(JobRun, RunAdmin)

urlpatterns = [
    path("office/", other_site.urls),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]


@pytest.fixture
def client(db):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    return client


def every_address():
    """The address of every page there is, by what is in the database."""
    yield from (f"{PAGES}/{model}/" for model in ("scheduledjob", "jobrun", "joblogentry", "schedulernode"))
    yield f"{PAGES}/scheduledjob/dashboard/"
    yield f"{PAGES}/"
    yield f"{PAGES}/scheduledjob/add/"
    for entry in JobLogEntry.objects.filter(action="rescheduled"):
        yield f"{PAGES}/scheduledjob/{entry.job_key}/revert/{entry.pk}/"
    for job in ScheduledJob.objects.all():
        yield from (
            address(job, page)
            for page in ("change", "run", "pause", "resume", "remove", "delete", "reschedule", "revisions")
        )
        if job.finished_at is None:
            yield address(job, "edit")
        yield f"{PAGES}/scheduledjob/add/?like={job.pk}"
        yield from (f"{address(job, 'reschedule')}?type={kind}" for kind in ("interval", "cron", "crontab", "date"))
        yield f"{address(job, 'reschedule')}?type=calendarinterval"
        yield f"{PAGES}/jobrun/?job={job.pk}"
    for model, name in ((JobRun, "jobrun"), (JobLogEntry, "joblogentry"), (SchedulerNode, "schedulernode")):
        yield from (f"{PAGES}/{name}/{key}/change/" for key in model.objects.values_list("pk", flat=True)[:12])


def page(client, where):
    response = client.get(where)
    assert response.status_code == 200, where
    return response.content.decode()


def test_every_page_of_a_shop_opens(client):
    make_shop()

    for where in every_address():
        page(client, where)


def test_every_page_opens_without_any_data(client):
    for where in every_address():
        page(client, where)

    assert "There are no jobs yet." in page(client, f"{PAGES}/scheduledjob/")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"trigger": "{not json", "planned_trigger": ""}, id="unreadable-trigger"),
        pytest.param({"trigger": '{"type": "moon", "version": 1}', "trigger_type": "moon"}, id="unknown-trigger"),
        pytest.param({"func_ref": "nowhere.at:all"}, id="unknown-callable"),
        pytest.param({"args": "{", "kwargs": "[1]"}, id="damaged-arguments"),
        pytest.param({"namespace": "elsewhere"}, id="unknown-job-store"),
        pytest.param({"executor": "gone"}, id="unknown-executor"),
        pytest.param({"broken_reason": "ValueError: " + "x" * 5000, "next_run_time": None}, id="broken"),
        pytest.param({"finished_at": datetime(2026, 1, 1, tzinfo=UTC), "next_run_time": None}, id="finished"),
        pytest.param({"parked": True}, id="parked"),
        pytest.param(
            {"paused": True, "next_run_time": None, "paused_by": "", "pause_reason": ""}, id="paused-by-nobody"
        ),
        pytest.param({"name": "", "environment": "staging"}, id="without-a-name"),
        pytest.param({"next_run_time": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, id="at-the-end-of-time"),
    ],
)
def test_every_page_opens_for_a_damaged_job(client, damage):
    make_node()
    job = make_job("odd", **{"name": "Odd", "trigger": IntervalTrigger(minutes=5), **damage})
    make_run(job, 60)
    make_event(job, "modified", 5, before="{", after="[]")

    for where in every_address():
        page(client, where)


def test_every_page_opens_for_damaged_history(client):
    make_node(executors="[]", declares="{", state="unheard-of")
    job = make_job("odd", "Odd", IntervalTrigger(minutes=5))
    make_run(job, 60, status="unheard-of", result="{", args="", worker="", node="unknown")
    make_run(job, 60, RunStatus.MISSED, attempt=2, started_at=None, claimed_at=None, finished_at=None)
    make_event(
        job,
        "unheard-of",
        5,
        before='{"trigger": 1, "next_run_time": 7}',
        after='{"trigger": "{", "next_run_time": "soon"}',
    )

    for where in every_address():
        page(client, where)


def test_huge_texts_are_cut(client):
    job = make_job("huge", "Huge", IntervalTrigger(minutes=5), args=json.dumps(["x" * 2_000_000]))
    run = make_run(
        job,
        60,
        RunStatus.FAILED,
        traceback="y" * 2_000_000,
        result=json.dumps("z" * 2_000_000),
        exception_message="m" * 2_000_000,
        log="first\n" + "l" * 2_000_000 + "\nlast",
    )

    shown = page(client, address(job))
    shown_run = page(client, f"{PAGES}/jobrun/{run.pk}/change/")

    assert len(shown) < 200_000
    assert len(shown_run) < 400_000
    assert "… (1950000 more characters)" in shown_run
    assert "(1950011 earlier characters) …" in shown_run
    assert "l\nlast</pre>" in shown_run


def test_whatever_a_job_produced_is_escaped(client):
    make_node(
        host=HOSTILE,
        executors=json.dumps({HOSTILE: {"type": HOSTILE, "capacity": 1, "running": 1}}),
        declares=json.dumps([HOSTILE]),
    )
    job = make_job(
        "hostile" + HOSTILE, HOSTILE, IntervalTrigger(minutes=5), func_ref=HOSTILE, args=json.dumps([HOSTILE]), broken_reason=HOSTILE,
        paused_by=HOSTILE, executor=HOSTILE, environment=HOSTILE,
    )  # fmt: skip
    paused = make_job(
        "paused", HOSTILE, IntervalTrigger(minutes=5), paused=True, paused_by=HOSTILE, pause_reason=HOSTILE
    )
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
    texts["progress_done"] = 1
    make_run(job, 60, RunStatus.FAILED, **texts)
    make_run(job, 50, **texts)
    make_event(
        paused,
        HOSTILE[:30],
        5,
        actor_name=HOSTILE,
        reason=HOSTILE,
        before=json.dumps({HOSTILE: HOSTILE}),
        after=json.dumps({HOSTILE: "x", "run": HOSTILE}),
    )

    for where in every_address():
        shown = page(client, where)
        assert "<script>alert" not in shown, where
        assert "alert('x')" not in shown, where


def test_nothing_is_inline_so_that_the_strictest_policy_holds(client):
    make_shop()

    for where in every_address():
        shown = page(client, where)
        assert not re.search(r"<style|\sstyle=|\son\w+=", shown), where
        assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", shown), where
        assert not re.search(r"(src|href|action)=\"(https?:)?//", shown), where


@pytest.mark.parametrize("model", ["scheduledjob", "jobrun", "joblogentry", "schedulernode"])
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(client, model):
    make_shop()
    where = f"{PAGES}/{model}/"
    page(client, where)
    with CaptureQueriesContext(connection) as few:
        page(client, where)

    for number in range(30):
        job = make_job(f"more.{number}", f"More {number}", IntervalTrigger(minutes=5))
        make_run(job, 60)
        make_run(job, 30, RunStatus.RUNNING, node=f"{number:032}")
        make_event(job, "modified", 10)
        make_node(id=f"{number:032}")
    with CaptureQueriesContext(connection) as many:
        page(client, where)

    assert len(many) == len(few)
    assert len(many) <= 12


def test_runs_and_events_are_counted_no_further_than_their_lists_reach(client, monkeypatch):
    job = make_job("busy", "Busy", IntervalTrigger(minutes=5))
    for number in range(7):
        make_run(job, number)
    monkeypatch.setattr("django_apscheduler_ng.admin.base.LONGEST_LIST", 5)

    shown = page(client, f"{PAGES}/jobrun/")

    assert CappedPaginator(JobRun.objects.order_by("pk"), 50).count == 5
    assert "Only the latest 5 are listed. The filters lead to the others." in shown


def test_a_list_says_that_no_scheduler_is_running(client):
    banner = "No scheduler is running, so nothing runs."

    assert banner in page(client, f"{PAGES}/scheduledjob/")

    make_node()

    assert banner not in page(client, f"{PAGES}/scheduledjob/")


def test_a_node_that_has_fallen_silent_does_not_count_as_running(client):
    make_node(seen_at=datetime.now(UTC) - timedelta(minutes=3))

    shown = page(client, f"{PAGES}/schedulernode/")

    assert "No scheduler is running, so nothing runs." in shown
    assert "silent for 3\xa0min" in shown


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (
            "scheduled",
            {
                "monitor.api",
                "monitor.website",
                "stock.export",
                "newsletter.march",
                "invoices.nightly",
                "backup.monthly",
            },
        ),
        ("running", {"statistics"}),
        ("waiting", {"parked"}),
        ("paused", {"cleanup.sessions"}),
        ("broken", {"rates.import"}),
        ("finished", {"maintenance"}),
        ("unheard-of", set()),
    ],
)
def test_the_list_is_filtered_by_what_the_badges_say(client, state, found):
    make_shop()
    make_job("parked", "Parked", IntervalTrigger(minutes=5), parked=True)

    response = client.get(f"{PAGES}/scheduledjob/?state={state}")

    assert {job.job_id for job in response.context["cl"].result_list} == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("trigger=date", {"newsletter.march", "maintenance"}),
        ("executor=processpool", {"statistics"}),
        ("origin__exact=admin", {"newsletter.march"}),
        ("q=invoices", {"invoices.nightly"}),
        ("q=shop.monitors", {"monitor.api", "monitor.website"}),
    ],
)
def test_the_list_is_filtered_and_searched(client, query, found):
    make_shop()

    response = client.get(f"{PAGES}/scheduledjob/?{query}")

    assert {job.job_id for job in response.context["cl"].result_list} == found


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param("status__exact=failed", 1, id="status"),
        pytest.param("executor=processpool", 2, id="executor"),
        pytest.param("origin__exact=manual", 1, id="by-hand"),
        pytest.param(f"node={'a' * 32}", 28, id="node"),
        pytest.param("node=unheard-of", 0, id="unknown-node"),
        pytest.param("q=Nightly+invoices", 6, id="name"),
        pytest.param("job=1x", 0, id="no-key"),
    ],
)
def test_runs_are_filtered_and_searched(client, query, count):
    make_shop()

    assert client.get(f"{PAGES}/jobrun/?{query}").context["cl"].result_count == count


def test_the_list_shows_the_latest_outcome_and_not_the_summary_beside_it(client):
    make_node()
    job = make_job("nightly", "Nightly", CronTrigger(hour=3, timezone="UTC"))
    make_run(job, 7200, RunStatus.FAILED)
    make_run(job, 3600, RunStatus.SUCCEEDED)
    make_run(job, 3600, RunStatus.COALESCED, slot=None, count=3)

    (row,) = client.get(f"{PAGES}/scheduledjob/").context["cl"].result_list

    assert row._facts.last.status == RunStatus.SUCCEEDED


def test_a_summary_says_what_it_stands_for(client):
    job = make_job("nightly", "Nightly", CronTrigger(hour=3, timezone="Europe/Berlin"))
    run = make_run(
        job, 60, RunStatus.COALESCED, slot=None, count=3, started_at=None,
        covers_from=datetime(2026, 1, 5, 2, tzinfo=UTC), covers_until=datetime(2026, 1, 7, 2, tzinfo=UTC),
    )  # fmt: skip

    words = "coalesced 3 fire times, from Mon 2026-01-05 03:00 to Wed 2026-01-07 03:00"

    assert words in page(client, f"{PAGES}/jobrun/")
    assert words in page(client, f"{PAGES}/jobrun/{run.pk}/change/")
    JobRun.objects.update(count=10_000, count_is_exact=False)
    assert "coalesced at least 10000 fire times" in page(client, f"{PAGES}/jobrun/")


def test_history_outlives_its_job(client):
    job = make_job("gone", "Gone", IntervalTrigger(minutes=5))
    run = make_run(job, 60)
    event = make_event(job, "removed", 5, before="{}")
    job.delete()

    for where in (f"{PAGES}/jobrun/", f"{PAGES}/jobrun/{run.pk}/change/", f"{PAGES}/joblogentry/{event.pk}/change/"):
        assert f"/scheduledjob/{run.job_key}/" not in page(client, where)


def test_the_page_of_a_job_names_its_fire_times_and_clock_changes(client):
    make_node()
    job = make_job("nightly", "Nightly", CronTrigger(hour=2, minute=30, timezone="Europe/Berlin"))

    shown = page(client, address(job))

    assert shown.count("02:30 does not exist: runs at 03:00 instead") == 2
    assert shown.count("02:30 exists twice: runs once, the first time") == 2
    assert shown.count("02:30</time>") >= 5


def test_times_are_shown_in_the_job_s_zone_and_in_the_viewer_s(client, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    make_node()
    job = make_job("nightly", "Nightly", CronTrigger(hour=3, timezone="UTC", year="2040"))

    shown = page(client, f"{PAGES}/scheduledjob/")

    assert '<time datetime="2040-01-01T03:00:00+00:00">Sun 2040-01-01 03:00</time>' in shown
    assert "UTC (12:00 Asia/Tokyo)" in shown
    assert job.next_run_time == datetime(2040, 1, 1, 3, tzinfo=UTC)


def test_pages_work_without_aware_times(client, settings):
    settings.USE_TZ = False
    make_shop()

    for where in every_address():
        page(client, where)


def test_a_page_of_nothing_leads_back_to_the_list(client):
    response = client.get(f"{PAGES}/scheduledjob/77/change/", follow=True)

    assert response.redirect_chain == [(f"{PAGES}/scheduledjob/", 302)]
    assert "There is no job with the key “77”. It may have been removed." in response.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
@pytest.mark.parametrize("model", ["scheduledjob", "jobrun", "joblogentry", "schedulernode"])
def test_nothing_can_be_posted_to_a_page_that_shows(client, model, method):
    shop = make_shop()
    key = {"schedulernode": "a" * 32, "scheduledjob": shop["statistics"].pk}.get(model, 1)

    assert getattr(client, method)(f"{PAGES}/{model}/{key}/change/").status_code == 405


@pytest.mark.parametrize("model", ["jobrun", "joblogentry", "schedulernode"])
def test_nothing_can_be_added(client, model):
    assert client.get(f"{PAGES}/{model}/add/").status_code == 403
    assert client.post(f"{PAGES}/{model}/add/", {}).status_code == 403


@pytest.mark.parametrize(
    ("model", "name"), [(JobRun, "jobrun"), (JobLogEntry, "joblogentry"), (SchedulerNode, "schedulernode")]
)
def test_history_and_nodes_can_be_deleted_by_nobody(client, model, name):
    make_shop()
    key = model.objects.values_list("pk", flat=True)[0]
    count = model.objects.count()

    assert client.post(f"{PAGES}/{name}/{key}/delete/", {"post": "yes"}).status_code == 403
    client.post(
        f"{PAGES}/{name}/", {"action": "delete_selected", "_selected_action": [key], "post": "yes", "index": "0"}
    )

    assert model.objects.count() == count


@pytest.mark.parametrize(
    ("permissions", "visible"),
    [
        pytest.param((), set(), id="none"),
        pytest.param(("view_scheduledjob",), {"scheduledjob"}, id="jobs"),
        pytest.param(
            ("run_scheduledjob", "pause_scheduledjob", "delete_scheduledjob"), set(), id="verbs-alone-show-nothing"
        ),
        pytest.param(("change_scheduledjob",), {"scheduledjob"}, id="change-includes-view"),
        pytest.param(("view_jobrun", "view_joblogentry"), {"jobrun", "joblogentry"}, id="history"),
        pytest.param(("view_schedulernode",), {"schedulernode"}, id="nodes"),
    ],
)
def test_pages_need_the_permission_to_view(db, permissions, visible):
    shop = make_shop()
    client = client_of(*permissions)
    rows = {"scheduledjob": shop["statistics"].pk, "jobrun": 1, "joblogentry": 1, "schedulernode": "a" * 32}
    rows |= {"jobrun": JobRun.objects.first().pk, "joblogentry": JobLogEntry.objects.first().pk}

    lists = {name for name in rows if client.get(f"{PAGES}/{name}/").status_code == 200}
    pages = {name for name, key in rows.items() if client.get(f"{PAGES}/{name}/{key}/change/").status_code == 200}

    assert (lists, pages) == (visible, visible)


def test_history_on_the_page_of_a_job_needs_its_own_permission(db):
    job = make_shop()["invoices.nightly"]

    shown = page(client_of("view_scheduledjob"), address(job))
    more = page(client_of("view_scheduledjob", "view_jobrun", "view_joblogentry", name="bob"), address(job))

    assert "Recent runs" not in shown
    assert "The bank closes its batch at 3" not in shown
    assert f"/jobrun/?job={job.pk}" in more
    assert "The bank closes its batch at 3" in more


@pytest.mark.urls("tests.django.test_admin_pages")
def test_another_site_links_to_its_own_pages_and_only_to_those_it_has(client):
    job = make_shop()["invoices.nightly"]

    shown = page(client, f"/office/django_apscheduler_ng/scheduledjob/{job.pk}/change/")
    listed = page(client, "/office/django_apscheduler_ng/scheduledjob/")

    assert f"/office/django_apscheduler_ng/scheduledjob/{job.pk}/pause/" in shown
    assert "/office/django_apscheduler_ng/jobrun/" in shown
    assert "joblogentry" not in shown
    assert '"/admin/' not in shown
    assert '"/admin/' not in listed


def test_columns_ask_nothing_of_the_database_by_themselves(client):
    make_shop()
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.get()
    site = admin.site
    for model, cls in (
        (ScheduledJob, JobAdmin),
        (JobRun, RunAdmin),
        (JobLogEntry, EventAdmin),
        (SchedulerNode, NodeAdmin),
    ):
        model_admin = cls(model, site)
        rows = list(model_admin.get_queryset(request))
        model_admin.prepare(request, rows)

        with CaptureQueriesContext(connection) as queries:
            for row in rows:
                for column in model_admin.list_display:
                    getattr(model_admin, column, lambda row: None)(row)

        assert len(queries) == 0, cls
