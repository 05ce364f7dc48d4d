"""`scheduler run`, `runs`, `logs` and `why`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.commands import ledger, named, running
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.command_kit import clock_reads, printed, printed_json, refusal, scheduler_command
from tests.shop import make_job, make_node, make_run

ECHO = "tests.project.jobs:echo"
WAITS = "No scheduler is running: the run waits until one does. Start `manage.py runscheduler`.\n"


@pytest.fixture(autouse=True)
def ada(monkeypatch):
    monkeypatch.setattr(named, "operator", lambda: "ada@web1")


@pytest.fixture
def job(db):
    make_node()
    return make_job("hourly", "Hourly", IntervalTrigger(hours=1), ECHO)


# -- run ------------------------------------------------------------------------------------------------------------------


def test_a_run_is_asked_for_and_its_id_told(job):
    (line,) = printed("run", "hourly")

    run = JobRun.objects.get()
    assert line == f"hourly: run {run.pk} is asked for."
    assert (run.status, run.origin, run.requested_by) == ("pending", "manual", "ada@web1")


def test_a_run_can_have_arguments_of_its_own(job):
    printed("run", "hourly", "--args", "[1]")
    printed("run", "hourly", "--kwargs", '{"value": 2}')

    assert [(run.args, run.kwargs) for run in JobRun.objects.order_by("pk")] == [("[1]", "{}"), ("[]", '{"value":2}')]
    assert ScheduledJob.objects.get().args == "[]"
    assert refusal("run", "hourly", "--args", "[1, 2]").startswith("Arguments of 'tests.project.jobs:echo' do not fit")
    assert JobRun.objects.count() == 2


def test_without_a_node_the_run_is_said_to_wait(job):
    SchedulerNode.objects.all().delete()

    text, error, code = scheduler_command("run", "hourly")

    assert (error, code) == (WAITS, 0)
    assert text.endswith(" is asked for.\n")


@pytest.mark.parametrize(
    ("end", "told", "code"),
    [
        pytest.param({"status": RunStatus.SUCCEEDED}, "Run {} succeeded after 2.0 s.", 0, id="succeeded"),
        pytest.param(
            {"status": RunStatus.FAILED, "exception_type": "ValueError", "exception_message": "no tree"},
            "Run {} failed after 2.0 s: ValueError: no tree", 4, id="failed",
        ),
        pytest.param(
            {"status": RunStatus.ABANDONED, "reason": "its node died"}, "Run {} abandoned after 2.0 s: its node died", 4,
            id="abandoned",
        ),
    ],
)  # fmt: skip
def test_waiting_tells_how_the_run_ended_and_exits_with_it(job, monkeypatch, end, told, code):
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            started = datetime.now(UTC)
            JobRun.objects.update(started_at=started, finished_at=started + timedelta(seconds=2), **end)

    monkeypatch.setattr(running.time, "sleep", sleep)

    text, error, exited = scheduler_command("run", "hourly", "--wait", 60)

    run = JobRun.objects.get().pk
    assert text.splitlines() == [f"hourly: run {run} is asked for.", told.format(run)]
    assert (error, exited, len(looks)) == ("", code, 3)


def test_a_run_that_does_not_end_in_time_is_still_open(job):
    text, _, code = scheduler_command("run", "hourly", "--wait", 0.05)

    run = JobRun.objects.get().pk
    assert code == 5
    assert text.splitlines()[1] == (
        f"Run {run} has not ended: it is pending. `manage.py scheduler logs {run}` shows how it goes on."
    )


def test_a_run_for_a_program(job):
    text, _, code = scheduler_command("run", "hourly", "--wait", 0.05, "--json")

    assert code == 5
    assert json.loads(text)["status"] == "pending"


def test_what_is_wrong_asks_for_no_run(job):
    assert refusal("run", "hourli").startswith("Job 'hourli' is in no job store ('default'). Did you mean 'hourly'?")
    assert refusal("run", "hourly", "--wait", "-1") == (
        "Option --wait must be a number of seconds of at least 0, got -1.0."
    )
    assert refusal("run", "hourly", "--wait", "inf").startswith("Option --wait")
    assert not JobRun.objects.exists()


# -- runs -----------------------------------------------------------------------------------------------------------------


def ids(*arguments):
    return [run["run"] for run in printed_json("runs", *arguments)]


@pytest.fixture
def runs(job):
    other = make_job("other", "Other", IntervalTrigger(hours=1), ECHO)
    return [
        make_run(job, 5 * 3600),
        make_run(other, 4 * 3600, RunStatus.FAILED, exception_type="ValueError", exception_message="no\ntree"),
        make_run(
            job, 3 * 3600, RunStatus.SKIPPED, started_at=None, reason="the job already had all its instances running"
        ),
        make_run(job, 60, RunStatus.RUNNING, progress_done=3, progress_total=10, progress_text="reading"),
    ]


def test_runs_are_listed_the_latest_first(runs):
    lines = printed("runs")

    assert lines[0].split() == ["RUN", "JOB", "FIRE", "TIME", "STATUS", "LATE", "TOOK", "WHAT", "HAPPENED"]
    assert [int(line.split()[0]) for line in lines[1:5]] == [run.pk for run in reversed(runs)]
    assert lines[1].endswith("3 of 10 (30 %), reading")
    assert lines[2].endswith("the job already had all its instances running")
    assert lines[3].endswith("ValueError: no tree")
    assert lines[5:] == ["", "Times are in UTC."]


def test_no_runs(job):
    assert printed("runs") == ["No runs."]
    assert printed_json("runs") == []


def test_runs_can_be_filtered(runs):
    first, failed, skipped, live = (run.pk for run in runs)

    assert ids("--job", "hourly") == [live, skipped, first]
    assert ids("--status", "failed", "--status", "skipped") == [skipped, failed]
    assert ids("--since", "3h30m") == [live, skipped]
    assert ids("--before", skipped) == [failed, first]
    assert ids("--limit", 1) == [live]
    assert refusal("runs", "--limit", 0) == "Option --limit must be a whole number of at least 1, got 0."


def test_how_to_go_on_is_said(runs):
    assert printed("runs", "--limit", 2)[-1] == f"Times are in UTC. There are more: --before {runs[2].pk}"
    assert printed("runs", "--limit", 4)[-1] == "Times are in UTC."


def test_runs_of_a_removed_job_are_found_by_its_id(runs):
    get_scheduler().remove_job("hourly")

    assert len(ids("--job", "hourly")) == 3
    assert "Did you mean 'other'?" in refusal("runs", "--job", "othr")


def test_runs_are_read_page_by_page_and_not_counted(job, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(ledger, "_PAGE", 10)
    made = [make_run(job, 3600 - index) for index in range(45)]

    with django_assert_num_queries(3):
        text, _, _ = scheduler_command("runs", "--limit", 25, "--json")
    assert [run["run"] for run in json.loads(text)] == [run.pk for run in reversed(made[20:])]

    with django_assert_num_queries(4 + clock_reads(2)) as queries:  # the last page has none that is young enough
        scheduler_command("runs", "--since", "3580s", "--limit", 100)
    assert not any("COUNT(" in query["sql"] for query in queries)


def test_a_summary_tells_what_it_stands_for(job):
    first, last = datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 5, 12, tzinfo=UTC)
    make_run(
        job, 60, RunStatus.COALESCED, slot=None, started_at=None, covers_from=first, covers_until=last, count=4, attempt=1,
        reason="made up for by the latest one",
    )  # fmt: skip

    line = printed("runs")[1]

    assert "  Mon 2026-01-05 12:00  coalesced  " in line
    assert line.endswith(
        "made up for by the latest one; coalesced 4 fire times, from Mon 2026-01-05 09:00 to Mon 2026-01-05 12:00"
    )


def test_who_asked_for_a_run_is_shown(job):
    printed("run", "hourly")

    assert printed("runs")[1].endswith("  asked for by ada@web1")
    assert printed_json("runs")[0]["requested_by"] == "ada@web1"


# -- logs -----------------------------------------------------------------------------------------------------------------


def test_everything_that_is_recorded_of_a_run_is_shown(job):
    run = make_run(
        job, 60, RunStatus.FAILED, result='{"sent": 3}', exception_type="ValueError", exception_message="no tree",
        traceback='Traceback:\n  File "x.py"\x1b[31m\nValueError: no tree\n', log="INFO one\nINFO two\n", attempt=2,
        cancel_requested_at=datetime(2026, 1, 5, 9, tzinfo=UTC), cancel_requested_by="bob", cancel_reason="too long",
        progress_done=2, progress_total=4,
    )  # fmt: skip

    text = "\n".join(printed("logs", run.pk))

    for part in (
        f"run:          {run.pk}\n",
        "job:          hourly\n",
        "status:       failed\n",
        "attempt:      2\n",
        "progress:     2 of 4 (50 %)\n",
        "cancellation: asked for by bob at Mon 2026-01-05 09:00: too long\n",
        "node:         worker-1:4711 (aaaa",
        "\nLog:\n  INFO one\n  INFO two\n",
        '\nResult:\n  {"sent": 3}\n',
        "\nException:\n  ValueError: no tree\n",
        '\nTraceback:\n  Traceback:\n    File "x.py"\\x1b[31m\n  ValueError: no tree',
    ):
        assert part in text, text
    shown = printed_json("logs", run.pk)
    assert (shown["result"], shown["log"], shown["args"]) == ({"sent": 3}, "INFO one\nINFO two\n", [])


def test_a_run_that_has_not_ended_says_so(job):
    run = make_run(job, 60, RunStatus.RUNNING)

    assert printed("logs", run.pk)[-2:] == ["Not ended:", "  There is no result yet."]


def test_the_run_of_a_removed_job_is_marked(job):
    run = make_run(job, 60)
    get_scheduler().remove_job("hourly")

    assert "job:       hourly (removed)" in printed("logs", run.pk)


def test_an_unknown_run(job):
    assert refusal("logs", 99999) == (
        "Run 99999 is not recorded. It may have been pruned; `manage.py scheduler runs` lists what is there."
    )


# -- why ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def daily(db):
    make_node(started_at=datetime(2020, 1, 1, tzinfo=UTC))
    return make_job(
        "daily", "Daily", CronTrigger(hour=3, timezone="Europe/Berlin"), ECHO,
        created_at=datetime(2020, 1, 1, tzinfo=UTC), updated_at=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_what_keeps_a_job_from_running_now_and_what_became_of_its_last_fire_times(daily):
    latest = CronTrigger(hour=3, timezone="Europe/Berlin").get_next_fire_time(
        None, datetime.now(UTC) - timedelta(days=1)
    )
    ago = (datetime.now(UTC) - latest).total_seconds()
    run = make_run(daily, ago, slot=latest.astimezone(UTC))
    ScheduledJob.objects.update(claimed_through=latest)

    lines = printed("why", "daily", "--last", 2)

    assert lines[0].startswith("Nothing is in its way: it runs next ")
    assert lines[1:3] == ["", "Last fire times:"]
    assert lines[3] == f"  {latest:%a %Y-%m-%d 03:00} Europe/Berlin"
    assert lines[4] == f"    It ran on worker-1:4711, 40 ms late: succeeded after 1.0 s (run {run.pk})."
    assert lines[6] == (
        "    What became of it is not known: old history has been deleted. "
        f"What is kept of its runs begins at {latest:%a %Y-%m-%d 03:00}."
    )


def test_one_fire_time_is_accounted_for(daily):
    run = make_run(daily, 0, slot=datetime(2026, 11, 20, 2, tzinfo=UTC), due_at=datetime(2026, 11, 20, 2, tzinfo=UTC))
    JobRun.objects.update(started_at=run.due_at, claimed_at=run.due_at, finished_at=run.due_at)

    assert printed("why", "daily", "2026-11-20 02:00+00:00") == [
        "Fri 2026-11-20 03:00 Europe/Berlin",
        f"  It ran on worker-1:4711, 0 ms late: succeeded after 0 ms (run {run.pk}).",
    ]
    (told,) = printed_json("why", "daily", "2026-11-20 02:00+00:00")["fire_times"]
    assert (told["fate"], told["run"], told["fire_time"]) == ("run", run.pk, "2026-11-20T02:00:00+00:00")


def test_a_moment_without_seconds_is_the_whole_minute(db):
    created = datetime(2026, 1, 5, 8, 0, 17, tzinfo=UTC)
    every = IntervalTrigger(hours=1, start_date=created)
    job = make_job("exact", "Exact", every, ECHO, created_at=created, updated_at=created, paused=True)
    JobLogEntry.objects.create(job_key=job.pk, job_id="exact", at=created, action="added", after='{"paused": true}')

    assert printed_json("why", "exact", "2026-01-05 09:00")["fire_times"][0]["fate"] == "paused"
    assert (
        printed_json("why", "exact", "2026-01-05T09:00Z")["fire_times"][0]["fire_time"] == "2026-01-05T09:00:17+00:00"
    )
    assert printed_json("why", "exact", "2026-01-05 09:00:16")["fire_times"][0]["fate"] == "no fire time"
    assert printed_json("why", "exact", "2026-01-05 09:00:17")["fire_times"][0]["fate"] == "paused"


def test_a_job_without_a_fire_time_yet(job):
    ScheduledJob.objects.update(created_at=datetime.now(UTC), updated_at=datetime.now(UTC))

    assert printed("why", "hourly")[1:] == ["", "No fire time yet."]
    assert len(printed("why", "hourly", "--last", 0)) >= 1
    assert refusal("why", "hourly", "--last", "-1") == "Option --last must be a whole number of at least 0, got -1."
    assert refusal("why", "hourly", "at night").startswith("WHEN must be a moment like '2026-12-24 18:00'")
