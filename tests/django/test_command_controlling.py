"""`scheduler cancel` and `scheduler retry`: what they ask of the API, and what they tell."""

from __future__ import annotations

import json

import pytest

from django_apscheduler_ng.actors import current_actor
from django_apscheduler_ng.bootstrap import RequestScheduler
from django_apscheduler_ng.commands import named
from django_apscheduler_ng.exceptions import SchedulerError
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.command_kit import printed, refusal, scheduler_command
from tests.shop import make_job, make_node, make_run


@pytest.fixture
def runs(db):
    make_node()
    job = make_job("hourly", "Hourly", IntervalTrigger(hours=1))
    return [make_run(job, 60, RunStatus.RUNNING), make_run(job, 50, RunStatus.PENDING), make_run(job, 40)]


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Stand in for the API, and note what it is asked."""
    asked = []
    monkeypatch.setattr(named, "operator", lambda: "ada@web1")

    def cancel_run(self, run_id, jobstore="default", *, reason=""):
        asked.append((run_id, jobstore, reason, current_actor().name))
        run = JobRun.objects.get(pk=run_id)
        if run.status == RunStatus.SUCCEEDED:
            raise SchedulerError(f"Run {run_id} has ended.")
        return RunStatus.CANCELLED if run.status == RunStatus.PENDING else RunStatus(run.status)

    def retry_run(self, run_id, jobstore="default"):
        asked.append((run_id, jobstore, current_actor().name))
        run = JobRun.objects.get(pk=run_id)
        run.pk, run.attempt, run.status = None, run.attempt + 1, RunStatus.PENDING
        run.save(force_insert=True)
        return str(run.pk)

    monkeypatch.setattr(RequestScheduler, "cancel_run", cancel_run, raising=False)
    monkeypatch.setattr(RequestScheduler, "retry_run", retry_run, raising=False)
    return asked


def test_runs_are_cancelled_or_asked_to_end(runs, asked):
    live, waiting, _ = (run.pk for run in runs)

    lines = printed("cancel", live, waiting, "--reason", "wrong customer")

    assert lines == [
        f"Run {live}: asked to end; it is running until then. `manage.py scheduler logs {live}` shows how it goes on.",
        f"Run {waiting}: cancelled.",
    ]
    assert asked == [(run, "default", "wrong customer", "ada@web1") for run in (live, waiting)]


def test_what_cannot_be_cancelled_is_told_and_the_others_are(runs, asked):
    _, waiting, ended = (run.pk for run in runs)

    text, error, code = scheduler_command("cancel", ended, 99999, waiting)

    assert (text, code) == (f"Run {waiting}: cancelled.\n", 1)
    assert error.splitlines() == [
        f"Run {ended} has ended.",
        "Run 99999 is not recorded. It may have been pruned; `manage.py scheduler runs` lists what is there.",
    ]


def test_a_further_attempt_is_asked_for(runs, asked):
    ended = runs[2].pk

    (line,) = printed("retry", ended)

    attempt = JobRun.objects.latest("pk").pk
    assert line == f"hourly: run {attempt} is asked for, a further attempt of run {ended}."
    assert asked == [(ended, "default", "ada@web1")]


def test_waiting_for_an_attempt_exits_with_how_it_ended(runs):
    text, _, code = scheduler_command("retry", runs[2].pk, "--wait", 0.05, "--json")

    assert code == 5
    assert json.loads(text)["attempt"] == 2
    assert refusal("retry", runs[2].pk, "--wait", "-1").startswith("Option --wait must be a number of seconds")
