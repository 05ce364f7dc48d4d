"""What the page of a run shows of how the run is getting on."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng.ledger import next_attempt
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus, idempotency_key
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import PAGES
from tests.shop import make_job, make_run


@pytest.fixture
def client(db):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("maria", password="secret"))
    return client


@pytest.fixture
def job(db):
    return make_job("report", "Report", IntervalTrigger(minutes=5))


def page(client, run):
    response = client.get(f"{PAGES}/jobrun/{run.pk}/change/")
    assert response.status_code == 200
    return response.content.decode()


def progress_of(shown):
    found = re.search(r'<p class="apsng-run-progress">(.*?)</p>', shown, re.DOTALL)
    return found and found[1]


@pytest.mark.parametrize(
    ("columns", "bar", "words"),
    [
        pytest.param({"progress_done": 3, "progress_total": 10}, 'max="10.0" value="3.0" ', "3 of 10", id="a-part"),
        pytest.param(
            {"progress_done": 3, "progress_total": 10, "progress_text": "mailing"},
            'max="10.0" value="3.0" ',
            "3 of 10 · mailing",
            id="with-text",
        ),
        pytest.param({"progress_done": 12, "progress_total": 10}, 'max="10.0" value="10.0" ', "12 of 10", id="beyond"),
        pytest.param(
            {"progress_done": 0.125, "progress_total": 1}, 'max="1.0" value="0.125" ', "0.125 of 1", id="fraction"
        ),
        pytest.param({"progress_done": 7}, "", "7", id="without-a-total"),
        pytest.param({"progress_done": 0, "progress_total": 0}, None, "0 of 0", id="nothing-to-do"),
    ],
)
def test_progress_is_shown_as_a_bar_and_in_words(client, job, columns, bar, words):
    run = make_run(job, 60, RunStatus.RUNNING, finished_at=None, **columns)

    shown = progress_of(page(client, run))

    element = "" if bar is None else f'<progress class="apsng-progress" {bar}aria-label="{words}"></progress>'
    assert shown == f'{element}<span class="apsng-progress-text">{words}</span>'


def test_a_run_that_has_ended_shows_no_moving_bar(client, job):
    run = make_run(job, 60, progress_done=7)

    assert progress_of(page(client, run)) == '<span class="apsng-progress-text">7</span>'


def test_a_run_that_says_nothing_shows_neither_progress_nor_log(client, job):
    shown = page(client, make_run(job, 60))

    assert progress_of(shown) is None
    assert "apsng-log" not in shown


def test_the_log_is_shown(client, job):
    shown = page(client, make_run(job, 60, log="2026-01-05 09:00:00.000 INFO shop: <b>done</b>\n"))

    assert (
        '<div class="apsng-log" tabindex="0"><pre>2026-01-05 09:00:00.000 INFO shop: &lt;b&gt;done&lt;/b&gt;\n</pre>'
        in shown
    )


@pytest.mark.parametrize("is_repr", [True, False])
def test_a_result_that_is_a_repr_says_so(client, job, is_repr):
    shown = page(client, make_run(job, 60, result='"<User: ada>"', result_is_repr=is_repr))

    assert ("has no JSON form" in shown) is is_repr


def test_the_attempts_of_a_run_lead_to_each_other(client, job):
    first = make_run(job, 60, RunStatus.FAILED)
    second = next_attempt(first, first.due_at)
    second.status = RunStatus.FAILED
    second.save()
    third = next_attempt(second, first.due_at)
    third.save()
    make_run(job, 30)

    for run in (first, second, third):
        shown = page(client, run)
        card = re.search(r"<h2>Attempts</h2><ul[^>]*>(.*?)</ul>", shown, re.DOTALL)[1]
        others = [int(key) for key in re.findall(r"/jobrun/(\d+)/change/", card)]
        assert others == [other.pk for other in (first, second, third) if other != run]
        assert f"<strong>attempt {run.attempt}</strong>" in card
        assert idempotency_key("default", "report", first.slot, "") in shown


def test_an_only_attempt_has_no_list_and_few_statements(client, job):
    run = make_run(job, 60, slot=None, origin="manual")
    page(client, run)

    with CaptureQueriesContext(connection) as captured:
        shown = page(client, run)

    assert "<h2>Attempts</h2>" not in shown
    assert idempotency_key("default", "report", None, str(run.pk)) in shown
    assert len(captured) <= 12


def test_a_summary_has_no_key(client, job):
    run = make_run(job, 60, RunStatus.COALESCED, slot=None, count=3)

    assert re.search(r"<dt>Key</dt><dd><code>–</code></dd>", page(client, run))


def test_lists_of_runs_leave_logs_in_the_database(client, job):
    make_run(job, 60, log="x")

    with CaptureQueriesContext(connection) as captured:
        client.get(f"{PAGES}/jobrun/")

    assert not any(f'{JobRun._meta.db_table}"."log"' in query["sql"] for query in captured)
    assert not any(f"{JobRun._meta.db_table}`.`log`" in query["sql"] for query in captured)


def times_of(client, run):
    shown = page(client, run)
    times = shown[shown.index('<ol class="apsng-times">') :].partition("</ol>")[0]
    return re.findall(r'<span class="apsng-label">(.*?)</span>', times), times.count("apsng-sub")


def test_moments_are_told_once_and_how_long_ago_they_are_too(client, job):
    assert times_of(client, make_run(job, 60)) == (["Fire time", "Claimed", "Started", "Finished"], 1)


def test_a_run_that_was_due_at_another_time_than_its_fire_time_shows_both(client, job):
    run = make_run(job, 60)
    JobRun.objects.update(slot=run.due_at - timedelta(minutes=5))

    assert times_of(client, run)[0][:2] == ["Fire time", "Due"]


def test_no_arguments_are_a_dash(client, job):
    run = make_run(job, 60, kwargs='{"batch": 200}')

    shown = page(client, run)

    assert "<dt>Positional</dt><dd>–</dd>" in shown
    assert "<dt>By name</dt><dd><pre>{\n  &quot;batch&quot;: 200\n}</pre></dd>" in shown
