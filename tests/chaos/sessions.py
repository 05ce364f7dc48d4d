"""What an operator can do to the sessions of a private server: end them, or keep them waiting for a lock."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from .servers import MariaDBServer, PostgresServer, Server, SQLiteFile


@contextmanager
def operator(server: Server) -> Iterator[Any]:
    """Give a cursor of a session of its own, outside Django, in autocommit mode."""
    if isinstance(server, SQLiteFile):
        connection: Any = sqlite3.connect(server.path, isolation_level=None, timeout=30)
    elif isinstance(server, PostgresServer):
        import psycopg

        url = f"postgresql://chaos@127.0.0.1:{server.port}/postgres"
        connection = psycopg.connect(url, autocommit=True)
    else:
        import MySQLdb

        connection = MySQLdb.connect(host="127.0.0.1", port=server.port, user="root", database="chaos", autocommit=True)
    with closing(connection), closing(connection.cursor()) as cursor:
        yield cursor


def kill_sessions(server: Server) -> int:
    """End all other sessions, whatever they are doing; returns how many there were."""
    with operator(server) as cursor:
        if isinstance(server, PostgresServer):
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return len(cursor.fetchall())
        assert isinstance(server, MariaDBServer)
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user NOT IN ('system user', '')"
        )
        ids = [row[0] for row in cursor.fetchall()]
        for number in ids:
            try:
                cursor.execute(f"KILL {number}")
            except Exception as error:
                if "Unknown thread id" not in str(error):
                    raise
        return len(ids)


def hold_everything(server: Server, seconds: float) -> None:
    """Hold a lock against everybody on what the package writes to."""
    while not _held(server, seconds):
        pass  # a node was faster, and the database chose the harness to give way


def _held(server: Server, seconds: float) -> bool:
    """Hold the lock; returns False where that ended in a deadlock."""
    begin, lock, end = _LOCKS[server.kind]
    with operator(server) as cursor:
        try:
            for statement in (*begin, lock):
                cursor.execute(statement)
        except Exception as error:
            if "deadlock" not in str(error).lower():
                raise
            return False
        time.sleep(seconds)
        cursor.execute(end)
        return True


_NAMES = [f"django_apscheduler_ng_{table}" for table in ("scheduledjob", "jobrun", "schedulernode", "joblogentry")]

#: By kind of database: how to begin, to lock, and to end.
_LOCKS = {
    "postgres": (["BEGIN"], f"LOCK TABLE {', '.join(_NAMES)} IN ACCESS EXCLUSIVE MODE", "COMMIT"),
    "mariadb": ([], f"LOCK TABLES {', '.join(f'{name} WRITE' for name in _NAMES)}", "UNLOCK TABLES"),
    "sqlite": ([], "BEGIN EXCLUSIVE", "COMMIT"),
}
