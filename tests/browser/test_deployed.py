"""A project as it is deployed: hashed names of static files, no `DEBUG`, the strictest policy, and no other host."""

import re

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from tests.browser.serving import collect, served
from tests.browser.sights import paths
from tests.browser.test_refresh import COUNT, finish, wait
from tests.policy import POLICY
from tests.shop import make_node, make_run, make_shop

SETTINGS = "tests.served.settings"

HASHED = re.compile(r"/static/.+\.[0-9a-f]{12}\.\w+$")


@pytest.fixture(scope="module")
def site_address(tmp_path_factory, django_db_setup):
    static = collect(tmp_path_factory.mktemp("deployed"), SETTINGS)
    with served(tmp_path_factory.mktemp("server"), SETTINGS, static) as address:
        yield address


@pytest.fixture(autouse=True)
def nothing_is_wrong(stranger):
    yield
    assert stranger.complaints == {}
    assert stranger.refused() == {}
    assert [url for url in stranger.answers() if "/static/" in url and not HASHED.search(url)] == []


def test_the_policy_is_that_of_the_requirement():
    promised = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'"

    assert POLICY.split("; ")[:6] == promised.split("; ")
    assert POLICY.split("; ")[6:] == ["frame-ancestors 'none'", "base-uri 'none'"]


def test_every_page_has_all_its_files(pages):
    for path in paths(make_shop()).values():
        pages.open(path)

    asked = " ".join(pages.answers())
    assert all(
        re.search(rf"/django_apscheduler_ng/{name}\.[0-9a-f]+\.", asked) for name in ("admin", "editor", "refresh")
    )
    # the pages know only these: nothing else was asked of the network
    assert {url.split("/")[3] for url in pages.answers()} <= {"admin", "static"}


def test_a_subclass_that_is_the_default_site_frames_the_pages_and_logs_what_is_done(pages, transactional_db):
    get_scheduler().add_job("tests.project.jobs:echo", "interval", hours=1, id="report", name="Report")
    pages.open(f"scheduledjob/{ScheduledJob.objects.get().pk}/change/")
    assert "The office" in pages.text
    pages.press("Pause")
    pages.press("Pause")

    assert "1 job is paused." in pages.text
    assert [(str(entry.user), entry.change_message) for entry in LogEntry.objects.all()] == [("maria", "Paused.")]


def test_scripts_work_under_their_hashed_names(pages, transactional_db):
    make_node()
    get_scheduler().add_job("tests.project.jobs:echo", "interval", hours=1, id="report", name="Report")
    run = make_run(ScheduledJob.objects.get(), 65, RunStatus.RUNNING)
    pages.open(f"scheduledjob/{run.job_key}/edit/")
    pages.fill("interval-hours", "5")
    pages.wait_for("every 5 hours")
    added = pages.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNT})
    try:
        pages.open("scheduledjob/")
        finish(run)
        wait(pages, "return document.querySelector('#result_list').innerText.includes('succeeded')")
    finally:
        pages.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
