"""Jobs of django-apscheduler, from a table that it wrote itself, against fire times that APScheduler computed itself."""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import re
import subprocess
import sys
import types
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.documents import Reader
from django_apscheduler_ng.importers.oldjobs import TABLE, read_row
from django_apscheduler_ng.importers.proof import prove
from django_apscheduler_ng.models import JobLogEntry
from example_project import virtualenvs
from tests import services
from tests.benchmarks import environments
from tests.conftest import CHECKOUT

FOLDER = Path(__file__).parent / "old_table"
NOW = "2036-10-25T12:00:00+02:00"

READER = Reader("'table'", {}, lambda ref: None, ())


@pytest.fixture(scope="module")
def recorded():
    """What `old_table/write.py` printed with django-apscheduler 0.7.0 and APScheduler 3.11.3."""
    return json.loads((FOLDER / "recorded.json").read_text())


@pytest.fixture(scope="module")
def in_old_environment(tmp_path_factory):
    """Runs one of the scripts beside the recorded table, on one database, where the latest django-apscheduler is installed."""
    try:
        python = environments.make("django-apscheduler", environments.default_directory())
    except virtualenvs.Hint as hint:
        (pytest.fail if services.required() else pytest.skip)(str(hint))
    database = tmp_path_factory.mktemp("old") / "db.sqlite3"

    def run(script, *arguments, path=""):
        command = [python, FOLDER / script, database, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(path)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="module")
def fresh(in_old_environment):
    """The same from the latest versions."""
    code, text, errors = in_old_environment("write.py", NOW)
    assert code == 0, errors
    return json.loads(text)


@pytest.fixture(params=["recorded", "fresh"])
def table(request):
    return request.getfixturevalue(request.param)


def candidates(table):
    """Return the candidates by id, with APScheduler's own fire times."""
    found = {}
    for job_id, moment, data in table["rows"]:
        candidate = read_row(job_id, moment is None, base64.b64decode(data), READER)
        if times := table["times"].get(job_id):
            old = [datetime.fromisoformat(time) for time in times]
            candidate = replace(candidate, old_times=lambda now, count, old=old: old[:count])
        found[job_id] = candidate
    return found


def test_every_job_is_read(table):
    found = candidates(table)

    assert {job_id: candidate.refusal for job_id, candidate in found.items() if candidate.job is None} == {}
    assert {job_id: str(candidate.job.trigger) for job_id, candidate in found.items()} == {
        "all": "and[cron[hour='*/3'], cron[day_of_week='sat,sun', hour='*']]",
        "any": "or[cron[hour='1'], cron[day_of_week='fri', hour='13']]",
        "crontab": "cron[month='*', day='*', day_of_week='1-5', hour='8-18/2', minute='15']",
        "daily": "interval[1 day, 0:00:00]",
        "every-ten-seconds": "cron[second='*/10']",
        "hourly": "interval[1:00:00]",
        "jitter": "cron[hour='*']",
        "limited": "cron[hour='4']",
        "monthly": "calendarinterval[months=1, time=02:30:00]",
        "months": "cron[month='1-3,10', day_of_week='mon,thu-sat', hour='*/5', minute='5-59/20']",
        "nightly": "cron[hour='2', minute='30']",
        "once": "date[2036-11-24 10:00:00 UTC]",
        "paused": "interval[1:00:00]",
        "positions": "cron[day='2nd tue,last fri,last', hour='6,18']",
        "quick": "interval[0:00:07]",
        "weeks": "cron[week='*/2', day_of_week='sun', hour='23']",
    }
    assert found["jitter"].job.trigger.jitter == 30


def test_options_arguments_and_next_run_times_are_kept(table):
    found = {job_id: candidate.job for job_id, candidate in candidates(table).items()}

    assert found["nightly"].args == (1, "zwei", (3, [4]))
    assert found["nightly"].kwargs == {
        "due": datetime.fromisoformat(NOW),
        "price": Decimal("1.50"),
        "key": UUID(int=5),
    }
    assert found["quick"].args == (b"\x00\xff", {1, 2}, datetime(2036, 10, 25).date(), timedelta(hours=1))
    hourly = found["hourly"]
    assert (hourly.name, hourly.max_instances, hourly.misfire_grace_time, hourly.coalesce) == (
        "Every hour",
        4,
        600,
        True,
    )
    assert found["quick"].misfire_grace_time is None
    assert found["paused"].next_run_time is None
    assert found["nightly"].next_run_time == datetime(2036, 10, 26, 0, 30, tzinfo=UTC)
    assert {job.func_ref for job in found.values()} == {"tests.project.jobs:noop"}


GO_BACK = "the clocks go back, and this time exists twice: here a fixed time fires the first time only"
GO_FORWARD = "the clocks go forward: here a fixed time that does not exist fires at the first instant after the gap"


def test_the_next_hundred_fire_times_are_those_of_apscheduler_but_for_clock_changes(table):
    now = datetime.fromisoformat(table["now"])

    proofs = {job_id: prove(found, now) for job_id, found in candidates(table).items() if job_id in table["times"]}

    assert len(proofs) == 14
    assert {job_id: proof.compared for job_id, proof in proofs.items() if proof.compared != 100} == {
        "limited": 4,
        "once": 1,
    }
    different = {job_id: [str(one) for one in proof.deviations] for job_id, proof in proofs.items() if proof.deviations}
    assert different == {
        "nightly": [f"2036-10-26 02:30:00 CET (+0100): only the old scheduler fires; {GO_BACK}"],
        "monthly": [
            f"2041-03-31 03:00:00 CEST (+0200): only the new one fires; {GO_FORWARD}",
            f"2047-03-31 03:00:00 CEST (+0200): only the new one fires; {GO_FORWARD}",
        ],
    }


def test_a_difference_without_a_reason_is_said_to_have_none(recorded):
    found = candidates(recorded)["limited"]
    moved = replace(
        found, old_times=lambda now, count: [moment + timedelta(hours=1) for moment in found.old_times(now, 9)]
    )

    lines = prove(moved, datetime.fromisoformat(NOW)).lines()

    assert lines[0] == "Of the next 4 fire times 8 differ:"
    assert lines[-1].endswith("no clock change is near, the reason is unknown: look at this job before you rely on it")


def test_without_the_library_its_stored_fire_time_is_what_can_be_compared(recorded):
    row = next(row for row in recorded["rows"] if row[0] == "nightly")

    found = read_row("nightly", False, base64.b64decode(row[2]), READER)

    (line,) = prove(found, datetime.fromisoformat(NOW)).lines()
    assert line == (
        "Not compared: APScheduler is not installed here, so its fire times cannot be computed. "
        "The next run time that it stored, 2036-10-26 00:30:00 UTC, is a fire time here."
    )


def test_with_the_library_it_is_asked(recorded, monkeypatch):
    """An interval of it stands in for the library, which the tests' environment does not have."""

    class IntervalTrigger:
        def __init__(self, days, seconds, start_date, end_date, timezone):
            self._step, self._start = timedelta(days=days, seconds=seconds), start_date

        def get_next_fire_time(self, previous, now):
            return self._start if previous is None else previous + self._step

    module = types.ModuleType("apscheduler.triggers.interval")
    module.IntervalTrigger = IntervalTrigger
    for name in ("apscheduler", "apscheduler.triggers"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "apscheduler.triggers.interval", module)
    row = next(row for row in recorded["rows"] if row[0] == "quick")

    found = read_row("quick", False, base64.b64decode(row[2]), READER)

    assert prove(found, datetime.fromisoformat(NOW)).lines() == ["The next 100 fire times are the same, old and new."]


def test_where_apscheduler_is_installed_the_command_asks_it_itself(fresh, in_old_environment):
    code, text, errors = in_old_environment("bring_along.py", path=CHECKOUT)

    assert code == 0, errors
    assert "16 job(s) added, 0 replaced." in text
    proofs = dict(re.findall(r"(?m)^\+ ([a-z-]+)  .*\n    (.*)", text))
    assert len(proofs) == 16
    assert {job_id for job_id, proof in proofs.items() if proof.startswith("Not compared")} == {"all"}
    assert "the reason is unknown" not in text
    assert proofs["crontab"] == proofs["weeks"] == "The next 100 fire times are the same, old and new."


def test_an_and_trigger_is_not_asked_because_its_search_may_never_end(recorded):
    (line,) = prove(candidates(recorded)["all"], datetime.fromisoformat(NOW)).lines()

    assert line.startswith("Not compared: APScheduler's search for the next fire time of an AndTrigger may never end")


def test_notes_say_what_to_know(recorded):
    found = candidates(recorded)

    assert any("0 is Monday" in note for note in found["crontab"].notes)
    assert not any("0 is Monday" in note for note in found["positions"].notes)
    assert any("misfire_grace_time of 1 s" in note for note in found["nightly"].notes)
    assert found["quick"].notes == []
    assert any("jitter" in note for note in found["jitter"].notes)


# -- the command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def old_table(db, recorded):
    """The recorded rows in a table like that of django-apscheduler."""
    kind = {"postgresql": "bytea", "mysql": "longblob", "sqlite": "BLOB"}[connection.vendor]
    moment = {"postgresql": "timestamptz", "mysql": "datetime(6)", "sqlite": "datetime"}[connection.vendor]
    rows = [(job_id, time, base64.b64decode(data)) for job_id, time, data in recorded["rows"]]
    rows.append(("evil", None, b"cos\nsystem\n(S'touch /tmp/owned'\ntR."))
    rows.append(("foreign", None, pickle.dumps({"id": "foreign", "trigger": 1})))
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {TABLE} (id varchar(255) PRIMARY KEY, next_run_time {moment} NULL, job_state {kind} NOT NULL)"
        )
        cursor.executemany(f"INSERT INTO {TABLE} VALUES (%s, %s, %s)", rows)
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")


def run(*arguments):
    out = io.StringIO()
    try:
        call_command("scheduler", "import-from", "django-apscheduler", *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


@pytest.mark.django_db(transaction=True)
def test_the_command_imports_what_can_be_and_lists_the_rest(old_table):
    text, code = run()

    assert code == 3
    assert "+ nightly  at 02:30 every day" in text
    assert (
        "- evil  cannot be imported: The pickle was refused, and nothing in it was run: it refers to os.system" in text
    )
    assert "- foreign  cannot be imported: The trigger must be one of APScheduler's, got int." in text
    assert "16 job(s) added, 0 replaced.\n2 cannot be imported; see above.\n" in text
    jobs = {job.id: job for job in get_scheduler().get_jobs()}
    assert len(jobs) == 16
    assert jobs["nightly"].next_run_time == datetime(2036, 10, 26, 0, 30, tzinfo=UTC)
    assert JobLogEntry.objects.filter(action="added", reason="imported from django-apscheduler").count() == 16


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_prints_the_same_and_writes_nothing(old_table):
    text, code = run("--dry-run")

    assert code == 3
    assert "16 job(s) would be added, 0 would be replaced." in text
    assert get_scheduler().get_jobs() == []


@pytest.mark.django_db(transaction=True)
def test_a_second_import_is_refused_unless_it_may_replace(old_table):
    run()

    with pytest.raises(CommandError, match=r"16 of 16 job\(s\) already exist .* Pass --replace to replace them\."):
        run()
    assert "0 job(s) added, 16 replaced." in run("--replace")[0]


@pytest.mark.django_db
def test_a_database_without_the_table_is_named():
    with pytest.raises(CommandError, match="Database 'default' has no table 'django_apscheduler_djangojob'"):
        run()
