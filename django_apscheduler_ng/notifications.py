"""What tells the nodes of a change sooner than their next look: notifications of PostgreSQL, sent by whoever asks for the change.

They are part of the statements that make the change, so that they arrive when it is committed and never when it is rolled back.
They only make nodes faster: one that gets none looks after each `poll_interval`. `listening` is the nodes' side.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connections
from django.db.models import CharField, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast

from .conf import get_config
from .models import JobRun, ScheduledJob

#: The channel of all projects in a database; the payload tells them apart.
CHANNEL = "django_apscheduler_ng"

_Rows = TypeVar("_Rows", bound="QuerySet[Any]")


def payload(namespace: str) -> str:
    """Return what says that jobs of this namespace have changed."""
    return f"jobs {ScheduledJob._meta.db_table} {namespace}"


def cancel_payload(namespace: str) -> str:
    """Return what says that somebody wants runs of this namespace to end."""
    return f"cancel {JobRun._meta.db_table} {namespace}"


def are_sent(using: str) -> bool:
    """Return whether changes in this database are told."""
    return connections[using].vendor == "postgresql" and get_config().notifications


def telling(jobs: _Rows, namespace: str) -> _Rows:
    """Return the same jobs; reading one of them tells the nodes that it changes, where that is possible."""
    return _telling(jobs, payload(namespace))


def telling_of_cancellation(runs: _Rows, namespace: str) -> _Rows:
    """Return the same runs; reading one of them tells the nodes that it shall end, where that is possible."""
    return _telling(runs, cancel_payload(namespace))


def _telling(rows: _Rows, news: str) -> _Rows:
    if not are_sent(rows.db):
        return rows
    told = Func(Value(CHANNEL), Value(news), function="pg_notify", output_field=TextField())
    return rows.annotate(told=Cast(told, CharField()))


def tell(using: str, namespace: str) -> None:
    """Tell the nodes that there may be something to do, where that is possible."""
    if are_sent(using):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload(namespace)])
