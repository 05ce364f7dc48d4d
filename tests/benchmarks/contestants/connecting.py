"""The database of a run, in the words of Django and of SQLAlchemy. Both get the same settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What both do with each connection to SQLite.
PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")

#: How long both wait for SQLite's lock, in seconds.
LOCK_TIMEOUT = 20


def for_django(database: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of the setting `DATABASES`."""
    if database["key"] == "sqlite":
        options = {"timeout": LOCK_TIMEOUT, "transaction_mode": "IMMEDIATE", "init_command": ";".join(PRAGMAS)}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": database["name"], "OPTIONS": options}
    engine = {"postgres": "postgresql", "mariadb": "mysql"}[database["key"]]
    places = {word.upper(): database[word] for word in ("name", "host", "port", "user", "password")}
    return {"ENGINE": f"django.db.backends.{engine}", **places}


def for_sqlalchemy(database: Mapping[str, Any]) -> Any:
    """Return the URL of an engine."""
    from sqlalchemy import URL

    if database["key"] == "sqlite":
        return URL.create("sqlite", database=database["name"])
    driver = {"postgres": "postgresql+psycopg", "mariadb": "mysql+mysqldb"}[database["key"]]
    return URL.create(
        driver,
        username=database["user"] or None,
        password=database["password"] or None,
        host=database["host"],
        port=database["port"],
        database=database["name"],
    )


def refresh_statistics(cursor: Any, key: str, tables: tuple[str, ...]) -> None:
    """Let the database know how many rows there are, as it finds out by itself only after a while."""
    for table in tables:
        cursor.execute(f"ANALYZE TABLE {table}" if key == "mariadb" else f"ANALYZE {table}")
        if key == "mariadb":
            cursor.fetchall()
