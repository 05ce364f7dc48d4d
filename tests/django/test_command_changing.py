"""`scheduler add`, `pause`, `resume`, `reschedule` and `remove`: they write to the database, and tell what they wrote."""

from __future__ import annotations

import io

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.commands import named
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from tests.django.command_kit import printed, printed_json, refusal, scheduler_command

ECHO = "tests.project.jobs:echo"


@pytest.fixture(autouse=True)
def ada(monkeypatch):
    monkeypatch.setattr(named, "operator", lambda: "ada@web1")


@pytest.fixture
def jobs(db):
    scheduler = get_scheduler()
    scheduler.add_job(ECHO, "cron", year=2099, month=12, day=24, hour=18, id="eve")
    scheduler.add_job(ECHO, "cron", year=2099, month=12, day=23, id="before")


def the(job_id):
    return ScheduledJob.objects.get(job_id=job_id)


def last_entry():
    return JobLogEntry.objects.latest("pk")


# -- add ------------------------------------------------------------------------------------------------------------------


def test_a_job_is_added_and_its_fire_times_are_told(db):
    lines = printed(
        *("add", ECHO, "cron", "year=2099", "month=12", "day=24", "hour=18", "--id", "eve"),
        *("--args", '["tree"]', "--name", "Heiligabend", "--max-instances", 2, "--misfire-grace-time", 60),
    )

    job = get_scheduler().get_job("eve")
    assert lines[0] == "Added eve: at 18:00 on day 24 of December in 2099."
    assert lines[1].startswith("  Thu 2099-12-24 18:00 (in 7")
    assert (job.args, job.kwargs, job.name, job.max_instances) == (("tree",), {}, "Heiligabend", 2)
    assert (job.misfire_grace_time, job.coalesce) == (60, True)
    assert (last_entry().action, last_entry().actor_name) == ("added", "ada@web1")


def test_a_job_that_was_added_can_be_told_to_a_program(db):
    told = printed_json("add", ECHO, "cron", "year=2099")

    assert told["id"] == ScheduledJob.objects.get().job_id
    assert told["next_run_time"] == "2099-01-01T00:00:00+00:00"


def test_every_option_of_a_job_can_be_given(db):
    printed(
        *(
            "add",
            ECHO,
            "interval",
            "hours=1.5",
            "jitter=30",
            "start_date=2099-01-01",
            "--id",
            "all",
            "--kwargs",
            '{"value": 1}',
        ),
        *(
            "--executor",
            "processpool",
            "--no-coalesce",
            "--on-abandoned",
            "rerun",
            "--timeout",
            "90",
            "--overlap",
            "queue",
        ),
        *(
            "--retry",
            '{"attempts": 4, "delay": 1}',
            "--queue",
            "mail",
            "--priority",
            "high",
            "--misfire-grace-time",
            "none",
        ),
        *("--next-run-time", "2099-06-01 12:00"),
    )

    row, job = the("all"), get_scheduler().get_job("all")
    assert (job.kwargs, job.executor, job.coalesce, job.on_abandoned) == ({"value": 1}, "processpool", False, "rerun")
    assert (row.timeout, row.overlap, row.queue, row.priority) == (90, "queue", "mail", "high")
    assert (job.retry.attempts, job.retry.delay, job.misfire_grace_time) == (4, 1, None)
    assert (job.trigger.jitter, f"{job.next_run_time:%Y-%m-%d %H:%M}") == (30, "2099-06-01 12:00")


def test_a_crontab_expression_stands_for_the_arguments_of_cron(db, settings):
    settings.TIME_ZONE = "Europe/Berlin"

    lines = printed("add", ECHO, "cron", "0 3 * * mon", "--id", "mondays")

    assert lines[0] == "Added mondays: at 03:00 on Monday."
    assert get_scheduler().get_job("mondays").trigger.timezone.key == "Europe/Berlin"


def test_a_date_and_no_trigger_at_all(db):
    assert (
        printed("add", ECHO, "date", "2099-12-24 18:00", "--id", "eve")[0]
        == "Added eve: once at 2099-12-24 18:00 (UTC)."
    )
    assert printed("add", ECHO, "--id", "now")[0].startswith("Added now: once at ")


def test_a_job_can_be_added_paused_and_replaced(jobs):
    lines = printed("add", ECHO, "cron", "year=2099", "--id", "eve", "--paused", "--replace")

    assert lines[1] == "It is paused. Resumed, it would fire at:"
    assert the("eve").paused
    assert ScheduledJob.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop.jobs:nothing"], "Callable 'shop.jobs:nothing' cannot be loaded: there is no module 'shop'."),
        (["subprocess:run", "--args", "[[1]]"], "Callable 'subprocess:run' is not allowed to run."),
        ([ECHO, "crn", "hour=3"], "Unknown trigger 'crn'. Did you mean 'cron'?"),
        ([ECHO, "cron", "hours=3"], "Trigger 'cron' has no argument 'hours'. Did you mean 'hour'?"),
        ([ECHO, "cron", "minute=75"], "Cron field 'minute' must be within 0-59, got '75'"),
        (
            [ECHO, "interval", "minutes=x"],
            "Argument 'minutes' of trigger 'interval' must be a number of at least 0, got 'x'.",
        ),
        ([ECHO, "cron", "3", "4"], "Argument '3' of trigger 'cron' must be written as NAME=VALUE, like hour=3."),
        ([ECHO, "--args", "1"], "Option --args must be a JSON list like '[1, \"two\"]', got '1'."),
        ([ECHO, "--args", "[1"], "Option --args must be a JSON list like '[1, \"two\"]', got '[1': Expecting"),
        ([ECHO, "--kwargs", "[]"], "Option --kwargs must be a JSON object like '{\"name\": 1}', got '[]'."),
        ([ECHO, "--kwargs", '{"v": 1}'], "Arguments of 'tests.project.jobs:echo' do not fit its signature"),
        ([ECHO, "--timeout", "soon"], "Option --timeout must be a number of seconds or none, got 'soon'."),
        ([ECHO, "--timeout", "-1"], "Job option 'timeout' must be a positive number of seconds or None, got -1.0."),
        (
            [ECHO, "--retry", "often"],
            "Option --retry must be a number of attempts, a JSON object or none, got 'often'.",
        ),
        ([ECHO, "--executor", "defalt"], "Executor 'defalt' is not configured. Did you mean 'default'?"),
        ([ECHO, "--jobstore", "nowhere"], "Job store 'nowhere' is not configured."),
        ([ECHO, "--id", "eve"], "Job 'eve' already exists in job store 'default'. Pass --replace to replace it."),
        ([ECHO, "--paused", "--next-run-time", "1h"], "Options --paused and --next-run-time exclude each other"),
        ([ECHO, "--next-run-time", "soon"], "Option --next-run-time must be a moment like"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(jobs, arguments, message):
    assert refusal("add", *arguments).startswith(message)
    assert ScheduledJob.objects.count() == 2


# -- pause, resume --------------------------------------------------------------------------------------------------------


def test_several_jobs_are_paused_with_a_reason(jobs):
    assert printed("pause", "eve", "before", "--reason", "holidays") == ["eve: paused.", "before: paused."]

    assert [(row.paused, row.pause_reason, row.paused_by) for row in ScheduledJob.objects.all()] == [
        (True, "holidays", "ada@web1")
    ] * 2
    assert (last_entry().reason, last_entry().actor_name) == ("holidays", "ada@web1")


def test_a_paused_job_stays_as_it_is_but_for_a_new_reason(jobs):
    printed("pause", "eve", "--reason", "holidays")

    assert printed("pause", "eve") == ["eve: was paused already, nothing to do."]
    assert the("eve").pause_reason == "holidays"
    assert printed("pause", "eve", "--reason", "strike") == ["eve: paused."]
    assert the("eve").pause_reason == "strike"


def test_what_is_wrong_with_one_job_keeps_nothing_from_the_others(jobs):
    text, error, code = scheduler_command("pause", "ev", "before")

    assert code == 1
    assert text == "before: paused.\n"
    assert error == (
        "Job 'ev' is in no job store ('default'). Did you mean 'eve'? `manage.py scheduler list` shows what is there.\n"
    )


def test_resuming_tells_when_the_job_runs_next(jobs):
    printed("pause", "eve")

    (line,) = printed("resume", "eve", "--reason", "all is well")

    assert line.startswith("eve: resumed, runs next Thu 2099-12-24 18:00 (in 7")
    assert not the("eve").paused
    assert (last_entry().action, last_entry().reason) == ("resumed", "all is well")
    assert printed("resume", "eve") == ["eve: was not paused, nothing to do."]


def test_resuming_a_job_whose_schedule_is_over_says_that_it_is_removed(jobs):
    printed("pause", "eve")
    ScheduledJob.objects.update(trigger=the("eve").trigger.replace("2099", "2020"))

    assert printed("resume", "eve") == ["eve: removed: its schedule has ended meanwhile."]


def test_a_finished_job_is_refused_with_its_end(jobs):
    ScheduledJob.objects.filter(job_id="eve").update(finished_at="2026-01-05T09:00+00:00")

    for verb in (["pause", "eve"], ["resume", "eve"], ["reschedule", "eve", "--to", "cron", "hour=3"]):
        _, error, code = scheduler_command(*verb)
        assert code == 1
        assert error.startswith("The schedule of job 'eve' ended at Mon 2026-01-05 09:00: it has no further fire time.")


# -- reschedule -----------------------------------------------------------------------------------------------------------


def test_rescheduling_tells_the_fire_times_before_and_after(jobs):
    lines = printed("reschedule", "eve", "before", "--to", "cron", "year=2099", "month=1", "day=1", "--reason", "early")

    assert lines[:3] == [
        "eve: rescheduled.",
        "  before: at 18:00 on day 24 of December in 2099; next Thu 2099-12-24 18:00",
        "  after:  at 00:00 on day 1 of January in 2099; next Thu 2099-01-01 00:00",
    ]
    assert lines[3] == "before: rescheduled."
    assert f"{the('before').next_run_time:%Y-%m-%d}" == "2099-01-01"
    assert last_entry().reason == "early"


def test_a_paused_job_stays_paused_when_it_is_rescheduled(jobs):
    printed("pause", "eve")

    assert printed("reschedule", "eve", "--to", "cron", "0 3 1 1 *")[0] == "eve: rescheduled; it is still paused."
    assert the("eve").paused


def test_an_impossible_trigger_changes_nothing(jobs):
    _, error, code = scheduler_command("reschedule", "eve", "--to", "cron", "month=2", "day=31")

    assert code == 1
    assert error == "Cron fields must match some date, got month=2, day=31. Choose values that one date can have.\n"
    assert f"{the('eve').next_run_time:%Y-%m-%d}" == "2099-12-24"
    assert refusal("reschedule", "eve").endswith("the following arguments are required: --to")


# -- remove ---------------------------------------------------------------------------------------------------------------


class Answer(io.StringIO):
    """A terminal at which somebody answers."""

    def isatty(self):
        return True


def test_removing_asks_at_a_terminal(jobs, monkeypatch):
    monkeypatch.setattr("sys.stdin", Answer("\n"))
    assert scheduler_command("remove", "eve") == ("Remove 1 job for good: eve? [y/N] ", "Nothing was removed.\n", 1)
    assert ScheduledJob.objects.count() == 2

    monkeypatch.setattr("sys.stdin", Answer("y\n"))
    assert scheduler_command("remove", "eve") == ("Remove 1 job for good: eve? [y/N] eve: removed.\n", "", 0)
    assert ScheduledJob.objects.count() == 1


def test_without_a_terminal_nothing_is_removed_unless_yes_is_given(jobs, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    assert refusal("remove", "eve") == (
        "Nothing was removed: standard input is no terminal, so nobody can be asked. Add --yes to remove without a question."
    )
    assert printed("remove", "eve", "before", "--yes", "--reason", "old") == ["eve: removed.", "before: removed."]
    assert (last_entry().action, last_entry().reason, last_entry().actor_name) == ("removed", "old", "ada@web1")


def test_a_job_that_code_declares_is_said_to_come_back(jobs):
    ScheduledJob.objects.update(declared="{}")

    assert printed("remove", "eve", "--yes") == [
        "eve: removed. It is declared in code, and comes back when a node starts."
    ]


def test_what_is_left_of_a_finished_job_can_be_removed(jobs):
    ScheduledJob.objects.filter(job_id="eve").update(finished_at="2026-01-05T09:00+00:00")

    assert printed("remove", "eve", "--yes") == ["eve: removed."]
    assert last_entry().action == "removed"


# -- nothing is performed -------------------------------------------------------------------------------------------------


def test_no_command_performs_a_job(jobs):
    printed("add", "tests.project.jobs:fail", "--id", "now")
    scheduler_command("run", "now")
    scheduler_command("run", "eve", "--wait", "0.05")

    assert list(JobRun.objects.values_list("status", flat=True)) == ["pending", "pending"]
