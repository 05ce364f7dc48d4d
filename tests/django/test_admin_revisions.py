"""The revisions of a job, and taking one of them back."""

import json

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.admin.sentences import event_sentence
from django_apscheduler_ng.models import JobLogEntry, ScheduledJob
from django_apscheduler_ng.rows import read_trigger, to_job
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of, told
from tests.django.edit_kit import BERLIN, text_of


def change(**options):
    """Change the job, and return the event of it."""
    get_scheduler().edit_job("report", **options)
    return JobLogEntry.objects.last()


def revert_page(job, event):
    return f"{PAGES}/scheduledjob/{job.pk}/revert/{event.pk}/"


def take_back(client, job, event, **given):
    """Open the page that asks, and post it."""
    page = revert_page(job, event)
    return client.post(page, {"seen": client.get(page).context["plan"].seen, "reason": "", **given})


def again(job):
    return ScheduledJob.objects.get(pk=job.pk)


def test_the_revisions_are_listed_with_who_when_and_why(editor, report):
    with acting(None, name="boris", reason="too slow"):
        event = change(timeout=30, trigger=IntervalTrigger(minutes=5, timezone=BERLIN))
    get_scheduler().pause_job("report")

    page = editor.get(address(report, "revisions"))

    text = text_of(page)
    assert "boris changed trigger and timeout (s)." in text
    assert "too slow" in text
    assert "Trigger Before every hour After every 5 minutes" in text
    assert "Timeout (s) Before 90 After 30" in text
    assert "paused" not in text.lower()
    assert revert_page(report, event) in page.content.decode()


def test_a_change_is_taken_back_by_an_event_of_its_own(editor, report):
    event = change(timeout=30, kwargs={"limit": 6}, trigger=IntervalTrigger(minutes=5, timezone=BERLIN))

    response = take_back(editor, report, event, reason="it was right")

    restored = again(report)
    assert (restored.timeout, to_job(restored).kwargs) == (90, {"limit": 5})
    assert read_trigger(restored) == IntervalTrigger(hours=1, timezone=BERLIN)
    assert restored.next_run_time > report.created_at
    assert response.url == address(report, "revisions")
    assert told(response) == ["Set back: keyword arguments, trigger, timeout (s)."]
    entry = JobLogEntry.objects.last()
    assert (entry.action, entry.actor_name, entry.reason) == (
        "reverted", "maria", f"Event {event.pk} is taken back. it was right",
    )  # fmt: skip
    assert json.loads(entry.after)["timeout"] == 90
    assert LogEntry.objects.get().change_message == (
        f"Took back event {event.pk}: keyword arguments, trigger, timeout (s). it was right"
    )


def test_what_was_taken_back_can_be_taken_back(editor, report):
    event = change(timeout=30)
    take_back(editor, report, event)

    take_back(editor, report, JobLogEntry.objects.last())

    assert again(report).timeout == 30


def test_later_changes_of_other_columns_stay(editor, report):
    event = change(timeout=30)
    change(queue="mails")

    take_back(editor, report, event)

    assert (again(report).timeout, again(report).queue) == (90, "mails")


def test_what_was_changed_again_since_stays_unless_it_is_asked_for(editor, report):
    event = change(timeout=30, queue="mails")
    with acting(None, name="boris"):
        change(timeout=31)

    page = editor.get(revert_page(report, event))
    assert [(step.column, step.fate, step.now, step.then) for step in page.context["plan"].steps] == [
        ("timeout", "later", "31", "90"),
        ("queue", "back", "mails", "default"),
    ]
    assert "minutes ago by boris" in text_of(page)
    take_back(editor, report, event)

    assert (again(report).timeout, again(report).queue) == (31, "default")

    take_back(editor, report, event, overwrite="on")

    assert (again(report).timeout, again(report).queue) == (90, "default")


def test_a_change_that_was_all_changed_again_is_refused_unless_it_is_asked_for(editor, report):
    event = change(timeout=30)
    change(timeout=31)

    response = take_back(editor, report, event)

    assert response.context["problem"] == "There is nothing to set back."
    assert "All of it was changed again since." in text_of(response)
    assert again(report).timeout == 31
    assert take_back(editor, report, event, overwrite="on").status_code == 302
    assert again(report).timeout == 90


def test_a_change_that_is_undone_already_offers_nothing(editor, report):
    event = change(timeout=30)
    change(timeout=90)

    page = editor.get(revert_page(report, event))

    assert "There is nothing to set back: all of it is again as it was." in text_of(page)
    assert '<button type="submit" class="button apsng-button default">' not in page.content.decode()


def test_a_change_between_the_question_and_the_answer_is_shown_first(editor, report):
    event = change(timeout=30)
    seen = editor.get(revert_page(report, event)).context["plan"].seen
    change(timeout=31)

    response = editor.post(revert_page(report, event), {"seen": seen, "reason": ""})

    assert response.context["problem"] == "The job was changed meanwhile. Look again at what would happen."
    assert [step.now for step in response.context["plan"].steps] == ["31"]
    assert again(report).timeout == 31


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        pytest.param("trigger", "{broken", "Cannot read the stored text", id="trigger"),
        pytest.param("func_ref", "builtins:dict", "Callable 'builtins:dict' is not allowed to run.", id="callable"),
        pytest.param("executor", "gone", "Executor 'gone' is not configured.", id="executor"),
    ],
)
def test_what_is_not_possible_any_more_is_said_and_nothing_is_changed(editor, report, column, value, problem):
    event = change(timeout=30)
    JobLogEntry.objects.filter(pk=event.pk).update(
        before=json.dumps({column: value, "timeout": 90}),
        after=json.dumps({column: getattr(report, column), "timeout": 30}),
    )

    response = take_back(editor, report, event)

    assert response.context["problem"].startswith(problem)
    assert again(report).timeout == 30


@pytest.mark.parametrize("kind", ["added", "paused", "other-job", "none"])
def test_only_a_change_of_this_job_can_be_taken_back(editor, report, kind):
    scheduler = get_scheduler()
    if kind == "paused":
        scheduler.pause_job("report")
    elif kind != "none":
        scheduler.add_job("tests.project.jobs:noop", "interval", hours=1, id="other")
        if kind == "other-job":
            scheduler.modify_job("other", timeout=3)
    event = JobLogEntry.objects.last()
    job = ScheduledJob.objects.get(job_id="other") if kind == "added" else report

    page = f"{PAGES}/scheduledjob/{job.pk}/revert/{event.pk if event else 4711}/"

    assert editor.get(page).status_code == 404
    assert editor.post(page, {"seen": ""}).status_code == 404


def test_a_paused_job_stays_paused(editor, report):
    event = change(trigger=IntervalTrigger(minutes=5, timezone=BERLIN))
    get_scheduler().pause_job("report")

    take_back(editor, report, event)

    restored = again(report)
    assert (restored.paused, restored.next_run_time) == (True, None)
    assert read_trigger(restored) == IntervalTrigger(hours=1, timezone=BERLIN)


def test_older_revisions_are_a_page_away(editor, report):
    for seconds in range(1, 26):
        change(timeout=seconds)

    first = editor.get(address(report, "revisions"))
    second = editor.get(f"{address(report, 'revisions')}?before={first.context['older']}")

    assert [len(page.context["revisions"]) for page in (first, second)] == [20, 5]
    assert second.context["older"] is None
    assert editor.get(f"{address(report, 'revisions')}?before=x").status_code == 200


def test_the_page_of_the_event_leads_there(editor, report):
    event = change(timeout=30)

    assert revert_page(report, event) in editor.get(f"{PAGES}/joblogentry/{event.pk}/change/").content.decode()


def test_who_may(db, report):
    event = change(timeout=30)
    pages = (address(report, "revisions"), revert_page(report, event))

    def answers(*rights, name):
        client = client_of(*rights, name=name)
        return [client.get(page).status_code for page in pages]

    assert answers("view_scheduledjob", "view_joblogentry", "change_scheduledjob", name="a") == [200, 200]
    assert answers("view_scheduledjob", "view_joblogentry", name="b") == [200, 403]
    assert answers("view_scheduledjob", "change_scheduledjob", name="c") == [403, 403]
    assert answers("view_joblogentry", name="d") == [403, 403]
    reader = client_of("view_scheduledjob", "view_joblogentry", name="e")
    assert reader.post(pages[1], {"seen": ""}).status_code == 403
    assert "revert" not in reader.get(pages[0]).content.decode().replace("reverted", "")
    assert again(report).timeout == 30


# -- sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "who", "before", "after", "sentence"),
    [
        ("added", "maria", {}, {"timeout": 3}, "maria added the job."),
        ("added", "", {}, {}, "The job was added."),
        ("paused", "maria", {}, {}, "maria paused the job."),
        ("modified", "maria", {"timeout": 1}, {"timeout": 3}, "maria changed timeout (s)."),
        ("modified", "", {"timeout": 1, "queue": "a"}, {"timeout": 3, "queue": "b"}, "Changed: timeout (s) and queue."),
        (
            "modified", "maria", dict.fromkeys(("name", "timeout", "queue", "priority", "executor")), {},
            "maria changed name, timeout (s), queue and 2 more.",
        ),
        (
            "modified", "maria", {"trigger": "", "trigger_type": "", "next_run_time": ""}, {}, "maria changed trigger.",
        ),
        ("reverted", "maria", {"timeout": 1}, {"timeout": 3}, "maria took back a change of timeout (s)."),
        ("retired", "", {}, {}, "No running scheduler declares the job any more: it rests."),
        ("broken", "scheduler", {}, {}, "The job cannot be loaded or planned any more."),
        ("updated from code", "", {"timeout": 1}, {"timeout": 3}, "The code has changed: timeout (s)."),
        ("run requested", "maria", {}, {"run": 3}, "maria asked for a run."),
        ("of another version", "maria", {}, {}, "maria: of another version."),
    ],
)  # fmt: skip
def test_an_event_is_told_in_a_sentence(action, who, before, after, sentence):
    entry = JobLogEntry(action=action, actor_name=who, before=json.dumps(before), after=json.dumps(after))

    assert event_sentence(entry) == sentence


def test_the_list_of_events_tells_sentences(editor, report):
    with acting(None, name="boris", reason="too slow"):
        change(timeout=30)

    assert "boris changed timeout (s). Timeout (s) 90 → 30 too slow" in text_of(
        editor.get(f"{PAGES}/joblogentry/")
    ).replace("timeout (s) 90", "Timeout (s) 90")
