"""The hot writes on SQLite."""

from __future__ import annotations

from collections.abc import Mapping

from .base import HotSQL


class SQLite(HotSQL):
    """Unfolds with `json_each`, joins with `UPDATE … FROM`."""

    def source(self, columns: Mapping[str, str]) -> str:
        """Return the derived table."""
        selected = ", ".join(f"json_extract(value, '$[{index}]') AS \"{name}\"" for index, name in enumerate(columns))
        return f"(SELECT {selected} FROM json_each(%s)) AS v"  # noqa: S608

    def update(self, table: str, columns: Mapping[str, str], assignments: Mapping[str, str], condition: str) -> str:
        """Return `UPDATE … FROM`; the unary plus keeps the planner from choosing the index on status over the primary key."""
        assigned = ", ".join(f"{name} = {value}" for name, value in assignments.items())
        condition = condition.replace("t.status", "+t.status")
        return f"UPDATE {table} AS t SET {assigned} FROM {self.source(columns)} WHERE t.id = v.id AND {condition}"  # noqa: S608

    def with_jobs(self, columns: Mapping[str, str]) -> str:
        """Return the join; a cross join keeps its order."""
        return f"{self.source(columns)} CROSS JOIN {self.jobs} AS j ON j.id = v.job_key"

    def insert_head(self) -> tuple[str, str]:
        """Leave rows out by `ON CONFLICT`; a select before it needs a condition, or the grammar is ambiguous."""
        return "INSERT", "WHERE true ON CONFLICT DO NOTHING"
