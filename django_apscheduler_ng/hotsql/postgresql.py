"""The hot writes on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

from .base import HotSQL
from .batches import BOOL, FLOAT, INT, LABEL, MOMENT, TEXT

_CASTS = {
    INT: "::bigint",
    FLOAT: "::double precision",
    LABEL: "",
    TEXT: "",
    MOMENT: "::timestamp",
    BOOL: "::boolean",
}


class PostgreSQL(HotSQL):
    """Unfolds with `jsonb_array_elements`, joins with `UPDATE … FROM`."""

    def source(self, columns: Mapping[str, str]) -> str:
        """Return the derived table."""
        selected = ", ".join(
            f'(x ->> {index}){_CASTS[kind]} AS "{name}"' for index, (name, kind) in enumerate(columns.items())
        )
        return f"(SELECT {selected}, place FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS r(x, place)) AS v"  # noqa: S608

    def update(self, table: str, columns: Mapping[str, str], assignments: Mapping[str, str], condition: str) -> str:
        """Return `UPDATE … FROM`.

        The planner must not think that the condition leaves next to nothing: it would read all rows that fulfil it, by the index on
        status or from end to end, and compare each with the whole batch. Of a `COALESCE` it expects that half of the rows pass.
        """
        assigned = ", ".join(f"{name} = {value}" for name, value in assignments.items())
        return (
            f"UPDATE {table} AS t SET {assigned} FROM {self.source(columns)} "  # noqa: S608
            f"WHERE t.id = v.id AND COALESCE({condition}, false)"
        )

    def with_jobs(self, columns: Mapping[str, str]) -> str:
        """Return the join."""
        return f"{self.source(columns)} JOIN {self.jobs} AS j ON j.id = v.job_key ORDER BY v.place"

    def insert_head(self) -> tuple[str, str]:
        """Leave rows out by `ON CONFLICT`."""
        return "INSERT", "ON CONFLICT DO NOTHING"
