"""Bodies of runs that use Django; worker processes import them from here."""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone, translation


def change_everything() -> None:
    """Leave the language, the time zone and a transaction behind."""
    translation.activate("de")
    timezone.activate(ZoneInfo("Asia/Tokyo"))
    transaction.atomic().__enter__()
    leave_group("left behind")


async def change_everything_async() -> None:
    translation.activate("de")
    timezone.activate(ZoneInfo("Asia/Tokyo"))
    await sync_to_async(_open_transaction)()


def _open_transaction() -> None:
    transaction.atomic().__enter__()
    leave_group("left behind")


def leave_group(name: str) -> None:
    from django.contrib.auth.models import Group

    Group.objects.create(name=name)


def seen() -> tuple[str, str, bool]:
    """Return the language, the time zone and whether a transaction is open."""
    return translation.get_language(), timezone.get_current_timezone_name(), connection.in_atomic_block


async def seen_async() -> tuple[str, str, bool]:
    in_transaction = await sync_to_async(lambda: connection.in_atomic_block)()
    return translation.get_language(), timezone.get_current_timezone_name(), in_transaction


def turn_autocommit_off() -> None:
    transaction.set_autocommit(False)
    leave_group("left behind")


def autocommit() -> bool:
    return transaction.get_autocommit()


def query() -> int:
    """Return how many queries are logged, this one included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return len(connection.queries_log)


async def query_async() -> int:
    return await sync_to_async(query)()


def apps_are_ready() -> tuple[bool, int]:
    return apps.ready, os.getpid()


def session() -> int:
    """Return the number that the server gave this session."""
    functions = {"postgresql": "pg_backend_pid()", "mysql": "CONNECTION_ID()"}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {functions[connection.vendor]}")
        return int(cursor.fetchone()[0])


async def session_async() -> int:
    return await sync_to_async(session)()


def low_level_connection() -> int:
    """Return something that is another for each session with the database."""
    connection.ensure_connection()
    return id(connection.connection)


def fail_in_transaction() -> None:
    """Leave a connection in the transaction that an error has spoiled."""
    transaction.atomic().__enter__()
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column")


def seen_language() -> str:
    return translation.get_language()


def name_of(thing: object) -> str:
    return str(thing)
