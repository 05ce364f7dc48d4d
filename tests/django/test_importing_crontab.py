"""Crontabs: which lines become jobs, which do not and why, and that they fire when cron does."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.documents import Reader
from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.importers.cronjobs import FUNC, read_crontab
from django_apscheduler_ng.importers.crontabs import read_lines
from django_apscheduler_ng.importers.oldcron import times_of
from django_apscheduler_ng.importers.proof import prove
from django_apscheduler_ng.models import JobLogEntry
from django_apscheduler_ng.preview import preview
from django_apscheduler_ng.triggers.cron import CronTrigger

READER = Reader("'crontab'", {}, lambda ref: None, ())
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def read(text, *, system=False):
    return list(read_crontab(text, "Europe/Berlin", READER, system=system))


# -- the file ---------------------------------------------------------------------------------------------------------


def test_comments_blank_lines_and_variables_have_no_schedule():
    text = """
# m h dom mon dow command
SHELL = /bin/sh
  MAILTO="ops@example.com"
'odd'= 'a b'

*/5 * * * *   echo a=b
CRON_TZ=Asia/Tokyo
@daily  echo 100\\% % first%second\\%
"""
    first, second = read_lines(text, system=False)

    assert (first.number, first.schedule, first.command, first.stdin) == (7, "*/5 * * * *", "echo a=b", None)
    assert first.variables == {"SHELL": "/bin/sh", "MAILTO": "ops@example.com", "odd": "a b"}
    assert (second.number, second.schedule, second.command) == (9, "@daily", "echo 100%")
    assert second.stdin == " first\nsecond\\%"
    assert second.variables["CRON_TZ"] == "Asia/Tokyo"


def test_the_crontab_of_a_system_has_a_column_for_the_user():
    first, second = read_lines("17 *\t* * *\troot    cd / && run-parts\n@hourly www-data echo", system=True)

    assert (first.user, first.command) == ("root", "cd / && run-parts")
    assert (second.schedule, second.user, second.command) == ("@hourly", "www-data", "echo")


# -- commands -----------------------------------------------------------------------------------------------------------

MANAGED = {
    "./manage.py clearsessions": [],
    "/srv/shop/venv/bin/python /srv/shop/manage.py clearsessions": [],
    "python3.11 -u manage.py clearsessions": [],
    "python -m django clearsessions": [],
    "django-admin clearsessions --settings=tests.settings": [],
    "manage.py clearsessions --settings tests.settings": [],
    "DJANGO_SETTINGS_MODULE=tests.settings python manage.py clearsessions": [],
    "cd /srv/shop && python manage.py clearsessions": [
        "It ran in the folder /srv/shop; here it runs in that of the scheduler."
    ],
    "python manage.py clearsessions >> /var/log/shop.log 2>&1": [
        "Its output went to >> /var/log/shop.log 2>&1; here it goes where that of the scheduler goes."
    ],
    "python manage.py clearsessions >/dev/null 2>/dev/null": [
        "Its output went to >/dev/null 2>/dev/null; here it goes where that of the scheduler goes."
    ],
    "python manage.py clearsessions &> /dev/null": [
        "Its output went to &> /dev/null; here it goes where that of the scheduler goes."
    ],
}


@pytest.mark.parametrize("command", MANAGED)
def test_a_line_that_runs_a_management_command_becomes_a_job_that_calls_it(command, monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")

    (found,) = read(f"30 3 * * * {command}")

    assert found.refusal == ""
    assert (found.job.id, found.job.func_ref) == ("crontab.clearsessions", FUNC)
    assert (found.job.args, found.job.kwargs) == (("clearsessions",), {})
    assert found.job.trigger == CronTrigger.from_crontab("30 3 * * *", timezone="Europe/Berlin")
    assert found.notes == MANAGED[command]


def test_arguments_are_kept_as_the_shell_would_pass_them():
    (found,) = read("""0 4 * * 1 ./manage.py shell -v 2 -c 'print("a b")  ' """.replace("(", "").replace(")", ""))

    assert found.job.args == ("shell", "-v", "2", "-c", 'print"a b"  ')
    assert found.job.name == """shell -v 2 -c 'print"a b"  '"""


def test_two_lines_with_one_command_have_ids_of_their_own():
    found = read("0 1 * * * ./manage.py clearsessions\n0 2 * * * ./manage.py clearsessions -v 0\n")

    assert [one.job.id for one in found] == ["crontab.clearsessions", "crontab.clearsessions-2"]


REFUSED = {
    "/usr/local/bin/backup": "It runs no management command. Write it as a function in jobs.py, ",
    "": "It has no command.",
    "./manage.py dumpdata | gzip > /tmp/x": "It needs a shell. Write it as a function in jobs.py, ",
    "./manage.py clearsessions && ./manage.py check": "It needs a shell.",
    "./manage.py loaddata $HOME/x.json": "It needs a shell.",
    "./manage.py loaddata `date`": "It needs a shell.",
    "./manage.py loaddata *.json": "It needs a shell.",
    "./manage.py clearsessions 'open": "It cannot be taken apart: No closing quotation.",
    "FOO=1 ./manage.py clearsessions": "It sets the variable FOO, which a job cannot have for itself.",
    "./manage.py clearsessions --settings=shop.other": "It runs with the settings 'shop.other', and this project has",
    "./manage.py clearsessions --pythonpath /srv": "It adds to the path of Python (--pythonpath).",
    "./manage.py nonsense": "This project has no management command 'nonsense'.",
    "./manage.py clearsessions --nonsense": "The management command 'clearsessions' refuses its arguments: ",
    "./manage.py runscheduler --once": "It is this scheduler itself, which runs without cron.",
    "./manage.py clearsessions % input": "It gives the command a standard input (after %).",
    "python -W error manage.py clearsessions": "It runs no management command.",
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_line_that_runs_anything_else_is_refused_with_the_reason(command):
    (found,) = read(f"30 3 * * * {command}")

    assert found.job is None
    assert found.refusal.startswith(REFUSED[command])
    assert found.label == f"line 1: 30 3 * * * {command}".strip()


@pytest.mark.parametrize("schedule", ["@reboot", "60 * * * *", "* * * *", "@fortnightly", "0 0 31 2 *", "1~9 * * * *"])
def test_a_schedule_that_has_no_fire_times_is_refused(schedule):
    (found,) = read(f"{schedule} ./manage.py clearsessions")

    assert found.job is None
    assert found.refusal


def test_what_is_different_from_cron_is_noted():
    text = "MAILTO=ops@example.com\nLANG=de\nPATH=/bin\nCRON_TZ=Asia/Tokyo\n0 3 * * * root ./manage.py clearsessions"

    (found,) = read(text, system=True)

    assert found.notes == [
        "It ran as the user 'root'; here it runs as the one that runs the scheduler.",
        "Its output was mailed to ops@example.com; here nothing is mailed.",
        "It ran with LANG=de; set that for the scheduler if it is needed.",
    ]
    assert found.job.trigger.timezone.key == "Asia/Tokyo"


# -- the proof ----------------------------------------------------------------------------------------------------------

FIELDS = [
    st.sampled_from(["*", "*/7", "0", "59", "3-40/9", "1,2,30-35"]),
    st.sampled_from(["*", "*/3", "0", "2", "23", "1-3", "8-18/2", "2,14"]),
    st.sampled_from(["*", "*/2", "1", "13", "29", "31", "1-7", "10,20"]),
    st.sampled_from(["*", "*/5", "2", "oct", "jan-mar", "3,11"]),
    st.sampled_from(["*", "*/2", "0", "7", "5", "mon-fri", "sun,sat", "1-5/2", "0-7"]),
]
EXPRESSIONS = st.tuples(*FIELDS).map(" ".join)


@given(EXPRESSIONS, st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_the_plain_reading_of_crontab_agrees_with_croniter(expression, now):
    """In UTC: croniter has rules of its own for clock changes."""
    old = times_of(expression, ZoneInfo("UTC"))
    reader = croniter(
        expression, now - timedelta(microseconds=1), implement_cron_bug=True, max_years_between_matches=60
    )
    try:
        expected = list(islice(reader.all_next(datetime), 20))
    except Exception:
        expected = []

    if len(expected) == 20:
        assert old(now, 20) == expected


@given(EXPRESSIONS, st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]))
def test_the_next_hundred_fire_times_are_those_of_cron_in_zones_with_clock_changes(expression, zone):
    try:
        trigger = CronTrigger.from_crontab(expression, timezone=zone)
    except InvalidTriggerError:
        return  # no date has all that
    now = datetime(2026, 10, 1, tzinfo=UTC)

    assert times_of(expression, ZoneInfo(zone))(now, 100) == [
        moment.astimezone(UTC) for moment in preview(trigger, now, 100)
    ]


@pytest.mark.parametrize(
    ("expression", "since", "expected"),
    [
        pytest.param(
            "30 2 * * *", "2026-03-29", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"], id="fixed-in-spring"
        ),
        pytest.param(
            "30 2 * * *", "2026-10-25", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"], id="fixed-in-autumn"
        ),
        pytest.param(
            "0,30 2 * * *", "2026-03-29", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"], id="two-in-one-gap"
        ),
        pytest.param(
            "30 * * * *",
            "2026-10-25T02:00+02:00",
            ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"],
            id="starred-in-autumn",
        ),
        pytest.param("0 0 13 * 5", "2026-02-10", ["2026-02-13T00:00+01:00", "2026-02-20T00:00+01:00"], id="or-rule"),
        pytest.param(
            "0 0 */2 * 5", "2026-02-10", ["2026-02-13T00:00+01:00", "2026-02-27T00:00+01:00"], id="and-with-star"
        ),
        pytest.param("@weekly", "2026-02-10", ["2026-02-15T00:00+01:00", "2026-02-22T00:00+01:00"], id="nickname"),
        pytest.param("0 0 29 2 *", "2026-02-10", ["2028-02-29T00:00+01:00", "2032-02-29T00:00+01:00"], id="leap-days"),
    ],
)
def test_the_plain_reading_follows_the_manual(expression, since, expected):
    start = datetime.fromisoformat(since)
    start = start if start.tzinfo else start.replace(tzinfo=BERLIN)

    found = times_of(expression, BERLIN)(start, 2)

    assert [moment.astimezone(BERLIN).isoformat(timespec="minutes") for moment in found] == expected


def test_the_proof_compares_a_hundred_fire_times_however_rare_they_are():
    found = read("0 0 29 2 * ./manage.py clearsessions\n*/5 * * * * ./manage.py clearsessions")

    assert [prove(one, NOW).lines() for one in found] == [["The next 100 fire times are the same, old and new."]] * 2


def test_the_proof_finds_a_trigger_that_is_wrong():
    (found,) = read("30 2 * * 1 ./manage.py clearsessions")
    found.job.trigger = CronTrigger(hour=2, minute=30, day_of_week="tue", timezone="Europe/Berlin")

    assert "differ:" in prove(found, NOW).lines()[0]


# -- the command ----------------------------------------------------------------------------------------------------------


def run(path, *arguments):
    out = io.StringIO()
    try:
        call_command("scheduler", "import-from", "crontab", str(path), *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


@pytest.fixture
def crontab(tmp_path):
    path = tmp_path / "crontab"
    path.write_text("30 3 * * * ./manage.py clearsessions >> /dev/null\n0 4 * * * /usr/bin/backup\n")
    return path


@pytest.mark.django_db
def test_the_command_imports_what_it_can_and_says_what_it_did(crontab, settings):
    settings.APSCHEDULER = {"allowed_callables": [FUNC]}

    text, code = run(crontab, "--timezone", "Europe/Berlin")

    assert (text, code) == (
        "Times are read as those of Europe/Berlin, unless CRON_TZ says otherwise.\n"
        "+ line 1: 30 3 * * * ./manage.py clearsessions >> /dev/null as crontab.clearsessions  at 03:30 every day\n"
        "    The next 100 fire times are the same, old and new.\n"
        "    Its output went to >> /dev/null; here it goes where that of the scheduler goes.\n"
        "- line 2: 0 4 * * * /usr/bin/backup  cannot be imported: It runs no management command. "
        "Write it as a function in jobs.py, for instance with subprocess.run(), and declare that.\n"
        "1 job(s) added, 0 replaced.\n"
        "1 cannot be imported; see above.\n",
        3,
    )
    assert get_scheduler().get_job("crontab.clearsessions").args == ("clearsessions",)
    assert JobLogEntry.objects.get().reason == f"imported from the crontab {crontab}"


@pytest.mark.django_db
def test_without_permission_no_line_becomes_a_job(crontab):
    text, code = run(crontab)

    assert code == 3
    assert "field 'func': Callable 'django.core.management:call_command' is not allowed to run." in text
    assert get_scheduler().get_jobs() == []


@pytest.mark.django_db
def test_standard_input_is_read_and_a_dry_run_writes_nothing(settings, monkeypatch):
    settings.APSCHEDULER = {"allowed_callables": [FUNC]}
    monkeypatch.setattr("sys.stdin", io.StringIO("@daily ./manage.py clearsessions"))

    text, code = run("-", "--dry-run")

    assert code == 0
    assert text.endswith("1 job(s) would be added, 0 would be replaced.\n")
    assert get_scheduler().get_jobs() == []


@pytest.mark.django_db
def test_a_file_that_is_not_there_and_a_zone_that_is_none_are_named(tmp_path):
    with pytest.raises(CommandError, match="No such file or directory"):
        run(tmp_path / "nothing")
    with pytest.raises(CommandError, match="Did you mean 'Europe/Berlin'"):
        run(tmp_path / "nothing", "--timezone", "Europe/Berlln")


@pytest.mark.django_db
def test_the_imported_job_runs_the_command(crontab, settings, fake_clock):
    from django_apscheduler_ng.models import JobRun
    from django_apscheduler_ng.testing import ManualScheduler

    settings.APSCHEDULER = {"allowed_callables": [FUNC]}
    run(crontab)
    scheduler = ManualScheduler(fake_clock, jobstores={"default": {"type": "django"}})
    scheduler.start()

    get_scheduler().run_job("crontab.clearsessions")
    fake_clock.set(datetime.now(UTC) + timedelta(seconds=5))
    scheduler.travel(0)
    scheduler.shutdown()

    assert [run.status for run in JobRun.objects.all()] == ["succeeded"]
