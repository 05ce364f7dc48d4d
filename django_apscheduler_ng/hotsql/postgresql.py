"""The hot writes on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .base import BOOL, INT, MOMENT, TEXT, HotSQL, text_moment

_TYPES = {INT: "bigint", TEXT: "text", MOMENT: "timestamp", BOOL: "int"}


class PostgreSQL(HotSQL):
    """Unfolds with `json_to_recordset`, joins with `UPDATE … FROM`."""

    def source(self, columns: Mapping[str, str]) -> str:
        """Return the derived table; truth values come as numbers and are compared with 1."""
        declared = ", ".join(f'"{name}" {_TYPES[kind]}' for name, kind in columns.items())
        selected = ", ".join(
            f'"{name}" = 1 AS "{name}"' if kind == BOOL else f'"{name}"' for name, kind in columns.items()
        )
        return f"(SELECT {selected} FROM json_to_recordset(%s::json) AS r({declared})) AS v"  # noqa: S608

    def update(self, table: str, columns: Mapping[str, str], assignments: str, condition: str) -> str:
        """Return `UPDATE … FROM`.

        The empty text keeps the planner from joining by the index on status, whose statistics are stale in a burst.
        """
        condition = condition.replace("t.status =", "t.status || '' =")
        return f"UPDATE {table} AS t SET {assignments} FROM {self.source(columns)} WHERE t.id = v.id AND {condition}"  # noqa: S608

    def insert_head(self) -> tuple[str, str]:
        """Leave rows out by `ON CONFLICT`."""
        return "INSERT", "ON CONFLICT DO NOTHING"

    def start_parameters(self, batch: str, now: datetime, node: str) -> list[Any]:
        """Assignments come before the batch here."""
        return [text_moment(now), batch, node]
