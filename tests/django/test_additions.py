"""New jobs in the ORM store, one by one and many at once: the same rows, all or none, and in few statements."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng import additions, get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.exceptions import (
    CallableReferenceError,
    ConfigurationError,
    ConflictingIdError,
    InvalidJobError,
    InvalidTriggerError,
    UnstorableError,
)
from django_apscheduler_ng.models import JobLogEntry, ScheduledJob
from django_apscheduler_ng.signals import job_added
from tests.project import jobs

NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)

#: How the message of a job begins that is one of several.
OF_A_SERIES = "Job 1 of the series ('bad') cannot be added, so none was: "

GIVEN = "must not be given to a job of a series, got"


def interval(job_id, **options):
    return {"func": jobs.noop, "trigger": "interval", "hours": 1, "id": job_id, **options}


def once(job_id, **options):
    return {
        "func": "tests.project.jobs:echo",
        "trigger": "date",
        "run_date": TOMORROW,
        "args": ["x"],
        "id": job_id,
        **options,
    }


def ids():
    return sorted(ScheduledJob.objects.values_list("job_id", flat=True))


def log():
    return sorted(JobLogEntry.objects.values_list("job_id", "action"))


def finish(job_id):
    assert ScheduledJob.objects.filter(job_id=job_id).update(finished_at=TOMORROW, next_run_time=None) == 1


# -- the rows ------------------------------------------------------------------------------------------------------------

DEFINITIONS = [
    pytest.param(interval("j"), id="interval"),
    pytest.param(once("j", misfire_grace_time=2.5, coalesce=False, max_instances=7), id="date"),
    pytest.param(
        once("j", kwargs={"ü": "\u2028", "sub": {"a": [1, None]}}, args=[], func=jobs.noop),
        id="arguments",
    ),
    pytest.param(interval("j", next_run_time=None), id="paused"),
    pytest.param(interval("j", jitter=30, name="Ein Name 😀", executor="processpool"), id="jitter"),
    pytest.param(interval("j'\"\\%s", on_abandoned="rerun", next_run_time=TOMORROW), id="quotes"),
]


def columns(model):
    """Return what a row holds besides its key."""
    (row,) = model.objects.exclude(job_id="other").values()
    return {name: value for name, value in row.items() if name not in ("id", "job_key")}


@pytest.mark.django_db
@pytest.mark.parametrize("options", DEFINITIONS)
def test_many_at_once_are_the_same_rows_as_one_by_one(options, django_user_model, monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.clock.SystemClock.now", lambda self: NOW)
    scheduler = get_scheduler()
    written = []
    with acting(django_user_model.objects.create(username="ada", pk=4711), reason="because"):
        for add in (
            lambda: scheduler.add_job(**options),
            lambda: scheduler.add_jobs([interval("other"), options]),
            lambda: scheduler.add_jobs([{**options, "id": "other"}, options]),
        ):
            add()
            job, entry = columns(ScheduledJob), columns(JobLogEntry)
            assert JobLogEntry.objects.exclude(job_id="other").get().job_key == scheduler_key(options["id"])
            written.append((job, {**entry, "after": json.loads(entry["after"])}))
            stored = scheduler.get_job(options["id"])
            assert (stored.args, stored.kwargs) == (tuple(options.get("args", ())), options.get("kwargs", {}))
            ScheduledJob.objects.all().delete()
            JobLogEntry.objects.all().delete()

    one, differing, alike = written
    assert one == differing == alike
    job, entry = one
    assert (job["created_at"], job["updated_at"], entry["at"]) == (NOW, NOW, NOW)
    assert job["wake_at"] == job["next_run_time"]
    assert (job["paused_at"], job["paused_by"]) == ((NOW, "ada") if job["paused"] else (None, ""))
    assert (entry["actor_id"], entry["actor_name"], entry["reason"]) == ("4711", "ada", "because")
    assert (entry["action"], entry["before"]) == ("added", "{}")


def scheduler_key(job_id):
    return ScheduledJob.objects.get(job_id=job_id).pk


@pytest.mark.django_db
def test_the_event_of_an_added_job_shows_what_it_is():
    get_scheduler().add_job(**once("j", name="Once"))

    shown = json.loads(JobLogEntry.objects.get().after)

    assert (shown["name"], shown["args"], shown["paused"]) == ("Once", '["x"]', False)
    assert shown["next_run_time"] == TOMORROW.isoformat()
    assert "misfire_grace_time" not in shown
    assert JobLogEntry.objects.get().before == "{}"


@pytest.mark.django_db
def test_jobs_may_come_from_a_generator_and_share_their_trigger():
    added = get_scheduler().add_jobs(interval(f"j{number}", jitter=600) for number in range(20))

    assert [job.id for job in added] == [f"j{number}" for number in range(20)]
    assert len(set(ScheduledJob.objects.values_list("next_fire_time", flat=True))) == 1
    assert len(set(ScheduledJob.objects.values_list("next_run_time", flat=True))) > 10
    assert added[3].jobstore == "default"


@pytest.mark.django_db
def test_jobs_that_share_callable_and_policies_keep_what_is_their_own():
    options = [
        {"func": jobs.noop, "args": [1], "name": "one", "hours": 1},
        {"func": jobs.noop, "kwargs": {"a": 2}, "name": "one", "hours": 2},
        {"func": jobs.noop, "name": "two", "hours": 1, "coalesce": False},
        {"func": jobs.noop, "name": "one", "hours": 1, "next_run_time": None},
        {"func": jobs.noop, "name": "one", "hours": 1, "coalesce": 1},
    ]
    added = get_scheduler().add_jobs({"trigger": "interval", **each} for each in options[:4])

    assert [(job.args, job.kwargs, job.name, job.coalesce) for job in added] == [
        ((1,), {}, "one", True),
        ((), {"a": 2}, "one", True),
        ((), {}, "two", False),
        ((), {}, "one", True),
    ]
    assert len({job.id for job in added}) == 4
    assert [str(job.trigger) for job in added] == [f"interval[{hours}:00:00]" for hours in (1, 2, 1, 1)]
    assert [job.next_run_time is None for job in added] == [False, False, False, True]
    with pytest.raises(InvalidJobError, match="'coalesce' must be True or False, got 1"):
        get_scheduler().add_jobs({"trigger": "interval", **each} for each in options)


@pytest.mark.django_db
def test_no_jobs_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert get_scheduler().add_jobs([]) == []


# -- all or none ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        pytest.param(interval("bad", hours=-1), InvalidTriggerError, "", id="trigger"),
        pytest.param(once("bad", mx_instances=2), InvalidJobError, "Unknown option 'mx_instances'.", id="typo"),
        pytest.param(once("bad", args=[1, 2, 3]), InvalidJobError, "Arguments of ", id="arguments"),
        pytest.param(once("bad", args=[object()]), UnstorableError, "Cannot store args[0]", id="unstorable"),
        pytest.param(
            once("bad", func="os:remove", args=["x"]),
            CallableReferenceError,
            "Callable 'os:remove' is not",
            id="callable",
        ),
        pytest.param(once("bad", executor="nowhere"), ConfigurationError, "Executor 'nowhere'", id="executor"),
        pytest.param(
            {"trigger": "date", "id": "bad"},
            InvalidJobError,
            "Job option 'func' must be given, got none. Write {'func': function, …}.",
            id="func",
        ),
        pytest.param(
            once("bad", replace_existing=True),
            InvalidJobError,
            f"Job option 'replace_existing' {GIVEN} True. Use add_job() to replace one.",
            id="replace",
        ),
        pytest.param(
            once("bad", jobstore="x"),
            InvalidJobError,
            f"Job option 'jobstore' {GIVEN} 'x'. Pass it to add_jobs().",
            id="store",
        ),
    ],
)
def test_one_bad_job_is_named_and_nothing_is_added(bad, kind, message):
    with pytest.raises(kind) as caught:
        get_scheduler().add_jobs([interval("good"), bad, interval("better")])

    assert str(caught.value).startswith(OF_A_SERIES + message)
    assert (ids(), log()) == ([], [])


@pytest.mark.django_db
def test_a_job_without_an_id_is_named_by_its_place():
    with pytest.raises(InvalidTriggerError) as caught:
        get_scheduler().add_jobs([interval("good"), {"func": jobs.noop, "trigger": "interval"}])

    assert str(caught.value).startswith("Job 1 of the series cannot be added, so none was: ")


@pytest.mark.django_db
def test_an_id_that_comes_twice_is_refused():
    with pytest.raises(ConflictingIdError) as caught:
        get_scheduler().add_jobs([interval("a"), interval("b"), interval("a")])

    assert str(caught.value) == (
        "Job 2 of the series ('a') has the id of one before it. Give each an id of its own; none was added."
    )
    assert ids() == []


@pytest.mark.parametrize("outer", [False, True], ids=["alone", "in-a-transaction"])
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.django_db(transaction=True)
def test_an_id_that_is_taken_spoils_no_transaction(outer, many, monkeypatch):
    monkeypatch.setattr(additions, "BATCH_SIZE", 2)
    scheduler = get_scheduler()
    scheduler.add_job(**interval("taken"))

    def add():
        series = [interval(job_id) for job_id in ("a", "b", "c", "taken", "d")]
        with pytest.raises(ConflictingIdError) as caught:
            scheduler.add_jobs(series) if many else scheduler.add_job(**interval("taken"))
        said = "Job 'taken' already exists in job store 'default'. Pass replace_existing=True to replace it."
        series = "Job 3 of the series ('taken') cannot be added, so none was: " if many else ""
        assert str(caught.value) == series + said

    if outer:
        with transaction.atomic():
            scheduler.add_job(**interval("before"))
            add()
            scheduler.add_job(**interval("after"))
    else:
        add()

    expected = ["after", "before", "taken"] if outer else ["taken"]
    assert ids() == expected
    assert log() == [(job_id, "added") for job_id in expected]
    assert not connection.in_atomic_block


@pytest.mark.parametrize("outer", [False, True], ids=["alone", "in-a-transaction"])
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.django_db(transaction=True)
def test_finished_jobs_make_room(outer, many, monkeypatch):
    monkeypatch.setattr(additions, "BATCH_SIZE", 2)
    scheduler = get_scheduler()
    for job_id in ("done", "over"):
        scheduler.add_job(**interval(job_id, name="old"))
        finish(job_id)

    def add():
        if many:
            scheduler.add_jobs([interval(job_id, name="new") for job_id in ("a", "done", "b", "over", "c")])
        else:
            scheduler.add_job(**interval("done", name="new"))

    if outer:
        with transaction.atomic():
            add()
    else:
        add()

    new = sorted(ScheduledJob.objects.filter(name="new").values_list("job_id", flat=True))
    assert new == (["a", "b", "c", "done", "over"] if many else ["done"])
    assert ids() == (new if many else ["done", "over"])


@pytest.mark.django_db(transaction=True)
def test_a_finished_job_stays_where_another_id_is_taken():
    scheduler = get_scheduler()
    scheduler.add_jobs([interval("done", name="old"), interval("taken")])
    finish("done")

    with pytest.raises(ConflictingIdError, match="'taken'"):
        scheduler.add_jobs([interval("done"), interval("taken")])

    assert ScheduledJob.objects.get(job_id="done").name == "old"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite keeps text of any length")
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.django_db(transaction=True)
def test_what_the_database_refuses_is_neither_cut_nor_taken_for_a_conflict(many, settings):
    settings.APSCHEDULER = {"executors": {"e" * 101: {"type": "threadpool"}}}
    series = [interval("fine"), interval("bad", executor="e" * 101)]

    with pytest.raises(DataError, match=r"(?i)too long"):
        get_scheduler().add_jobs(series) if many else get_scheduler().add_job(**series[1])

    assert (ids(), log()) == ([], [])


@pytest.mark.parametrize("outer", [False, True], ids=["alone", "in-a-transaction"])
@pytest.mark.django_db(transaction=True)
def test_a_job_whose_event_cannot_be_written_is_not_added(outer):
    class Refused(Exception):
        pass

    def refuse(execute, sql, params, many, context):
        if JobLogEntry._meta.db_table in sql and connection.vendor == "sqlite":
            raise Refused
        return execute(sql.replace(JobLogEntry._meta.db_table, "no_such_table"), params, many, context)

    def add():
        with connection.execute_wrapper(refuse), pytest.raises((Refused, ProgrammingError)):
            get_scheduler().add_job(**interval("lost"))

    if outer and connection.vendor != "postgresql":  # where an error ends the transaction
        with transaction.atomic():
            get_scheduler().add_job(**interval("before"))
            add()
            get_scheduler().add_job(**interval("after"))
    else:
        add()
        get_scheduler().add_job(**interval("after"))

    assert "lost" not in ids()
    assert "after" in ids()
    assert not connection.in_atomic_block


# -- transactions and signals ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_jobs_events_and_signals_with_it():
    heard = []
    job_added.connect(lambda job_id, **_: heard.append(job_id), weak=False, dispatch_uid="additions")
    try:
        with transaction.atomic():
            get_scheduler().add_job(**interval("one"))
            get_scheduler().add_jobs([interval("two"), interval("three")])
            assert ids() == ["one", "three", "two"]
            transaction.set_rollback(True)
        assert (ids(), log(), heard) == ([], [], [])

        with transaction.atomic():
            get_scheduler().add_jobs([interval("two"), interval("three")])
            assert heard == []
        assert heard == ["two", "three"]
    finally:
        job_added.disconnect(dispatch_uid="additions")


# -- statements ----------------------------------------------------------------------------------------------------------

#: Statements of one addition, with those that begin and end a transaction, outside of one and inside.
ONE = {"sqlite": (4, 4), "postgresql": (1, 1), "mysql": (1, 1)}

#: The same of a batch.
BATCH = {"sqlite": 2, "postgresql": 1, "mysql": 1}


def statements(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured]


@pytest.mark.django_db(transaction=True)
def test_one_addition_is_as_few_statements_as_the_database_allows():
    scheduler = get_scheduler()
    alone = statements(lambda: scheduler.add_job(**interval("alone")))
    with transaction.atomic():
        inside = statements(lambda: scheduler.add_job(**interval("inside")))

    assert (len(alone), len(inside)) == ONE[connection.vendor], (alone, inside)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [2, 50, 101])
def test_many_additions_are_as_many_statements_as_there_are_batches(number, monkeypatch):
    monkeypatch.setattr(additions, "BATCH_SIZE", 50)
    scheduler = get_scheduler()

    alone = statements(lambda: scheduler.add_jobs([once(f"j{index}") for index in range(number)]))

    batches = -(-number // 50)
    assert len(alone) == 2 + batches * BATCH[connection.vendor], alone
    assert ScheduledJob.objects.count() == JobLogEntry.objects.count() == number


# -- visiting them all ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_all_jobs_are_visited_page_by_page(monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.reader.PAGE_SIZE", 10)
    scheduler = get_scheduler()
    scheduler.add_jobs([once(f"j{index:02}") for index in range(25)])
    finish("j03")
    visit = scheduler.iter_jobs()

    first = statements(lambda: next(visit))
    rest = [job.id for job in visit]

    assert len(first) == 1
    assert rest == [f"j{index:02}" for index in range(25) if index not in (0, 3)]
    assert scheduler.get_job("j07").args == ("x",)
