"""The dashboard, the pictures on other pages, and what a script gets that keeps them up to date."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from django_apscheduler_ng.admin import JobAdmin, NodeAdmin, RunAdmin, history, overview
from django_apscheduler_ng.admin.refresh import BUSY, HEADER, QUIET, refresh_in
from django_apscheduler_ng.admin.svg import outcome_words
from django_apscheduler_ng.models import JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of
from tests.shop import make_job, make_node, make_run, make_shop

DASHBOARD = f"{PAGES}/scheduledjob/dashboard/"
HOSTILE = "<script>alert('x')</script>\"&'"

bare_site = admin.AdminSite(name="bare")
bare_site.register(JobRun, RunAdmin)
bare_site.register(ScheduledJob, admin.ModelAdmin)
office = admin.AdminSite(name="office")
office.register(ScheduledJob, JobAdmin)
office.register(SchedulerNode, NodeAdmin)
urlpatterns = [path("admin/", admin.site.urls), path("bare/", bare_site.urls), path("office/", office.urls)]


@pytest.fixture
def client(db):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    return client


@pytest.fixture
def job(db):
    make_node()
    return make_job("report", "Report", IntervalTrigger(hours=1))


def page(client, where=DASHBOARD, **headers):
    response = client.get(where, headers=headers)
    assert response.status_code == 200, where
    return response.content.decode()


def context(client, where=DASHBOARD):
    return client.get(where).context


def answers(client):
    return {tile["title"]: tile["value"] for tile in context(client)["tiles"]}


# -- the four questions ---------------------------------------------------------------------------------------------------


def test_the_four_questions_are_answered_at_the_top(client):
    make_shop()

    told = answers(client)

    assert re.fullmatch(r"in \d+ seconds?", told.pop("What happens next?"))
    assert told == {"Is it running?": "2 nodes", "What runs now?": "1", "What failed?": "1"}


def test_nothing_at_all_is_answered_as_well(client):
    shown = page(client)

    assert answers(client) == {
        "Is it running?": "0 nodes",
        "What runs now?": "0",
        "What failed?": "0",
        "What happens next?": "–",
    }
    assert "No scheduler is running, so nothing runs." in shown
    assert "Nothing ran, and nothing is planned." in shown


def test_an_overdue_job_is_named_with_the_reason(client, job):
    since = datetime.now(UTC) - timedelta(minutes=5)
    ScheduledJob.objects.update(next_run_time=since, next_fire_time=since)

    ((link, why),) = context(client)["late"]["jobs"]

    assert address(job) in link
    assert re.fullmatch(r"Due since \w+ [-0-9]+ [0-9:]+, waiting for a slot of executor 'default'\.", why)
    assert "A job is overdue" in page(client)


def test_without_a_node_the_banner_says_so_once(client, job):
    ScheduledJob.objects.update(next_run_time=datetime.now(UTC) - timedelta(minutes=5))
    SchedulerNode.objects.all().delete()

    shown = page(client)

    assert shown.count("No scheduler is running, so nothing runs.") == 1
    assert "A job is overdue" not in shown


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        pytest.param(
            {"paused": True, "paused_by": "ada", "pause_reason": "moving"}, "Paused by ada: moving", id="paused"
        ),
        pytest.param({"broken_reason": "ValueError: no"}, "Broken: ValueError: no", id="broken"),
        pytest.param(
            {"retired_at": datetime(2026, 1, 5, tzinfo=UTC)}, "Retired since Mon 2026-01-05 00:00", id="retired"
        ),
    ],
)
def test_jobs_that_do_not_run_are_listed_with_the_reason(client, job, columns, why):
    ScheduledJob.objects.update(**columns)

    (resting,) = context(client)["resting"]

    assert address(job) in resting["job"]
    assert resting["why"].startswith(why)
    assert context(client)["upcoming"] == []


def test_what_runs_now_is_shown_with_what_is_usual(client, job):
    for number in range(3):
        make_run(job, 3600 * (number + 1), took=20)
    make_run(job, 90, RunStatus.RUNNING)

    (running,) = context(client)["running"]

    assert running["took"] == "1\xa0min\xa030\xa0s"
    assert (running["usual"], running["long"]) == ("usually 20.0\xa0s", True)


def test_failures_are_grouped_and_lead_to_their_runs(client, job):
    other = make_job("other", "Other", IntervalTrigger(hours=1))
    for number, (which, exception) in enumerate([(job, "OSError"), (other, "OSError"), (job, "KeyError")]):
        make_run(which, 60 + number, RunStatus.FAILED, exception_type=exception)
    make_run(job, 8 * 86_400, RunStatus.FAILED, exception_type="TooLongAgo")
    make_run(job, 30, RunStatus.MISSED, started_at=None)

    first, *others = context(client)["failures"]
    listed = client.get(first["address"]).context["cl"]

    assert (first["name"], first["count"], len(first["jobs"])) == ("OSError", 2, 2)
    assert [group["name"] for group in others] == ["", "KeyError"]
    assert [run.exception_type for run in listed.result_list] == ["OSError", "OSError"]
    assert "Exception: <strong>OSError</strong>" in page(client, first["address"])


def test_the_timeline_shows_what_was_and_what_will_be(client, job):
    """Each 30 minutes, takes 40: each second fire time would overlap."""
    busy = make_job("busy", "Busy", IntervalTrigger(minutes=30))
    make_run(busy, 7200, took=2400)
    failed = make_run(busy, 14_400, RunStatus.FAILED, took=2400)

    (lane,) = (lane for lane in context(client)["lanes"] if "Busy" in lane.name)

    assert lane.warns
    assert re.search(r"2 runs in the last 24 hours, 1 failed, 4[78] expected in the next 24 hours", lane.words)
    assert re.search(r"2[34] of them would be skipped", lane.words)
    assert f'href="{PAGES}/jobrun/{failed.pk}/change/" tabindex="-1"' in lane.picture
    assert "would be skipped: the run before it usually takes longer than that" in lane.picture


def test_a_full_pool_is_marked(client, job):
    SchedulerNode.objects.update(executors='{"default": {"type": "x", "capacity": 1, "running": 0}}')
    make_run(job, 7200, took=600)
    make_run(job, 9000, took=600)

    (pool,) = context(client)["pools"]

    assert pool.warns
    assert pool.picture.count("apsng-full") >= 2
    assert re.fullmatch(
        r"No slot is free from [-0-9]+ [0-9:]+ to [-0-9]+ [0-9:]+\. And 2[4-6] times more\.", pool.words
    )


def test_percentiles_are_shown_as_figures_and_as_a_picture(client, job):
    for number in range(20):
        make_run(job, 60 * number + 30, took=number + 1, late=0.2)

    duration, lateness = context(client)["charts"]
    (numbers,) = context(client)["numbers"]

    assert duration["figures"] == [("p50", "10.0\xa0s"), ("p95", "19.0\xa0s"), ("p99", "20.0\xa0s")]
    assert lateness["figures"][0] == ("p50", "200\xa0ms")
    assert 'aria-label="Duration over time: p50 10.0\xa0s, p95 19.0\xa0s, p99 20.0\xa0s in all"' in duration["picture"]
    assert "Report" in numbers["job"]


# -- the page of a job ----------------------------------------------------------------------------------------------------


def test_a_job_has_its_own_timeline_percentiles_and_failures(client, job):
    other = make_job("other", "Other", IntervalTrigger(hours=1))
    make_run(job, 600, took=4)
    make_run(job, 300, RunStatus.FAILED, took=8, exception_type="OSError")
    make_run(other, 300, RunStatus.FAILED, took=900, exception_type="KeyError")

    shown = context(client, address(job))
    (group,) = shown["failures"]

    assert [lane.words for lane in shown["lanes"]] == [
        "2 runs in the last 24 hours, 1 failed, 24 expected in the next 24 hours"
    ]
    assert shown["charts"][0]["figures"][-1] == ("p99", "8.0\xa0s")
    assert group["name"] == "OSError"
    assert [run.job_key for run in client.get(group["address"]).context["cl"].result_list] == [job.pk]


# -- outcomes on the list -------------------------------------------------------------------------------------------------


def test_a_row_shows_the_last_twenty_outcomes_missed_and_skipped_too(client, job):
    for number in range(25):
        make_run(job, 3600 - number, took=1)
    make_run(job, 20, RunStatus.MISSED, started_at=None)
    make_run(job, 10, RunStatus.SKIPPED, started_at=None)
    make_run(job, 9, RunStatus.COALESCED, started_at=None)
    make_run(job, 5, RunStatus.RUNNING)
    make_run(make_job("other", "Other", IntervalTrigger(hours=2)), 5)

    shown = page(client, f"{PAGES}/scheduledjob/")
    (picture,) = re.findall(rf'id="apsng-outcomes-{job.pk}".*?</svg>', shown, re.DOTALL)

    assert picture.count("<rect") == 20
    assert 'aria-label="The last 20 outcomes: 1 skipped, 1 missed, 18 succeeded"' in picture
    assert picture.rindex("skipped ·") > picture.rindex("missed ·") > picture.rindex("succeeded ·")


def test_outcomes_in_words():
    assert outcome_words([]) == "No outcome yet"


def test_outcomes_are_read_along_the_index(job):
    """However long the history of a job is, only the end of it is read."""
    make_run(job, 5)
    with CaptureQueriesContext(connection) as queries:
        history.outcomes("default", [job.pk], 20)

    assert len(queries) == 2
    if connection.vendor == "sqlite":
        for query in queries:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                plan = [row[3] for row in cursor.fetchall() if "scheduledjob" not in row[3] and " USING " in row[3]]
            assert plan
            assert all(re.search(r"INDEX apsng_run_job_ix \(job_key[=>]\?", step) for step in plan), plan


# -- very many ------------------------------------------------------------------------------------------------------------


def add_many(what):
    for number in range(30):
        job = make_job(f"{what}.{number}", f"More {number}", IntervalTrigger(minutes=5))
        make_run(job, 60)
        make_run(job, 30, RunStatus.RUNNING)
        make_run(job, 90, RunStatus.FAILED, exception_type=f"{what}{number}")
        make_node(id=f"{what}{number:020}")


def test_the_dashboard_asks_as_often_for_many_as_for_few(client):
    make_shop()
    add_many("first")
    page(client)
    with CaptureQueriesContext(connection) as few:
        page(client)

    add_many("second")
    with CaptureQueriesContext(connection) as many:
        page(client)

    assert len(many) == len(few)
    assert len(many) <= 26


def test_of_very_many_runs_a_sample_is_taken_and_said_to_be_one(client, job, monkeypatch):
    monkeypatch.setattr(history, "LATEST", 10)
    monkeypatch.setattr(history, "SAMPLE", 20)
    for number in range(100, 0, -1):
        make_run(job, 600 * number)

    shown = page(client)

    assert "A sample of 30 of about 100 runs." in shown
    assert "There are too many runs to add up the slots that were taken." in shown


def test_where_a_job_has_more_runs_than_are_drawn_its_lane_says_so(client, job, monkeypatch):
    monkeypatch.setattr(overview, "_DRAWN", 5)
    for number in range(5, 0, -1):
        make_run(job, 600 * number)

    shown = page(client)

    assert "5 runs in the last 24 hours, older runs, too many to draw" in shown
    assert shown.count("<title>older runs, too many to draw</title>") == 1
    assert "/></svg> older runs, too many to draw</li>" in shown


def test_a_lane_with_all_its_runs_speaks_of_no_others(client, job, monkeypatch):
    monkeypatch.setattr(overview, "_DRAWN", 5)
    for number in range(4, 0, -1):
        make_run(job, 600 * number)

    assert "too many to draw" not in page(client)


def test_a_sample_that_holds_all_runs_is_not_called_one(client, job, monkeypatch):
    monkeypatch.setattr(history, "LATEST", 10)
    monkeypatch.setattr(history, "SAMPLE", 200)
    for number in range(100, 0, -1):
        make_run(job, 600 * number)

    assert "A sample of" not in page(client)


def test_a_sample_is_taken_evenly_from_all_parts():
    keys = history._evenly(range(1000, 2000), 10)

    assert [(key - 1000) // 100 for key in keys] == list(range(10))
    assert len({key % 100 for key in keys}) > 5


def test_failures_are_counted_up_to_a_limit_and_this_is_said(client, job, monkeypatch):
    monkeypatch.setattr(history, "FAILURES", 3)
    for number in range(5):
        make_run(job, number + 1, RunStatus.FAILED)

    assert "Only the latest 3 are counted." in page(client)
    assert answers(client)["What failed?"] == "3 or more"


def test_of_very_many_jobs_some_have_a_lane_and_this_is_said(client, job, monkeypatch):
    monkeypatch.setattr(overview, "MOST_LANES", 3)
    monkeypatch.setattr("django_apscheduler_ng.admin.dashboard.MOST_LANES", 3)
    for number in range(4):
        make_job(f"more.{number}", f"More {number}", IntervalTrigger(minutes=5))
    make_run(job, 600, RunStatus.FAILED)

    shown = context(client)

    assert len(shown["lanes"]) == 3
    assert any("Report" in lane.name for lane in shown["lanes"])
    assert "The 3 jobs that run now, failed lately, took the most time, or run next." in page(client)


# -- rights, other sites, hostile data ------------------------------------------------------------------------------------


def test_the_dashboard_needs_the_permission_to_view_jobs(db):
    make_shop()

    assert client_of("view_jobrun", "view_schedulernode").get(DASHBOARD).status_code == 403


def test_what_a_person_may_not_see_is_not_on_the_dashboard(db):
    make_shop()
    make_run(ScheduledJob.objects.get(job_id="statistics"), 500, took=4321)

    shown = page(client_of("view_scheduledjob"))
    more = page(client_of("view_scheduledjob", "view_jobrun", "view_schedulernode", name="bob"))

    for secret in (
        "HTTPStatusError",
        "worker-1",
        "usually",
        "/jobrun/",
        "Duration",
        "apsng-fill-ok",
        "2 nodes",
        " slots",
    ):
        assert secret not in shown
        assert secret in more
    assert "What happens next" in shown


def test_strangers_are_sent_to_the_login(db):
    assert Client().get(DASHBOARD).status_code == 302


def test_whatever_a_job_produced_is_escaped(client):
    make_node(host=HOSTILE, executors='{"<script>alert(1)</script>": {"type": "x", "capacity": 1, "running": 1}}')
    job = make_job("h", HOSTILE, IntervalTrigger(minutes=5), executor="<script>alert(1)</script>")
    make_run(job, 60, RunStatus.FAILED, exception_type=HOSTILE)
    make_run(job, 30, RunStatus.RUNNING)
    make_job("b", HOSTILE, IntervalTrigger(minutes=5), broken_reason=HOSTILE)

    for where in (DASHBOARD, address(job), f"{PAGES}/scheduledjob/"):
        assert "<script>alert" not in page(client, where)


@pytest.mark.urls("tests.django.test_admin_dashboard")
def test_each_site_has_its_own_dashboard(client):
    make_shop()

    shown = page(client, "/office/django_apscheduler_ng/scheduledjob/dashboard/")

    assert '"/admin/' not in shown
    assert "/office/django_apscheduler_ng/schedulernode/" in shown
    assert "HTTPStatusError" not in shown
    assert 'href="/office/django_apscheduler_ng/scheduledjob/dashboard/"' in page(
        client, "/office/django_apscheduler_ng/"
    )


@pytest.mark.urls("tests.django.test_admin_dashboard")
def test_a_site_with_other_pages_for_jobs_has_no_dashboard(client):
    make_shop()

    assert "dashboard" not in page(client, "/bare/django_apscheduler_ng/jobrun/")


@pytest.mark.parametrize("where", ["", "scheduledjob/", "jobrun/", "joblogentry/", "schedulernode/"])
def test_every_list_leads_to_the_dashboard(client, where):
    assert f'href="{DASHBOARD}"' in page(client, f"{PAGES}/{where}")


# -- up to date -----------------------------------------------------------------------------------------------------------


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("busy", "away", "seconds"),
    [
        pytest.param(True, 3600, BUSY, id="something-runs"),
        pytest.param(False, 20, 21, id="soon-due"),
        pytest.param(False, 0.5, BUSY, id="almost-due"),
        pytest.param(False, -9, BUSY, id="overdue"),
        pytest.param(False, 3600, QUIET, id="later"),
    ],
)
def test_a_page_is_looked_up_again_when_something_happens(busy, away, seconds):
    assert refresh_in(NOW, busy=busy, next_at=NOW + timedelta(seconds=away)) == seconds


def test_a_page_without_a_plan_is_looked_up_again_from_time_to_time():
    assert refresh_in(NOW, busy=False) == QUIET


@pytest.mark.parametrize("where", [DASHBOARD, f"{PAGES}/scheduledjob/"])
def test_messages_are_kept_for_people(client, job, where):
    client.post(address(job, "pause"), {"reason": ""})

    assert "1 job is paused." not in page(client, where, **{HEADER: "1"})
    assert "1 job is paused." in page(client, where)


def test_a_run_is_looked_up_again_until_it_has_ended(client, job):
    ended, running = make_run(job, 90), make_run(job, 60, RunStatus.RUNNING)

    assert "refresh.js" in page(client, f"{PAGES}/jobrun/{running.pk}/change/")
    assert "refresh.js" not in page(client, f"{PAGES}/jobrun/{ended.pk}/change/")
    assert context(client, f"{PAGES}/jobrun/")["refresh_in"] == BUSY


def test_the_script_works_with_names_that_carry_a_hash(client, job, settings, tmp_path):
    settings.STATIC_ROOT = str(tmp_path)
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    call_command("collectstatic", interactive=False, verbosity=0)

    (script,) = re.findall(r'<script type="module" src="/static/([^"]+)"', page(client))

    assert re.fullmatch(r"django_apscheduler_ng/refresh\.[0-9a-f]{12}\.js", script)
    assert (tmp_path / script).exists()


@pytest.mark.parametrize("where", ["pause", "reschedule", "remove"])
def test_forms_are_left_alone(client, job, where):
    assert "refresh.js" not in page(client, address(job, where))
    assert "refresh.js" in page(client, address(job))
