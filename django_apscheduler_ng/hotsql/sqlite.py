"""The hot writes on SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .base import HotSQL, text_moment


class SQLite(HotSQL):
    """Unfolds with `json_each`, joins with `UPDATE … FROM`."""

    def source(self, columns: Mapping[str, str]) -> str:
        """Return the derived table."""
        selected = ", ".join(f"json_extract(value, '$.{name}') AS \"{name}\"" for name in columns)
        return f"(SELECT {selected} FROM json_each(%s)) AS v"  # noqa: S608

    def update(self, table: str, columns: Mapping[str, str], assignments: str, condition: str) -> str:
        """Return `UPDATE … FROM`; the unary plus keeps the planner from choosing the index on status over the primary key."""
        condition = condition.replace("t.status", "+t.status")
        return f"UPDATE {table} AS t SET {assignments} FROM {self.source(columns)} WHERE t.id = v.id AND {condition}"  # noqa: S608

    def insert_head(self) -> tuple[str, str]:
        """Leave rows out by `ON CONFLICT`; a select before it needs a condition, or the grammar is ambiguous."""
        return "INSERT", "WHERE true ON CONFLICT DO NOTHING"

    def start_parameters(self, batch: str, now: datetime, node: str) -> list[Any]:
        """Assignments come before the batch here."""
        return [text_moment(now), batch, node]
