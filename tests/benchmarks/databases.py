"""A fresh database for each run of a contestant, and none left behind."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

TITLES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB", "memory": "memory", "none": ""}

_VARIABLES = {"postgres": ("TEST_POSTGRES_URL", 5432), "mariadb": ("TEST_MARIADB_URL", 3306)}

#: What the names of all databases that a benchmark makes begin with; the id of its process follows.
_PREFIX = "bench_ng_"


@contextmanager
def fresh(key: str) -> Iterator[dict[str, Any]]:
    """Make a database; drop it in the end."""
    if key in ("memory", "none"):
        yield {"key": key}
    elif key == "sqlite":
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}_"))
        try:
            yield {"key": key, "name": str(folder / "db.sqlite3")}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        place = _place(key) | {"name": f"{_PREFIX}{os.getpid()}_{secrets.token_hex(4)}"}
        _execute(place, _CREATE[key].format(place["name"]))
        try:
            yield place
        finally:
            _drop(place)


_CREATE = {"postgres": "CREATE DATABASE {}", "mariadb": "CREATE DATABASE {} CHARACTER SET utf8mb4"}
_DROP = {"postgres": "DROP DATABASE IF EXISTS {} WITH (FORCE)", "mariadb": "DROP DATABASE IF EXISTS {}"}
_LIST = {
    "postgres": "SELECT datname FROM pg_database",
    "mariadb": "SELECT schema_name FROM information_schema.schemata",
}
_VERSION = {"postgres": "SHOW server_version", "mariadb": "SELECT version()"}


def version(key: str) -> str:
    """Return the version of the database."""
    if key == "sqlite":
        import sqlite3

        return sqlite3.sqlite_version
    return str(_execute(_place(key), _VERSION[key])[0][0]) if key in _VARIABLES else ""


def drop_leftovers(key: str) -> None:
    """Drop the databases of benchmarks that were killed."""
    if key == "sqlite":
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if _is_leftover(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
    elif key in _VARIABLES:
        place = _place(key)
        for (name,) in _execute(place, _LIST[key]):
            if _is_leftover(name):
                _drop(place | {"name": name})


def _is_leftover(name: str) -> bool:
    """Tell whether a benchmark made it whose process is gone."""
    process = name.removeprefix(_PREFIX).partition("_")[0]
    if not name.startswith(_PREFIX) or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _place(key: str) -> dict[str, Any]:
    variable, port = _VARIABLES[key]
    url = urlsplit(os.environ[variable])
    return {
        "key": key,
        "host": url.hostname,
        "port": url.port or port,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "maintenance": url.path.lstrip("/"),
    }


def _drop(place: dict[str, Any]) -> None:
    if place["key"] == "mariadb":  # it waits for those who still use it
        using = "SELECT id FROM information_schema.processlist WHERE db = '{}'".format(place["name"])
        for (connection,) in _execute(place, using):
            _execute(place, f"KILL {connection}", forgiving=True)
    _execute(place, _DROP[place["key"]].format(place["name"]))


def _execute(place: dict[str, Any], sql: str, *, forgiving: bool = False) -> list[Any]:
    """Execute a statement outside of the databases that are measured."""
    with closing(_connect(place)) as connection, closing(connection.cursor()) as cursor:
        try:
            cursor.execute(sql)
        except Exception:
            if forgiving:
                return []
            raise
        return list(cursor.fetchall()) if cursor.description else []


def _connect(place: dict[str, Any]) -> Any:
    options = {key: place[key] for key in ("host", "port", "user", "password") if place[key]}
    if place["key"] == "postgres":
        import psycopg

        return psycopg.connect(dbname=place["maintenance"], autocommit=True, **options)
    import MySQLdb

    return MySQLdb.connect(**options)
