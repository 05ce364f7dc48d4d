"""The page on which a job gets another trigger."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.admin.triggerforms import TRIGGER_FORMS, initial_of, kind_of
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.rows import read_trigger
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import address, client_of, told
from tests.shop import make_job

BERLIN = "Europe/Berlin"
POLICIES = {"on_gap": "shift", "on_overlap": "first"}


@pytest.fixture
def client(db):
    return client_of("view_scheduledjob", "change_scheduledjob", name="maria")


@pytest.fixture
def job(db):
    get_scheduler().add_job("tests.project.jobs:noop", "interval", hours=1, id="report", name="Report")
    return ScheduledJob.objects.get()


def errors(response):
    """The errors of the form by field; those of no field are under None."""
    form = response.context["form"]
    return {None if name == "__all__" else name: messages for name, messages in form.errors.items()}


@pytest.mark.parametrize(
    ("given", "trigger"),
    [
        pytest.param(
            {"type": "interval", "hours": "2", "minutes": "30", "jitter": "5", "timezone": BERLIN},
            IntervalTrigger(hours=2, minutes=30, jitter=5, timezone=BERLIN),
            id="interval",
        ),
        pytest.param(
            {"type": "interval", "seconds": "0.5", "timezone": "UTC", "start_date": "2040-01-01T10:00"},
            IntervalTrigger(seconds=0.5, timezone="UTC", start_date="2040-01-01T10:00:00+00:00"),
            id="interval-with-start",
        ),
        pytest.param(
            {"type": "cron", "hour": "2", "day_of_week": "mon-fri", "timezone": BERLIN, "on_gap": "skip", "on_overlap": "both"},
            CronTrigger(hour="2", day_of_week="mon-fri", timezone=BERLIN, on_gap="skip", on_overlap="both"),
            id="cron",
        ),
        pytest.param(
            {"type": "crontab", "crontab": "30 3 * * 1-5", "timezone": BERLIN, "end_date": "2040-12-31T23:59:59", **POLICIES},
            CronTrigger.from_crontab("30 3 * * 1-5", timezone=BERLIN, end_date="2040-12-31T23:59:59+01:00"),
            id="crontab",
        ),
        pytest.param(
            {"type": "calendarinterval", "months": "1", "hour": "4", "start_date": "2040-01-31", "timezone": BERLIN, **POLICIES},
            CalendarIntervalTrigger(months=1, hour=4, start_date="2040-01-31", timezone=BERLIN),
            id="calendarinterval",
        ),
        pytest.param(
            {"type": "date", "run_date": "2040-12-24T18:00", "timezone": BERLIN},
            DateTrigger("2040-12-24T18:00:00+01:00", timezone=BERLIN),
            id="date",
        ),
    ],
)  # fmt: skip
def test_a_job_gets_the_trigger_that_a_form_describes(client, job, given, trigger):
    response = client.post(address(job, "reschedule"), {**given, "reason": "as agreed"})

    assert response.status_code == 302, errors(response)
    changed = ScheduledJob.objects.get()
    assert read_trigger(changed) == trigger
    assert changed.trigger_type == trigger.alias
    assert changed.next_run_time > datetime.now(UTC)
    assert told(response) == [f"“Report” runs {trigger.describe()} from now on."]
    entry = JobLogEntry.objects.last()
    assert (entry.action, entry.actor_name, entry.reason) == ("rescheduled", "maria", "as agreed")
    assert LogEntry.objects.get().change_message == f"Rescheduled: {trigger.describe()}. as agreed"


@pytest.mark.parametrize(
    "trigger",
    [
        IntervalTrigger(weeks=2, timezone=BERLIN),
        IntervalTrigger(
            minutes=90, start_date="2040-10-28T02:30:00+01:00", end_date="2041-01-01", timezone=BERLIN, jitter=7
        ),
        CronTrigger(hour="9-17", minute="*/5", day="last fri", timezone=BERLIN, on_gap="skip"),
        CronTrigger(second=30, start_date="2040-01-01T00:00:00.250000+00:00", timezone="UTC"),
        CronTrigger.from_crontab("@daily", timezone=BERLIN, jitter=1.5),
        CalendarIntervalTrigger(years=1, days=3, hour=2, minute=30, second=15, timezone=BERLIN, on_overlap="both"),
        CalendarIntervalTrigger(weeks=2, start_date="2040-01-31", end_date="2041-01-31", timezone=BERLIN),
        DateTrigger("2040-10-28T02:30:00.123456+01:00", timezone=BERLIN),
    ],
    ids=str,
)
def test_saving_a_form_as_it_was_shown_changes_nothing(trigger):
    kind = kind_of(trigger)
    form = TRIGGER_FORMS[kind](initial=initial_of(trigger, kind, "UTC"))
    shown = {name: form[name].value() for name in form.fields if form[name].value() is not None}

    posted = TRIGGER_FORMS[kind](shown, initial=initial_of(trigger, kind, "UTC"))

    assert posted.is_valid(), posted.errors
    assert posted.trigger == trigger


def test_a_browser_that_leaves_out_seconds_changes_nothing():
    trigger = DateTrigger("2040-10-28T02:30:00+01:00", timezone=BERLIN)
    initial = initial_of(trigger, "date", "UTC")

    posted = TRIGGER_FORMS["date"]({"run_date": "2040-10-28T02:30", "timezone": BERLIN}, initial=initial)

    assert posted.is_valid()
    assert posted.trigger == trigger


def test_another_zone_means_the_same_local_time_there():
    trigger = DateTrigger("2040-12-24T18:00:00+01:00", timezone=BERLIN)
    initial = initial_of(trigger, "date", "UTC")

    posted = TRIGGER_FORMS["date"]({"run_date": "2040-12-24T18:00:00", "timezone": "UTC"}, initial=initial)

    assert posted.is_valid()
    assert posted.trigger == DateTrigger("2040-12-24T18:00:00+00:00", timezone="UTC")


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        pytest.param(
            {"type": "cron", "minute": "75", "timezone": "UTC", **POLICIES},
            "minute",
            "Cron field 'minute' must be within 0-59, got '75'.",
            id="minute",
        ),
        pytest.param(
            {"type": "cron", "hour": "1", "timezone": "Europe/Berln", **POLICIES},
            "timezone",
            "Time zone must be an IANA name, got 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
            id="zone",
        ),
        pytest.param(
            {"type": "cron", "month": "2", "day": "31", "timezone": "UTC", **POLICIES},
            None,
            "Cron fields must match some date, got month='2', day='31'. Choose values that one date can have.",
            id="impossible",
        ),
        pytest.param(
            {"type": "crontab", "crontab": "75 * * * *", "timezone": "UTC", **POLICIES},
            "crontab",
            "Cron field 'minute' must be within 0-59, got '75' in '75 * * * *'.",
            id="crontab",
        ),
        pytest.param(
            {"type": "crontab", "crontab": "* * *", "timezone": "UTC", **POLICIES},
            "crontab",
            "Crontab expression must have 5 fields (minute, hour, day, month, day of week), got 3 in '* * *'.",
            id="crontab-too-short",
        ),
        pytest.param(
            {"type": "interval", "timezone": "UTC"},
            None,
            "Trigger 'interval' must have an interval of at least a microsecond and at most 999999999 days, got nothing. "
            "Pass at least one of weeks, days, hours, minutes, seconds, such as minutes=5.",
            id="no-interval",
        ),
        pytest.param(
            {"type": "interval", "seconds": "1e300", "timezone": "UTC"},
            None,
            "Trigger 'interval' must have an interval of at least a microsecond and at most 999999999 days, "
            f"got seconds={int(1e300)}. Pass at least one of weeks, days, hours, minutes, seconds, such as minutes=5.",
            id="endless-interval",
        ),
        pytest.param(
            {"type": "interval", "hours": "1", "jitter": "7200", "timezone": "UTC"},
            "jitter",
            "Argument 'jitter' of trigger 'interval' must not be wider than the time between two fire times (1:00:00), "
            "got 7200.0 seconds. Pass a smaller jitter.",
            id="jitter",
        ),
        pytest.param(
            {"type": "interval", "hours": "-1", "timezone": "UTC"},
            "hours",
            "Ensure this value is greater than or equal to 0.",
            id="negative",
        ),
        pytest.param({"type": "interval", "hours": "nan", "timezone": "UTC"}, "hours", "Enter a number.", id="not-a-number"),
        pytest.param({"type": "date", "run_date": "", "timezone": "UTC"}, "run_date", "This field is required.", id="no-date"),
        pytest.param(
            {"type": "calendarinterval", "days": "1", "start_date": "2040-02-31", "timezone": "UTC", **POLICIES},
            "start_date",
            "Argument 'start_date' of trigger 'calendarinterval' must be a date or an ISO 8601 string of a date that exists, "
            "got '2040-02-31'. Write it like '2026-12-24'; the time of day has arguments of its own.",
            id="no-such-date",
        ),
        pytest.param(
            {"type": "calendarinterval", "days": "1", "hour": "25", "timezone": "UTC", **POLICIES},
            "hour",
            "Ensure this value is less than or equal to 23.",
            id="hour",
        ),
        pytest.param(
            {"type": "cron", "hour": "1", "timezone": "UTC", "on_gap": "jump", "on_overlap": "first"},
            "on_gap",
            "Select a valid choice. jump is not one of the available choices.",
            id="unknown-policy",
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_at_the_field(client, job, given, field, message):
    response = client.post(address(job, "reschedule"), given)

    assert response.status_code == 200
    assert errors(response) == {field: [message]}
    assert ScheduledJob.objects.get().trigger == job.trigger
    assert not LogEntry.objects.exists()


def test_a_trigger_that_never_fires_again_is_refused(client, job):
    given = {"type": "crontab", "crontab": "0 0 * * *", "timezone": "UTC", "end_date": "2020-01-01T00:00", **POLICIES}

    response = client.post(address(job, "reschedule"), given)

    assert errors(response) == {
        None: [
            "Trigger cron[crontab='0 0 * * *'] of job 'report' never fires after now. Give it a fire time in the future."
        ]
    }
    assert ScheduledJob.objects.get().trigger == job.trigger


def test_a_preview_shows_what_would_happen_and_changes_nothing(client, job):
    given = {"type": "cron", "hour": "2", "minute": "30", "timezone": BERLIN, **POLICIES, "_preview": ""}

    response = client.post(address(job, "reschedule"), given)

    shown = response.content.decode()
    assert "at 02:30 every day" in shown
    assert len(response.context["fire_times"]) == 5
    assert "02:30 does not exist: runs at 03:00 instead" in shown
    assert ScheduledJob.objects.get().trigger == job.trigger
    assert ScheduledJob.objects.get().revision == job.revision


def test_a_paused_job_stays_paused(client, job):
    get_scheduler().pause_job("report")

    client.post(address(job, "reschedule"), {"type": "interval", "minutes": "7", "timezone": "UTC"})

    changed = ScheduledJob.objects.get()
    assert (changed.paused, changed.next_run_time) == (True, None)
    assert read_trigger(changed) == IntervalTrigger(minutes=7, timezone="UTC")


def test_a_finished_job_is_not_rescheduled(client, job):
    ScheduledJob.objects.update(finished_at=datetime.now(UTC), next_run_time=None)

    response = client.post(address(job, "reschedule"), {"type": "interval", "minutes": "7", "timezone": "UTC"})

    assert errors(response) == {
        None: ["Job 'report' is not in job store 'default'. It may have finished; get_jobs() lists what is there."]
    }


def test_a_broken_job_is_repaired_by_a_readable_trigger(client, db):
    job = make_job("odd", "Odd", "{not json", planned_trigger="", broken_reason="StoredDataError: …")

    response = client.post(address(job, "reschedule"), {"type": "interval", "minutes": "7", "timezone": "UTC"})

    changed = ScheduledJob.objects.get()
    assert response.status_code == 302
    assert (changed.broken_reason, changed.trigger_type) == ("", "interval")
    assert changed in ScheduledJob.objects.due(datetime.now(UTC)), "no node would plan it"


@pytest.mark.parametrize(
    ("trigger", "kind"),
    [
        (IntervalTrigger(hours=1), "interval"),
        (CronTrigger(hour=1), "cron"),
        (CronTrigger.from_crontab("0 1 * * *"), "crontab"),
        (CalendarIntervalTrigger(days=1), "calendarinterval"),
        (DateTrigger("2040-01-01"), "date"),
        (OrTrigger([CronTrigger(hour=1), CronTrigger(hour=2)]), "cron"),
    ],
    ids=["interval", "cron", "crontab", "calendarinterval", "date", "combined"],
)
def test_the_form_that_opens_is_that_of_the_present_trigger(client, db, trigger, kind):
    job = make_job("some", "Some", trigger)

    response = client.get(address(job, "reschedule"))

    assert response.context["form"].kind == kind
    assert response.context["has_form"] is not isinstance(trigger, OrTrigger)


def test_an_unknown_type_opens_a_form_all_the_same(client, job):
    response = client.get(f"{address(job, 'reschedule')}?type=<b>")

    assert response.context["form"].kind == "cron"
    assert "<b>" not in response.content.decode()


def test_the_zone_of_the_present_trigger_is_kept_for_another_type(client, db):
    job = make_job("some", "Some", CronTrigger(hour=1, timezone="Asia/Tokyo"))

    response = client.get(f"{address(job, 'reschedule')}?type=interval")

    assert response.context["form"]["timezone"].value() == "Asia/Tokyo"


def test_runs_and_history_are_left_alone(client, job):
    client.post(address(job, "reschedule"), {"type": "interval", "minutes": "7", "timezone": "UTC"})

    assert JobRun.objects.count() == 0
    assert ScheduledJob.objects.get().next_run_time - datetime.now(UTC) < timedelta(minutes=7)


def test_the_script_gets_the_preview_alone(client, job):
    given = {"type": "cron", "hour": "2", "minute": "30", "timezone": BERLIN, **POLICIES, "_fragment": "1"}

    shown = client.post(address(job, "reschedule"), given).content.decode()

    assert "<html" not in shown
    assert "at 02:30 every day" in shown
    assert ScheduledJob.objects.get().revision == job.revision


def test_the_script_is_told_what_is_wrong(client, job):
    given = {"type": "cron", "hour": "25", "timezone": BERLIN, **POLICIES, "_fragment": "1"}

    shown = client.post(address(job, "reschedule"), given).content.decode()

    assert "Cron field &#x27;hour&#x27; must be within 0-23, got &#x27;25&#x27;." in shown
