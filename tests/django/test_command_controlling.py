"""`scheduler cancel` and `scheduler retry`: what they ask of the API, and what they tell."""

from __future__ import annotations

import json

import pytest

from django_apscheduler_ng.commands import named
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
def _operator(monkeypatch):
    monkeypatch.setattr(named, "operator", lambda: "ada@web1")


def test_runs_are_cancelled_or_asked_to_end(runs):
    live, waiting, _ = (run.pk for run in runs)

    lines = printed("cancel", live, waiting, "--reason", "wrong customer")

    assert lines == [
        f"Run {live}: asked to end; it is running until then. `manage.py scheduler logs {live}` shows how it goes on.",
        f"Run {waiting}: cancelled.",
    ]
    wishes = JobRun.objects.filter(pk__in=(live, waiting)).values_list("cancel_requested_by", "cancel_reason")
    assert list(wishes) == [("ada@web1", "wrong customer")] * 2
    assert list(JobRun.objects.order_by("pk").values_list("status", flat=True)) == ["running", "cancelled", "succeeded"]


def test_what_cannot_be_cancelled_is_told_and_the_others_are(runs):
    _, waiting, ended = (run.pk for run in runs)

    text, error, code = scheduler_command("cancel", ended, 99999, waiting)

    assert (text, code) == (f"Run {waiting}: cancelled.\n", 1)
    first, second = error.splitlines()
    assert first.startswith(f"Run {ended} of job 'hourly' has ended already: succeeded at ")
    assert second == (
        "Run 99999 is not recorded. It may have been pruned; `manage.py scheduler runs` lists what is there."
    )


def test_a_further_attempt_is_asked_for(runs):
    ended = runs[2].pk

    (line,) = printed("retry", ended)

    attempt = JobRun.objects.latest("pk").pk
    assert line == f"hourly: run {attempt} is asked for, a further attempt of run {ended}."
    assert JobRun.objects.filter(pk=attempt).values_list("attempt", "status", "requested_by").get() == (
        2, "pending", "ada@web1",
    )  # fmt: skip


def test_waiting_for_an_attempt_exits_with_how_it_ended(runs):
    text, _, code = scheduler_command("retry", runs[2].pk, "--wait", 0.05, "--json")

    assert code == 5
    assert json.loads(text)["attempt"] == 2
    assert refusal("retry", runs[2].pk, "--wait", "-1").startswith("Option --wait must be a number of seconds")
