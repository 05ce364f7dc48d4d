"""Brokers with queues of a test's own, and workers on them in processes of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from celery import Celery
from django.db import connections

from django_apscheduler_ng.bootstrap import make_node
from django_apscheduler_ng.conf import get_config
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from tests import services
from tests.acceptance.harness import Program
from tests.conftest import require

#: Nodes look often. The lease is one that a busy machine can keep.
QUICK = {"heartbeat_interval": 0.3, "lease": 30.0, "poll_interval": 0.2}

#: The lease where a test waits for it to be over, in seconds.
SHORT_LEASE = 3.0

BROKERS = {"rabbitmq": services.RABBITMQ, "redis": services.REDIS}


class Broker:
    """A queue of one test on a broker."""

    def __init__(self, kind: str) -> None:
        """Name the queue; nothing is made yet."""
        self.kind = kind
        self.queue = f"test_{uuid4().hex}"
        self.url = os.environ[BROKERS[kind].variable]
        self.configuration: dict[str, Any] = {
            "broker_url": self.url,
            "broker_connection_retry_on_startup": True,
            "task_default_queue": self.queue,
            "worker_enable_remote_control": False,
        }
        if kind == "redis":
            self.configuration["broker_transport_options"] = {"global_keyprefix": f"{self.queue}:"}
        self.app = Celery("tests", set_as_current=False)
        self.app.conf.update(self.configuration)

    def declare(self) -> None:
        """Make the queue, as the first message or worker would."""
        with self.app.connection_for_write(self.url) as connection:
            self.app.amqp.queues[self.queue](connection.default_channel).declare()

    def waiting(self) -> int:
        """Return how many messages are in the queue."""
        with self.app.connection_for_write(self.url) as connection:
            return int(connection.default_channel.queue_declare(self.queue, passive=True).message_count)

    def purge(self) -> int:
        """Lose the messages in the queue; returns how many there were."""
        with self.app.connection_for_write(self.url) as connection:
            return int(connection.default_channel.queue_purge(self.queue))

    def delete(self) -> None:
        """Leave nothing behind."""
        if self.kind == "redis":
            client = redis.Redis.from_url(self.url)
            for key in client.scan_iter(f"{self.queue}:*"):
                client.delete(key)
            client.close()
        else:
            with self.app.connection_for_write(self.url) as connection:
                connection.default_channel.queue_delete(self.queue)
                connection.default_channel.exchange_delete(self.queue)
        self.app.close()


@pytest.fixture(params=["rabbitmq", "redis"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A queue on each broker in turn."""
    require(BROKERS[request.param])
    made = Broker(request.param)
    made.declare()
    yield made
    made.delete()


@pytest.fixture
def rabbitmq() -> Iterator[Broker]:
    """A queue on RabbitMQ."""
    require(services.RABBITMQ)
    made = Broker("rabbitmq")
    made.declare()
    yield made
    made.delete()


@pytest.fixture
def start_worker(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a worker: `start_worker(broker, pool="prefork", concurrency=2)`."""
    workers: list[Program] = []

    def start(broker: Broker, *, pool: str = "prefork", concurrency: int = 2, **options: Any) -> Program:
        environment = {**child_environment, "TEST_CELERY": json.dumps(broker.configuration)}
        arguments = ["--pool", pool, "--concurrency", str(concurrency), "--hostname", f"w{len(workers)}-{broker.queue}"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
        command = [sys.executable, "-m", "celery", "-A", "tests.project.celery_app", "worker", *arguments, *quiet]
        workers.append(Program(environment, tmp_path, command, {**QUICK, **options}))
        return workers[-1]

    yield start
    for worker in workers:
        worker.destroy()


@pytest.fixture
def start_node(transactional_db: None, settings: Any) -> Iterator[Callable[..., BackgroundScheduler]]:
    """Start a node in this process: `start_node(broker, max_in_flight=3)`; it is shut down after the test."""
    nodes: list[BackgroundScheduler] = []

    def start(broker: Broker | None = None, *, lease: float = 30.0, **executor: Any) -> BackgroundScheduler:
        kind = {} if broker is None else {"type": "celery", "app": broker.app}
        executors = {"cluster": {**kind, **executor}} if kind or executor else {}
        settings.APSCHEDULER = {**QUICK, "lease": lease, "executors": executors}
        node = make_node(get_config())
        node.start()
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        if node.running:
            node.shutdown(wait=False)
    connections.close_all()
