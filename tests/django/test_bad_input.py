"""What cannot work is refused at once, with the value, what is expected and what to do; and nothing is half-written."""

import re
from datetime import datetime
from functools import partial

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.exceptions import SchedulerError
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from tests.project import jobs

pytestmark = pytest.mark.django_db

NOOP = "tests.project.jobs:noop"


def nested():
    def inner():
        """Live in a function."""

    return inner


class Thing:
    """Cannot be stored."""

    def __repr__(self):
        return "<Thing>"


LONG = "x" * 192


def readable(error):
    """Return the message without the addresses of objects."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(error))


REFUSED = [
    pytest.param(
        {"func": NOOP, "trigger": "crno"},
        "Unknown trigger 'crno'. Did you mean 'cron'?",
        id="unknown-trigger",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "interval", "minuets": 5},
        "Trigger 'interval' has no argument 'minuets'. Did you mean 'minutes'?",
        id="unknown-trigger-argument",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "cron", "minute": 75},
        "Cron field 'minute' must be within 0-59, got '75'.",
        id="impossible-cron-field",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "cron", "month": 2, "day": 31},
        "Cron fields must match some date, got month=2, day=31. Choose values that one date can have.",
        id="a-day-that-never-comes",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "interval", "seconds": 0},
        "Trigger 'interval' must have an interval of at least a microsecond and at most 999999999 days, got nothing. Pass at least one of weeks, days, hours, minutes, seconds, such as minutes=5.",
        id="interval-of-nothing",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "cron", "hour": 3, "timezone": "Europe/Berln"},
        "Time zone must be an IANA name, got 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
        id="unknown-zone",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "date", "run_date": "2026-02-30"},
        "Argument 'run_date' of trigger 'date' must be a datetime, a date or an ISO 8601 string of a time that exists, got '2026-02-30'. Write it like '2026-12-24 18:00' or '2026-12-24T18:00:00+01:00'.",
        id="impossible-date",
    ),
    pytest.param(
        {"func": NOOP, "id": "j", "trigger": "cron", "hour": 3, "end_date": "2020-01-01 00:00:00+00:00"},
        "Trigger cron[hour='3'] of job 'j' never fires after now. Give it a fire time in the future.",
        id="ended-before-it-began",
    ),
    pytest.param(
        {"func": NOOP, "executor": "defualt"},
        "Executor 'defualt' is not configured. Did you mean 'default'? There are: 'default', 'processpool', 'asyncio'. "
        "Add it with add_executor() or in the configuration.",
        id="unknown-executor",
    ),
    pytest.param(
        {"func": NOOP, "jobstore": "other"},
        "Job store 'other' is not configured. There are: 'default'. Add it with add_jobstore() or in the configuration.",
        id="unknown-store",
    ),
    pytest.param(
        {"func": NOOP, "trigger": "interval", "seconds": 1, "misfre_grace_time": 5},
        "Unknown option 'misfre_grace_time'. Did you mean 'misfire_grace_time'?",
        id="unknown-option",
    ),
    pytest.param(
        {"func": NOOP, "max_instances": 0},
        "Job option 'max_instances' must be a positive whole number, got 0. Use 1 to forbid overlaps.",
        id="no-instances",
    ),
    pytest.param(
        {"func": NOOP, "misfire_grace_time": -1},
        "Job option 'misfire_grace_time' must be a positive number of seconds or None, got -1. None lets a run start however late.",
        id="negative-grace",
    ),
    pytest.param(
        {"func": NOOP, "coalesce": "yes"},
        "Job option 'coalesce' must be True or False, got 'yes'.",
        id="coalesce-no-bool",
    ),
    pytest.param(
        {"func": "tests.project.jobs:nop"},
        "Callable 'tests.project.jobs:nop' cannot be loaded: module 'tests.project.jobs' has no 'nop'. Did you mean 'tests.project.jobs:noop'?",
        id="callable-missing",
    ),
    pytest.param(
        {"func": "tests.project.nowhere:noop"},
        "Callable 'tests.project.nowhere:noop' cannot be loaded: there is no module 'tests.project.nowhere'. Check its name, and that its package is installed here.",
        id="module-missing",
    ),
    pytest.param(
        {"func": "noop"},
        "Callable reference 'noop' must have the form 'package.module:function'. Write it as 'shop.jobs:report'.",
        id="no-reference",
    ),
    pytest.param(
        {"func": 5},
        "Job option 'func' must be a callable or a reference like 'package.module:function', got 5. Pass the function itself, not its result.",
        id="not-callable",
    ),
    pytest.param(
        {"func": lambda: None},
        "Callable <function <lambda>> has no reference that another process could follow: it is a lambda. Define a function at the top level of a module.",
        id="lambda",
    ),
    pytest.param(
        {"func": nested()},
        "Callable <function nested.<locals>.inner> has no reference that another process could follow: it is defined inside a function. Move it to the top level of its module.",
        id="nested",
    ),
    pytest.param(
        {"func": partial(jobs.noop, 1)},
        "Callable functools.partial(<function noop>, 1) has no reference that another process could follow: it is a functools.partial. Pass the function itself, and its arguments as args and kwargs.",
        id="partial",
    ),
    pytest.param(
        {"func": "os:getcwd"},
        "Callable 'os:getcwd' is not allowed to run. Decorate it with @job, put it into a module of an installed app, "
        "or add a pattern for it to APSCHEDULER['allowed_callables'].",
        id="not-allowed",
    ),
    pytest.param(
        {"func": "tests.project.jobs:nap"},
        "Arguments of 'tests.project.jobs:nap' do not fit its signature (seconds: float) -> float: missing 'seconds'. Change args and kwargs of the job.",
        id="argument-missing",
    ),
    pytest.param(
        {"func": "tests.project.jobs:nap", "args": [1, 2]},
        "Arguments of 'tests.project.jobs:nap' do not fit its signature (seconds: float) -> float: takes 1 positional arguments, got 2. Change args and kwargs of the job.",
        id="too-many-arguments",
    ),
    pytest.param(
        {"func": "tests.project.jobs:nap", "kwargs": {"seconds": 1, "minuets": 2}},
        "Arguments of 'tests.project.jobs:nap' do not fit its signature (seconds: float) -> float: unexpected 'minuets'. Change args and kwargs of the job.",
        id="unexpected-argument",
    ),
    pytest.param(
        {"func": NOOP, "args": [Thing()]},
        "Cannot store args[0], an instance of tests.django.test_bad_input.Thing: accepted are None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict, datetime, date, time, timedelta, Decimal and UUID. Convert it to one of these.",
        id="argument-that-cannot-be-stored",
    ),
    pytest.param(
        {"func": NOOP, "args": "abc"},
        "Job option 'args' must be a list or tuple of arguments, got 'abc'. Write args=['abc'].",
        id="arguments-that-are-text",
    ),
    pytest.param(
        {"func": NOOP, "kwargs": [1]},
        "Job option 'kwargs' must be a mapping of argument names to values, got [1]. Write kwargs={'name': value}.",
        id="keyword-arguments-that-are-a-list",
    ),
    pytest.param(
        {"func": NOOP, "next_run_time": "soon"},
        "Job option 'next_run_time' must be a datetime or an ISO string like '2026-01-31 09:00:00', got 'soon'.",
        id="run-time-that-is-no-time",
    ),
    pytest.param(
        {"func": NOOP, "id": LONG},
        f"Job id {repr(LONG)[:57]}... of 192 characters must be a non-empty string of at most 191 characters. Choose another id.",
        id="id-too-long",
    ),
    pytest.param(
        {"func": NOOP, "id": ""},
        "Job id '' must be a non-empty string of at most 191 characters. Choose another id.",
        id="id-empty",
    ),
    pytest.param(
        {"func": NOOP, "on_abandoned": "retry"},
        "Job option 'on_abandoned' must be 'abandon' or 'rerun', got 'retry'. Did you mean 'rerun'?",
        id="unknown-policy",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_job_that_cannot_work_is_refused_and_nothing_is_written(options, message):
    with pytest.raises(SchedulerError) as caught:
        get_scheduler().add_job(**options)

    assert readable(caught.value) == message
    assert not ScheduledJob.objects.exists()
    assert not JobLogEntry.objects.exists()


def test_a_taken_id_is_refused_and_the_first_job_stays_as_it_is():
    scheduler = get_scheduler()
    scheduler.add_job(NOOP, "interval", hours=1, id="taken", name="first")

    with pytest.raises(SchedulerError) as caught:
        scheduler.add_job(NOOP, "interval", hours=2, id="taken", name="second")

    assert (
        str(caught.value)
        == "Job 'taken' already exists in job store 'default'. Pass replace_existing=True to replace it."
    )
    assert ScheduledJob.objects.get().name == "first"
    assert JobLogEntry.objects.count() == 1


CHANGES = [
    pytest.param(
        "modify_job",
        {"misfre_grace_time": 5},
        "Unknown job option 'misfre_grace_time'. Did you mean 'misfire_grace_time'? The options are func, args, kwargs, name, "
        "trigger, executor, coalesce, max_instances, misfire_grace_time, on_abandoned, timeout, retry, overlap, queue, priority, next_run_time.",
        id="unknown-option",
    ),
    pytest.param(
        "modify_job",
        {"id": "new"},
        "Job option 'id' cannot be changed. Remove the job and add it again under its new id.",
        id="the-id",
    ),
    pytest.param(
        "modify_job",
        {"func": "os:getcwd"},
        "Callable 'os:getcwd' is not allowed to run. Decorate it with @job, put it into a module of an installed app, or add a pattern for it to APSCHEDULER['allowed_callables'].",
        id="not-allowed",
    ),
    pytest.param(
        "modify_job",
        {"args": [1], "func": "tests.project.jobs:fail", "kwargs": {"x": 1}},
        "Arguments of 'tests.project.jobs:fail' do not fit its signature (message: str = 'on purpose') -> None: unexpected 'x'. Change args and kwargs of the job.",
        id="misfit",
    ),
    pytest.param(
        "reschedule_job",
        {"trigger": "cron", "hour": 25},
        "Cron field 'hour' must be within 0-23, got '25'.",
        id="impossible-trigger",
    ),
    pytest.param(
        "reschedule_job",
        {"trigger": "date", "run_date": datetime(2020, 1, 1), "timezone": "Nowhere"},
        "Time zone must be an IANA name, got 'Nowhere'. Pass a name such as 'Europe/Berlin' or 'UTC'.",
        id="unknown-zone",
    ),
]


@pytest.mark.parametrize(("method", "options", "message"), CHANGES)
def test_a_change_that_cannot_work_is_refused_and_the_job_stays_as_it_is(method, options, message):
    scheduler = get_scheduler()
    scheduler.add_job(NOOP, "interval", hours=1, id="kept")
    before = ScheduledJob.objects.values().get()

    with pytest.raises(SchedulerError) as caught:
        getattr(scheduler, method)("kept", **options)

    assert readable(caught.value) == message
    assert {**ScheduledJob.objects.values().get(), "revision": 0} == {**before, "revision": 0}
    assert JobLogEntry.objects.count() == 1


@pytest.mark.parametrize("method", ["modify_job", "pause_job", "resume_job", "remove_job", "run_job", "reschedule_job"])
def test_a_job_that_is_not_there_is_named_with_the_stores_that_were_searched(method):
    options = {"trigger": "interval", "seconds": 1} if method == "reschedule_job" else {}

    with pytest.raises(SchedulerError) as caught:
        getattr(get_scheduler(), method)("absent", **options)

    assert (
        str(caught.value)
        == "Job 'absent' is in no job store ('default'). It may have finished; get_jobs() lists what is there."
    )
    assert not JobRun.objects.exists()


def test_the_request_side_refuses_to_start_and_says_what_to_start():
    with pytest.raises(SchedulerError) as caught:
        get_scheduler().start()

    assert str(caught.value) == (
        "get_scheduler() returns a scheduler that asks and does not perform. "
        "Start `manage.py runscheduler` in a process of its own."
    )
