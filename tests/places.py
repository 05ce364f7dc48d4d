"""The places where job stores outside of Django keep their jobs: real servers, and names on them that only this run uses."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from pymongo import MongoClient
from redis import Redis

from django_apscheduler_ng.jobstores.mongodb import MongoDBJobStore
from django_apscheduler_ng.jobstores.persistent import PersistentJobStore
from django_apscheduler_ng.jobstores.redis import RedisJobStore
from django_apscheduler_ng.jobstores.sqlalchemy import SQLAlchemyJobStore
from tests import services
from tests.conftest import require

#: Longest time until a server that a test starts answers.
PATIENCE = 20


def own_name() -> str:
    """Return what no other run, and no other worker of this one, uses."""
    return f"test_ng_{os.environ['TEST_RUN']}{os.environ.get('PYTEST_XDIST_WORKER', '')}"


class Place(ABC):
    """A server, or a file. `name` is that of a table, a collection, or the keys of a store."""

    #: Where it is, for a proxy; 0 where nothing is on a network.
    port = 0
    #: What the request that writes a claim down ends with.
    write_mark = b""
    store_class: type[PersistentJobStore]

    def store(self, name: str = "jobs", *, port: int = 0, **options: Any) -> PersistentJobStore:
        """Return a new store; `port` is that of a proxy."""
        return self.store_class(**{**self.options(name, port=port), **options})

    @abstractmethod
    def options(self, name: str = "jobs", *, port: int = 0) -> dict[str, Any]:
        """Return the options of a store, all of them as text."""

    @abstractmethod
    def clean(self) -> None:
        """Remove everything that tests have left."""

    @abstractmethod
    def read(self, job_id: str, name: str = "jobs") -> dict[str, Any]:
        """Return `run_at`, `definition` and `runtime` as they are kept, or nothing."""

    @abstractmethod
    def damage(self, job_id: str, name: str = "jobs", **texts: str) -> None:
        """Overwrite the definition or the runtime, behind the store's back."""


class DatabasePlace(Place):
    """A database that SQLAlchemy opens."""

    store_class = SQLAlchemyJobStore
    write_mark = b"COMMIT"

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self.port = url.port or 0
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)

    def options(self, name: str = "jobs", *, port: int = 0) -> dict[str, Any]:
        url = self._url.set(port=port) if port else self._url
        return {"url": url.render_as_string(hide_password=False), "tablename": name}

    def clean(self) -> None:
        metadata = sa.MetaData()
        metadata.reflect(self._engine)
        metadata.drop_all(self._engine)

    def _table(self, name: str) -> sa.Table:
        return sa.Table(name, sa.MetaData(), autoload_with=self._engine)

    def read(self, job_id: str, name: str = "jobs") -> dict[str, Any]:
        table = self._table(name)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == job_id)).one_or_none()
        return {} if row is None else {key: value for key, value in row._mapping.items() if key != "id"}

    def damage(self, job_id: str, name: str = "jobs", **texts: str) -> None:
        table = self._table(name)
        with self._engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == job_id).values(texts))


_NUMBERS = itertools.count(1)


@contextmanager
def own_database(url: str, driver: str) -> Iterator[sa.URL]:
    """Make a database on the server of `url`, and drop it at the end; several may be open at once."""
    server = sa.make_url(url).set(drivername=driver)
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"{own_name()}_stores_{next(_NUMBERS)}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")


class RedisPlace(Place):
    """Keys on a Redis server."""

    store_class = RedisJobStore
    write_mark = b"EXEC"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.port = parts.port or 6379
        account = {"username": parts.username, "password": parts.password}
        self._options = {
            "host": parts.hostname or "127.0.0.1",
            "db": parts.path.strip("/") or "0",
            **{name: value for name, value in account.items() if value},
        }
        self._client = Redis(**self._options, port=self.port)

    def options(self, name: str = "jobs", *, port: int = 0) -> dict[str, Any]:
        return {**self._options, "port": str(port or self.port), "namespace": f"{own_name()}.{name}"}

    def clean(self) -> None:
        for key in self._client.scan_iter(f"{own_name()}.*"):
            self._client.delete(key)

    def close(self) -> None:
        self.clean()
        self._client.close()

    def read(self, job_id: str, name: str = "jobs") -> dict[str, Any]:
        key = f"{own_name()}.{name}"
        definition, runtime = (self._client.hget(f"{key}.{part}", job_id) for part in ("jobs", "jobs.runtime"))
        if definition is None:
            return {}
        score = self._client.zscore(f"{key}.run_times", job_id)
        texts = {"definition": definition.decode(), "runtime": runtime.decode()}
        return {"run_at": None if score is None else int(score), **texts}

    def damage(self, job_id: str, name: str = "jobs", **texts: str) -> None:
        parts = {"definition": "jobs", "runtime": "jobs.runtime"}
        for what, text in texts.items():
            self._client.hset(f"{own_name()}.{name}.{parts[what]}", job_id, text)


class MongoPlace(Place):
    """Collections on a server that speaks the protocol of MongoDB, a process of the tests' own."""

    store_class = MongoDBJobStore
    write_mark = b"\x02update\x00"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.begin()
        self._client: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", self.port)
        self._jobs = self._client[own_name()]

    def begin(self) -> None:
        """Start the server, and wait until it answers."""
        command = [sys.executable, "-W", "ignore", "-m", "nx_27017.nx_27017", "--data-dir", str(self._folder)]
        command += ["--port", str(self.port), "--pid-file", str(self._folder / "pid")]
        with (self._folder / "output").open("a") as output:
            self._process = subprocess.Popen(
                [*command, "--log-file", str(self._folder / "log")], stdout=output, stderr=output
            )
        wait_for_port(self.port, self._process)

    def end(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self._client.close()
        self.end()

    def options(self, name: str = "jobs", *, port: int = 0) -> dict[str, Any]:
        where = {"host": "127.0.0.1", "port": str(port or self.port), "serverSelectionTimeoutMS": "500"}
        return {**where, "database": own_name(), "collection": name}

    def clean(self) -> None:
        for name in self._jobs.list_collection_names():
            self._jobs[name].drop()

    def read(self, job_id: str, name: str = "jobs") -> dict[str, Any]:
        found = self._jobs[name].find_one({"_id": job_id}) or {}
        return {key: value for key, value in found.items() if key != "_id"}

    def damage(self, job_id: str, name: str = "jobs", **texts: str) -> None:
        self._jobs[name].update_one({"_id": job_id}, {"$set": texts})


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[Any]) -> None:
    """Wait until the process accepts connections."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} did not answer at port {port} (exit code {process.poll()}).")


@contextmanager
def open_place(kind: str, folder: Path) -> Iterator[Place]:
    """Open a place of this kind (`sqlite`, `postgresql`, `mariadb`, `mongodb`, `redis`), and close it at the end."""
    if kind == "sqlite":
        yield DatabasePlace(sa.URL.create("sqlite", database=str(folder / "jobs.sqlite")))
    elif kind == "postgresql":
        require(services.POSTGRES)
        with own_database(os.environ["TEST_POSTGRES_URL"], "postgresql+psycopg") as url:
            yield DatabasePlace(url)
    elif kind == "mariadb":
        require(services.MARIADB)
        pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
        with own_database(os.environ["TEST_MARIADB_URL"], "mysql+mysqldb") as url:
            yield DatabasePlace(url)
    else:
        if kind == "redis":
            require(services.REDIS)
        place = RedisPlace(os.environ["TEST_REDIS_URL"]) if kind == "redis" else MongoPlace(folder)
        try:
            yield place
        finally:
            place.close()
