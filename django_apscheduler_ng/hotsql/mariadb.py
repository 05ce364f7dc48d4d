"""The hot writes on MariaDB."""

from __future__ import annotations

from collections.abc import Mapping

from .base import HotSQL
from .batches import BOOL, FLOAT, INT, LABEL, MOMENT, TEXT

# a batch with a column of the last kind would be unfolded on disk
_TYPES = {
    INT: "BIGINT",
    FLOAT: "DOUBLE",
    LABEL: "VARCHAR(255)",
    MOMENT: "DATETIME(6)",
    BOOL: "TINYINT",
    TEXT: "LONGTEXT",
}


class MariaDB(HotSQL):
    """Unfolds with `JSON_TABLE`, joins with a multi-table `UPDATE`.

    Where a table is, or is thought to be, a few rows long, the optimizer would rather read, and lock, all of it; so every join names
    its order and its index.
    """

    def source(self, columns: Mapping[str, str]) -> str:
        """Return the derived table."""
        declared = ", ".join(
            f"`{name}` {_TYPES[kind]} PATH '$[{index}]'" for index, (name, kind) in enumerate(columns.items())
        )
        return f"JSON_TABLE(%s, '$[*]' COLUMNS({declared})) AS v"

    def update(self, table: str, columns: Mapping[str, str], assignments: Mapping[str, str], condition: str) -> str:
        """Return `UPDATE … JOIN`."""
        assigned = ", ".join(f"t.{name} = {value}" for name, value in assignments.items())
        joined = f"{self.source(columns)} STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = v.id"
        return f"UPDATE {joined} SET {assigned} WHERE {condition}"  # noqa: S608

    def with_jobs(self, columns: Mapping[str, str]) -> str:
        """Return the join."""
        return f"{self.source(columns)} STRAIGHT_JOIN {self.jobs} AS j FORCE INDEX (PRIMARY) ON j.id = v.job_key"

    def insert_head(self) -> tuple[str, str]:
        """Leave rows out by `IGNORE`."""
        return "INSERT IGNORE", ""

    def quote(self, name: str) -> str:
        """Return a column name in backticks."""
        return f"`{name}`"

    def in_order(self, batch: str, *assigned: str) -> list[str]:
        """The batch comes first here."""
        return [batch, *assigned]
