"""Jobs that cannot be read or performed are kept, byte by byte, and shown; their neighbours run on time."""

from __future__ import annotations

import json
import logging
import pickle
from datetime import timedelta

import pytest
import sqlalchemy as sa

from django_apscheduler_ng.exceptions import ConfigurationError, StoredDataError
from tests.stores import bodies
from tests.stores.conftest import START

#: Longer than a job that cannot be planned is left alone.
A_WHILE = 61


@pytest.fixture
def scheduler(place, begin):
    """A scheduler with a job that is going to be broken, and another one."""
    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, "interval", seconds=10, args=["sick"], id="sick", coalesce=True)
    scheduler.add_job(bodies.note, "interval", seconds=10, args=["sound"], id="sound", coalesce=True)
    return scheduler


def damage(place, **options):
    """Change options of the job's stored definition, behind everybody's back."""
    definition = json.loads(place.read("sick")["definition"]) | options
    place.damage("sick", definition=json.dumps(definition))
    return place.read("sick")["definition"]


def values():
    return [value for value, _ in bodies.done]


def errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


DAMAGES = {
    "callable-gone": ({"func": "tests.stores.bodies:gone"}, "CallableReferenceError: "),
    "module-gone": ({"func": "tests.stores.gone:note"}, "CallableReferenceError: "),
    "arguments": ({"args": "[1"}, "StoredDataError: Cannot read the stored text '[1'"),
    "arguments-of-another-type": ({"kwargs": "[]"}, "StoredDataError: Stored arguments "),
    "trigger-of-a-package-that-is-gone": (
        {"trigger": '{"type": "lunar", "version": 1}'},
        "StoredDataError: Cannot read the stored text",
    ),
    "executor-gone": ({"executor": "gone"}, "LookupError: Executor 'gone' is not configured in this scheduler"),
    "later-version": ({"version": 2}, "StoredDataError: The stored definition "),
    "policy": ({"max_instances": "two"}, "StoredDataError: The stored definition "),
}


@pytest.mark.parametrize(("options", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_broken_job_is_kept_as_it_is_and_shown_and_told_once(place, scheduler, caplog, options, reason):
    damaged = damage(place, **options)

    scheduler.travel(3 * A_WHILE)

    found = scheduler.get_job("sick")
    assert found.broken_reason.startswith(reason)
    assert str(found).endswith(", broken)")
    assert {job.id for job in scheduler.get_jobs()} == {"sick", "sound"}
    assert place.read("sick")["definition"] == damaged
    assert [error.partition(":")[0] for error in errors(caplog)] == [
        "Job 'sick' cannot be planned and is kept as broken"
    ]
    assert set(values()) == {"sound"}
    assert len(values()) == 18


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"version": 1}', "null", "\x00\x01"], ids=repr)
def test_a_definition_that_is_none_is_kept_as_it_is(place, scheduler, caplog, text):
    if text == "\x00\x01" and "postgresql" in str(place.options().get("url")):
        text = "\x01"  # it keeps no NUL
    place.damage("sick", definition=text)

    scheduler.travel(2 * A_WHILE)

    assert place.read("sick")["definition"] == text
    assert scheduler.get_job("sick").broken_reason.startswith(
        f"StoredDataError: The stored definition {text!r} of job 'sick' "
    )
    assert len(errors(caplog)) == 1
    assert set(values()) == {"sound"}


def test_a_job_that_is_broken_survives_a_restart_and_a_change_of_something_else(place, scheduler, begin):
    damaged = damage(place, args="[1")
    scheduler.travel(10)
    scheduler.shutdown()

    later = begin(place.store(), clock=scheduler.fake_clock)
    later.pause_job("sick")
    paused = later.get_job("sick").next_run_time
    later.resume_job("sick")
    later.modify_job("sick", name="renamed")
    later.travel(A_WHILE)

    assert paused is None
    assert json.loads(place.read("sick")["definition"]) == json.loads(damaged) | {"name": "renamed"}
    assert "sick" not in values()


REPAIRS = {
    "callable": ({"func": "tests.stores.bodies:gone"}, {"func": bodies.note}),
    "arguments": ({"args": "[1"}, {"args": ["sick"]}),
    "executor": ({"executor": "gone"}, {"executor": "default"}),
}


@pytest.mark.parametrize(("options", "repair"), REPAIRS.values(), ids=REPAIRS)
def test_a_broken_job_that_is_repaired_runs_at_once(place, scheduler, options, repair):
    damage(place, **options)
    scheduler.travel(10)

    scheduler.modify_job("sick", **repair)
    scheduler.travel(0)

    assert scheduler.get_job("sick").broken_reason == ""
    assert values() == ["sound", "sick"]


def test_a_broken_job_that_can_run_again_does_so_by_itself(place, scheduler, monkeypatch):
    damage(place, func="tests.stores.bodies:back")
    scheduler.travel(10)
    monkeypatch.setattr(bodies, "back", bodies.note, raising=False)

    scheduler.travel(A_WHILE)

    assert "sick" in values()
    assert scheduler.get_job("sick").broken_reason == ""


def test_a_definition_that_is_none_can_be_replaced_and_removed_but_not_changed(place, scheduler):
    place.damage("sick", definition="nonsense")

    with pytest.raises(StoredDataError) as caught:
        scheduler.modify_job("sick", name="new")
    scheduler.add_job(bodies.note, "interval", seconds=10, args=["new"], id="sick", replace_existing=True)
    scheduler.travel(10)
    scheduler.remove_job("sick")

    assert str(caught.value) == (
        "Job 'sick' cannot be changed, only replaced or removed: The stored definition 'nonsense' of job 'sick' must be JSON as "
        "this version writes it, got Expecting value: line 1 column 1 (char 0). "
        "Restore it from a backup, or add the job again with replace_existing=True."
    )
    assert sorted(values()) == ["new", "sound"]
    assert place.read("sick") == {}


def test_an_unreadable_job_is_not_run_by_hand_without_its_arguments(place, scheduler):
    damage(place, args="[1")

    with pytest.raises(StoredDataError):
        scheduler.run_job("sick")
    scheduler.travel(0)

    assert values() == []


def test_a_damaged_runtime_is_told_and_made_again(place, scheduler, caplog):
    place.damage("sick", runtime="nonsense")

    scheduler.travel(10)
    told = errors(caplog)
    scheduler.travel(A_WHILE)

    assert [("'nonsense'" in error, "stored runtime" in error) for error in told] == [(True, True)]
    assert "sick" in values()


FOREIGN = pickle.dumps({"version": 1, "id": "old", "func": "os:system"})


def test_a_table_of_apscheduler_is_refused_and_left_as_it_is(tmp_path, begin):
    from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'jobs.sqlite'}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE apscheduler_jobs (id VARCHAR PRIMARY KEY, next_run_time FLOAT, job_state BLOB)"
        )
        connection.exec_driver_sql("INSERT INTO apscheduler_jobs VALUES ('old', 1.0, ?)", (FOREIGN,))

    with pytest.raises(ConfigurationError) as caught:
        begin(SQLAlchemyJobStore(engine=engine, tablename="apscheduler_jobs"))

    assert str(caught.value) == (
        "Table 'apscheduler_jobs' must have the columns definition, id, run_at, runtime, got id, job_state, next_run_time. "
        "It belongs to something else, such as APScheduler; choose another tablename."
    )
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT * FROM apscheduler_jobs").all() == [("old", 1.0, FOREIGN)]


@pytest.mark.parametrize("place", ["mongodb"], indirect=True)
def test_a_document_of_apscheduler_is_shown_as_broken_and_left_as_it_is(place, scheduler):
    document = {"_id": "old", "next_run_time": 1.0, "job_state": FOREIGN}
    place._jobs["jobs"].insert_one(document)

    scheduler.travel(A_WHILE)

    assert scheduler.get_job("old").broken_reason.startswith("The stored definition '' of job 'old' must be JSON")
    assert place._jobs["jobs"].find_one({"_id": "old"}) == document
    scheduler.pause_job("old")
    assert place._jobs["jobs"].find_one({"_id": "old"})["job_state"] == FOREIGN
    assert set(values()) == {"sick", "sound"}


@pytest.mark.parametrize("place", ["redis"], indirect=True)
def test_a_pickle_of_apscheduler_is_shown_as_broken_and_left_as_it_is(place, scheduler):
    options = place.options()
    key = f"{options['namespace']}.jobs"
    place._client.hset(key, "old", FOREIGN)
    place._client.zadd(f"{options['namespace']}.run_times", {"old": 1.0})

    scheduler.travel(A_WHILE)
    scheduler.pause_job("old")

    assert scheduler.get_job("old").broken_reason.startswith("The stored definition ")
    assert scheduler.get_job("old").next_run_time is None
    assert place._client.hget(key, "old") == FOREIGN
    assert set(values()) == {"sick", "sound"}


@pytest.mark.parametrize("place", ["redis"], indirect=True)
def test_a_run_time_without_a_job_disturbs_nobody(place, scheduler):
    place._client.zadd(f"{place.options()['namespace']}.run_times", {"ghost": 1.0})

    scheduler.travel(10)

    assert sorted(values()) == ["sick", "sound"]
    assert {job.id for job in scheduler.get_jobs()} == {"sick", "sound"}


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_next_run_time_that_is_changed_with_sql_is_obeyed(place, scheduler):
    moment = START + timedelta(seconds=3)
    with place._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET run_at = {int(moment.timestamp()) * 1_000_000} WHERE id = 'sick'")

    scheduler.travel(5)

    assert bodies.done == [("sick", moment)]
