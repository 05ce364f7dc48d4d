"""Pages that keep themselves up to date in a real browser, and what they leave as it is."""

import pytest

from django_apscheduler_ng.admin.refresh import BUSY
from django_apscheduler_ng.models import JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.browser.conftest import PATIENCE
from tests.shop import make_job, make_node, make_run

#: Counts what the page asks for, breaks it where a test wants that, and lets time pass twenty times as fast.
COUNT = """
window.asked = 0;
const slow = window.setTimeout;
window.setTimeout = (what, milliseconds) => slow(what, milliseconds / 20);
const real = window.fetch;
window.fetch = (...all) => { window.asked += 1; return window.broken ? Promise.reject(new TypeError('gone')) : real(...all); };
"""


@pytest.fixture
def running(transactional_db):
    """A run under way."""
    make_node()
    return make_run(make_job("report", "Report", IntervalTrigger(hours=1)), 65, RunStatus.RUNNING)


@pytest.fixture
def counted(pages):
    added = pages.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNT})
    yield pages
    pages.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    pages.look()
    assert pages.complaints == {}


def wait(pages, script):
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(pages.driver, PATIENCE, poll_frequency=0.05).until(lambda driver: driver.execute_script(script))


def asked(pages, more=1):
    """Wait until the page has asked so many times more."""
    before = pages.driver.execute_script("return window.asked")
    wait(pages, f"return window.asked >= {before + more + 1}")


def finish(run):
    JobRun.objects.filter(pk=run.pk).update(status=RunStatus.SUCCEEDED, finished_at=run.started_at)


@pytest.mark.parametrize("where", ["scheduledjob/", "scheduledjob/dashboard/", "scheduledjob/{job}/change/"])
def test_the_end_of_a_run_is_shown_without_loading_the_page_again(counted, running, where):
    counted.open(where.format(job=running.job_key))
    counted.driver.execute_script("window.same = true")
    assert "running" in counted.find("main").text

    finish(running)

    wait(counted, "return document.querySelector('main').innerText.includes('succeeded')")
    assert counted.driver.execute_script("return window.same")


def test_what_has_the_focus_keeps_it(counted, running):
    counted.open("scheduledjob/dashboard/")
    script = "const link = document.querySelector('.apsng-lane a[href*=change]'); link.focus(); window.link = link"
    counted.driver.execute_script(script)

    finish(running)
    wait(counted, "return document.querySelector('main').innerText.includes('Nothing runs at the moment.')")

    assert counted.driver.execute_script("return document.activeElement === window.link")


def test_what_was_chosen_on_the_list_stays_chosen(counted, running):
    counted.open("scheduledjob/")
    counted.find("[name=_selected_action]").click()
    counted.find("select[name=action] option[value=pause_selected]").click()
    counted.driver.find_element("css selector", ".apsng-filter summary").click()

    finish(running)
    wait(counted, "return document.querySelector('#result_list').innerText.includes('succeeded')")

    assert counted.find("[name=_selected_action]").is_selected()
    assert counted.find("select[name=action]").get_attribute("value") == "pause_selected"
    assert counted.driver.find_elements("css selector", ".apsng-filter[open]")


def test_selected_text_is_not_pulled_away(counted, running):
    counted.open(f"scheduledjob/{running.job_key}/change/")
    counted.driver.execute_script("getSelection().selectAllChildren(document.querySelector('.apsng-head h1'))")

    ScheduledJob.objects.update(name="Another name")
    asked(counted, 2)

    assert counted.driver.execute_script("return getSelection().toString()") == "Report"
    counted.driver.execute_script("getSelection().removeAllRanges()")
    wait(counted, "return document.querySelector('.apsng-head h1').innerText === 'Another name'")


def test_a_page_that_nobody_sees_asks_for_nothing_and_catches_up_when_somebody_does(counted, running):
    counted.open("scheduledjob/")
    asked(counted)
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"

    counted.driver.execute_script(hide % "true" + tell + "; window.quiet = window.asked")
    counted.driver.execute_async_script("setTimeout(arguments[0], 20 * 1000)")

    assert counted.driver.execute_script("return window.asked - window.quiet") <= 1  # one may have been on its way
    counted.driver.execute_script("window.quiet = window.asked;" + hide % "false" + tell)
    wait(counted, "return window.asked > window.quiet")


def test_a_server_that_does_not_answer_is_asked_less_and_less_and_the_page_says_so(counted, running):
    counted.open("scheduledjob/dashboard/")
    assert not counted.find("#apsng-outdated").is_displayed()

    counted.driver.execute_script("window.broken = true; window.since = performance.now(); window.base = window.asked")
    wait(counted, "return window.asked >= window.base + 4")

    took = counted.driver.execute_script("return performance.now() - window.since")
    assert took > 1000 * BUSY / 20 * (1 + 2 + 4)
    assert "This page is not up to date: the server does not answer." in counted.find("main [role=status]").text
    counted.driver.execute_script("window.broken = false")
    wait(counted, "return document.getElementById('apsng-outdated').hidden")


def test_nothing_is_announced_while_nothing_is_wrong(counted, running):
    counted.open("scheduledjob/dashboard/")

    assert (
        counted.driver.find_elements("css selector", "main :is([aria-live], [role=status], [role=alert]):not([hidden])")
        == []
    )

    SchedulerNode.objects.all().delete()
    wait(counted, "return document.querySelector('main [role=alert]') !== null")


def test_with_the_keyboard_one_comes_to_every_lane_but_not_to_every_bar(counted, running):
    from selenium.webdriver.common.keys import Keys

    for number in range(2):
        make_run(ScheduledJob.objects.get(), 7200 * (number + 1), took=600)
    counted.open("scheduledjob/dashboard/")
    counted.driver.execute_script("document.querySelector('.apsng-head a').focus()")
    reached = []
    for _ in range(20):
        counted.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(counted.driver.switch_to.active_element.get_attribute("href"))

    assert any(f"scheduledjob/{running.job_key}/change/" in (address or "") for address in reached)
    bars = counted.driver.find_elements("css selector", ".apsng-lane-svg a")
    assert len(bars) >= 3
    assert counted.driver.execute_script("return [...arguments].every(bar => bar.tabIndex === -1)", *bars)
