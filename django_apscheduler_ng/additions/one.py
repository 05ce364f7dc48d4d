"""The statements that insert one job with its journal entry: values as they are, which costs the least for a single row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ..hotsql import HotSQL
from ..hotsql.batches import text_moment
from ..hotsql.mariadb import MariaDB
from ..hotsql.postgresql import PostgreSQL
from ..hotsql.sqlite import SQLite
from ..notifications import CHANNEL, are_sent
from .columns import INITIAL, JOB, JOBS, LOG, Row

#: Columns of a job whose values come as parameters, in their order.
_JOB = (
    *JOB,
    "planned_trigger",
    "namespace",
    "environment",
    "origin",
    "created_at",
    "updated_at",
    "paused_by",
    "paused_at",
)

#: The same of a journal entry, after the key of the job.
_ENTRY = ("job_id", "after", "namespace", "at", "actor_id", "actor_name", "reason")


def insert_one(connection: BaseDatabaseWrapper, row: Row, common: Row) -> bool:
    """Insert a job with its journal entry; returns False where its id is taken. In any case the caller's transaction stays usable."""
    return _INSERTS[connection.vendor](connection, _job_values(row, common), _entry_values(row, common), common)


def _job_values(row: Row, common: Row) -> list[Any]:
    at, paused = text_moment(common["at"]), row["paused"]
    own = [text_moment(row[name]) if isinstance(row[name], datetime) else row[name] for name in JOB]
    shared = [row["trigger"], common["namespace"], common["environment"], common["origin"], at, at]
    return [*own, *shared, common["paused_by"] if paused else "", at if paused else None]


def _entry_values(row: Row, common: Row) -> list[Any]:
    who = [common["actor_id"], common["actor_name"], common["reason"]]
    return [row["job_id"], row["after"], common["namespace"], text_moment(common["at"]), *who]


def _job_sql(sql: HotSQL) -> str:
    names = ", ".join(map(sql.quote, (*_JOB, *INITIAL)))
    values = ", ".join([*["%s"] * len(_JOB), *INITIAL.values()])
    return f"INSERT INTO {JOBS} ({names}) VALUES ({values})"  # noqa: S608 - names are constants


def _entry_sql(sql: HotSQL, key: str, at: str = "%s", tail: str = "") -> str:
    names = ", ".join(map(sql.quote, ("job_key", *_ENTRY, "action", "before")))
    values = ", ".join([key, *(at if name == "at" else "%s" for name in _ENTRY), "'added'", "'{}'"])
    return f"INSERT INTO {LOG} ({names}) SELECT {values} {tail}"


@cache
def _sqlite_sql() -> tuple[str, str]:
    return f"{_job_sql(SQLite())} ON CONFLICT DO NOTHING", _entry_sql(SQLite(), "last_insert_rowid()")


def _sqlite(connection: BaseDatabaseWrapper, job: list[Any], entry: list[Any], common: Row) -> bool:
    """Take a statement for each; beginning with a write, they need nothing before them."""
    first, second = _sqlite_sql()
    with connection.cursor() as cursor, _together(connection, cursor):
        cursor.execute(first, job)
        if cursor.rowcount != 1:
            return False
        cursor.execute(second, entry)
    return True


@contextmanager
def _together(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> Iterator[None]:
    """Do all or nothing. A transaction of two statements that nobody else's code runs in costs half of `atomic()` this way."""
    if not connection.get_autocommit():
        with transaction.atomic(using=connection.alias):
            yield
        return
    cursor.execute("BEGIN")
    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        if connection.connection.in_transaction:  # some errors end it
            cursor.execute("ROLLBACK")
        raise


@cache
def _postgresql_sql(told: bool) -> str:
    job = f"{_job_sql(PostgreSQL())} ON CONFLICT DO NOTHING RETURNING id"
    entry = _entry_sql(PostgreSQL(), "id", "%s::timestamp", "FROM j")
    news = "pg_notify(%s, %s)" if told else "%s, %s"
    return f"WITH j AS ({job}), e AS ({entry}) SELECT count(*), {news} FROM j"  # noqa: S608 - as above


def _postgresql(connection: BaseDatabaseWrapper, job: list[Any], entry: list[Any], common: Row) -> bool:
    """Take one statement for both, and for the notification of the nodes."""
    with connection.cursor() as cursor:
        cursor.execute(_postgresql_sql(are_sent(connection.alias)), [*job, *entry, CHANNEL, common["news"]])
        return bool(cursor.fetchone()[0])


@cache
def _mariadb_sql(alone: bool) -> str:
    return as_one(f"{_job_sql(MariaDB())}; {_entry_sql(MariaDB(), 'LAST_INSERT_ID()')}", alone)


def _mariadb(connection: BaseDatabaseWrapper, job: list[Any], entry: list[Any], common: Row) -> bool:
    """Take one compound statement."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_mariadb_sql(connection.get_autocommit()), [*job, *entry])
    except IntegrityError:
        return False
    return True


def as_one(statements: str, alone: bool, declarations: str = "") -> str:
    """Return a compound statement for MariaDB that does all or nothing.

    Args:
        statements: separated by semicolons.
        alone: in a transaction of its own; otherwise it is a part of the caller's.
        declarations: of variables, each ended by a semicolon.
    """
    begin, end, undo = (
        ("START TRANSACTION", "COMMIT", "ROLLBACK")
        if alone
        else ("SAVEPOINT apsng", "RELEASE SAVEPOINT apsng", "ROLLBACK TO SAVEPOINT apsng")
    )
    handler = f"DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN {undo}; RESIGNAL; END;"
    return f"BEGIN NOT ATOMIC {declarations} {handler} {begin}; {statements}; {end}; END"


_INSERTS: Mapping[str, Callable[[BaseDatabaseWrapper, list[Any], list[Any], Row], bool]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
}
