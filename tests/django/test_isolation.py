"""A run begins with nothing left over from the one before, and with connections that work."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone, translation

from django_apscheduler_ng.connections import own_connection
from django_apscheduler_ng.executors import pool
from django_apscheduler_ng.executors.asyncio import AsyncIOExecutor
from django_apscheduler_ng.executors.base import BaseExecutor
from django_apscheduler_ng.executors.debug import DebugExecutor
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.isolation import CLEAN_RUN, clean_run
from django_apscheduler_ng.runs import Outcome, RunContext, RunStatus
from tests.unit.executors.support import Ends, Host, make_run

from . import isolation_bodies as bodies

CONTEXT = RunContext(id="run-1", job_id="report", fire_time=None)
UNTOUCHED = ("en", "UTC", False)

Perform = Callable[..., Outcome]


def performer(executor: BaseExecutor) -> Iterator[Perform]:
    """Start an executor and yield a function that performs a body and returns its outcome."""
    ends = Ends()
    executor.start(Host(around_run=CLEAN_RUN), "default")

    def perform(func: Callable[..., object], *args: object) -> Outcome:
        executor.submit(make_run(func, *args), ends)
        outcome = ends.outcome()
        assert outcome.exception is None, outcome.traceback
        return outcome

    yield perform
    executor.shutdown()


@pytest.fixture
def perform(transactional_db) -> Iterator[Perform]:
    """Perform bodies one after the other in one thread that is not the test's."""
    yield from performer(ThreadPoolExecutor(1))


@pytest.fixture
def perform_task(transactional_db) -> Iterator[Perform]:
    """Perform async bodies as tasks of one loop."""
    yield from performer(AsyncIOExecutor(1))


@pytest.fixture
def persistent_connections(transactional_db) -> Iterator[None]:
    """Let new connections live for ever, without health checks."""
    settings = connections.settings["default"]
    before = settings["CONN_MAX_AGE"], settings["CONN_HEALTH_CHECKS"]
    settings["CONN_MAX_AGE"], settings["CONN_HEALTH_CHECKS"] = None, False
    yield
    settings["CONN_MAX_AGE"], settings["CONN_HEALTH_CHECKS"] = before


def groups() -> list[str]:
    return list(Group.objects.values_list("name", flat=True))


@pytest.mark.parametrize("change", [bodies.change_everything, bodies.change_everything_async])
@pytest.mark.parametrize("look", [bodies.seen, bodies.seen_async])
def test_a_run_in_a_thread_sees_nothing_of_the_one_before(perform, change, look):
    perform(change)

    assert perform(look).result == UNTOUCHED
    assert groups() == []


def test_a_task_sees_nothing_of_the_one_before(perform_task):
    perform_task(bodies.change_everything_async)

    assert perform_task(bodies.seen_async).result == UNTOUCHED
    assert groups() == []


@pytest.mark.usefixtures("persistent_connections")
def test_a_transaction_left_open_does_not_survive_on_a_persistent_connection(perform):
    perform(bodies.change_everything)

    assert perform(bodies.seen).result == UNTOUCHED
    assert groups() == []


@pytest.mark.usefixtures("persistent_connections")
def test_a_run_that_turned_autocommit_off_does_not_pass_that_on(perform):
    perform(bodies.turn_autocommit_off)

    assert perform(bodies.autocommit).result is True
    assert groups() == []


def test_what_a_run_committed_stays(perform):
    perform(bodies.leave_group, "committed")

    assert groups() == ["committed"]


def test_at_rest_no_connection_is_open(perform):
    perform(bodies.query)

    assert perform(lambda: connection.connection).result is None


@pytest.mark.usefixtures("persistent_connections")
def test_persistent_connections_are_kept_from_run_to_run(perform):
    perform(bodies.query)
    first = perform(lambda: connection.connection).result

    assert first is not None
    assert perform(lambda: connection.connection).result is first


@pytest.mark.usefixtures("persistent_connections")
@pytest.mark.parametrize("query", [bodies.query, bodies.query_async])
def test_a_persistent_connection_is_checked_once_before_the_first_query_of_a_run(perform, query, monkeypatch):
    checks = []
    wrapper = perform(lambda: connections["default"]).result
    monkeypatch.setattr(wrapper, "is_usable", lambda: checks.append("check") is None)
    perform(query)
    kept = perform(lambda: connection.connection).result
    checks.clear()

    monkeypatch.setattr(wrapper, "is_usable", lambda: checks.append("check") is not None)
    perform(query)
    perform(lambda: None)

    assert checks == ["check"]
    assert perform(lambda: connection.connection).result is not kept


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no sessions to end")
@pytest.mark.usefixtures("persistent_connections")
@pytest.mark.parametrize("session", [bodies.session, bodies.session_async])
def test_a_session_that_the_server_ended_between_two_runs_costs_nothing(perform, session):
    ended = perform(session).result
    assert perform(session).result == ended

    kill = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(kill, [ended])

    assert perform(session).result != ended


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no sessions to end")
@pytest.mark.usefixtures("persistent_connections")
def test_a_session_that_the_server_ended_in_the_middle_of_a_run_costs_only_that_run(transactional_db):
    ends = Ends()
    executor = ThreadPoolExecutor(1)
    executor.start(Host(around_run=CLEAN_RUN), "default")
    leave, may_go_on = threading.Event(), threading.Event()

    def body():
        with transaction.atomic():
            seen.append(bodies.session())
            leave.set()
            may_go_on.wait(30)
            bodies.session()

    seen: list[int] = []
    executor.submit(make_run(body), ends)
    assert leave.wait(30)
    kill = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(kill, [seen[0]])
    may_go_on.set()
    executor.submit(make_run(bodies.seen), ends)
    hurt, healthy = ends.outcome(), ends.outcome()
    executor.shutdown()

    assert (hurt.status, hurt.exception_type) == (RunStatus.FAILED, "django.db.utils.OperationalError")
    assert healthy.result == UNTOUCHED


@pytest.mark.usefixtures("persistent_connections")
def test_a_transaction_that_an_error_has_spoiled_is_not_passed_on(transactional_db):
    ends = Ends()
    executor = ThreadPoolExecutor(1)
    executor.start(Host(around_run=CLEAN_RUN), "default")

    executor.submit(make_run(bodies.fail_in_transaction), ends)
    executor.submit(make_run(bodies.query), ends)
    executor.submit(make_run(bodies.seen), ends)
    spoiled, healthy, seen = ends.outcome(), ends.outcome(), ends.outcome()
    executor.shutdown()

    assert spoiled.status == RunStatus.FAILED
    assert healthy.exception is None
    assert seen.result == UNTOUCHED


@override_settings(DEBUG=True)
@pytest.mark.parametrize("query", [bodies.query, bodies.query_async])
def test_the_query_log_begins_anew_with_each_run(perform, query):
    perform(query)  # the first one also asks for the version of the server

    assert len({perform(query).result for _ in range(3)}) == 1


@override_settings(DEBUG=True)
@pytest.mark.usefixtures("persistent_connections")
def test_the_query_log_does_not_grow_while_connections_persist(perform):
    perform(bodies.query)

    assert [perform(lambda: len(connection.queries_log)).result for _ in range(3)] == [0, 0, 0]


def test_the_transaction_of_a_test_case_is_left_alone(db):
    ends = Ends()
    executor = DebugExecutor()
    executor.start(Host(around_run=CLEAN_RUN), "default")
    session = connection.connection

    with transaction.atomic():
        executor.submit(make_run(bodies.leave_group, "within"), ends)
        inside = groups()
        transaction.set_rollback(True)

    assert ends.outcome().exception is None
    assert (inside, groups()) == (["within"], [])
    assert connection.in_atomic_block
    assert connection.connection is session


def test_queries_that_somebody_counts_are_left_in_the_log(transactional_db):
    executor = DebugExecutor()
    executor.start(Host(around_run=CLEAN_RUN), "default")

    with CaptureQueriesContext(connection) as captured:
        executor.submit(make_run(bodies.query), Ends())

    assert [query["sql"] for query in captured.captured_queries if query["sql"] == "SELECT 1"] == ["SELECT 1"]


def test_the_language_and_time_zone_of_the_caller_are_left_alone(db):
    executor = DebugExecutor()
    executor.start(Host(around_run=CLEAN_RUN), "default")
    ends = Ends()

    with translation.override("fr"), timezone.override("Europe/Paris"):
        executor.submit(make_run(bodies.seen), ends)
        after = translation.get_language(), timezone.get_current_timezone_name()

    assert ends.outcome().result[:2] == ("en", "UTC")
    assert after == ("fr", "Europe/Paris")


def test_a_connection_that_cannot_be_cleaned_is_replaced_and_fails_no_run(perform, caplog, monkeypatch):
    def refuse():
        raise OperationalError("gone")

    def spoil():
        connection.ensure_connection()
        connections["default"].close_if_unusable_or_obsolete = refuse
        return connections["default"]

    spoilt = perform(spoil).result

    assert perform(lambda: connections["default"]).result is not spoilt
    assert perform(bodies.seen).result == UNTOUCHED
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("django_apscheduler_ng.isolation", logging.WARNING)
    assert record.getMessage().startswith("Connection 'default' could not be cleaned for run run-")
    assert record.getMessage().endswith(" of job 'job'; it is replaced")
    spoilt.connection.close()


def test_a_worker_process_loads_the_apps_by_itself():
    ends = Ends()
    executor = ProcessPoolExecutor(1)
    executor.start(Host(around_run=CLEAN_RUN), "default")

    executor.submit(make_run(bodies.apps_are_ready), ends)
    executor.submit(make_run(bodies.seen_language), ends)
    ready, pid = ends.outcome().result
    executor.shutdown()

    assert ready
    assert pid != os.getpid()
    assert ends.outcome().result == "en"


def test_arguments_of_models_get_through_to_a_worker_process():
    ends = Ends()
    executor = ProcessPoolExecutor(1)
    executor.start(Host(around_run=CLEAN_RUN), "default")

    executor.submit(make_run(bodies.name_of, Group(name="argument")), ends)
    outcome = ends.outcome()
    executor.shutdown()

    assert outcome.result == "argument"


def test_it_is_usable_by_hand_around_sync_and_async_code(transactional_db):
    async def main():
        async with clean_run(CONTEXT):
            return await bodies.seen_async()

    with clean_run(CONTEXT):
        seen = bodies.seen()

    assert (seen, asyncio.run(main())) == (UNTOUCHED, UNTOUCHED)


# -- threads that wait ---------------------------------------------------------------------------------------------------


def touch() -> None:
    """Use the database."""
    Group.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_has_nothing_to_do_for_a_while_closes_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE", 0.05)
    monkeypatch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", None)
    open_before, open_after = [], threading.Semaphore(0)
    end_worker = clean_run.end_worker

    def rest() -> None:
        open_before.append(connections["default"].connection is not None)
        end_worker()
        if connections["default"].connection is None:
            open_after.release()

    monkeypatch.setattr(clean_run, "end_worker", staticmethod(rest))
    executor, ends = ThreadPoolExecutor(1), Ends()
    executor.start(Host(around_run=CLEAN_RUN), "default")
    try:
        for _ in range(2):  # it works again after a rest
            executor.submit(make_run(touch), ends)
            assert ends.outcome().status is RunStatus.SUCCEEDED
            assert open_after.acquire(timeout=20)
    finally:
        executor.shutdown()

    assert open_before[:2] == [True, True]


@pytest.mark.django_db(transaction=True)
@override_settings(DEBUG=True)
def test_threads_of_the_node_remember_no_statements() -> None:
    with own_connection("default"):
        for _ in range(20_000 if os.environ.get("CI") else 500):
            Group.objects.count()
        remembered = len(connection.queries_log)

    assert remembered > 0
    assert len(connection.queries_log) == 0
