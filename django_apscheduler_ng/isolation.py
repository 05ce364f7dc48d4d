"""What Django needs around the body of each run, so that no run sees leftovers of the one before.

Set as `around_run` of a scheduler, by reference (`CLEAN_RUN`), because worker processes need it too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import django
from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from .runs import RunContext

logger = logging.getLogger(__name__)

#: Reference of `clean_run`.
CLEAN_RUN = "django_apscheduler_ng.isolation:clean_run"


class clean_run:  # a context manager reads better in lower case
    """Gives a body connections that work and have no open transaction.

    The default language and time zone it has anyway: they are context variables, and each body has an empty context.

    It looks after the connections of the thread that enters it. For async bodies that is the thread in which
    `sync_to_async()`, and with it the ORM, does its work: the one that drives the body (`async_to_sync()`, returned on
    entry, sees to that), or the one that all tasks of a loop share (`async with`).

    A connection that is in a transaction on entry belongs to somebody else, a `TestCase` for instance, and is left
    alone. Nothing that goes wrong here fails a run.
    """

    def __init__(self, context: RunContext) -> None:
        """Prepare for one run; a process without Django's apps loads them first."""
        self.begin_worker()
        self._context = context
        self._foreign: set[str] = set()

    def __enter__(self) -> Callable[..., Any]:
        """Clean up before the body. Language and time zone are context variables, of which a body has none."""
        if _has_connected():
            self._foreign = {connection.alias for connection in _opened() if connection.in_atomic_block}
            self._clean(_expect_stale)
        return async_to_sync

    def __exit__(self, *_error: object) -> None:
        """Clean up after the body."""
        if _has_connected():
            self._clean(_end_transaction)

    async def __aenter__(self) -> None:
        """Clean up before the body, in the thread of the ORM."""
        await sync_to_async(self.__enter__)()

    async def __aexit__(self, *_error: object) -> None:
        """Clean up after the body, in the thread of the ORM."""
        await sync_to_async(self.__exit__)()

    @staticmethod
    def begin_worker() -> None:
        """Load Django's apps, in a process that has not."""
        if not apps.ready:
            django.setup()

    @staticmethod
    def end_worker() -> None:
        """Close the connections of a thread that performs no more bodies, or none for a while: nobody else can."""
        for connection in _opened():
            if not connection.in_atomic_block:
                connection.close()

    def _clean(self, step: Callable[[BaseDatabaseWrapper], None]) -> None:
        """Close connections that are old or broken, and do `step` to each; one that resists is replaced."""
        for connection in _opened():
            if connection.alias in self._foreign:
                continue
            try:
                step(connection)
                if not connection.force_debug_cursor:  # somebody is counting queries
                    connection.queries_log.clear()
            except Exception:
                logger.warning(
                    "Connection %r could not be cleaned for run %s of job %r; it is replaced",
                    connection.alias,
                    self._context.id,
                    self._context.job_id,
                    exc_info=True,
                )
                del connections[connection.alias]


#: Whether a thread ever connected to a database: most runs of most jobs have nothing to clean.
_connected = threading.local()


def _note_connection(**_arguments: Any) -> None:
    _connected.ever = True


connection_created.connect(_note_connection, dispatch_uid=CLEAN_RUN)


def _has_connected() -> bool:
    """Return whether this thread ever connected to a database, also before this module was there to take note."""
    try:
        return bool(_connected.ever)
    except AttributeError:
        _connected.ever = bool(_opened())
        return bool(_connected.ever)


def _opened() -> list[BaseDatabaseWrapper]:
    """Return the connections of this thread that have been used."""
    return list(connections.all(initialized_only=True))


def _expect_stale(connection: BaseDatabaseWrapper) -> None:
    """Have a persistent connection checked before its first query: the server may have closed it since the last run."""
    connection.close_if_unusable_or_obsolete()
    connection.health_check_enabled = True  # type: ignore[attr-defined]


def _end_transaction(connection: BaseDatabaseWrapper) -> None:
    """Roll back what the body left open; close the connection then, and when its time has come."""
    if connection.in_atomic_block or connection.autocommit != connection.settings_dict["AUTOCOMMIT"]:
        _roll_back(connection)
    connection.close_if_unusable_or_obsolete()


def _roll_back(connection: BaseDatabaseWrapper) -> None:
    """End the transaction of a connection and close it; an SQLite database in memory stays open, but forgets it."""
    connection.in_atomic_block = connection.needs_rollback = connection.closed_in_transaction = False
    connection.savepoint_ids, connection.atomic_blocks, connection.run_on_commit = [], [], []
    try:
        connection.rollback()
    except Error:
        logger.debug("Rolling back connection %r failed; closing it", connection.alias, exc_info=True)
    connection.close()
    if connection.connection is not None:
        connection.set_autocommit(connection.settings_dict["AUTOCOMMIT"])
