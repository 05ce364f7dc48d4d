"""What an operator does in the admin, in a real browser under the strictest policy."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.rows import read_trigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from tests.shop import make_node


@pytest.fixture
def job(transactional_db):
    make_node()
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report")
    return ScheduledJob.objects.get()


@pytest.fixture(autouse=True)
def no_complaints(stranger):
    yield
    assert stranger.complaints == {}


def test_somebody_logs_in_and_sees_the_jobs(stranger, job):
    get_user_model().objects.create_superuser("maria", "maria@example.com", "secret")

    stranger.open("scheduledjob/")
    stranger.find("[name=username]").send_keys("maria")
    stranger.find("[name=password]").send_keys("secret")
    stranger.follow(stranger.find("[type=submit]").click)

    assert "Report" in stranger.find("#result_list").text
    assert "every hour" in stranger.find("#result_list").text


def test_a_job_is_paused_with_a_reason_and_resumed(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Pause")
    pages.fill("reason", "the bank is closed")
    pages.press("Pause")

    paused = ScheduledJob.objects.get()
    assert (paused.paused, paused.pause_reason, paused.paused_by) == (True, "the bank is closed", "maria")
    assert "1 job is paused." in pages.text
    assert "Paused by maria since" in pages.text

    pages.press("Resume")
    assert "Next fire times then" in pages.text
    pages.press("Resume")

    assert not ScheduledJob.objects.get().paused
    assert "1 job is resumed." in pages.text


def test_a_run_is_asked_for_with_one_click_and_its_page_is_a_link_away(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Run now")

    run = JobRun.objects.get()
    assert (run.status, run.requested_by) == ("pending", "maria")
    pages.follow(pages.find(".messagelist a").click)
    assert f"run {run.pk}" in pages.text
    assert "pending" in pages.text


def test_a_job_is_rescheduled_after_a_mistake_and_a_preview(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Reschedule")
    pages.press("Cron fields")
    pages.fill("hour", "2")
    pages.fill("minute", "75")
    pages.fill("timezone", "Europe/Berlin")
    pages.press("Reschedule")

    assert "Cron field 'minute' must be within 0-59, got '75'." in pages.text
    pages.fill("minute", "30")
    pages.wait_for("at 02:30 every day")
    pages.resize(1280, 1200)
    pages.shoot("preview")

    assert "02:30 does not exist: runs at 03:00 instead" in pages.text
    assert ScheduledJob.objects.get().trigger == job.trigger
    pages.press("Reschedule")

    assert read_trigger(ScheduledJob.objects.get()) == CronTrigger(hour="2", minute="30", timezone="Europe/Berlin")
    assert "“Report” runs at 02:30 every day from now on." in pages.text


def test_the_picker_of_the_browser_gives_a_moment_that_the_trigger_reads(pages, job):
    pages.open(f"scheduledjob/{job.pk}/reschedule/?type=date")
    pages.driver.execute_script("document.querySelector('[name=run_date]').value = '2040-12-24T18:00'")
    pages.fill("timezone", "Europe/Berlin")
    pages.press("Reschedule")

    assert ScheduledJob.objects.get().next_run_time == datetime(2040, 12, 24, 17, tzinfo=UTC)


def test_selected_jobs_are_paused_from_the_list(pages, job):
    pages.open("scheduledjob/")
    pages.find("[name=_selected_action]").click()
    pages.find("select[name=action] option[value=pause_selected]").click()
    pages.follow(pages.find("#changelist-form .actions button[type=submit]").click)
    pages.fill("reason", "moving house")
    pages.press("Pause")

    assert ScheduledJob.objects.get().pause_reason == "moving house"
    assert "1 job is paused." in pages.text


def test_a_filter_is_chosen_with_the_keyboard_alone(pages, job):
    from selenium.webdriver.common.keys import Keys

    pages.open("scheduledjob/")
    summary = pages.driver.find_element("css selector", ".apsng-filter summary")
    summary.send_keys(Keys.ENTER)
    choice = pages.find(".apsng-filter[open] a[href*=paused]")
    pages.follow(lambda: choice.send_keys(Keys.ENTER))

    assert "state=paused" in pages.driver.current_url
    assert "State: paused" in pages.text
    assert "0 jobs" in pages.text


def test_a_job_is_removed_after_a_question(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Remove")
    assert ScheduledJob.objects.exists()
    pages.press("Remove")

    assert not ScheduledJob.objects.exists()
    assert "1 job is removed." in pages.text
