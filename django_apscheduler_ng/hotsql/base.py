"""What the hot writes do; the databases differ only in how they unfold a batch and write joins."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from ..models import JobRun, ScheduledJob, SchedulerNode

#: Kinds of columns: whole number, text, moment, truth value.
INT, TEXT, MOMENT, BOOL = "int", "text", "moment", "bool"

ADVANCE = {
    "id": INT,
    "revision": INT,
    "planned_trigger": TEXT,
    "next_fire_time": MOMENT,
    "next_run_time": MOMENT,
    "claimed_through": MOMENT,
    "parked": BOOL,
    "finished_at": MOMENT,
}

INSERT = {
    "namespace": TEXT,
    "job_key": INT,
    "job_id": TEXT,
    "job_name": TEXT,
    "func_ref": TEXT,
    "args": TEXT,
    "kwargs": TEXT,
    "executor": TEXT,
    "origin": TEXT,
    "slot": MOMENT,
    "attempt": INT,
    "covers_from": MOMENT,
    "covers_until": MOMENT,
    "count": INT,
    "count_is_exact": BOOL,
    "due_at": MOMENT,
    "start_until": MOMENT,
    "claimed_at": MOMENT,
    "finished_at": MOMENT,
    "status": TEXT,
    "node": TEXT,
    "reason": TEXT,
}

#: Columns of a run that are empty until it ends, but may not be NULL.
EMPTY = ("requested_by", "worker", "result", "exception_type", "exception_message", "traceback")

FINISH = {
    "id": INT,
    "status": TEXT,
    "started_at": MOMENT,
    "finished_at": MOMENT,
    "worker": TEXT,
    "result": TEXT,
    "exception_type": TEXT,
    "exception_message": TEXT,
    "traceback": TEXT,
}

Row = Mapping[str, Any]


class HotSQL(ABC):
    """The hot writes for one kind of database. Each takes a cursor, and rows as dicts with the keys of the tables above."""

    jobs = ScheduledJob._meta.db_table
    runs = JobRun._meta.db_table
    nodes = SchedulerNode._meta.db_table

    @abstractmethod
    def source(self, columns: Mapping[str, str]) -> str:
        """Return SQL for a derived table `v` with these columns, made of one JSON parameter."""

    @abstractmethod
    def update(self, table: str, columns: Mapping[str, str], assignments: str, condition: str) -> str:
        """Return SQL that updates the rows `t` of `table` whose ids are in the batch `v`."""

    @abstractmethod
    def insert_head(self) -> tuple[str, str]:
        """Return what stands before the target of an insert, and after its rows, so that rows whose slot is taken are left out."""

    def advance(self, cursor: CursorWrapper, rows: Sequence[Row]) -> int:
        """Write what a plan decided about jobs, where their definition is still the one planned from; returns how many."""
        assignments = ", ".join(f"{name} = v.{name}" for name in list(ADVANCE)[2:])
        assignments += ", broken_reason = '', declined_by = '', retries = 0, retry_at = NULL"
        cursor.execute(self.update(self.jobs, ADVANCE, assignments, "t.revision = v.revision"), [dump(rows, ADVANCE)])
        return int(cursor.rowcount)

    def insert(self, cursor: CursorWrapper, rows: Sequence[Row]) -> list[tuple[int, int, Any]]:
        """Insert runs and summaries; returns (id, job_key, slot) of those that were not there."""
        names = [self.quote(name) for name in INSERT]
        head, tail = self.insert_head()
        empty = ", ".join("''" for _ in EMPTY)
        cursor.execute(
            f"{head} INTO {self.runs} ({', '.join([*names, *EMPTY])}) "  # noqa: S608 - names are constants
            f"SELECT {', '.join(f'v.{name}' for name in names)}, {empty} FROM {self.source(INSERT)} {tail} "
            f"RETURNING id, job_key, slot",
            [dump(rows, INSERT)],
        )
        return list(cursor.fetchall())

    def start(self, cursor: CursorWrapper, ids: Sequence[int], node: str, now: datetime) -> set[int]:
        """Turn this node's claimed runs into running ones; returns the ids of those that were still claimed by it.

        None for a node that was taken for dead: others are about to abandon what it is running.
        """
        living = f"EXISTS (SELECT 1 FROM {self.nodes} AS n WHERE n.id = t.node AND n.state <> 'dead')"  # noqa: S608 - as above
        condition = f"t.status = 'claimed' AND t.node = %s AND {living}"
        sql = self.update(self.runs, {"id": INT}, "status = 'running', started_at = %s", condition)
        cursor.execute(sql, self.start_parameters(dump([{"id": key} for key in ids], {"id": INT}), now, node))
        if cursor.rowcount == len(ids):
            return set(ids)
        running = JobRun.objects.using(cursor.db.alias).filter(pk__in=ids, status="running", node=node)
        return set(running.values_list("pk", flat=True))

    @abstractmethod
    def start_parameters(self, batch: str, now: datetime, node: str) -> list[Any]:
        """Return the parameters of `start` in the order of the statement."""

    def finish(self, cursor: CursorWrapper, rows: Sequence[Row], node: str) -> int:
        """Write the ends of this node's running runs; returns how many there were."""
        assignments = ", ".join(f"{name} = v.{name}" for name in list(FINISH)[1:])
        sql = self.update(self.runs, FINISH, assignments, "t.status = 'running' AND t.node = %s")
        cursor.execute(sql, [dump(rows, FINISH), node])
        return int(cursor.rowcount)

    def quote(self, name: str) -> str:
        """Return a column name in quotes."""
        return f'"{name}"'


def dump(rows: Iterable[Row], columns: Mapping[str, str]) -> str:
    """Return the batch as JSON with just these columns."""
    return json.dumps([{name: _plain(row[name]) for name in columns} for row in rows], separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return text_moment(value)
    return int(value) if isinstance(value, bool) else value


def text_moment(value: datetime) -> str:
    """Return the text of a moment as all three databases read and sort it."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
