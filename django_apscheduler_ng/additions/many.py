"""The statements that insert many jobs with their journal entries.

As with the hot writes of a pass, rows come as a JSON document: drivers and databases take longer over as many parameters. Columns in
which all jobs are alike, usually most, stand in a second document of one row, with what jobs that are added together share anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from django.db.backends.base.base import BaseDatabaseWrapper

from ..hotsql import HotSQL
from ..hotsql.batches import dump
from ..hotsql.mariadb import MariaDB
from ..hotsql.postgresql import PostgreSQL
from ..hotsql.sqlite import SQLite
from ..notifications import CHANNEL, are_sent
from .columns import COLUMNS, COMMON, ENTRY, INITIAL, JOB, JOBS, LOG, Row
from .one import as_one


def insert_many(connection: BaseDatabaseWrapper, rows: Sequence[Row], common: Row) -> int:
    """Insert jobs with their journal entries, inside a transaction; returns how many there were whose ids were free.

    Raises:
        IntegrityError: an id is taken; only on MariaDB, where to ignore that would be to ignore all errors.
    """
    shared = tuple(name for name in JOB if name not in ENTRY and all(row[name] == rows[0][name] for row in rows))
    columns = [name for name in COLUMNS if name not in shared]
    jobs = dump([[row[name] for name in columns] for row in rows])
    together = dump([[common[name] for name in COMMON] + [rows[0][name] for name in shared]])
    return _INSERTS[connection.vendor](connection, shared, jobs, together, len(rows))


#: Names of the columns in which all jobs are alike.
_Shared = tuple[str, ...]

#: How many statements are kept: one for each set of such columns that was met.
_KEPT = 64


class _Words:
    """The parts of the statements in the words of one kind of database. Jobs are called `v`, and what they share `c`."""

    def __init__(self, sql: HotSQL, shared: _Shared) -> None:
        self._sql = sql
        self._quote = sql.quote
        self._shared = shared
        #: The columns of the document of jobs, and of the one of what they share.
        self.columns = {name: kind for name, kind in COLUMNS.items() if name not in shared}
        self.common = {**COMMON, **{name: JOB[name] for name in shared}}

    def source(self, columns: Mapping[str, str], name: str = "v", document: str = "%s") -> str:
        """Return the derived table of a document."""
        return f"{self._sql.source(columns).removesuffix('v')}{name}".replace("%s", document, 1)

    def jobs(self, source: str, number: str = "{}") -> str:
        """Return the statement that inserts the jobs; `number` makes a floating point number of text."""
        columns = {name: self._column(name) for name in JOB}
        for name in ("misfire_grace_time", "timeout"):
            columns[name] = number.format(columns[name])
        columns["planned_trigger"] = columns["trigger"]
        columns |= {name: f"c.{name}" for name in ("namespace", "environment", "origin")}
        columns |= dict.fromkeys(("created_at", "updated_at"), f"c.{self._quote('at')}")
        columns["paused_by"] = f"CASE WHEN {columns['paused']} THEN c.paused_by ELSE '' END"
        columns["paused_at"] = f"CASE WHEN {columns['paused']} THEN c.{self._quote('at')} END"
        return self._insert(JOBS, {**columns, **INITIAL}, source)

    def _column(self, name: str) -> str:
        return f"{'c' if name in self._shared else 'v'}.{self._quote(name)}"

    def entries(self, source: str) -> str:
        """Return the statement that inserts a journal entry for each of the jobs, whose rows are `j`."""
        columns = {name: f"c.{self._quote(name)}" for name in ("namespace", "at", "actor_id", "actor_name", "reason")}
        columns |= {"job_key": "j.id", "job_id": "v.job_id", "after": f"v.{self._quote('after')}"}
        return self._insert(LOG, {**columns, "action": "'added'", "before": "'{}'"}, source)

    def _insert(self, table: str, columns: Mapping[str, str], source: str) -> str:
        names = ", ".join(map(self._quote, columns))
        return f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"  # noqa: S608


#: How the row of a job is found again.
_SAME = "j.namespace = c.namespace AND j.job_id = v.job_id"


@lru_cache(_KEPT)
def _sqlite_sql(shared: _Shared) -> tuple[str, str]:
    words = _Words(SQLite(), shared)
    common = words.source(words.common, "c")
    return (
        words.jobs(f"{common} CROSS JOIN {words.source(words.columns)} WHERE true ON CONFLICT DO NOTHING"),
        words.entries(f"{common} CROSS JOIN {words.source(ENTRY)} CROSS JOIN {JOBS} AS j ON {_SAME}"),
    )


def _sqlite(connection: BaseDatabaseWrapper, shared: _Shared, jobs: str, common: str, number: int) -> int:
    first, second = _sqlite_sql(shared)
    with connection.cursor() as cursor:
        cursor.execute(first, [common, jobs])
        inserted = int(cursor.rowcount)
        if inserted == number:
            cursor.execute(second, [common, jobs])
    return inserted


@lru_cache(_KEPT)
def _postgresql_sql(shared: _Shared, told: bool) -> str:
    words = _Words(PostgreSQL(), shared)
    inserted = words.jobs("v, c ON CONFLICT DO NOTHING RETURNING id, job_id", "{}::double precision")
    entries = words.entries("c, v JOIN j USING (job_id)")
    return (
        f"WITH v AS (SELECT * FROM {words.source(words.columns)}), c AS (SELECT * FROM {words.source(words.common, 'c')}), "  # noqa: S608
        f"j AS ({inserted}), e AS ({entries}) SELECT count(*), {'pg_notify(%s, (SELECT news FROM c))' if told else '%s'} FROM j"
    )


def _postgresql(connection: BaseDatabaseWrapper, shared: _Shared, jobs: str, common: str, number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_postgresql_sql(shared, are_sent(connection.alias)), [jobs, common, CHANNEL])
        return int(cursor.fetchone()[0])


@lru_cache(_KEPT)
def _mariadb_sql(shared: _Shared, alone: bool) -> str:
    words = _Words(MariaDB(), shared)
    common = words.source(words.common, "c", "common")
    found = f"{words.source(ENTRY, 'v', 'jobs')} STRAIGHT_JOIN {JOBS} AS j FORCE INDEX (apsng_job_uniq) ON {_SAME}"
    text = "LONGTEXT CHARACTER SET utf8mb4 DEFAULT %s"
    jobs = words.jobs(f"{common} STRAIGHT_JOIN {words.source(words.columns, 'v', 'jobs')}")
    entries = words.entries(f"{common} STRAIGHT_JOIN {found}")
    return as_one(f"{jobs}; {entries}", alone, f"DECLARE jobs {text}; DECLARE common {text};")


def _mariadb(connection: BaseDatabaseWrapper, shared: _Shared, jobs: str, common: str, number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_mariadb_sql(shared, connection.get_autocommit()), [jobs, common])
    return number


_INSERTS: Mapping[str, Callable[[BaseDatabaseWrapper, _Shared, str, str, int], int]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
}
