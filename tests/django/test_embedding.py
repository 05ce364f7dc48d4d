"""When a web process begins and ends to have a node; the node itself is tested in real servers."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from django_apscheduler_ng import embedding, livenode, schema
from django_apscheduler_ng.embedding import EmbeddedASGI, EmbeddedWSGI, embed, start_node, stop_node


class Node:
    """Stands in for a node, and fails to start as often as it is told."""

    failures = 0
    log: list[str] = []

    def __init__(self, config: object) -> None:
        self.scheduler = self
        self.relay = self

    def start(self) -> None:
        if Node.failures:
            Node.failures -= 1
            raise RuntimeError("no luck")
        Node.log.append("started")

    def abandon(self) -> None:
        Node.log.append("abandoned")

    def running(self) -> int:
        return 0

    def pause(self) -> None:
        """Do nothing."""

    kill = pause

    def shutdown(self, wait: bool) -> None:
        Node.log.append("stopped")

    def stop(self, timeout: float) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def node(monkeypatch: pytest.MonkeyPatch):
    Node.failures, Node.log = 0, []
    monkeypatch.setattr(livenode, "LiveNode", Node)
    monkeypatch.setattr(schema, "unapplied", lambda config: None)
    monkeypatch.setattr(embedding, "_process", embedding._Process())
    monkeypatch.setattr(embedding, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(embedding.atexit, "register", lambda action: None)
    yield Node
    stop_node()


def wait_for(*log: str) -> None:
    until = threading.Event()
    for _ in range(1_000):
        if Node.log == list(log):
            return
        until.wait(0.01)
    assert Node.log == list(log)


def test_a_process_has_one_node_however_often_it_is_asked_for():
    threads = [threading.Thread(target=start_node) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    start_node()
    wait_for("started")

    stop_node()
    stop_node()

    assert Node.log == ["started", "stopped"]


def test_a_node_can_be_started_again_after_it_was_stopped():
    start_node()
    wait_for("started")
    stop_node()

    start_node()

    wait_for("started", "stopped", "started")


def test_a_failure_is_logged_and_tried_again_and_breaks_no_request(caplog):
    Node.failures = 2
    application = embed(lambda environ, start_response: [b"answer"])

    assert application({}, lambda *args: None) == [b"answer"]

    wait_for("abandoned", "abandoned", "started")
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [
        "The scheduler node of this process could not start (no luck); it is tried again in 0.01 s.",
        "The scheduler node of this process could not start (no luck); it is tried again in 0.02 s.",
    ]


def test_a_node_that_cannot_start_can_be_stopped():
    Node.failures = 10**9

    start_node()
    stop_node()

    assert "started" not in Node.log
    assert [thread for thread in threading.enumerate() if thread.name == "django_apscheduler_ng embedding"] == []


def test_without_threads_left_requests_go_on(monkeypatch, caplog):
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    application = embed(lambda environ, start_response: [b"answer"])

    assert application({}, lambda *args: None) == [b"answer"]
    assert [record.getMessage() for record in caplog.records] == [
        "No scheduler node can be started in this process: can't start new thread."
    ]


def test_requests_that_come_after_the_end_start_no_other_node():
    application = embed(lambda environ, start_response: [b"answer"])
    application({}, lambda *args: None)
    wait_for("started")
    stop_node()

    application({}, lambda *args: None)

    assert Node.log == ["started", "stopped"]


def test_the_kind_of_the_application_is_seen():
    assert isinstance(embed(get_wsgi_application()), EmbeddedWSGI)
    assert isinstance(embed(get_asgi_application()), EmbeddedASGI)


def test_wrapping_starts_nothing():
    embed(get_wsgi_application())
    embed(get_asgi_application())

    assert embedding._process.host is None


LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}


async def live(application: Any) -> list[str]:
    """Lead the application through a lifespan, and return what it answered."""
    server = ApplicationCommunicator(application, LIFESPAN)
    answers = []
    for kind in ("startup", "shutdown"):
        await server.send_input({"type": f"lifespan.{kind}"})
        answers.append((await server.receive_output(10))["type"])
        if kind == "startup":
            await asyncio.to_thread(wait_for, "started")
    await server.wait(10)
    return answers


ANSWERS = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_lifespan_that_django_does_not_know_is_answered():
    assert asyncio.run(live(embed(get_asgi_application()))) == ANSWERS
    assert Node.log == ["started", "stopped"]


def test_the_lifespan_of_another_application_is_its_own():
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while not seen or seen[-1] != "lifespan.shutdown":
            seen.append((await receive())["type"])
            await send({"type": f"{seen[-1]}.complete"})

    assert asyncio.run(live(embed(application))) == ANSWERS
    assert seen == ["lifespan.startup", "lifespan.shutdown"]
    assert Node.log == ["started", "stopped"]


def test_without_a_lifespan_the_first_request_starts_the_node():
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def ask() -> dict[str, Any]:
        server = ApplicationCommunicator(embed(application), {"type": "http"})
        return await server.receive_output(10)

    assert asyncio.run(ask())["status"] == 204
    wait_for("started")
