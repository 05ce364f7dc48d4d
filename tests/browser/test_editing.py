"""Adding and editing jobs in a real browser, under the strictest policy."""

import pytest

from django_apscheduler_ng import declarations, get_scheduler
from django_apscheduler_ng.decorators import job as register
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.rows import read_trigger, to_job
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.project import jobs
from tests.shop import make_node, make_run


@pytest.fixture
def registered():
    before = dict(declarations._registered)
    declarations._registered.clear()
    names = (
        "noop",
        "echo",
        "nap",
        "append",
        "mark",
        "spin",
        "fail",
        "leave",
        "echo_async",
        "append_async",
        "mark_async",
    )
    for name in names:
        register(getattr(jobs, name))
    yield
    declarations._registered.clear()
    declarations._registered.update(before)


@pytest.fixture
def job(transactional_db, registered):
    make_node()
    get_scheduler().add_job(
        "tests.project.jobs:echo", "interval", hours=1, id="report", name="Report", timezone="Europe/Berlin", timeout=90
    )
    return ScheduledJob.objects.get()


@pytest.fixture(autouse=True)
def no_complaints(stranger):
    yield
    assert stranger.complaints == {}


def type_keys(pages, *keys):
    """Press keys, wherever the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(pages.driver).send_keys(*keys).perform()


def tab_to(pages, name):
    """Press the tabulator until the field has the focus."""
    from selenium.webdriver.common.keys import Keys

    seen = []
    for _step in range(60):
        focused = pages.driver.switch_to.active_element
        seen.append(focused.get_attribute("name") or focused.text or focused.get_attribute("aria-label"))
        if focused.get_attribute("name") == name:
            return
        type_keys(pages, Keys.TAB)
    pytest.fail(f"No {name!r} among {seen}.")


def test_a_cron_job_is_added_with_the_keyboard_alone(pages, registered):
    from selenium.webdriver.common.keys import Keys

    pages.open("scheduledjob/")
    add = pages.find(".object-tools a.addlink")
    pages.follow(lambda: add.send_keys(Keys.ENTER))
    tab_to(pages, "func")
    type_keys(pages, "echo", Keys.TAB)
    tab_to(pages, "name")
    type_keys(pages, "Nightly echo")
    tab_to(pages, "args")
    type_keys(pages, '["hello"]')
    tab_to(pages, "type")
    type_keys(pages, Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
    tab_to(pages, "cron-hour")
    type_keys(pages, "2", Keys.TAB, "30")
    tab_to(pages, "cron-timezone")
    type_keys(pages, *[Keys.BACKSPACE] * 3, "Europe/Berlin")
    pages.wait_for("at 02:30 every day")
    pages.wait_for("02:30 does not exist: runs at 03:00 instead")
    tab_to(pages, "_save")
    pages.follow(lambda: type_keys(pages, Keys.ENTER))

    assert "“Nightly echo” is added." in pages.text
    row = ScheduledJob.objects.get()
    assert (row.name, row.func_ref, to_job(row).args) == ("Nightly echo", "tests.project.jobs:echo", ("hello",))
    assert read_trigger(row) == CronTrigger(hour="2", minute="30", timezone="Europe/Berlin")


def test_the_preview_follows_what_is_typed(pages, job):
    for ago in (100, 200, 300):
        make_run(job, ago, took=720)
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Edit")
    assert not pages.find("[name=_preview]").is_displayed()
    pages.wait_for("Runs will not overlap.")

    pages.fill("interval-hours", "")
    pages.wait_for("must have an interval")
    pages.fill("interval-minutes", "5")
    pages.wait_for("Every 5 minutes")
    pages.wait_for("Runs will overlap.")
    pages.find("label[for=apsng-kind-crontab]").click()
    assert pages.find("[name=crontab-timezone]").get_attribute("value") == "Europe/Berlin"
    pages.fill("crontab-crontab", "75 * * * *")
    pages.wait_for("Cron field 'minute' must be within 0-59")
    pages.fill("crontab-crontab", "0 4 * * 1")
    pages.wait_for("at 04:00 on Monday")
    assert ScheduledJob.objects.get().revision == job.revision

    pages.press("Save")

    assert read_trigger(ScheduledJob.objects.get()) == CronTrigger.from_crontab("0 4 * * 1", timezone="Europe/Berlin")
    assert "“Report” is saved: trigger." in pages.text


@pytest.mark.parametrize("width", [360, 1280], ids=["narrow", "wide"])
@pytest.mark.parametrize("page", ["edit", "reschedule"])
def test_a_field_stays_where_it_is_while_the_preview_changes(pages, job, page, width):
    pages.resize(width, 700)
    pages.open(f"scheduledjob/{job.pk}/{page}/")
    field = "interval-minutes" if page == "edit" else "minutes"
    hours, minutes = (pages.find(f"#content [name$='{name}']") for name in (field.replace("minutes", "hours"), field))
    proposal = pages.find("[data-apsng-proposal]")
    place, heights = minutes.rect, [proposal.rect["height"]]

    hours.clear()
    for typed, said in (("-5", "greater than or equal to 0"), ("5", "every 5 minutes")):
        pages.fill(field, typed)
        pages.wait_for(said)
        heights.append(proposal.rect["height"])
        assert minutes.rect == place

    assert len(set(heights)) > 1


@pytest.mark.parametrize(("page", "field"), [("edit", "interval-hours"), ("reschedule", "hours")])
def test_enter_in_a_field_saves(pages, job, page, field):
    from selenium.webdriver.common.keys import Keys

    pages.open(f"scheduledjob/{job.pk}/{page}/")
    pages.fill(field, "2")
    pages.follow(lambda: type_keys(pages, Keys.ENTER))

    assert read_trigger(ScheduledJob.objects.get()) == IntervalTrigger(hours=2, timezone="Europe/Berlin")


def test_a_mistake_is_shown_beside_its_field_and_nothing_is_lost(pages, job):
    pages.open(f"scheduledjob/{job.pk}/edit/")
    pages.fill("args", '["a", "b"]')
    pages.fill("name", "Typed name")
    pages.press("Save")

    field = pages.find(".apsng-field.errors")
    assert "takes 1 positional arguments, got 2" in field.text
    assert field.find_element("tag name", "textarea").get_attribute("value") == '["a", "b"]'
    assert pages.find("[name=name]").get_attribute("value") == "Typed name"
    assert field.find_element("tag name", "textarea").get_attribute("aria-invalid") == "true"


def test_the_callables_are_searched(pages, job):
    from selenium.webdriver.common.keys import Keys

    pages.open("scheduledjob/add/")
    pages.find(".apsng-search").send_keys("jobs spin")
    options = [option.text for option in pages.driver.find_elements("css selector", "select[name=func] option")]
    assert options == ["Choose…", "spin"]
    pages.find(".apsng-search").send_keys(Keys.ENTER)

    assert pages.find("select[name=func]").get_attribute("value") == "tests.project.jobs:spin"
    pages.wait_for("spin(path: str, seconds: float)")


def test_two_people_edit_one_job(pages, job):
    pages.open(f"scheduledjob/{job.pk}/edit/")
    pages.fill("name", "My name")
    pages.driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    pages.fill("timeout", "45")
    get_scheduler().edit_job("report", timeout=30, trigger=IntervalTrigger(minutes=7, timezone="Europe/Berlin"))
    pages.press("Save")

    assert "Somebody else changed this job while you were editing it." in pages.text
    assert ScheduledJob.objects.get().timeout == 30
    assert pages.find("[name=interval-minutes]").get_attribute("value") == "7"
    assert pages.find("[name=timeout]").get_attribute("value") == "45"
    pages.press("Save over it")

    saved = ScheduledJob.objects.get()
    assert (saved.timeout, saved.name) == (45, "My name")
    assert read_trigger(saved) == IntervalTrigger(minutes=7, timezone="Europe/Berlin")


def test_a_job_that_is_removed_under_ones_feet_is_added_as_a_new_one(pages, job):
    pages.open(f"scheduledjob/{job.pk}/edit/")
    pages.fill("name", "My name")
    get_scheduler().remove_job("report")
    pages.press("Save")

    assert "Job “report” is not there any more" in pages.text
    pages.press("Add it as a new job")

    assert (ScheduledJob.objects.get().job_id, ScheduledJob.objects.get().name) == ("report", "My name")


def test_a_change_is_reverted_with_two_clicks(pages, job):
    get_scheduler().edit_job("report", timeout=30)
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Revisions")
    pages.follow(pages.driver.find_element("link text", "Revert this change…").click)
    pages.fill("reason", "it was right")
    pages.press("Revert this change")

    assert ScheduledJob.objects.get().timeout == 90
    assert "Set back: timeout (s)." in pages.text
    assert "maria took back a change of timeout (s)." in pages.text
    assert JobLogEntry.objects.last().action == "reverted"


def test_a_job_is_run_with_other_arguments(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Run with other arguments")
    pages.fill("args", '["once"]')
    pages.press("Run now")

    assert JobRun.objects.get().args == '["once"]'
    assert "of “Report” is asked for." in pages.text


def test_a_job_is_duplicated(pages, job):
    pages.open(f"scheduledjob/{job.pk}/change/")
    pages.press("Duplicate")
    pages.press("Add")

    assert sorted(ScheduledJob.objects.values_list("job_id", "timeout")) == [("report", 90), ("report-copy", 90)]


def test_without_scripts_buttons_do_the_same(pages, job):
    pages.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        pages.open(f"scheduledjob/{job.pk}/edit/")
        pages.find("label[for=apsng-kind-cron]").click()
        pages.press("Show its fields")
        pages.fill("cron-hour", "5")
        pages.press("Preview")
        assert "every day" in pages.find("[data-apsng-proposal]").text
        pages.press("Save")
    finally:
        pages.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert read_trigger(ScheduledJob.objects.get()) == CronTrigger(hour="5", timezone="Europe/Berlin")


@pytest.mark.parametrize("language", ["en", "ar"], ids=["left-to-right", "right-to-left"])
@pytest.mark.parametrize(("width", "dark"), [(360, True), (1600, False)], ids=["narrow-dark", "wide-light"])
def test_nothing_is_clipped(pages, job, language, width, dark):
    pages.driver.add_cookie({"name": "django_language", "value": language, "path": "/"})
    get_scheduler().edit_job("report", timeout=30, kwargs={"value": "a-long-value-without-any-blank" * 12})
    event = JobLogEntry.objects.last()
    too_wide = {}

    def look(name):
        wide = pages.driver.execute_script("return document.documentElement.scrollWidth")
        if wide > width:
            too_wide[name] = wide
        pages.shoot_whole(f"{name}-{language}-{width}", width, dark=dark)
        pages.resize(width, 900, dark=dark)

    pages.resize(width, 900, dark=dark)
    for name in ("edit", "revisions", "run", f"revert/{event.pk}"):
        pages.open(f"scheduledjob/{job.pk}/{name}/")
        look(name.partition("/")[0])
    pages.open(f"scheduledjob/{job.pk}/edit/")
    pages.driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    pages.fill("timeout", "45")
    pages.fill("interval-hours", "")
    pages.follow(pages.find("[name=_save]").click)
    look("mistake")
    pages.fill("interval-hours", "2")
    get_scheduler().edit_job("report", timeout=31, queue="mails")
    pages.follow(pages.find("[name=_save]").click)
    look("conflict")

    assert pages.driver.execute_script("return document.dir || 'ltr'") == ("rtl" if language == "ar" else "ltr")
    assert too_wide == {}
