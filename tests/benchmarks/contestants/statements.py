"""Counts the statements that Django sends, on the connections of all threads."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Statements:
    """Counts from when it is made; BEGIN and COMMIT are no statements where the driver sends them by itself."""

    def __init__(self) -> None:
        """Count on all connections that are opened from now on, and on those of this thread."""
        from django.db import connections
        from django.db.backends.signals import connection_created

        self.counts: Counter[str] = Counter()
        connection_created.connect(self._watch, weak=False)
        for connection in connections.all():
            self._watch(None, connection)

    def _watch(self, sender: Any, connection: Any, **kwargs: Any) -> None:
        if self._count not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._count)

    def _count(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        self.counts[" ".join(str(sql).split())[:60]] += len(params) if many else 1
        return execute(sql, params, many, context)

    @property
    def total(self) -> int:
        """How many there were."""
        return self.counts.total()
