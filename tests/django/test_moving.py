"""Jobs on their way from one job store to another."""

from __future__ import annotations

import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.events import EVENT_JOB_ADDED, EVENT_JOB_MODIFIED
from django_apscheduler_ng.exceptions import ConfigurationError, ConflictingIdError, StoredDataError
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.testing import FakeClock, ManualScheduler
from tests.movable import contents, fill
from tests.project.jobs import echo, noop

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

#: Every kind of job store: each is a source and a target.
STORES = {
    "memory": MemoryJobStore,
    "django": lambda: DjangoJobStore(namespace="moving"),
}


def scheduler_on(store, clock=None):
    scheduler = ManualScheduler(clock or FakeClock(NOW), jobstores={"default": store}, timezone="Europe/Berlin")
    scheduler.start()
    return scheduler


@pytest.fixture
def schedulers():
    """Makes started schedulers, and shuts them down."""
    made = []

    def make(store, clock=None):
        made.append(scheduler_on(store, clock))
        return made[-1]

    yield make
    for scheduler in made:
        scheduler.shutdown()


@pytest.mark.parametrize(("source", "target"), list(itertools.product(STORES, STORES)))
def test_jobs_come_to_another_store_as_they_were(source, target, schedulers, tmp_path):
    clock = FakeClock(NOW)
    origin = schedulers(STORES[source](), clock)
    fill(origin)
    origin.travel(timedelta(days=1))
    expected = contents(origin)

    count = origin.export_jobs(tmp_path / "jobs.json")
    origin.remove_all_jobs()
    destination = schedulers(STORES[target](), clock)
    done = destination.import_jobs(str(tmp_path / "jobs.json"))

    assert count == len(expected) == 8
    assert contents(destination) == expected
    assert (len(done.added), done.replaced, done.broken) == (8, [], [])


def test_a_moved_job_goes_on_with_the_fire_time_after_its_last_one(schedulers):
    clock = FakeClock(NOW)
    origin = schedulers(MemoryJobStore(), clock)
    origin.add_job(noop, "interval", hours=1, id="hourly")
    origin.travel(timedelta(minutes=150))
    file = io.StringIO()
    origin.export_jobs(file)
    origin.remove_all_jobs()

    destination = schedulers(DjangoJobStore(), clock)
    destination.import_jobs(io.StringIO(file.getvalue()))
    destination.travel(timedelta(hours=2))

    assert list(JobRun.objects.order_by("slot").values_list("slot", flat=True)) == [
        NOW + timedelta(hours=3),
        NOW + timedelta(hours=4),
    ]


def exported(scheduler, **changes):
    """Return the document of a scheduler's jobs, with entries of the first job changed (None = left out)."""
    file = io.StringIO()
    scheduler.export_jobs(file)
    document = json.loads(file.getvalue())
    for name, value in changes.items():
        document["jobs"][0][name] = value
        if value is None:
            del document["jobs"][0][name]
    return document


@pytest.fixture
def filled(schedulers):
    """A scheduler with two jobs in memory."""
    scheduler = schedulers(MemoryJobStore())
    scheduler.add_job(echo, "cron", hour=3, id="first", args=[1])
    scheduler.add_job(echo, "cron", hour=4, id="second", args=[2])
    return scheduler


@pytest.fixture
def target(schedulers):
    """A scheduler on an empty ORM store."""
    return schedulers(DjangoJobStore())


def test_the_document_is_for_people(filled):
    document = exported(filled)

    assert {name: document[name] for name in ("format", "version", "exported_by")} == {
        "format": "django_apscheduler_ng jobs",
        "version": 1,
        "exported_by": "django-apscheduler-ng 0.1.0.dev0",
    }
    assert document["jobs"][0] == {
        "id": "first",
        "jobstore": "default",
        "func": "tests.project.jobs:echo",
        "args": [1],
        "kwargs": {},
        "trigger": {"type": "cron", "hour": "3", "timezone": "Europe/Berlin", "version": 1},
        "name": "echo",
        "executor": "default",
        "coalesce": True,
        "max_instances": 1,
        "misfire_grace_time": None,
        "on_abandoned": "abandon",
        "timeout": None,
        "retry": None,
        "overlap": "skip",
        "queue": "default",
        "priority": "normal",
        "next_run_time": "2026-01-06T02:00:00+00:00",
    }


def test_a_file_written_by_hand_needs_little(target):
    text = """{"format": "django_apscheduler_ng jobs", "version": 1, "jobs": [
        {"id": "a", "func": "tests.project.jobs:echo", "trigger": {"type": "interval", "version": 1, "hours": 1}}]}"""

    (job,) = target.import_jobs(io.StringIO(text)).added

    assert (job.name, job.args, job.next_run_time) == ("echo", (), NOW + timedelta(hours=1))
    assert target.get_job("a").next_run_time == NOW + timedelta(hours=1)


def refused(target, document, error=StoredDataError):
    """Return why the document is refused; nothing of it may have been imported."""
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(error) as caught:
        target.import_jobs(io.StringIO(text))
    assert target.get_jobs() == []
    assert not JobLogEntry.objects.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"id": ""}, "jobs[0] (''), field 'id': Job id '' must be a non-empty string", id="id"),
        pytest.param(
            {"func": "echo"}, "jobs[0] ('first'), field 'func': Callable reference 'echo' must have", id="func"
        ),
        pytest.param(
            {"func": "os:system"}, "field 'func': Callable 'os:system' is not allowed to run.", id="forbidden"
        ),
        pytest.param({"trigger": None}, "jobs[0] ('first'): the field 'trigger' is missing.", id="missing"),
        pytest.param({"trigger": {"type": "cronn", "version": 1}}, "field 'trigger': Cannot read", id="trigger"),
        pytest.param({"args": "abc"}, "field 'args': it must be a list, got str.", id="args"),
        pytest.param({"args": [{"$type": "model"}]}, "field 'args': Cannot read", id="foreign-type"),
        pytest.param({"kwargs": [1]}, "field 'kwargs': it must be an object, got list.", id="kwargs"),
        pytest.param({"kwargs": {"$type": "dict", "value": [[1, 2]]}}, "Job option 'kwargs' must be", id="keys"),
        pytest.param({"coalesce": "yes"}, "field 'coalesce': Job option 'coalesce' must be True or", id="coalesce"),
        pytest.param({"misfire_grace_tim": 1}, "unknown field 'misfire_grace_tim'. Did you mean", id="unknown"),
        pytest.param({"next_run_time": "2026-01-01"}, "field 'next_run_time': it must be a moment with", id="naive"),
        pytest.param({"next_run_time": 5}, "field 'next_run_time': it must be a moment with", id="number"),
        pytest.param({"pause_reason": 5}, "field 'pause_reason': it must be text, got int.", id="reason"),
        pytest.param({"id": "second"}, "jobs[1] ('second') has the id of jobs[0] ('second').", id="double-id"),
    ],
)
def test_a_damaged_job_is_named_with_its_place_and_nothing_is_imported(filled, target, changes, problem):
    message = refused(target, exported(filled, **changes))

    assert problem in message
    assert message.startswith("Cannot import 'the file', so nothing was: jobs[")


def test_all_damaged_jobs_are_named(filled, target):
    document = exported(filled, coalesce=1)
    document["jobs"][1]["name"] = 7

    assert "jobs[0]" in refused(target, document)
    assert "\njobs[1] ('second'), field 'name'" in refused(target, document)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            '{\n  "format": oops\n}', "line 2, column 13: it must be JSON, got an error: Expecting", id="syntax"
        ),
        pytest.param("", "line 1, column 1: it must be JSON", id="empty"),
        pytest.param("[]", 'it must be an object with "format": "django_apscheduler_ng jobs".', id="list"),
        pytest.param('{"format": "dump", "jobs": []}', 'it must be an object with "format"', id="foreign"),
        pytest.param('{"id": 1, "id": 2}', "the key 'id' stands twice in one object", id="double-key"),
        pytest.param('{"a": NaN}', "NaN is not JSON", id="constant"),
        pytest.param("[" * 100_000, "it must be JSON", id="deep"),
        pytest.param(
            '{"format": "django_apscheduler_ng jobs", "version": 2, "jobs": []}',
            '"version" must be at most 1',
            id="later",
        ),
        pytest.param(
            '{"format": "django_apscheduler_ng jobs", "version": true}', '"version" must be a positive', id="bool"
        ),
        pytest.param('{"format": "django_apscheduler_ng jobs", "version": 1}', '"jobs" must be a list', id="no-jobs"),
        pytest.param(
            '{"format": "django_apscheduler_ng jobs", "version": 1, "jobs": [3]}',
            "jobs[0]: it must be an object",
            id="job",
        ),
    ],
)
def test_a_foreign_file_is_refused_with_the_place_in_it(target, text, problem):
    assert problem in refused(target, text)


def test_a_file_that_is_no_text_is_refused(target, tmp_path):
    path = tmp_path / "jobs.json"
    path.write_bytes(b'{"\xff')

    with pytest.raises(StoredDataError, match="must be text in UTF-8, got the byte 0xff at position 2"):
        target.import_jobs(path)
    with pytest.raises(ConfigurationError, match="open for text"), path.open("rb") as file:
        target.import_jobs(file)
    with pytest.raises(ConfigurationError, match="open for text"):
        target.export_jobs(io.BytesIO())
    with pytest.raises(ConfigurationError, match="open for text"):
        target.export_jobs(None)


@pytest.mark.parametrize("store", STORES)
def test_ids_that_are_taken_are_listed_and_nothing_is_imported(filled, schedulers, store):
    target = schedulers(STORES[store]())
    target.add_job(noop, "interval", hours=1, id="second")
    document = json.dumps(exported(filled))

    with pytest.raises(ConflictingIdError) as caught:
        target.import_jobs(io.StringIO(document))

    assert str(caught.value) == (
        "1 of 2 job(s) already exist in job store 'default', so none was added: 'second'. "
        "Pass replace_existing=True to replace them."
    )
    assert [job.id for job in target.get_jobs()] == ["second"]
    assert target.get_job("second").func_ref == "tests.project.jobs:noop"


@pytest.mark.parametrize("store", STORES)
def test_a_job_is_replaced_with_run_time_and_pause_where_that_is_asked_for(filled, schedulers, store):
    target = schedulers(STORES[store]())
    target.add_job(noop, "interval", hours=1, id="second")
    target.pause_job("second", reason="because")
    told = []
    target.add_listener(lambda event: told.append((event.code, event.job_id)), EVENT_JOB_ADDED | EVENT_JOB_MODIFIED)
    before = contents(filled)

    done = target.import_jobs(io.StringIO(json.dumps(exported(filled))), replace_existing=True)

    assert contents(target) == before
    assert ([job.id for job in done.added], [job.id for job in done.replaced]) == (["first"], ["second"])
    assert told == [(EVENT_JOB_ADDED, "first"), (EVENT_JOB_MODIFIED, "second")]


@pytest.mark.parametrize("store", STORES)
def test_a_restored_copy_runs_no_fire_time_twice(schedulers, store):
    scheduler = schedulers(STORES[store]())
    scheduler.add_job(noop, "interval", hours=1, id="hourly")
    copy = json.dumps(exported(scheduler))
    scheduler.travel(timedelta(minutes=150))

    scheduler.import_jobs(io.StringIO(copy), replace_existing=True)

    assert scheduler.get_job("hourly").next_run_time == NOW + timedelta(hours=3)


@pytest.mark.parametrize("store", STORES)
def test_an_import_that_fails_in_the_store_changes_nothing(filled, schedulers, store, monkeypatch):
    target = schedulers(STORES[store]())
    target.add_job(noop, "interval", hours=1, id="first")
    before = contents(target)
    monkeypatch.setattr(target._jobstores["default"], "add_jobs", lambda jobs: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        target.import_jobs(io.StringIO(json.dumps(exported(filled))), replace_existing=True)

    assert contents(target) == before


def test_a_dry_run_checks_and_changes_nothing(filled, target):
    target.add_job(noop, "interval", hours=1, id="second")
    document = json.dumps(exported(filled))

    done = target.import_jobs(io.StringIO(document), replace_existing=True, dry_run=True)

    assert ([job.id for job in done.added], [job.id for job in done.replaced]) == (["first"], ["second"])
    assert [job.func_ref for job in target.get_jobs()] == ["tests.project.jobs:noop"]
    with pytest.raises(ConflictingIdError):
        target.import_jobs(io.StringIO(document), dry_run=True)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"func": "tests.project.jobs:ech"}, "CallableReferenceError: Callable 'tests.project.jobs:ech'", id="gone"
        ),
        pytest.param(
            {"kwargs": {"colour": 1}}, "InvalidJobError: Arguments of 'tests.project.jobs:echo'", id="arguments"
        ),
        pytest.param({"executor": "gpu"}, "ConfigurationError: Executor 'gpu' is not configured here", id="executor"),
    ],
)
def test_a_job_that_cannot_run_here_is_kept_as_broken(filled, schedulers, store, changes, reason, caplog):
    target = schedulers(STORES[store]())

    done = target.import_jobs(io.StringIO(json.dumps(exported(filled, **changes))))

    assert [job.id for job in done.broken] == ["first"]
    assert done.broken[0].broken_reason.startswith(reason)
    assert f"Job 'first' was imported and is broken: {reason}" in caplog.text
    assert target.get_job("first") is not None
    again = exported(target)["jobs"][0]
    assert {name: again[name] for name in changes} == changes


def test_what_a_document_cannot_hold_is_named_and_the_old_file_stays(schedulers, tmp_path):
    scheduler = schedulers(MemoryJobStore())
    scheduler.add_job(lambda: None, "interval", hours=1, id="lambda")
    scheduler.add_job(echo, "interval", hours=1, id="object", args=[object()])
    scheduler.add_job(echo, "interval", hours=1, id="fine")
    path = tmp_path / "jobs.json"
    path.write_text("yesterday's")

    with pytest.raises(StoredDataError) as caught:
        scheduler.export_jobs(path)

    assert "job 'lambda' of job store 'default': Callable" in str(caught.value)
    assert "\njob 'object' of job store 'default': Cannot store args[0]" in str(caught.value)
    assert path.read_text() == "yesterday's"


@pytest.mark.parametrize("column", ["args", "trigger"])
def test_a_row_that_cannot_be_read_is_not_exported_as_something_else(target, column):
    target.add_job(echo, "interval", hours=1, id="damaged", args=[1])
    ScheduledJob.objects.update(**{column: "{"})

    with pytest.raises(StoredDataError, match=r"job 'damaged' .*Repair or remove the job, then export again\."):
        target.export_jobs(io.StringIO())


def test_one_job_store_of_several_is_exported(schedulers):
    scheduler = schedulers(MemoryJobStore())
    scheduler.add_jobstore(MemoryJobStore(), "second")
    scheduler.add_job(echo, "interval", hours=1, id="same")
    scheduler.add_job(noop, "interval", hours=1, id="same", jobstore="second")
    every, one = io.StringIO(), io.StringIO()

    assert (scheduler.export_jobs(every), scheduler.export_jobs(one, "second")) == (2, 1)
    with pytest.raises(StoredDataError, match="or export one job store at a time"):
        scheduler.import_jobs(io.StringIO(every.getvalue()), replace_existing=True)
    scheduler.import_jobs(io.StringIO(one.getvalue()), replace_existing=True)

    assert scheduler.get_job("same", "default").func_ref == "tests.project.jobs:noop"


def test_a_scheduler_that_was_not_started_exports_and_imports_what_waits():
    first, second = (ManualScheduler(FakeClock(NOW), timezone="UTC") for _ in range(2))
    first.add_job(echo, "interval", hours=1, id="planned-later")
    first.add_job(echo, "interval", hours=1, id="paused", next_run_time=None)
    second.add_job(echo, "interval", hours=2, id="paused")
    document = json.dumps(exported(first))

    with pytest.raises(ConflictingIdError, match="already wait for the start"):
        second.import_jobs(io.StringIO(document))
    second.import_jobs(io.StringIO(document), replace_existing=True)
    second.start()

    assert {job.id: job.next_run_time for job in second.get_jobs()} == {
        "planned-later": NOW + timedelta(hours=1),
        "paused": None,
    }
    second.shutdown()


def test_any_process_exports_and_imports(tmp_path):
    scheduler = get_scheduler()
    scheduler.add_job(echo, "cron", hour=3, id="asked")
    before = contents(scheduler)

    scheduler.export_jobs(Path(tmp_path, "jobs.json"))
    scheduler.remove_all_jobs()
    scheduler.import_jobs(Path(tmp_path, "jobs.json"))

    assert contents(scheduler) == before
    assert JobLogEntry.objects.filter(action="added").count() == 2


@pytest.mark.django_db(transaction=True)
def test_async_views_export_and_import(tmp_path):
    scheduler = get_scheduler()
    scheduler.add_job(echo, "cron", hour=3, id="asked")

    async def move():
        count = await scheduler.aexport_jobs(tmp_path / "jobs.json")
        done = await scheduler.aimport_jobs(tmp_path / "jobs.json", replace_existing=True)
        return count, [job.id for job in done.replaced]

    assert async_to_sync(move)() == (1, ["asked"])
