"""The hot writes on MariaDB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .base import BOOL, INT, MOMENT, TEXT, HotSQL, text_moment

_TYPES = {INT: "BIGINT", TEXT: "LONGTEXT", MOMENT: "DATETIME(6)", BOOL: "TINYINT"}


class MariaDB(HotSQL):
    """Unfolds with `JSON_TABLE`, joins with a multi-table `UPDATE`."""

    def source(self, columns: Mapping[str, str]) -> str:
        """Return the derived table."""
        declared = ", ".join(f"`{name}` {_TYPES[kind]} PATH '$.{name}'" for name, kind in columns.items())
        return f"JSON_TABLE(%s, '$[*]' COLUMNS({declared})) AS v"

    def update(self, table: str, columns: Mapping[str, str], assignments: str, condition: str) -> str:
        """Return `UPDATE … JOIN`.

        Where the table is, or is thought to be, a few rows long, the optimizer would rather read, and lock, all of it.
        """
        assigned = ", ".join(f"t.{assignment.strip()}" for assignment in assignments.split(","))
        joined = f"{self.source(columns)} STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = v.id"
        return f"UPDATE {joined} SET {assigned} WHERE {condition}"  # noqa: S608

    def insert_head(self) -> tuple[str, str]:
        """Leave rows out by `IGNORE`."""
        return "INSERT IGNORE", ""

    def quote(self, name: str) -> str:
        """Return a column name in backticks."""
        return f"`{name}`"

    def start_parameters(self, batch: str, now: datetime, node: str) -> list[Any]:
        """The batch comes first here."""
        return [batch, text_moment(now), node]
