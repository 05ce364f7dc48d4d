"""`manage.py scheduler`: its subcommands, their help, and what they exit with."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.core.management import CommandError, call_command, load_command_class

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.commands import SUBCOMMANDS
from django_apscheduler_ng.models import JobLogEntry

ALL = [*SUBCOMMANDS, *(child for subcommand in SUBCOMMANDS for child in subcommand.children)]


def run(*arguments):
    """Return what the command prints on both streams, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("scheduler", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return out.getvalue(), err.getvalue(), code


@pytest.fixture
def jobs(db):
    scheduler = get_scheduler()
    scheduler.add_job("tests.project.jobs:echo", "cron", hour=3, id="nightly", args=[(1, 2)])
    scheduler.add_job("tests.project.jobs:noop", "interval", hours=1, id="hourly")
    scheduler.pause_job("hourly", reason="the bank is closed")
    JobLogEntry.objects.all().delete()
    return {job.id: (job.args, job.next_run_time, job.pause_reason) for job in scheduler.get_jobs()}


def stored():
    return {job.id: (job.args, job.next_run_time, job.pause_reason) for job in get_scheduler().get_jobs()}


def test_jobs_go_to_a_file_and_come_back(jobs, tmp_path):
    path = str(tmp_path / "jobs.json")

    assert run("export", path) == ("2 job(s) exported.\n", "", 0)
    get_scheduler().remove_all_jobs()
    assert run("import", path) == ("2 job(s) added, 0 replaced.\n", "", 0)

    assert stored() == jobs
    reasons = JobLogEntry.objects.filter(action="added").values_list("reason", flat=True)
    assert list(reasons) == [f"imported from {path}"] * 2


def test_jobs_go_through_standard_streams(jobs, monkeypatch):
    text, told, code = run("export")
    get_scheduler().remove_all_jobs()
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    assert (told, code) == ("2 job(s) exported.\n", 0)
    assert len(json.loads(text)["jobs"]) == 2
    assert run("import", "-")[2] == 0
    assert stored() == jobs


def test_only_the_named_job_store_is_exported_and_filled(jobs, settings, tmp_path):
    settings.APSCHEDULER = {
        "jobstores": {"default": {"type": "django"}, "archive": {"type": "django", "namespace": "archive"}}
    }
    path = str(tmp_path / "jobs.json")

    run("export", path)
    run("import", path, "--jobstore", "archive")

    assert len(get_scheduler().get_jobs("archive")) == 2
    assert run("export", path, "--jobstore", "archive")[0] == "2 job(s) exported.\n"
    with pytest.raises(CommandError, match=r"Job store 'archiv' is not configured\. Did you mean 'archive'"):
        run("export", path, "--jobstore", "archiv")


def test_a_dry_run_prints_what_would_be_done(jobs, tmp_path):
    path = tmp_path / "jobs.json"
    run("export", str(path))
    get_scheduler().remove_job("hourly")
    path.write_text(path.read_text().replace("tests.project.jobs:noop", "tests.project.jobs:nop"))

    text, _, code = run("import", str(path), "--replace", "--dry-run")

    lines = text.splitlines()
    assert lines[:2] == [
        "  + hourly  would be added: every hour",
        "  ~ nightly  would be replaced: at 03:00 every day",
    ]
    assert lines[2].startswith("  ! hourly  would be broken: CallableReferenceError: Callable 'tests.project.jobs:nop'")
    assert lines[3] == "1 job(s) would be added, 1 would be replaced."
    assert code == 0
    assert set(stored()) == {"nightly"}


def test_what_cannot_be_done_is_one_message(jobs, tmp_path):
    path = tmp_path / "jobs.json"
    run("export", str(path))

    with pytest.raises(CommandError, match=r"2 of 2 job\(s\) already exist .*: 'hourly', 'nightly'\. Pass --replace"):
        run("import", str(path))
    path.write_text("{oops")
    with pytest.raises(CommandError, match="line 1, column 2: it must be JSON"):
        run("import", str(path))
    with pytest.raises(CommandError, match="No such file"):
        run("import", str(tmp_path / "nothing"))
    with pytest.raises(CommandError, match="Is a directory"):
        run("export", str(tmp_path))
    assert stored() == jobs


def test_a_job_that_is_not_allowed_to_run_is_not_imported(jobs, tmp_path):
    path = tmp_path / "jobs.json"
    run("export", str(path))
    get_scheduler().remove_all_jobs()
    path.write_text(path.read_text().replace("tests.project.jobs:noop", "subprocess:run"))

    with pytest.raises(
        CommandError, match=r"jobs\[0\] \('hourly'\), field 'func': Callable 'subprocess:run' is not allowed"
    ):
        run("import", str(path))

    assert stored() == {}


def help_of(subcommand):
    parser = load_command_class("django_apscheduler_ng", "scheduler").create_parser("manage.py", "scheduler")
    choices = parser._subparsers._group_actions[0].choices
    for parent in SUBCOMMANDS:
        if subcommand in parent.children:
            choices = choices[parent.name]._subparsers._group_actions[0].choices
    return choices[subcommand.name].format_help()


@pytest.mark.parametrize("subcommand", ALL, ids=lambda subcommand: subcommand.name)
def test_each_help_reads_like_a_manual_page(subcommand):
    text = help_of(subcommand)

    assert text.startswith(
        f"usage: manage.py scheduler {'import-from ' if subcommand not in SUBCOMMANDS else ''}{subcommand.name}"
    )
    assert "SUPPRESS" not in text
    for paragraph in subcommand.description:
        assert " ".join(paragraph.split()) in " ".join(text.split())
    if not subcommand.children:
        assert "\nexamples:\n  manage.py scheduler " in text
        assert re.search(r"\nexit codes:\n  0  ", text)
    assert max(map(len, text.splitlines())) <= 100


def test_the_help_lists_every_subcommand():
    parser = load_command_class("django_apscheduler_ng", "scheduler").create_parser("manage.py", "scheduler")

    listed = re.findall(r"(?m)^    ([a-z-]+)", parser.format_help().partition("subcommands:")[2])

    assert listed == [subcommand.name for subcommand in SUBCOMMANDS]


def test_an_unknown_subcommand_is_refused():
    with pytest.raises(CommandError, match="invalid choice: 'exprot'"):
        run("exprot")
