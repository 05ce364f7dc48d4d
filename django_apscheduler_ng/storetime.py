"""What time it is where the jobs are stored. For those who judge what nodes wrote: nodes date it by the clock of the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models.expressions import RawSQL

from .clock import SYSTEM_CLOCK
from .conf import get_config
from .fields import UTCDateTimeField
from .models import SchedulerNode
from .querysets import SchedulerNodeQuerySet

#: The statement that asks each database for its time in UTC. SQLite has no clock of its own.
DATABASE_TIME: Mapping[str, str] = {
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mysql": "SELECT UTC_TIMESTAMP(6)",
}


def store_now(using: str) -> datetime:
    """Return the time of the database, whatever this host's clock says; on SQLite, which lives on one host, that of the host."""
    connection = connections[using]
    sql = DATABASE_TIME.get(connection.vendor)
    if sql is None:
        return SYSTEM_CLOCK.now()
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (there,) = cursor.fetchone()
    moment: datetime = there.replace(tzinfo=UTC)
    return moment


def living_now(using: str) -> list[SchedulerNode]:
    """Return the nodes that are alive by the time of the database, in one query."""
    sql = DATABASE_TIME.get(connections[using].vendor)
    if sql is None:
        return list(living(using, SYSTEM_CLOCK.now()))
    lease = timedelta(seconds=get_config().lease)
    nodes = SchedulerNode.objects.using(using).alive()
    dated: Any = nodes.annotate(read_at=RawSQL(f"({sql})", (), output_field=UTCDateTimeField()))  # noqa: S611 - a constant
    return [node for node in dated if node.seen_at >= node.read_at - lease]


def living(using: str, now: datetime) -> SchedulerNodeQuerySet:
    """Return the nodes that gave a sign of life within the lease before `now`, which is the store's time."""
    since = now - timedelta(seconds=get_config().lease)
    return SchedulerNode.objects.using(using).alive().filter(seen_at__gte=since)
