"""What a node sees of the others with each heartbeat: one statement, however many they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.db.models import CharField, DateTimeField, Expression, F, Func, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from .claiming import Identity
from .clock import AnchoredClock
from .models import SchedulerNode
from .notifications import CHANNEL
from .rescue import unsettled
from .storetime import DATABASE_TIME

#: What a row is about.
_ME, _OTHER, _RUN = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """One look."""

    #: Heartbeat counters of the other nodes that are alive, by id.
    heartbeats: Mapping[str, int]
    #: Key and node of the live runs of this node, and of those whose node is not alive.
    unsettled: Sequence[tuple[int, str]]


def look_around(identity: Identity, clock: AnchoredClock, echo: str = "") -> Surroundings:
    """Look at the others, and set the clock by the database's on the way; SQLite has none of its own.

    Args:
        identity: of the node that looks.
        clock: set to the time of the database.
        echo: what the node notifies itself of on the way; empty = nothing.
    """
    nodes, me = SchedulerNode.objects.using(identity.using), identity.node
    mine = _rows(nodes.filter(pk=me), _ME, _echo(echo), Value(0))
    others = _rows(nodes.alive().exclude(pk=me), _OTHER, F("pk"), F("heartbeat"))
    runs = _rows(unsettled(identity.using, identity.namespace, me), _RUN, F("node"), F("pk"))
    before = clock.monotonic()
    rows = list(mine.union(others, runs, all=True))
    trip = clock.monotonic() - before
    if rows and isinstance(time := rows[0][-1], datetime):
        clock.anchor(time.replace(tzinfo=UTC), trip)
    return Surroundings(
        heartbeats={node: heartbeat for what, node, heartbeat, _ in rows if what == _OTHER},
        unsettled=[(key, node) for what, node, key, _ in rows if what == _RUN],
    )


def _rows(
    rows: QuerySet[Any], what: int, node: Expression | F, number: Expression | F
) -> QuerySet[Any, tuple[Any, ...]]:
    """Return the rows in the form that they have in common: what, node, number, and the time of the database, naive and in UTC."""
    sql = DATABASE_TIME.get(connections[rows.db].vendor)
    time = RawSQL(f"({sql})", (), DateTimeField()) if sql else Value(0)  # noqa: S611 - a constant
    row = {"_what": Value(what), "_node": Cast(node, CharField(max_length=32)), "_number": number, "_time": time}
    same: QuerySet[Any, tuple[Any, ...]] = rows.order_by().annotate(**row).values_list(*row)
    return same


def _echo(text: str) -> Expression:
    """Return an expression that notifies the channel of the nodes, where there is something to say."""
    if not text:
        return Value("")
    return Func(Value(CHANNEL), Value(text), function="pg_notify", output_field=TextField())
