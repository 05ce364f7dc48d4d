"""`scheduler list`, `show`, `next` and `nodes`."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.commands import listing
from django_apscheduler_ng.models import ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.command_kit import clock_reads, printed, printed_json, refusal, scheduler_command
from tests.shop import make_event, make_job, make_node, make_run

NO_NODE = "No scheduler is running: start `manage.py runscheduler`."


@pytest.fixture
def jobs(db):
    scheduler = get_scheduler()
    scheduler.add_job(
        "tests.project.jobs:echo", "cron", year=2099, month=12, day=24, hour=18, id="eve", name="Heiligabend"
    )
    scheduler.add_job(
        "tests.project.jobs:noop", "cron", year=2099, month=12, day=23, id="before", executor="processpool"
    )
    scheduler.add_job("tests.project.jobs:noop", "interval", hours=1, id="hourly")
    scheduler.pause_job("hourly", reason="the bank is closed")
    make_node()
    return {row.job_id: row for row in ScheduledJob.objects.all()}


def ids(*arguments):
    return [job["id"] for job in printed_json("list", *arguments)]


# -- list -----------------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_in_the_order_of_their_next_runs(jobs):
    make_run(jobs["eve"], 7200, RunStatus.FAILED)

    lines = printed("list")

    assert [" ".join(line.split()) for line in lines[:3]] == [
        "ID STATE NEXT RUN LAST RUN SCHEDULE REMARK",
        "before scheduled Wed 2099-12-23 00:00 – at 00:00 on day 23 of December in 2099",
        "eve scheduled Thu 2099-12-24 18:00 failed 119 min ago at 18:00 on day 24 of December in 2099",
    ]
    assert "paused" in lines[3]
    assert lines[3].endswith(": the bank is closed")
    assert lines[4:] == ["", "3 jobs. Times are in UTC."]


def test_times_are_in_the_zone_of_the_project(jobs, settings):
    settings.TIME_ZONE = "Asia/Tokyo"

    lines = printed("list", "eve")

    assert "Fri 2099-12-25 03:00" in lines[1]
    assert lines[-1] == "1 job. Times are in Asia/Tokyo."


def test_no_jobs(db):
    assert printed("list") == ["No jobs."]
    assert printed_json("list") == []


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--state", "paused"], ["hourly"]),
        (["--state", "scheduled"], ["before", "eve"]),
        (["--state", "finished"], []),
        (["--executor", "processpool"], ["before"]),
        (["--callable", "jobs:noop"], ["before", "hourly"]),
        (["HEILIG"], ["eve"]),
        (["our"], ["hourly"]),
        (["echo", "--executor", "default"], ["eve"]),
        (["nothing"], []),
    ],
)
def test_filters(jobs, arguments, found):
    assert ids(*arguments) == found


def test_a_finished_job_is_listed_when_it_is_asked_for(jobs):
    ScheduledJob.objects.filter(job_id="eve").update(
        finished_at=datetime(2099, 12, 24, 18, tzinfo=UTC), next_run_time=None
    )

    assert ids() == ["before", "hourly"]
    assert ids("--state", "finished") == ["eve"]


def test_what_stops_every_job_is_said_once(jobs):
    SchedulerNode.objects.all().delete()

    lines = printed("list", "--state", "scheduled")

    assert lines[-1] == NO_NODE
    assert "\n".join(lines).count("No scheduler") == 1
    assert [job["why"] for job in printed_json("list", "--state", "scheduled")] == [NO_NODE, NO_NODE]


def test_the_job_store_is_named_where_there_are_several(jobs, settings):
    settings.APSCHEDULER = {"jobstores": {"default": {"type": "django"}, "archive": {"type": "django"}}}
    get_scheduler().add_job("tests.project.jobs:noop", "cron", year=2099, id="eve", jobstore="archive")

    assert printed("list")[0].startswith("STORE    ID")
    assert ids("--jobstore", "archive") == ["eve"]
    assert refusal("list", "--jobstore", "archiv").startswith(
        "Job store 'archiv' is not configured. Did you mean 'archive'?"
    )


@pytest.mark.parametrize("number", [1, 40])
def test_a_page_takes_the_same_number_of_queries_however_many_jobs_it_has(db, number, django_assert_num_queries):
    make_node()
    for index in range(number):
        make_run(make_job(f"job-{index}", "A job", IntervalTrigger(hours=1)), 60)

    with django_assert_num_queries(
        6 + clock_reads()
    ):  # jobs; live runs, nodes; last runs (2); jobs without a next run time
        text, _, _ = scheduler_command("list")

    assert f"\n{number} job" in text


def test_jobs_come_page_by_page_each_once(db, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 3)
    for index in range(10):
        now = datetime(2026, 1, 1 + index // 4, tzinfo=UTC)
        make_job(f"job-{index}", "A job", IntervalTrigger(hours=1), now=now)
    for index in range(4):
        make_job(
            f"rests-{index}", "A job", IntervalTrigger(hours=1), paused=True, next_run_time=None, next_fire_time=None
        )

    assert ids() == [*(f"job-{index}" for index in range(10)), *(f"rests-{index}" for index in range(4))]


# -- show -----------------------------------------------------------------------------------------------------------------


def test_everything_about_a_job(jobs):
    row = jobs["eve"]
    make_run(row, 60, RunStatus.FAILED, exception_type="ValueError", exception_message="no tree")

    text = "\n".join(printed("show", "eve"))

    for part in (
        "id:                 eve\n",
        "name:               Heiligabend\n",
        "state:              scheduled\n",
        "next run:           Thu 2099-12-24 18:00 (in 7",
        "callable:           tests.project.jobs:echo\n",
        "max_instances:      1\n",
        "misfire_grace_time: none: it runs however late\n",
        "overlap:            skip\n",
        "\nNext fire times (UTC):\n  Thu 2099-12-24 18:00 (in 7",
        "ValueError: no tree",
    ):
        assert part in text
    assert "why it does not run" not in text


def test_a_job_that_does_not_run_says_why(jobs):
    text = "\n".join(printed("show", "hourly"))

    assert "why it does not run: Paused since " in text
    assert ": the bank is closed\n" in text
    assert text.endswith("Last runs:\n  None.")


def test_nights_of_clock_changes_are_shown(db):
    get_scheduler().add_job("tests.project.jobs:noop", "cron", hour=2, minute=30, timezone="Europe/Berlin", id="night")

    assert sum("the clocks change, and 02:30 " in line for line in printed("show", "night")) == 3


def test_a_job_for_a_program(jobs):
    shown = printed_json("show", "eve")

    assert shown["trigger"]["type"] == "cron"
    assert (shown["args"], shown["kwargs"], shown["timeout"], shown["queue"]) == ([], {}, None, "default")
    assert shown["next_fire_times"] == ["2099-12-24T18:00:00+00:00"]


def test_a_damaged_job_can_be_shown(jobs):
    ScheduledJob.objects.filter(job_id="eve").update(trigger="{oops", args="\x1b[2J")

    text = "\n".join(printed("show", "eve"))

    assert "\x1b" not in text
    assert "trigger:            Cannot read the stored text '{oops'" in text
    assert printed_json("show", "eve")["trigger"] == "{oops"
    assert [one["job"] for one in printed_json("next")] == ["before"]


# -- ids ------------------------------------------------------------------------------------------------------------------


def test_a_mistyped_id_is_answered_with_the_closest_ones(db):
    for job_id in ("Nightly-Report", "nightly", "weekly", "report", "x"):
        make_job(job_id, "A job", IntervalTrigger(hours=1))

    rest = "`manage.py scheduler list` shows what is there."
    missing = "Job {!r} is in no job store ('default')."
    assert refusal("show", "nighly") == f"{missing.format('nighly')} Did you mean 'nightly' or 'Nightly-Report'? {rest}"
    assert (
        refusal("show", "Nightly") == f"{missing.format('Nightly')} Did you mean 'nightly' or 'Nightly-Report'? {rest}"
    )
    assert refusal("show", "qqq") == f"{missing.format('qqq')} {rest}"


def test_a_removed_job_is_said_to_be_removed_by_whom(jobs):
    with acting(name="bob"):
        get_scheduler().remove_job("eve")

    assert re.fullmatch(
        r"Job 'eve' is in no job store \('default'\)\. It was removed by bob at \w+ [0-9:-]+ [0-9:]+\. "
        r"`manage\.py scheduler runs --job eve` shows its runs\.",
        refusal("why", "eve"),
    )


def test_an_id_in_several_job_stores_needs_the_store(jobs, settings):
    settings.APSCHEDULER = {"jobstores": {"default": {"type": "django"}, "archive": {"type": "django"}}}
    get_scheduler().add_job("tests.project.jobs:noop", "cron", year=2099, id="eve", jobstore="archive")

    assert (
        refusal("show", "eve")
        == "Job 'eve' is in several job stores: 'default', 'archive'. Add --jobstore to say which is meant."
    )
    assert printed_json("show", "eve", "--jobstore", "archive")["jobstore"] == "archive"


# -- next -----------------------------------------------------------------------------------------------------------------


def test_the_next_fire_times_of_all_jobs_are_in_order(jobs):
    get_scheduler().add_job(
        "tests.project.jobs:noop", "cron", start_date="2099-12-23", hour="*/12", id="often", jitter=60
    )

    listed = printed_json("next", "--count", 4)

    assert [(one["fire_time"], one["job"]) for one in listed] == [
        ("2099-12-23T00:00:00+00:00", "before"),
        ("2099-12-23T00:00:00+00:00", "often"),
        ("2099-12-23T12:00:00+00:00", "often"),
        ("2099-12-24T00:00:00+00:00", "often"),
    ]
    assert listed[1]["planned"] > listed[1]["fire_time"]
    assert printed("next", "--count", 1)[0].split() == ["FIRE", "TIME", "IN", "JOB"]
    assert printed("next", "--count", 2)[0].split() == ["FIRE", "TIME", "IN", "STARTS", "JOB"]


def test_until_a_moment_all_fire_times_come(jobs):
    listed = printed_json("next", "--until", "2099-12-24 17:59")

    assert [one["job"] for one in listed] == ["before"]
    assert printed("next", "--until", "1h") == ["No fire times."]


def test_jobs_at_rest_have_no_next_fire_time_unless_they_are_named(jobs):
    assert {one["job"] for one in printed_json("next")} == {"before", "eve"}

    lines = printed("next", "hourly", "--count", 2)

    assert len(lines) == 6
    assert lines[-1].startswith("It does not run: Paused since ")


def test_clock_changes_among_the_listed_days_are_noted(db, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    get_scheduler().add_job(
        "tests.project.jobs:noop", "cron", hour=2, minute=30, start_date="2030-03-30", end_date="2030-04-01", id="night"
    )

    assert printed("next")[-1] == (
        "night: on Sun 2030-03-31 the clocks change, and 02:30 does not exist: runs at 03:00 instead"
    )


def test_what_cannot_be_read_is_refused(jobs):
    assert refusal("next", "--count", 0) == "Option --count must be a whole number of at least 1, got 0."
    assert refusal("next", "--until", "soon") == (
        "Option --until must be a moment like '2026-12-24 18:00' or '2026-12-24T18:00:00+01:00', or a duration like '90m', '12h' or "
        "'3d', got 'soon'."
    )


def test_next_reads_one_page_of_many_jobs(db, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(listing, "PAGE", 10)
    start = datetime.now(UTC)
    for index in range(50):
        make_job(f"job-{index:02}", "A job", IntervalTrigger(days=1), now=start + timedelta(minutes=index))

    with django_assert_num_queries(2 + clock_reads()):  # the first page; jobs whose clocks may change
        text, _, _ = scheduler_command("next", "--count", 3)

    assert [line.split()[-1] for line in text.splitlines()[1:4]] == ["job-00", "job-01", "job-02"]


# -- nodes ----------------------------------------------------------------------------------------------------------------


def test_nodes_are_listed_with_state_heartbeat_and_load(db):
    make_node(queues='["mail", "default"]')
    make_node(id="b" * 32, host="worker-2", pid=8, seen_at=datetime.now(UTC) - timedelta(minutes=5))
    make_node(id="c" * 32, host="worker-3", state="stopped")

    lines = printed("nodes")

    assert lines[0].split() == ["NODE", "ID", "STATE", "HEARTBEAT", "LAST", "PASS", "UP", "LOAD", "QUEUES", "VERSION"]
    assert lines[1].startswith("worker-1:4711  aaaaaaaa  running ")
    assert "  11 h  default 3/10, processpool 4/4, asyncio 0/100  mail, default  " in lines[1]
    assert lines[2].startswith("worker-2:8     bbbbbbbb  silent for 5 min  ")
    assert lines[3:] == ["", "2 nodes."]
    assert len(printed("nodes", "--all")) == 6


def test_the_job_store_of_nodes_is_named_where_there_are_several(db, settings):
    settings.APSCHEDULER = {"jobstores": {"default": {"type": "django"}, "archive": {"type": "django"}}}
    make_node()
    make_node(id="b" * 32, namespace="archive")

    assert printed("nodes")[0].startswith("STORE    NODE")
    assert len(printed_json("nodes", "--jobstore", "archive")) == 1


def test_no_nodes(db):
    assert printed("nodes") == [NO_NODE]
    assert printed("nodes", "--all") == ["No nodes."]
    assert printed_json("nodes") == []


def test_nodes_for_a_program(db):
    make_node()

    (node,) = printed_json("nodes")

    assert node["executors"]["default"] == {"running": 3, "capacity": 10}
    assert (node["host"], node["pid"], node["silent"], node["queues"]) == ("worker-1", 4711, False, [])


def test_nodes_take_one_query(db, django_assert_num_queries):
    for index in range(10):
        make_node(id=f"{index:032}", host=f"worker-{index}")

    with django_assert_num_queries(1 + clock_reads()):
        scheduler_command("nodes")


def test_a_damaged_report_of_a_node_is_no_trouble(db):
    make_node(executors="[]", queues="{")
    make_node(id="b" * 32, executors="{oops")

    assert len(printed("nodes")) == 5


# -- streams --------------------------------------------------------------------------------------------------------------


def test_a_reader_that_has_read_enough_ends_the_command_quietly(jobs, monkeypatch):
    import django_apscheduler_ng.management.commands.scheduler as command

    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    stopped = []
    monkeypatch.setattr(command, "_stop_writing", lambda: stopped.append(True))

    assert scheduler_command("list", out=Closed()) == ("", "", 0)
    assert stopped == [True]


def test_events_name_the_operator(jobs, monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.commands.named.operator", lambda: "ada@web1")
    row = jobs["eve"]
    make_event(row, "modified", 60)

    scheduler_command("pause", "eve", "--reason", "holidays")

    row.refresh_from_db()
    assert (row.paused_by, row.pause_reason) == ("ada@web1", "holidays")
