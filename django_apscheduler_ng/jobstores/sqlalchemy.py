"""A job store in any database that SQLAlchemy knows, for one scheduler. Needs the extra `sqlalchemy`."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import ConfigurationError, needs_extra
from ..policies import MAX_ID_LENGTH
from .configured import configured_object, converted, truth
from .persistent import Advance, PersistentJobStore, refuse_pickling
from .records import Record

with needs_extra("Job store 'sqlalchemy'", "sqlalchemy"):
    import sqlalchemy as sa
    from sqlalchemy.dialects import mysql
    from sqlalchemy.exc import ArgumentError, IntegrityError
    from sqlalchemy.pool import StaticPool

#: Records that are read together when all are visited.
_PAGE_SIZE = 1_000

#: Ids that one statement asks for.
_FEW = 500


#: Options of engines that SQLAlchemy itself takes no text for.
_TRUTHS = dict.fromkeys(("pool_pre_ping", "pool_use_lifo", "hide_parameters"), truth)


class _ExactText(sa.TypeDecorator[str]):
    """Short text that is compared character by character; MySQL and MariaDB do that only with bytes."""

    impl = sa.Unicode
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Return the type of the column."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.VARBINARY(4 * MAX_ID_LENGTH))
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Return what is sent to the database."""
        return value.encode() if value is not None and dialect.name in ("mysql", "mariadb") else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Return what came from the database as text."""
        return value.decode(errors="replace") if isinstance(value, bytes) else value


class SQLAlchemyJobStore(PersistentJobStore):
    """Keeps jobs in one table of a database. The table belongs to one scheduler; for more, choose the ORM store.

    The table is made when it is not there. It keeps no history of runs. Callables need a name that can be imported, and arguments are
    plain values; nothing is pickled.
    """

    alias_type = "sqlalchemy"

    def __init__(
        self,
        url: str | sa.URL | None = None,
        engine: sa.Engine | str | None = None,
        tablename: str = "django_apscheduler_ng_jobs",
        metadata: sa.MetaData | str | None = None,
        pickle_protocol: None = None,
        tableschema: str | None = None,
        engine_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Name the database and the table; the first connection is made when the scheduler starts.

        Args:
            url: of the database, such as `sqlite:///jobs.sqlite` or `postgresql+psycopg://user@host/name`.
            engine: instead of `url`, an engine, or where to find one (`package.module:engine`). It is not disposed of.
            tablename: name of the table. One of APScheduler is refused and left as it is.
            metadata: what the table is registered with, or where to find it; otherwise a new one.
            pickle_protocol: nothing is pickled; refused.
            tableschema: schema of the database that the table is in.
            engine_options: of `sqlalchemy.create_engine()`; values may be text. Connections are tested before use (`pool_pre_ping`)
                unless it says otherwise.

        Raises:
            ConfigurationError: an option is impossible.
        """
        super().__init__()
        refuse_pickling(pickle_protocol)
        self._owns_engine = engine is None
        self._engine = _given_engine(url, engine, engine_options) or _new_engine(url, engine_options or {})
        self._in_memory = self._owns_engine and isinstance(self._engine.pool, StaticPool)
        if self._in_memory:
            weakref.finalize(self, self._engine.dispose)
        self._table = _table(tablename, tableschema, _given_metadata(metadata))

    @property
    def engine(self) -> sa.Engine:
        """The engine that the store works with."""
        return self._engine

    @property
    def table(self) -> sa.Table:
        """The table of the jobs."""
        return self._table

    def _open(self) -> None:
        with self._engine.begin() as connection:
            self._table.create(connection, checkfirst=True)
            self._check_columns(connection)

    def _check_columns(self, connection: sa.Connection) -> None:
        found = {column["name"] for column in sa.inspect(connection).get_columns(self._table.name, self._table.schema)}
        expected = {column.name for column in self._table.columns}
        if not expected <= found:
            raise ConfigurationError(
                f"Table {self._table.fullname!r} must have the columns {', '.join(sorted(expected))}, "
                f"got {', '.join(sorted(found))}. It belongs to something else, such as APScheduler; choose another tablename."
            )

    def _close(self) -> None:
        if self._owns_engine and not self._in_memory:
            self._engine.dispose()

    def _read(self, query: sa.Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            return [
                Record(job_id=row.id, run_at=row.run_at, definition=row.definition, runtime=row.runtime)
                for row in connection.execute(query)
            ]

    def _get(self, job_id: str) -> Record | None:
        return next(iter(self._read(sa.select(self._table).where(self._table.c.id == job_id))), None)

    def _due(self, until: int, skip: int, limit: int) -> Sequence[Record]:
        table = self._table
        query = sa.select(table).where(table.c.run_at <= until).order_by(table.c.run_at, table.c.id)
        return self._read(query.offset(skip).limit(limit))

    def _page(self, mark: Any) -> tuple[Sequence[Record], Any]:
        query = sa.select(self._table).order_by(self._table.c.id).limit(_PAGE_SIZE)
        found = self._read(query if mark is None else query.where(self._table.c.id > mark))
        return found, found[-1].job_id if len(found) == _PAGE_SIZE else None

    def _earliest(self, after: int | None) -> int | None:
        run_at = self._table.c.run_at
        query = sa.select(sa.func.min(run_at))
        with self._engine.connect() as connection:
            found: int | None = connection.scalar(query if after is None else query.where(run_at > after))
        return found

    def _insert(self, records: Sequence[Record]) -> str | None:
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(self._table), [_row(record) for record in records])
        except IntegrityError:
            taken = self._taken([record.job_id for record in records])
            if taken is None:
                raise
            return taken
        return None

    def _taken(self, ids: Sequence[str]) -> str | None:
        """Return the first of the ids that is there."""
        with self._engine.connect() as connection:
            for start in range(0, len(ids), _FEW):
                few = ids[start : start + _FEW]
                found = set(connection.scalars(sa.select(self._table.c.id).where(self._table.c.id.in_(few))))
                if found:
                    return next(job_id for job_id in few if job_id in found)
        return None

    def _replace(self, record: Record) -> bool:
        row = _row(record)
        statement = sa.update(self._table).where(self._table.c.id == row.pop("id")).values(row)
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount > 0

    def _remove(self, job_id: str) -> bool:
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(self._table).where(self._table.c.id == job_id)).rowcount > 0

    def _clear(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(self._table))

    def _write(self, advances: Mapping[str, Advance]) -> None:
        this_one = self._table.c.id == sa.bindparam("job_id")
        ended = [{"job_id": job_id} for job_id, advance in advances.items() if advance is None]
        moved = [
            {"job_id": job_id, "run_at": advance[0], "runtime": advance[1]}
            for job_id, advance in advances.items()
            if advance is not None
        ]
        with self._engine.begin() as connection:
            if moved:
                connection.execute(sa.update(self._table).where(this_one), moved)
            if ended:
                connection.execute(sa.delete(self._table).where(this_one), ended)


def _row(record: Record) -> dict[str, Any]:
    return {
        "id": record.job_id,
        "run_at": record.run_at,
        "definition": record.definition,
        "runtime": record.runtime,
    }


def _given_engine(url: object, engine: sa.Engine | str | None, options: object) -> sa.Engine | None:
    """Return the engine that was given instead of a URL; None where there is a URL."""
    if (url is None) == (engine is None):
        raise ConfigurationError(
            f"Job store 'sqlalchemy' must get either 'url' or 'engine', got {'neither' if url is None else 'both'}. "
            "Write url='sqlite:///jobs.sqlite'."
        )
    if engine is not None and options:
        raise ConfigurationError(
            f"Option 'engine_options' must come with 'url', got {options!r} with 'engine'. Give them where the engine is made."
        )
    return None if engine is None else configured_object(engine, "engine", sa.Engine)


def _given_metadata(metadata: sa.MetaData | str | None) -> sa.MetaData:
    return sa.MetaData() if metadata is None else configured_object(metadata, "metadata", sa.MetaData)


def _new_engine(url: str | sa.URL | None, given: Mapping[str, Any]) -> sa.Engine:
    try:
        parsed = sa.make_url(url or "")
    except ArgumentError as error:
        shown = re.sub(r":[^:@/]*@", ":***@", str(url))
        raise ConfigurationError(
            f"Option 'url' must be the URL of a database, got {shown!r}. Write it as 'sqlite:///jobs.sqlite'."
        ) from error
    options = {"pool_pre_ping": True, **converted(given, _TRUTHS)}
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:") and "poolclass" not in given:
        # all threads share the one connection: each of its own would be another, empty database
        options |= {
            "poolclass": StaticPool,
            "connect_args": {"check_same_thread": False, **given.get("connect_args", {})},
        }
    # besides making the engine this turns text into what other options need
    return sa.engine_from_config({**options, "url": parsed}, prefix="")


def _table(name: str, schema: str | None, metadata: sa.MetaData) -> sa.Table:
    known = metadata.tables.get(name if schema is None else f"{schema}.{name}")
    if known is not None:
        return known
    text = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
    return sa.Table(
        name,
        metadata,
        sa.Column("id", _ExactText(MAX_ID_LENGTH), primary_key=True),
        sa.Column("run_at", sa.BigInteger, index=True),
        sa.Column("definition", text, nullable=False),
        sa.Column("runtime", text, nullable=False),
        schema=schema,
    )
