"""Everything that can be done, with the keyboard alone."""

from itertools import pairwise

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.rows import read_trigger, to_job
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.cron import CronTrigger
from tests.shop import make_job, make_node, make_run, make_shop

from .keyboard import Keyboard
from .sights import paths
from .test_editing import registered as registered

SPACE, DOWN = " ", "\ue015"


@pytest.fixture
def job(transactional_db, registered):
    make_node()
    get_scheduler().add_job(
        "tests.project.jobs:echo", "interval", hours=1, id="report", name="Report", timezone="Europe/Berlin"
    )
    return ScheduledJob.objects.get()


@pytest.fixture
def hands(pages):
    yield Keyboard(pages)
    assert pages.complaints == {}


def open_job(hands, job):
    hands.pages.open(f"scheduledjob/{job.pk}/change/")


def says_what_is_wrong(hands, name, words):
    """The focus is on the note that something is wrong, and the field says what."""
    assert hands.focused.get_attribute("role") == "alert"
    field = hands.tab_to(name)
    assert field.get_attribute("aria-invalid") == "true"
    described = [hands.pages.find(f"[id='{each}']").text for each in field.get_attribute("aria-describedby").split()]
    assert words in " ".join(described)


def test_a_job_is_paused_with_a_reason_and_resumed(hands, job):
    open_job(hands, job)
    hands.choose("Pause")
    hands.write("Reason", "the bank is closed")
    hands.choose("Pause")
    paused = ScheduledJob.objects.get()
    assert (paused.paused, paused.pause_reason) == (True, "the bank is closed")

    hands.choose("Resume")
    hands.choose("Resume")

    assert not ScheduledJob.objects.get().paused


def test_a_job_is_run_with_other_arguments_after_a_mistake(hands, job):
    open_job(hands, job)
    hands.choose("Run with other arguments")
    hands.write("Positional arguments", '["one", "too many"]')
    hands.choose("Run now")

    says_what_is_wrong(hands, "Positional arguments", "takes 1 positional arguments, got 2")
    hands.tab(back=True)
    hands.write("Positional arguments", '["once"]')
    hands.choose("Run now")

    assert JobRun.objects.get().args == '["once"]'


def test_a_job_is_rescheduled_after_a_mistake(hands, job):
    open_job(hands, job)
    hands.choose("Reschedule")
    hands.choose("Cron fields")
    hands.write("Hour", "2")
    hands.write("Minute", "75")
    hands.choose("Reschedule")

    says_what_is_wrong(hands, "Minute", "must be within 0-59, got '75'")
    hands.tab(back=True)
    hands.write("Minute", "30")
    hands.choose("Reschedule")

    assert read_trigger(ScheduledJob.objects.get()) == CronTrigger(hour="2", minute="30", timezone="Europe/Berlin")


def test_a_job_is_edited_after_a_mistake(hands, job):
    open_job(hands, job)
    hands.choose("Edit")
    hands.write("Name", "Another name")
    hands.write("Positional arguments", '["a", "b"]')
    hands.choose("Save")

    says_what_is_wrong(hands, "Positional arguments", "takes 1 positional arguments, got 2")
    hands.tab(back=True)
    hands.write("Positional arguments", '["a"]')
    hands.tab_to("Interval")
    hands.press(DOWN, DOWN)
    hands.write("Expression", "0 4 * * 1")
    hands.choose("Save")

    saved = ScheduledJob.objects.get()
    assert (saved.name, to_job(saved).args) == ("Another name", ("a",))
    assert read_trigger(saved) == CronTrigger.from_crontab("0 4 * * 1", timezone="Europe/Berlin")


def test_a_job_is_duplicated_and_removed(hands, job):
    open_job(hands, job)
    hands.choose("Duplicate")
    hands.choose("Add")
    assert ScheduledJob.objects.count() == 2

    hands.choose("Remove")
    hands.choose("Remove")

    assert ScheduledJob.objects.get() == job


def test_a_revision_is_reverted(hands, job):
    get_scheduler().edit_job("report", timeout=30)
    open_job(hands, job)
    hands.choose("Revisions")
    change = hands.pages.driver.find_element("css selector", ".apsng-revision-head .apsng-button").accessible_name
    hands.choose(change)
    hands.write("Reason", "it was right")
    hands.choose("Revert this change")

    assert ScheduledJob.objects.get().timeout is None


def test_a_run_is_cancelled_and_another_one_retried(hands, job):
    running = make_run(job, 60, RunStatus.RUNNING)
    failed = make_run(job, 600, RunStatus.FAILED)
    hands.pages.open(f"jobrun/{running.pk}/change/")
    hands.choose("Cancel the run")
    hands.write("Reason", "it hangs")
    hands.choose("Cancel the run")
    running.refresh_from_db()
    assert running.cancel_reason == "it hangs"

    hands.pages.open(f"jobrun/{failed.pk}/change/")
    hands.choose("Retry")

    assert JobRun.objects.filter(first_attempt=failed.pk).count() == 1


def act(hands, words, *boxes):
    """Tick rows of a list and do something with them."""
    for box in boxes:
        hands.tab_to(f"Select this object for an action - {box}")
        hands.press(SPACE)
    hands.tab_to("Action", back=True)
    hands.press(*words)
    hands.choose("Run", "Go")


@pytest.mark.parametrize(
    ("words", "button", "done"),
    [
        pytest.param(
            "Pause selected", "Pause", lambda: ScheduledJob.objects.filter(paused=True).count() == 2, id="pause"
        ),
        pytest.param("Remove selected", "Remove", lambda: not ScheduledJob.objects.exists(), id="remove"),
        pytest.param(
            "Run selected", "Run now", lambda: JobRun.objects.filter(status="pending").count() == 2, id="run-now"
        ),
    ],
)
def test_something_is_done_with_selected_jobs(hands, job, words, button, done):
    make_job("second", "Second", CronTrigger(hour=3), "tests.project.jobs:noop")
    hands.pages.open("scheduledjob/")
    act(hands, words, "Second", "Report")
    hands.write("Reason", "moving house")
    hands.choose(button)

    assert done()


def test_selected_jobs_are_resumed(hands, job):
    ScheduledJob.objects.update(paused=True, next_run_time=None, next_fire_time=None)
    hands.pages.open("scheduledjob/")

    act(hands, "Resume selected", "Report")
    hands.choose("Resume")

    assert not ScheduledJob.objects.get().paused


@pytest.mark.parametrize(("words", "status"), [("Cancel", RunStatus.RUNNING), ("Retry", RunStatus.FAILED)])
def test_something_is_done_with_selected_runs(hands, job, words, status):
    run = make_run(job, 60, status)
    hands.pages.open("jobrun/")

    act(hands, words, str(run))
    hands.choose("Cancel the run" if words == "Cancel" else words)

    run.refresh_from_db()
    assert run.cancel_requested_at is not None or JobRun.objects.filter(first_attempt=run.pk).exists()


def test_a_list_is_searched_and_filtered(hands, job):
    make_job("second", "Second", CronTrigger(hour=3), "tests.project.jobs:noop", paused=True)
    hands.pages.open("scheduledjob/")
    hands.tab_to("Search")
    hands.press(*"sec")
    hands.choose("Search")
    assert "Report" not in hands.pages.find("#result_list").text

    hands.tab_to("State")
    hands.press(SPACE)
    hands.choose("paused")
    assert "State: paused" in hands.pages.text
    assert "Second" in hands.pages.find("#result_list").text
    hands.choose("Clear all filters")
    assert "State: paused" not in hands.pages.text
    hands.choose("Show all")

    assert "Report" in hands.pages.find("#result_list").text


def test_what_the_charts_show_is_read_in_tables(hands):
    shop = make_shop()
    hands.pages.open(paths(shop)["dashboard"])
    hands.tab_to("Duration as a table")
    assert "p95" not in hands.pages.find(".apsng-charts section:first-child details").text

    hands.press(SPACE)

    shown = hands.pages.find(".apsng-charts section:first-child details").text
    assert "5 min 22 s" in shown
    assert len(shown.splitlines()) > 3


ORDER = """
const [one, other] = arguments;
if (one === other) return ''; // one part of a date after the other
if (!(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING)) return 'before it in the page';
const [upper, lower] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
const isAside = lower.left >= upper.right || lower.right <= upper.left;
return lower.bottom <= upper.top && !isAside ? 'above it' : '';
"""


@pytest.mark.parametrize(
    ("width", "dark", "names"),
    [
        pytest.param(360, False, ("jobs", "job", "run", "edit", "reschedule", "pause"), id="narrow-light"),
        pytest.param(1400, True, ("dashboard", "edit", "revisions"), id="wide-dark"),
    ],
)
def test_the_focus_is_seen_and_follows_the_order_of_reading(hands, width, dark, names):
    shop = make_shop()
    wrong = {}

    for name in names:
        hands.pages.resize(width, 900, dark=dark)
        hands.pages.open(paths(shop)[name])
        stops = list(hands.stops())
        assert len(stops) > 5
        if found := [problem for pair in pairwise(stops) if (problem := out_of_order(hands, *pair))]:
            wrong[name] = found

    assert wrong == {}


def out_of_order(hands, one, other):
    """Say what is wrong with going on from one stop to the other."""
    problem = hands.pages.driver.execute_script(ORDER, one, other)
    return problem and f"{other.accessible_name!r} is {problem}"
