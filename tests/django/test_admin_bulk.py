"""Actions for several jobs or runs: the page that asks says what each would do and how many stay; the reason is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES, choose, client_of, told
from tests.django.edit_kit import text_of
from tests.shop import make_job, make_run

PAUSED = {"paused": True, "next_run_time": None}


@pytest.fixture
def maria(db):
    rights = [f"{verb}_scheduledjob" for verb in ("view", "delete", "run", "pause")]
    return client_of(*rights, "view_jobrun", "cancel_jobrun", name="maria")


def hourly(job_id, **columns):
    return make_job(job_id, job_id.title(), IntervalTrigger(hours=1, timezone="UTC"), **columns)


def stored():
    return [list(model.objects.order_by("pk").values()) for model in (ScheduledJob, JobRun, JobLogEntry)]


def lines(response):
    """What the page says of each row, without moments."""
    found = re.findall(r"<li>(<strong>.*?)</li>", response.content.decode(), re.DOTALL)
    return [" ".join(re.sub(r"<time.*?</time>", "AT", line).replace("</span>", "").split()) for line in found]


def events():
    return list(JobLogEntry.objects.order_by("pk").values_list("action", "job_id", "actor_name", "reason"))


def test_before_jobs_are_resumed_it_is_shown_what_each_does_then(maria):
    since = datetime.now(UTC) - timedelta(hours=5, minutes=30)
    late = hourly("late", **PAUSED, paused_at=since)
    fresh = hourly("fresh", **PAUSED)
    over = make_job("over", "Over", DateTrigger("2020-01-01 00:00", timezone="UTC"), **PAUSED)
    odd = make_job("odd", "Odd", "{not json", **PAUSED)
    busy = hourly("busy")
    before = stored()

    response = choose(maria, "resume_selected", late, fresh, over, odd, busy)

    assert stored() == before
    shown = dict(
        zip(
            ("late", "fresh", "over", "odd"),
            sorted(lines(response), key=lambda line: "LateFreshOverOdd".index(re.search(r"<strong>(\w+)", line)[1])),
            strict=True,
        )
    )
    assert "next run in" in shown["late"]
    assert "fire times have passed since then. None of them is made up for." in shown["late"]
    assert "next run in" in shown["fresh"]
    assert "made up for" not in shown["fresh"]
    assert "There is no further fire time." in shown["over"]
    assert "next run" not in shown["odd"]
    text = text_of(response)
    assert "4 jobs of 5 selected:" in text
    assert "1 of these jobs has no further fire time: resuming removes it." in text
    assert "1 job was not paused. 1 other job stays as it is." in text


def test_the_reason_of_resuming_several_jobs_is_kept(maria):
    jobs = [hourly(job_id, **PAUSED) for job_id in ("one", "two")]

    done = choose(maria, "resume_selected", *jobs, confirmed="yes", reason="the bank is open")

    assert told(done) == ["2 jobs are resumed."]
    assert events() == [("resumed", job.job_id, "maria", "the bank is open") for job in jobs]


def test_of_very_many_jobs_the_first_are_named_and_all_are_counted(maria):
    jobs = [hourly(f"job{number:02}", **PAUSED) for number in range(25)]
    over = [make_job(f"z{n}", f"Z{n}", DateTrigger("2020-01-01 00:00", timezone="UTC"), **PAUSED) for n in range(2)]

    response = choose(maria, "resume_selected", *jobs, *over)

    assert len(lines(response)) == 20
    assert "27 jobs of 27 selected:" in text_of(response)
    assert "and 7 more jobs" in text_of(response)
    assert "2 of these jobs have no further fire time: resuming removes them." in text_of(response)


def test_before_jobs_run_now_it_is_said_which_cannot_and_which_are_broken(maria):
    fine, broken = hourly("fine"), hourly("broken", broken_reason="ValueError: x", next_run_time=None)
    finished = hourly("finished", finished_at=datetime(2026, 1, 1, tzinfo=UTC), next_run_time=None)
    before = stored()

    response = choose(maria, "run_selected", fine, broken, finished)
    text = text_of(response)

    assert stored() == before
    assert "2 jobs of 3 selected:" in text
    assert "1 job is broken, and does not run before it is repaired." in text
    assert "1 job has finished and cannot run. 1 other job stays as it is." in text

    done = choose(maria, "run_selected", fine, finished, confirmed="yes", reason="the tax office asks")

    assert told(done) == ["1 run is asked for.", "1 job has finished and cannot run."]
    assert events() == [("run requested", "fine", "maria", "the tax office asks")]


@pytest.mark.parametrize("action", ["pause_selected", "delete_selected"])
def test_pausing_and_removing_count_what_changes_and_what_stays(maria, action):
    jobs = [hourly("one"), hourly("two"), hourly("three", **PAUSED)]

    text = text_of(choose(maria, action, *jobs))

    if action == "pause_selected":
        assert "2 jobs of 3 selected:" in text
        assert "1 job was paused or finished already. 1 other job stays as it is." in text
    else:
        assert "3 jobs of 3 selected:" in text
        assert "stays as it is" not in text
    assert ScheduledJob.objects.count() == 3


def test_the_reason_of_removing_several_jobs_is_kept(maria):
    choose(maria, "delete_selected", hourly("one"), hourly("two"), confirmed="yes", reason="the shop is sold")

    assert events() == [("removed", job_id, "maria", "the shop is sold") for job_id in ("one", "two")]


def act_on_runs(client, action, *runs, **data):
    keys = [run.pk for run in runs]
    return client.post(f"{PAGES}/jobrun/", {"action": action, "_selected_action": keys, "index": "0", **data})


def test_before_runs_are_tried_again_it_is_said_which_cannot(maria):
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report")
    JobLogEntry.objects.all().delete()
    job = ScheduledJob.objects.get()
    failed, running = make_run(job, 60, "failed"), make_run(job, 5, "running", finished_at=None)
    before = stored()

    response = act_on_runs(maria, "retry_selected", failed, running)

    assert stored() == before
    assert "1 run of 2 selected:" in text_of(response)
    assert "1 run has not ended, or stands for fire times that got no run. 1 other run stays" in text_of(response)

    done = act_on_runs(maria, "retry_selected", failed, running, confirmed="yes", reason="the bank is back")

    assert told(done)[0] == "1 further attempt is asked for."
    assert events() == [("retry requested", "report", "maria", "the bank is back")]


@pytest.mark.parametrize("action", ["pause_selected", "resume_selected", "run_selected", "delete_selected"])
def test_more_than_one_click_changes_are_named_before_it_is_done(maria, monkeypatch, action):
    monkeypatch.setattr("django_apscheduler_ng.admin.acting.MOST_ROWS", 2)
    jobs = [hourly(f"job{number}", **(PAUSED if action == "resume_selected" else {})) for number in range(3)]

    text = text_of(choose(maria, action, *jobs))

    assert "Only the first 2 jobs were looked at." in text
    assert "2 jobs of 2 selected:" in text


def test_what_changed_between_the_question_and_the_answer_is_counted_as_it_is_then(maria):
    jobs = [hourly("one"), hourly("two")]
    choose(maria, "pause_selected", *jobs)
    ScheduledJob.objects.filter(job_id="one").update(paused=True)
    ScheduledJob.objects.filter(job_id="two").delete()

    done = choose(maria, "pause_selected", *jobs, confirmed="yes")

    assert told(done) == ["1 of the selected rows is not there any more.", "1 job was paused or finished already."]


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
@pytest.mark.parametrize("action", ["pause_selected", "resume_selected", "run_selected", "delete_selected"])
def test_that_all_selected_jobs_are_gone_is_said(maria, action, confirmed):
    jobs = [hourly("one"), hourly("two")]
    ScheduledJob.objects.filter(pk__in=[job.pk for job in jobs]).delete()

    done = choose(maria, action, *jobs, **confirmed)

    assert done.status_code == 302
    assert told(done) == ["2 of the selected rows are not there any more."]
