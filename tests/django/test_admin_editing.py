"""The page on which a job is edited, by one person and by two at once."""

import html
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db import connection

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.admin.conflict import Shown
from django_apscheduler_ng.admin.measured import Durations, overlap_note
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.rows import DECLARED, read_trigger, to_job
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import AndTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, address, client_of, told
from tests.django.edit_kit import ADD, BERLIN, errors, filled, text_of
from tests.movable import ARGUMENTS
from tests.shop import make_job, make_node, make_run


@pytest.fixture
def page(report):
    return address(report, "edit")


def again(job):
    return ScheduledJob.objects.get(pk=job.pk)


def happened():
    return list(JobLogEntry.objects.values_list("action", "actor_name", "reason"))


def test_the_form_shows_the_job(editor, page):
    given = filled(editor.get(page))

    assert {name: given[name] for name in ("func", "name", "type", "interval-hours", "interval-timezone")} == {
        "func": "tests.project.jobs:noop", "name": "Report", "type": "interval", "interval-hours": "1", "interval-timezone": BERLIN,
    }  # fmt: skip
    assert (json.loads(given["args"]), json.loads(given["kwargs"])) == ([1], {"limit": 5})
    assert (given["timeout"], given["retry_attempts"], given["retry_delay"], given["retry_on"]) == (
        "90",
        "3",
        "10",
        "TimeoutError",
    )
    assert "id" not in given


def test_only_what_was_changed_is_written_as_one_event(editor, page, report):
    given = {**filled(editor.get(page)), "timeout": "30", "interval-hours": "2", "reason": "too slow"}

    response = editor.post(page, given)

    assert response.status_code == 302, errors(response)
    changed = again(report)
    assert changed.timeout == 30
    assert read_trigger(changed) == IntervalTrigger(hours=2, timezone=BERLIN)
    assert abs(changed.next_run_time - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)
    untouched = set(DECLARED) - {"timeout", "trigger"}
    assert {name: getattr(changed, name) for name in untouched} == {name: getattr(report, name) for name in untouched}
    assert happened() == [("modified", "maria", "too slow")]
    assert told(response) == ["“Report” is saved: trigger, timeout (s)."]
    assert [(entry.action_flag, entry.change_message) for entry in LogEntry.objects.all()] == [
        (CHANGE, "Changed trigger, timeout (s). too slow")
    ]


def test_a_change_of_anything_but_the_trigger_keeps_the_next_run_time(editor, page, report):
    editor.post(page, {**filled(editor.get(page)), "kwargs": '{"limit": 6}', "name": ""})

    changed = again(report)
    assert (to_job(changed).kwargs, changed.name) == ({"limit": 6}, "noop")
    assert changed.next_run_time == report.next_run_time


def test_another_trigger_alone_is_called_rescheduling(editor, page):
    editor.post(page, {**filled(editor.get(page)), "interval-hours": "2"})

    assert happened() == [("rescheduled", "maria", "")]


@pytest.mark.parametrize(
    "trigger",
    [
        IntervalTrigger(minutes=90, start_date="2040-10-28T02:30:00+01:00", timezone=BERLIN, jitter=7),
        CronTrigger(second=30, start_date="2040-01-01T00:00:00.250000+00:00", timezone="UTC"),
        CronTrigger.from_crontab("@daily", timezone=BERLIN),
        CalendarIntervalTrigger(years=1, hour=2, timezone=BERLIN, on_overlap="both"),
        DateTrigger("2040-10-28T02:30:00.123456+01:00", timezone=BERLIN),
        AndTrigger([CronTrigger(hour=1, timezone="UTC"), CronTrigger(minute=0, timezone="UTC")]),
    ],
    ids=["interval", "cron", "crontab", "calendarinterval", "date", "combined"],
)
def test_saving_what_was_shown_changes_nothing(editor, report, trigger):
    args, kwargs = ARGUMENTS
    get_scheduler().edit_job(
        "report",
        trigger=trigger,
        args=args,
        kwargs=kwargs,
        misfire_grace_time=0.25,
        retry={"attempts": 1, "not_on": ["a.B"]},
    )
    before, count = again(report), JobLogEntry.objects.count()
    page = address(report, "edit")

    given = {name: value.replace("\n", "\r\n") for name, value in filled(editor.get(page)).items()}
    response = editor.post(page, given)

    assert response.status_code == 302, errors(response)
    assert told(response) == ["Nothing was changed."]
    assert {name: getattr(again(report), name) for name in DECLARED} == {
        name: getattr(before, name) for name in DECLARED
    }
    assert JobLogEntry.objects.count() == count
    assert not LogEntry.objects.exists()


def test_long_arguments_are_not_cut(editor, report, page):
    get_scheduler().modify_job("report", args=["x" * 60_000])

    editor.post(page, {**filled(editor.get(page)), "timeout": "3"})

    assert to_job(again(report)).args == ("x" * 60_000,)
    assert again(report).timeout == 3


def test_the_present_callable_may_stay_although_it_is_gone(editor):
    job = make_job("lost", "Lost", IntervalTrigger(hours=1, timezone="UTC"), func_ref="shop.gone:work")
    given = filled(editor.get(address(job, "edit")))

    assert given["func"] == "shop.gone:work"
    response = editor.post(address(job, "edit"), {**given, "timeout": "5"})

    assert response.status_code == 302, errors(response)
    assert (again(job).func_ref, again(job).timeout) == ("shop.gone:work", 5)


def test_an_unregistered_callable_is_refused_whatever_the_form_carries(editor, report, page):
    forged = Shown(**{**vars(Shown.of(report)), "columns": {**Shown.of(report).columns, "func_ref": "os:system"}})

    response = editor.post(page, {**filled(editor.get(page)), "func": "os:system", "shown": forged.text()})

    assert list(errors(response)) == ["func"]
    assert again(report).func_ref == report.func_ref


@pytest.mark.parametrize("shown", ["", "forged", "eyJ:1"])
def test_a_form_that_was_not_made_here_is_not_saved_and_not_lost(editor, report, page, shown):
    response = editor.post(page, {**filled(editor.get(page)), "name": "New name", "shown": shown})

    assert "The form was too old to be saved." in text_of(response)
    assert filled(response)["name"] == "New name"
    assert again(report).revision == report.revision
    assert editor.post(page, filled(response)).status_code == 302
    assert again(report).name == "New name"


def test_the_form_of_another_job_is_not_saved(editor, report, page):
    other = make_job("other", "Other", IntervalTrigger(hours=5, timezone="UTC"))

    response = editor.post(page, {**filled(editor.get(page)), "shown": Shown.of(other).text()})

    assert response.status_code == 200
    assert again(report).name == "Report"


def test_a_paused_job_stays_paused(editor, report, page):
    get_scheduler().pause_job("report")

    editor.post(page, {**filled(editor.get(page)), "interval-hours": "7"})

    changed = again(report)
    assert (changed.paused, changed.next_run_time) == (True, None)
    assert read_trigger(changed) == IntervalTrigger(hours=7, timezone=BERLIN)


def test_what_cannot_work_is_said_beside_its_field(editor, report, page):
    response = editor.post(
        page, {**filled(editor.get(page)), "timeout": "-1", "interval-hours": "", "args": "[1", "name": "Kept"}
    )

    assert sorted(errors(response)) == ["args", "interval-__all__", "timeout"]
    assert filled(response)["name"] == "Kept"
    assert filled(response)["args"] == "[1"
    assert again(report).revision == report.revision


def test_as_many_runs_at_once_as_there_may_be_are_no_problem():
    durations = Durations(typical=timedelta(seconds=30), longest=timedelta(seconds=90), count=7)

    note = overlap_note(durations, timedelta(days=3), max_instances=2**63)

    assert note.words.endswith("Runs will not overlap.")


# -- the preview ------------------------------------------------------------------------------------------------------


def test_the_preview_measures_the_schedule_by_the_runs(editor, report, page):
    for ago in (100, 200, 300):
        make_run(report, ago, took=720)

    given = {**filled(editor.get(page)), "interval-hours": "", "interval-minutes": "5", "_fragment": "1"}
    shown = html.unescape(editor.post(page, given).content.decode())

    assert "every 5 minutes" in shown
    assert (
        "Fire times are as close as 5\xa0min; a run takes 12\xa0min, the middle of the last 3. Runs will overlap. "
        "A fire time that meets 1 run is skipped."
    ) in shown


@pytest.mark.parametrize(
    ("typical", "longest", "gap", "options", "tone", "ends"),
    [
        pytest.param(1, 2, 60, {}, "quiet", "Runs will not overlap.", id="short"),
        pytest.param(60, 60, 60, {}, "quiet", "Runs will not overlap.", id="exactly"),
        pytest.param(1, 90, 60, {}, "info", "some runs may overlap. A fire time that meets 1 run is skipped.", id="longest"),
        pytest.param(61, 90, 60, {}, "warn", "Runs will overlap. A fire time that meets 1 run is skipped.", id="long"),
        pytest.param(61, 90, 60, {"overlap": "queue"}, "warn", "A fire time that meets 1 run waits for its end.", id="queue"),
        pytest.param(61, 90, 60, {"overlap": "replace"}, "warn", "A fire time that meets 1 run cancels it.", id="replace"),
        pytest.param(
            150, 160, 60, {"max_instances": 3}, "info", "About 3 runs will be under way at once, as they may.", id="allowed"
        ),
        pytest.param(
            190, 200, 60, {"max_instances": 3}, "warn", "Runs will overlap. A fire time that meets 3 runs is skipped.", id="too-many"
        ),
    ],
)  # fmt: skip
def test_the_durations_say_whether_runs_overlap(typical, longest, gap, options, tone, ends):
    durations = Durations(count=20, typical=timedelta(seconds=typical), longest=timedelta(seconds=longest))

    note = overlap_note(durations, timedelta(seconds=gap), **options)

    assert note.tone == tone
    assert note.words.endswith(ends)


# -- two at once ------------------------------------------------------------------------------------------------------


def test_the_second_of_two_is_shown_what_the_first_changed_and_may_save_over_it(editor, report, page):
    second = client_of("view_scheduledjob", "change_scheduledjob", name="boris")
    opened = filled(second.get(page))
    editor.post(page, {**filled(editor.get(page)), "timeout": "30", "queue": "mails"})

    response = second.post(page, {**opened, "timeout": "45", "name": "My name", "reason": "mine"})

    assert response.status_code == 200
    assert (again(report).timeout, again(report).name) == (30, "Report"), "it was saved over the first"
    assert [
        (clash.column, clash.before, clash.theirs, clash.yours, clash.who) for clash in response.context["clashes"]
    ] == [
        ("timeout", "90", "30", "45", "maria"),
        ("queue", "default", "mails", "", "maria"),
    ]
    assert "Somebody else changed this job while you were editing it." in text_of(response)
    kept = filled(response)
    assert (kept["timeout"], kept["name"], kept["queue"], kept["reason"]) == ("45", "My name", "mails", "mine")

    assert second.post(page, kept).status_code == 302

    saved = again(report)
    assert (saved.timeout, saved.name, saved.queue) == (45, "My name", "mails")
    assert happened()[-1] == ("modified", "boris", "mine")


def test_a_trigger_that_both_changed_is_kept_as_typed(editor, report, page):
    opened = filled(editor.get(page))
    get_scheduler().reschedule_job("report", trigger="cron", hour=5, timezone=BERLIN)

    response = editor.post(page, {**opened, "interval-hours": "3"})

    (clash,) = response.context["clashes"]
    assert (clash.column, clash.theirs, clash.yours) == ("trigger", "at 05:00 every day", "every 3 hours")
    assert filled(response)["type"] == "interval"
    assert response.context["proposed"] == "every 3 hours"
    editor.post(page, filled(response))
    assert read_trigger(again(report)) == IntervalTrigger(hours=3, timezone=BERLIN)


def test_a_trigger_that_only_the_first_changed_stays_theirs(editor, report, page):
    opened = filled(editor.get(page))
    get_scheduler().reschedule_job("report", trigger="cron", hour=5, timezone=BERLIN)

    response = editor.post(page, {**opened, "timeout": "3"})

    assert (filled(response)["type"], filled(response)["cron-hour"]) == ("cron", "5")
    editor.post(page, filled(response))
    assert read_trigger(again(report)) == CronTrigger(hour="5", timezone=BERLIN)
    assert again(report).timeout == 3


def test_a_third_change_meanwhile_is_shown_again(editor, report, page):
    opened = filled(editor.get(page))
    get_scheduler().modify_job("report", timeout=30)
    response = editor.post(page, {**opened, "timeout": "45"})
    get_scheduler().modify_job("report", timeout=31)

    response = editor.post(page, filled(response))

    assert [clash.theirs for clash in response.context["clashes"]] == ["31"]
    assert again(report).timeout == 31


def test_a_change_by_plain_sql_is_noticed_although_it_moves_no_revision(editor, report, page):
    opened = filled(editor.get(page))
    ScheduledJob.objects.update(queue="mails")

    response = editor.post(page, {**opened, "timeout": "45"})

    assert [(clash.column, clash.who) for clash in response.context["clashes"]] == [("queue", "–")]


def test_a_pause_meanwhile_is_no_conflict_and_stays(editor, report, page):
    opened = filled(editor.get(page))
    get_scheduler().pause_job("report", reason="a while")

    assert editor.post(page, {**opened, "timeout": "45"}).status_code == 302

    assert (again(report).paused, again(report).pause_reason, again(report).timeout) == (True, "a while", 45)


def test_what_was_typed_about_a_job_that_was_removed_meanwhile_can_be_added_as_a_new_one(editor, report, page):
    opened = filled(editor.get(page))
    boris = client_of("view_scheduledjob", "delete_scheduledjob", name="boris")
    boris.post(address(report, "remove"), {"reason": "done with"})

    response = editor.post(page, {**opened, "timeout": "45", "interval-hours": "9"})

    assert "Job “report” is not there any more (removed, boris, 0" in text_of(response)
    assert "Add it as a new job" in text_of(response)
    kept = filled(response)
    assert (kept["id"], kept["timeout"], kept["interval-hours"]) == ("report", "45", "9")
    assert editor.post(ADD, kept).status_code == 302
    new = ScheduledJob.objects.get()
    assert (new.job_id, new.timeout, to_job(new).kwargs) == ("report", 45, {"limit": 5})
    assert read_trigger(new) == IntervalTrigger(hours=9, timezone=BERLIN)


def test_who_may_not_add_jobs_still_sees_what_was_typed(db, report, page):
    boris = client_of("view_scheduledjob", "change_scheduledjob")
    opened = filled(boris.get(page))
    get_scheduler().remove_job("report")

    response = boris.post(page, {**opened, "name": "Typed"})

    assert filled(response)["name"] == "Typed"
    assert "you may not add jobs" in text_of(response)
    assert "Add it as a new job" not in text_of(response)


def test_a_job_that_finished_meanwhile_can_be_added_as_a_new_one(editor, report, page):
    opened = filled(editor.get(page))
    ScheduledJob.objects.update(finished_at=datetime.now(UTC), next_run_time=None)

    response = editor.post(page, {**opened, "timeout": "45"})

    assert editor.post(ADD, filled(response)).status_code == 302
    new = ScheduledJob.objects.get()
    assert (new.job_id, new.timeout, new.finished_at) == ("report", 45, None)


def test_a_job_that_is_not_there_leads_to_the_list(editor, report):
    response = editor.get(f"{PAGES}/scheduledjob/987654/edit/", follow=True)

    assert response.redirect_chain == [(f"{PAGES}/scheduledjob/", 302)]
    assert "There is no job with the key “987654”." in text_of(response)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_the_same_moment_one_is_told_of_the_other(transactional_db, registered):
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report", timezone=BERLIN)
    job = ScheduledJob.objects.get()
    page = address(job, "edit")
    people = [client_of("view_scheduledjob", "change_scheduledjob", name=name) for name in ("ada", "boris")]
    together = Barrier(2)

    def save(person, given):
        together.wait(10)
        try:
            return person.post(page, given)
        finally:
            connection.close()

    for seconds in range(1, 11):
        forms = [{**filled(person.get(page)), "timeout": str(seconds * 10 + who)} for who, person in enumerate(people)]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(save, people, forms))

        assert sorted(answer.status_code for answer in answers) == [200, 302]
        (winner,) = (who for who, answer in enumerate(answers) if answer.status_code == 302)
        assert again(job).timeout == seconds * 10 + winner
        (clash,) = answers[1 - winner].context["clashes"]
        assert (clash.column, clash.theirs) == ("timeout", str(seconds * 10 + winner))


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["view_scheduledjob", "change_scheduledjob"])
def test_editing_needs_its_permission_and_that_to_view(db, report, page, missing):
    rights = {f"{verb}_scheduledjob" for verb in ("view", "add", "change", "delete", "run", "pause")} - {missing}
    if missing == "view_scheduledjob":
        rights = {"run_scheduledjob", "add_scheduledjob"}
    client = client_of(*rights)

    assert client.get(page).status_code == 403
    assert client.post(page, {"name": "x"}).status_code == 403
    assert again(report).revision == report.revision


def test_a_right_that_is_taken_away_while_one_types_is_missing_when_one_saves(db, report, page):
    client = client_of("view_scheduledjob", "change_scheduledjob", name="boris")
    opened = filled(client.get(page))
    get_user_model().objects.get(username="boris").user_permissions.clear()

    assert client.post(page, {**opened, "timeout": "1"}).status_code == 403
    assert again(report).timeout == 90


def test_nothing_runs_in_the_web_process(editor, report, page):
    editor.post(page, {**filled(editor.get(page)), "interval-hours": "", "interval-seconds": "1"})

    assert not JobRun.objects.exists()


def test_a_queue_that_nobody_serves_is_a_warning_with_the_queues_in_use(editor, page):
    make_node(queues='["mail", "default"]')

    response = editor.post(page, {**filled(editor.get(page)), "queue": "mial"})

    assert told(response)[1:] == [
        "No scheduler serves queue “mial”. Queues in use: default, mail. Did you mean 'mail'?"
    ]
