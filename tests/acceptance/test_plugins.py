"""A package of somebody else that brings a trigger, a job store and an executor: the one of the page *Extending*, really installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.docs.pages import read_page
from tests.installing import install_project

pytestmark = pytest.mark.timeout(180)

PAGE = CHECKOUT / "docs" / "how-to" / "extending.md"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory) -> Path:
    """The folder that the package of the page is installed in."""
    folder = tmp_path_factory.mktemp("plugins")
    for snippet in read_page(PAGE).snippets:
        name = snippet.options.get("file", "")
        if name.startswith("moon-plugins/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(snippet.text)
    install_project(folder / "moon-plugins", folder / "installed")
    return folder / "installed"


def run(code: str, folder: Path, *paths: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter of its own, with what is installed in `paths`; warnings are errors."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))},
        "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, *paths))),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder, capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip


def said(done: subprocess.CompletedProcess[str]) -> object:
    """Return what the code printed, which is JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


BEGIN = """
import json
from datetime import UTC, datetime
from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler
"""

BY_NAME = (
    BEGIN
    + """
import sys
log = EventLog()
scheduler = BackgroundScheduler({
    "apscheduler.jobstores.default.type": "file",
    "apscheduler.jobstores.default.path": "jobs.json",
    "apscheduler.executors.default.type": "thread-per-run",
    "apscheduler.executors.default.max_workers": "5",
    "apscheduler.timezone": "UTC",
})
scheduler.add_listener(log, EVENT_JOB_EXECUTED)
imported = [name for name in sys.modules if name.startswith("moon_plugins")]
scheduler.start()
scheduler.add_job("threading:current_thread", id="now")
job = scheduler.add_job("builtins:int", "moon", phase="new", id="moon")
scheduler.reschedule_job("moon", trigger="moon", phase="full")
event = log.wait_for(EVENT_JOB_EXECUTED)
scheduler.shutdown()
print(json.dumps([sorted(imported), event.retval.name, [str(job.trigger.describe()) for job in scheduler.get_jobs()]]))
"""
)


def test_all_three_are_used_by_their_names_and_imported_when_they_are_needed(plugins, tmp_path):
    imported, thread, triggers = said(run(BY_NAME, tmp_path, plugins))

    assert imported == ["moon_plugins", "moon_plugins.executors", "moon_plugins.jobstores"]
    assert thread == "run of now"
    assert triggers == ["at every full moon"]
    assert [row["job_id"] for row in json.loads((tmp_path / "jobs.json").read_text())] == ["moon"]


def test_without_the_package_its_names_are_unknown_and_known_ones_are_listed(tmp_path):
    done = run(BY_NAME, tmp_path)

    assert done.stderr.strip().rpartition("\n")[2] == (
        "django_apscheduler_ng.schedulers.options.OptionError: Unknown type 'file' of job store 'jobstores.default'. "
        "Expected one of: django, memory, mongodb, redis, sqlalchemy."
    )


MISSPELT = (
    BEGIN
    + """
answers = []
for attempt in (
    lambda: BackgroundScheduler(jobstores={"default": {"type": "flie", "path": "x"}}),
    lambda: BackgroundScheduler(executors={"default": {"type": "thread-per-rum"}}),
    lambda: BackgroundScheduler().add_job(print, "mon"),
    lambda: BackgroundScheduler().add_job(print, "moon", phas="new"),
    lambda: BackgroundScheduler(jobstores={"default": {"type": "file", "pth": "x"}}),
    lambda: BackgroundScheduler(jobstores={"default": {"type": "file"}}),
):
    try:
        attempt()
    except Exception as error:
        answers.append(f"{type(error).__name__}: {error}")
print(json.dumps(answers))
"""
)


def test_misspelt_names_and_options_get_suggestions(plugins, tmp_path):
    assert said(run(MISSPELT, tmp_path, plugins)) == [
        "OptionError: Unknown type 'flie' of job store 'jobstores.default'. Did you mean 'file'?",
        "OptionError: Unknown type 'thread-per-rum' of executor 'executors.default'. Did you mean 'thread-per-run'?",
        "InvalidTriggerError: Unknown trigger 'mon'. Did you mean 'moon'?",
        "InvalidTriggerError: Trigger 'moon' has no argument 'phas'. Did you mean 'phase'?",
        "OptionError: The options of 'jobstores.default' must fit FileJobStore(path), got pth: missing a required argument: 'path'. "
        "Correct them.",
        "OptionError: The options of 'jobstores.default' must fit FileJobStore(path), got none: missing a required argument: 'path'. "
        "Correct them.",
    ]


STORED = (
    BEGIN
    + """
import logging, sys
logging.disable()
clock = FakeClock(sys.argv[1] if len(sys.argv) > 1 else START)
log = EventLog()
scheduler = ManualScheduler(clock, jobstores={"default": {"type": "sqlalchemy", "url": "sqlite:///jobs.sqlite"}}, timezone="UTC")
scheduler.add_listener(log, EVENT_JOB_EXECUTED)
scheduler.start()
if ADD:
    scheduler.add_job("builtins:int", "moon", phase="full", id="moon")
scheduler.travel(86400 * 40)
(job,) = scheduler.get_jobs()
scheduler.shutdown()
times = [event.scheduled_run_time.isoformat() for event in log.of(EVENT_JOB_EXECUTED)]
print(json.dumps([times, job.trigger.describe(), job.broken_reason[:54]]))
"""
)


def test_a_stored_trigger_outlives_the_time_that_its_package_is_not_installed(plugins, tmp_path):
    with_it = said(
        run(STORED.replace("START", "'2026-01-05T09:00:00+00:00'").replace("ADD", "True"), tmp_path, plugins)
    )
    without = said(run(STORED.replace("START", "'2026-02-14T09:00:00+00:00'").replace("ADD", "False"), tmp_path))
    again = said(run(STORED.replace("START", "'2026-03-26T09:00:00+00:00'").replace("ADD", "False"), tmp_path, plugins))

    assert with_it == [["2026-02-02T08:59:27+00:00"], "at every full moon", ""]
    assert without == [[], "unreadable", 'StoredDataError: Cannot read the stored text \'{"phase"']
    # what was due meanwhile is made up for
    assert again[1:] == ["at every full moon", ""]
    assert [moment[:10] for moment in again[0]] == ["2026-03-03", "2026-04-02", "2026-05-01"]


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "not-installed"])
def test_the_checks_of_a_django_project_know_the_names(plugins, tmp_path, installed):
    code = "import django; django.setup(); from django.core.management import call_command; call_command('check')"
    options = {"executors": {"default": {"type": "thread-per-run", "max_workers": 3}}}
    done = run(
        code, tmp_path, *[plugins] * installed,
        DJANGO_SETTINGS_MODULE="tests.settings", TEST_APSCHEDULER=json.dumps(options),
    )  # fmt: skip

    assert (done.returncode == 0) is installed, done.stderr
    assert ("Unknown type 'thread-per-run'" in done.stderr) is not installed
