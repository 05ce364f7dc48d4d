"""All pages and actions in the theme django-unfold, in a real browser under the policy that the theme needs."""

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.rows import read_trigger
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests import services
from tests.browser.serving import collect, served
from tests.browser.sights import paths
from tests.browser.test_refresh import COUNT, finish, wait
from tests.conftest import require
from tests.shop import make_job, make_node, make_run, make_shop

SETTINGS = "tests.served.unfold_settings"

#: The theme's own switch, turned.
SWITCH = "document.documentElement.className = arguments[0]"
#: Colours of the parts of which at least one is on every page: words, and what is behind them.
LOOKS = (
    "return ['color', 'backgroundColor'].map(name => getComputedStyle(document.querySelector('.apsng-badge'))[name])"
)


@pytest.fixture(scope="module")
def static(tmp_path_factory, django_db_setup):
    require(services.UNFOLD)
    return collect(tmp_path_factory.mktemp("unfold"), SETTINGS)


@pytest.fixture(scope="module", params=["", "yes"], ids=["as-it-is", "with-its-classes"])
def site_address(request, tmp_path_factory, static):
    variables = {"TEST_UNFOLD_CLASSES": request.param}
    with served(tmp_path_factory.mktemp("server"), SETTINGS, static, variables) as address:
        yield address


@pytest.fixture
def job(transactional_db):
    make_node()
    get_scheduler().add_job("tests.project.jobs:echo", "interval", hours=1, id="report", name="Report", timeout=90)
    return ScheduledJob.objects.get()


@pytest.fixture(autouse=True)
def nothing_is_wrong(stranger):
    yield
    assert stranger.complaints == {}
    assert stranger.refused() == {}


def choose(pages, action, *rows):
    """Choose an action of the list for some rows."""
    for row in rows:
        pages.find(f"[name=_selected_action][value='{row.pk}']").click()
    pages.shoot(f"choosing-{action}")
    pages.find(f"select[name=action] option[value={action}]").click()
    pages.follow(pages.find("#changelist-form .actions button[type=submit]").click)


def logged():
    """What the admin's own log says, and about whom."""
    return list(LogEntry.objects.order_by("pk").values_list("user__username", "change_message"))


def test_every_page_is_whole_by_day_and_by_night_wide_and_narrow(pages, request):
    too_wide, empty = [], []
    variant = request.node.callspec.id

    for name, path in paths(make_shop()).items():
        pages.resize(1600, 900)
        pages.open(path)
        if not pages.driver.find_elements("css selector", ".apsng, .apsng-find, .apsng-way"):
            empty.append(name)
        for width, dark in ((1600, True), (800, False), (360, True)):
            pages.resize(width, 900, dark=dark)
            pages.driver.execute_script(SWITCH, "dark" if dark else "light")
            if pages.driver.execute_script("return document.documentElement.scrollWidth") > width:
                too_wide.append(f"{name} {width}")
            pages.shoot_whole(f"{name}-{width}-{'dark' if dark else 'light'}-{variant}", width, dark=dark)

    assert empty == []
    assert too_wide == []


def test_the_theme_s_own_switch_counts_and_not_that_of_the_system(pages, job):
    seen = {}
    pages.open("scheduledjob/")
    for system in (False, True):
        pages.resize(1280, 900, dark=system)
        for theme in ("light", "dark"):
            pages.driver.execute_script(SWITCH, theme)
            seen[system, theme] = pages.driver.execute_script(LOOKS)

    assert seen[False, "light"] == seen[True, "light"]
    assert seen[False, "dark"] == seen[True, "dark"]
    assert seen[False, "light"] != seen[False, "dark"]


def test_a_job_is_added_from_the_list(pages, job):
    pages.open("scheduledjob/")
    pages.follow(pages.find(".object-tools a.addlink").click)
    pages.find("select[name=func] option[value$=echo]").click()
    pages.fill("name", "Nightly echo")
    pages.find("label[for=apsng-kind-cron]").click()
    pages.fill("cron-hour", "75")
    pages.fill("cron-timezone", "Europe/Berlin")
    pages.press("Add")
    pages.shoot("mistake")
    assert "must be within 0-23" in pages.find(".apsng-field.errors").text
    pages.fill("cron-hour", "2")
    pages.wait_for("at 02:00 every day")
    pages.press("Add")

    assert "“Nightly echo” is added." in pages.text
    row = ScheduledJob.objects.get(name="Nightly echo")
    assert read_trigger(row) == CronTrigger(hour="2", timezone="Europe/Berlin")
    assert logged() == [("maria", "Added: at 02:00 every day.")]


def test_everything_that_can_be_done_with_a_job(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Pause")
    pages.fill("reason", "the bank is closed")
    pages.press("Pause")
    assert "1 job is paused." in pages.text
    assert "Paused by maria since" in pages.text
    pages.press("Resume")
    assert "Next fire times then" in pages.text
    pages.press("Resume")
    assert not ScheduledJob.objects.get().paused

    pages.press("Reschedule")
    pages.press("Cron fields")
    pages.fill("hour", "2")
    pages.fill("minute", "30")
    pages.fill("timezone", "Europe/Berlin")
    pages.wait_for("02:30 does not exist: runs at 03:00 instead")
    pages.press("Reschedule")
    assert "“Report” runs at 02:30 every day from now on." in pages.text

    pages.press("Run now")
    pages.follow(pages.driver.find_element("link text", f"Run {JobRun.objects.get().pk}").click)
    assert "pending" in pages.text
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Run with other arguments")
    pages.fill("args", '["once"]')
    pages.press("Run now")
    assert JobRun.objects.order_by("pk").last().args == '["once"]'

    pages.press("Edit")
    pages.driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    pages.fill("timeout", "30")
    pages.press("Save")
    assert ScheduledJob.objects.get().timeout == 30
    pages.press("Revisions")
    pages.follow(pages.driver.find_elements("link text", "Revert this change…")[0].click)
    pages.press("Revert this change")
    assert ScheduledJob.objects.get().timeout == 90

    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Duplicate")
    pages.press("Add")
    assert sorted(ScheduledJob.objects.values_list("job_id", flat=True)) == ["report", "report-copy"]
    pages.press("Remove")
    pages.press("Remove")
    assert ScheduledJob.objects.get().job_id == "report"
    assert "1 job is removed." in pages.text
    assert [name for name, _message in logged()] == ["maria"] * 9


def test_runs_are_cancelled_and_retried(pages, job):
    failed = make_run(job, 900, RunStatus.FAILED)
    running, other = (make_run(job, ago, RunStatus.RUNNING) for ago in (60, 30))

    pages.open(f"jobrun/{running.pk}/change/")
    pages.press("Cancel the run")
    pages.fill("reason", "too slow")
    pages.press("Cancel the run")
    pages.open(f"jobrun/{failed.pk}/change/")
    pages.press("Retry")
    pages.open("jobrun/")
    choose(pages, "cancel_selected", other)
    pages.press("Cancel the run")

    assert sorted(JobRun.objects.filter(cancel_requested_by="maria").values_list("pk", flat=True)) == [
        running.pk,
        other.pk,
    ]
    assert JobRun.objects.filter(first_attempt=failed.pk).exists()
    assert len(logged()) == 3


def test_jobs_are_found_and_several_are_changed_at_once(pages, job):
    jobs = [make_job(f"job-{number}", f"Job {number}", IntervalTrigger(hours=1)) for number in range(3)]

    pages.open("scheduledjob/")
    choose(pages, "pause_selected", *jobs[:2])
    pages.fill("reason", "moving house")
    pages.press("Pause")
    assert "2 jobs are paused." in pages.text
    pages.driver.find_element("css selector", ".apsng-filter summary").click()
    pages.follow(pages.find(".apsng-filter[open] a[href*=paused]").click)
    assert "State: paused" in pages.text
    assert len(pages.driver.find_elements("css selector", "[name=_selected_action]")) == 2
    choose(pages, "resume_selected", *jobs[:2])
    assert "next run" in pages.text
    pages.press("Resume")
    assert not ScheduledJob.objects.filter(paused=True).exists()

    pages.open("scheduledjob/")
    search = pages.find("#searchbar")
    search.send_keys("Job 2")
    pages.follow(search.submit)
    choose(pages, "run_selected", jobs[2])
    pages.press("Run now")
    assert JobRun.objects.get().job_id == "job-2"
    choose(pages, "delete_selected", jobs[2])
    pages.press("Remove")
    assert not ScheduledJob.objects.filter(job_id="job-2").exists()


def test_pages_keep_themselves_up_to_date(pages, job):
    run = make_run(job, 65, RunStatus.RUNNING)
    added = pages.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNT})
    try:
        pages.open("scheduledjob/")
        pages.driver.execute_script("window.same = true")
        finish(run)
        wait(pages, "return document.querySelector('#result_list').innerText.includes('succeeded')")
        assert pages.driver.execute_script("return window.same")
    finally:
        pages.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
