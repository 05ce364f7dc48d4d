"""The hot writes of the pass as SQL: advance, insert, note, start, report and finish, each one statement for a whole batch.

A batch goes to the database as one JSON document that the statement unfolds into rows. (Django's `bulk_update()` and
`bulk_create()` are several times slower here.) Reads, and everything that is not hot, go through querysets.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import ConfigurationError
from .base import HotSQL

__all__ = ["HotSQL", "hot_sql"]


def hot_sql(connection: BaseDatabaseWrapper) -> HotSQL:
    """Return the hot writes for the database behind `connection`.

    Raises:
        ConfigurationError: there are none for this kind of database.
    """
    if connection.vendor == "postgresql":
        from .postgresql import PostgreSQL

        return PostgreSQL()
    if connection.vendor == "mysql":
        from .mariadb import MariaDB

        return MariaDB()
    if connection.vendor == "sqlite":
        from .sqlite import SQLite

        return SQLite()
    raise ConfigurationError(
        f"Database {connection.alias!r} is of vendor {connection.vendor!r}, which cannot keep jobs. "
        "Use PostgreSQL, MariaDB or SQLite for the job store (`using=`)."
    )
