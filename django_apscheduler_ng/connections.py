"""Database connections of the scheduler's own threads: fresh after every trouble, durable transactions only."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .models import SchedulerNode

logger = logging.getLogger(__name__)

#: Errors after which the same statement may succeed on a fresh connection.
PASSING_ERRORS = (OperationalError, InterfaceError)


@contextmanager
def own_connection(using: str) -> Iterator[None]:
    """Let the calling thread use its connection to `using`; drop it where an error leaves it in doubt.

    What a project with `DEBUG` remembers of its statements is forgotten: whole batches are in them, and no request ends here.
    """
    try:
        yield
        _forget_statements(connections[using])
    except (DatabaseError, InterfaceError):
        drop_connection(using)
        raise


def _forget_statements(connection: BaseDatabaseWrapper) -> None:
    if connection.queries_log and not connection.force_debug_cursor:  # or somebody is counting them
        connection.queries_log.clear()


def drop_connection(using: str) -> None:
    """Close this thread's connection, so that the next statement opens a new one."""
    connection = connections[using]
    if connection.in_atomic_block:
        return  # a caller's transaction (a test's, for one) is not this module's to end
    try:
        connection.close()
    except (DatabaseError, InterfaceError):
        logger.debug("Closing a connection to %r failed.", using, exc_info=True)
        connection.connection = None


#: By alias, for databases that let one connection write at a time.
_turns: defaultdict[str, RLock] = defaultdict(RLock)


def turn(using: str) -> AbstractContextManager[object]:
    """Let the threads of this process write one after the other, on SQLite.

    There, whoever finds the database locked sleeps for some milliseconds and tries again: two busy threads would spend their time
    asleep.
    """
    return _turns[using] if connections[using].vendor == "sqlite" else nullcontext()


@contextmanager
def transaction_of_its_own(using: str) -> Iterator[None]:
    """Run the `with` block as one transaction that is committed when the block ends, and inside no other.

    It is READ COMMITTED: what is read under the lock of a row was committed by whoever held the lock before. Django's default is
    that; a project that chose otherwise pays one statement more.
    """
    connection = connections[using]
    with turn(using), own_connection(using), transaction.atomic(using=using, durable=True):
        if not _is_read_committed(connection):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        yield


def begin_with_a_write(using: str) -> None:
    """Make the transaction that has just begun hold the write lock, on SQLite; it changes nothing.

    There, a transaction that reads first and then writes fails at once, however long the timeout, if somebody wrote between. Other
    databases lock rows.
    """
    if connections[using].vendor == "sqlite":
        SchedulerNode.objects.using(using).filter(pk="").update(state="")


def _is_read_committed(connection: BaseDatabaseWrapper) -> bool:
    """Return whether transactions of this connection are READ COMMITTED by themselves, or know no such thing."""
    level = getattr(connection, "isolation_level", None)
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        return bool(level is None or getattr(level, "name", level) == "READ_COMMITTED")
    return connection.vendor != "mysql" or level == "read committed"
