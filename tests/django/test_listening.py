"""The connection on which a node waits for notifications: what wakes it, and what becomes of it in trouble."""

import logging
import socket
import threading
import time
from collections import deque

import pytest
from django.db import connection, connections, transaction

from django_apscheduler_ng import get_scheduler, listening
from django_apscheduler_ng.claiming import Identity
from django_apscheduler_ng.listening import Listener, listener_for
from django_apscheduler_ng.notifications import CHANNEL, payload
from tests.project import jobs

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL notifies")

ME = Identity(using="default", namespace="default", alias="default", node="me")


def wait_until(condition, what, seconds=15.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)
    return found


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def sessions():
    return [
        pid
        for (pid,) in sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
        )
    ]


def closed_port():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return closed.getsockname()[1]


def notify(text):
    sql("SELECT pg_notify(%s, %s)", CHANNEL, text)


class Node:
    """What a listener wakes."""

    def __init__(self, monkeypatch, **identity):
        monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.05)
        self.wakes, self.cancellations = deque(), deque()
        self.listener = Listener(
            Identity(**{**vars(ME), **identity}),
            wakeup=lambda: self.wakes.append(time.monotonic()),
            cancelled=lambda: self.cancellations.append(time.monotonic()),
        )
        self.listener.start()
        wait_until(lambda: self.wakes, "it wakes when it begins to listen")
        self.settle()

    def settle(self):
        """Forget the wakes so far, once no more can follow from them."""
        time.sleep(3 * listening.QUIET)
        self.wakes.clear()

    def is_woken(self):
        wait_until(lambda: self.wakes, "it is woken")
        self.settle()

    def beat(self):
        """Do what a heartbeat does; returns whether an echo was sent."""
        if sent := self.listener.expect_echo():
            notify(self.listener.echo)
        return sent


@pytest.fixture
def node(transactional_db, monkeypatch):
    node = Node(monkeypatch)
    yield node
    node.listener.stop(10)


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, logger=listening.__name__)
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


# -- what wakes ----------------------------------------------------------------------------------------------------------


@on_postgresql
@pytest.mark.parametrize("own_transaction", [True, False], ids=["alone", "in-a-transaction"])
def test_each_change_wakes(node, own_transaction):
    scheduler = get_scheduler()
    changes = {
        "add": lambda: scheduler.add_job(jobs.noop, "interval", hours=1, id="j"),
        "modify": lambda: scheduler.modify_job("j", name="new"),
        "pause": lambda: scheduler.pause_job("j"),
        "resume": lambda: scheduler.resume_job("j"),
        "reschedule": lambda: scheduler.reschedule_job("j", trigger="interval", hours=2),
        "replace": lambda: scheduler.add_job(jobs.noop, "interval", hours=3, id="j", replace_existing=True),
        "run": lambda: scheduler.run_job("j"),
        "remove": lambda: scheduler.remove_job("j"),
        "many": lambda: scheduler.add_jobs([{"func": jobs.noop, "id": f"{number}"} for number in range(3)]),
    }
    for name, change in changes.items():
        if own_transaction:
            change()
        else:
            with transaction.atomic():
                change()
                time.sleep(2 * listening.QUIET)
                assert not node.wakes, name
        wait_until(lambda: node.wakes, f"{name} wakes")
        node.settle()


@on_postgresql
def test_a_cancellation_is_told_by_itself_and_when_it_is_committed(node):
    scheduler = get_scheduler()
    scheduler.add_job(jobs.noop, "interval", hours=1, id="j")
    run = scheduler.run_job("j")
    node.is_woken()

    with transaction.atomic():
        scheduler.cancel_run(run)
        time.sleep(2 * listening.QUIET)
        assert not node.cancellations
    wait_until(lambda: node.cancellations, "it hears of the cancellation")
    node.settle()
    retried = scheduler.retry_run(run)

    assert retried != run
    node.is_woken()


@on_postgresql
def test_what_is_rolled_back_wakes_nobody(node):
    with transaction.atomic():
        get_scheduler().add_job(jobs.noop, "interval", hours=1, id="j")
        get_scheduler().pause_job("j")
        get_scheduler().run_job("j")
        transaction.set_rollback(True)
    notify("the end")
    node.settle()

    assert not node.wakes


@on_postgresql
def test_jobs_of_other_namespaces_and_tables_wake_nobody(node):
    for text in (payload("other"), "jobs another_table default", "node other", ""):
        notify(text)
        time.sleep(2 * listening.QUIET)
    assert not node.wakes

    notify(payload("default"))
    node.is_woken()


@on_postgresql
def test_a_thousand_changes_are_some_tens_of_wakes(node):
    began = time.monotonic()
    for _ in range(1_000):
        notify(payload("default"))
    took = time.monotonic() - began
    last = time.monotonic()
    wait_until(lambda: node.wakes and node.wakes[-1] >= last - listening.QUIET, "it is woken after the last one")
    node_wakes = len(node.wakes)

    assert 1 <= node_wakes <= (took / listening.QUIET) + 3
    gaps = [later - sooner for sooner, later in zip(list(node.wakes), list(node.wakes)[1:], strict=False)]
    assert min(gaps, default=1) >= listening.QUIET * 0.9


@on_postgresql
def test_nothing_is_sent_where_it_is_switched_off(transactional_db, settings, monkeypatch):
    node = Node(monkeypatch)
    settings.APSCHEDULER = {"notifications": False}

    get_scheduler().add_job(jobs.noop, "interval", hours=1, id="j")
    get_scheduler().add_jobs([{"func": jobs.noop, "id": f"{number}"} for number in range(3)])
    get_scheduler().run_job("j")
    node_woken = bool(time.sleep(3 * listening.QUIET) or node.wakes)

    assert not node_woken
    assert listener_for(ME, lambda: None, lambda: None) is None
    node.listener.stop(10)


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL notifies")
def test_other_databases_have_no_listener():
    assert listener_for(ME, lambda: None, lambda: None) is None


@on_postgresql
def test_with_psycopg_2_there_is_none_and_it_says_so(monkeypatch, said):
    from django.db.backends.postgresql import psycopg_any

    monkeypatch.setattr(psycopg_any, "is_psycopg3", False)

    assert listener_for(ME, lambda: None, lambda: None) is None
    assert said() == [
        ("INFO", "Notifications need psycopg 3 and are not used; polling goes on. Install `psycopg` to have them.")
    ]


# -- trouble --------------------------------------------------------------------------------------------------------------


def complaint(problem):
    return (
        f"Notifications of database 'default' do not arrive ({problem}); polling goes on, and listening is tried again. "
        "Behind a pooler in transaction mode, set APSCHEDULER['notifications'] to False."
    )


@on_postgresql
def test_a_session_that_is_killed_is_replaced_by_one(node, said):
    (first,) = sessions()
    assert node.beat()
    wait_until(lambda: node.listener._heard, "the echo comes")

    sql("SELECT pg_terminate_backend(%s)", first)
    (second,) = wait_until(lambda: [pid for pid in sessions() if pid != first], "it listens again")
    node.is_woken()
    notify(payload("default"))
    node.is_woken()

    assert sessions() == [second]
    assert said() == []


@on_postgresql
def test_sessions_that_are_killed_again_and_again_are_said_once(node, said):
    for _ in range(3):
        sql("SELECT pg_terminate_backend(%s)", *wait_until(sessions, "it listens"))
        node.is_woken()
    wait_until(node.beat, "an echo is sent")
    wait_until(lambda: len(said()) == 2, "it says that they arrive again")

    (level, text), again = said()
    assert level == "WARNING"
    assert text.startswith("Notifications of database 'default' do not arrive (consuming input failed: ")
    assert again == ("INFO", "Notifications of database 'default' arrive again.")


@on_postgresql
def test_a_connection_that_is_mute_is_noticed_and_replaced(node, said, monkeypatch):
    """As behind a pooler in transaction mode: the connection lives, and hears nothing."""
    monkeypatch.setattr(listening, "PATIENCE", 0.2)
    (first,) = sessions()

    assert node.listener.expect_echo()  # and none is sent
    time.sleep(0.3)
    assert not node.listener.expect_echo()
    (second,) = wait_until(lambda: [pid for pid in sessions() if pid != first], "it connects anew")
    node.is_woken()
    wait_until(node.beat, "an echo is sent")
    wait_until(lambda: len(said()) == 2, "it says that they arrive again")

    assert sessions() == [second]
    assert said() == [
        ("WARNING", complaint("the connection is mute")),
        ("INFO", "Notifications of database 'default' arrive again."),
    ]


@on_postgresql
def test_one_that_stays_mute_is_said_once_and_tried_ever_less_often(node, said, monkeypatch):
    monkeypatch.setattr(listening, "PATIENCE", 0.02)
    began, seen = time.monotonic(), set(sessions())

    while time.monotonic() < began + 3:
        node.listener.expect_echo()
        seen.update(sessions())
        time.sleep(0.01)

    assert said() == [("WARNING", complaint("the connection is mute"))]
    assert 3 <= len(seen) <= 8  # after 0.1 s, 0.2 s, 0.4 s, …
    assert len(sessions()) <= 1


@on_postgresql
def test_echoes_that_come_are_nothing_to_speak_of(node, said, monkeypatch):
    monkeypatch.setattr(listening, "PATIENCE", 0.05)
    for _ in range(5):
        assert node.beat()
        wait_until(lambda: node.listener._sent_at is None, "the echo comes")
        time.sleep(0.06)

    assert not node.wakes
    assert said() == []


@on_postgresql
def test_a_server_that_cannot_be_reached_is_said_once(transactional_db, monkeypatch, said):
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.05)
    port = closed_port()
    wrapper = type(connections["default"])
    original = wrapper.get_connection_params
    broken = threading.Event()
    broken.set()
    monkeypatch.setattr(
        wrapper,
        "get_connection_params",
        lambda self: {**original(self), **({"port": port} if broken.is_set() else {})},
    )
    wakes = []
    listener = Listener(ME, lambda: wakes.append(1), lambda: None)
    listener.start()

    wait_until(said, "it says so")
    time.sleep(0.5)
    assert [level for level, _ in said()] == ["WARNING"]
    broken.clear()
    wait_until(lambda: wakes, "it listens at last")
    listener.stop(10)


@on_postgresql
def test_it_stops_at_once_while_it_listens(transactional_db, monkeypatch):
    stops_at_once(Node(monkeypatch).listener)
    wait_until(lambda: not sessions(), "its session is gone")


@on_postgresql
def test_it_stops_at_once_while_it_waits_to_connect(transactional_db, monkeypatch, said):
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 60)
    wrapper = type(connections["default"])
    original = wrapper.get_connection_params
    with monkeypatch.context() as unreachable:
        unreachable.setattr(wrapper, "get_connection_params", lambda self: {**original(self), "port": closed_port()})
        listener = Listener(ME, lambda: None, lambda: None)
        listener.start()
        wait_until(said, "it says that it cannot connect, and waits")

    stops_at_once(listener)


def stops_at_once(listener):
    began = time.monotonic()
    listener.stop(10)

    assert time.monotonic() - began < 1
    assert not listener._thread.is_alive()
