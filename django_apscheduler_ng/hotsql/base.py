"""What the hot writes do; the databases differ only in how they unfold a batch and write joins."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from ..ledger import Advance, End, NewRun, Note, Said
from ..models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from .batches import BOOL, FLOAT, INT, LABEL, MOMENT, TEXT, Batch, Given, Values, dump, fold, spelled, text_moment

ADVANCE = {
    "id": INT,
    "revision": INT,
    "next_fire_time": MOMENT,
    "next_run_time": MOMENT,
    "claimed_through": MOMENT,
    "parked": BOOL,
    "retry_at": MOMENT,
    "finished_at": MOMENT,
}

INSERT = {
    "job_key": INT,
    "slot": MOMENT,
    "due_at": MOMENT,
    "start_until": MOMENT,
    "finished_at": MOMENT,
    "status": LABEL,
    "covers_from": MOMENT,
    "covers_until": MOMENT,
    "count": INT,
    "count_is_exact": BOOL,
    "reason": LABEL,
}

#: The columns of a claimed run, and what the others hold then.
INSERT_BARE = dict(list(INSERT.items())[:4])
_CLAIMED = {
    "finished_at": "NULL",
    "status": "'claimed'",
    "covers_from": "NULL",
    "covers_until": "NULL",
    "count": "1",
    "count_is_exact": "true",
    "reason": "''",
}

#: Columns of a run that come from its job: column of the run → column of the job.
OF_THE_JOB = {
    "namespace": "namespace",
    "job_id": "job_id",
    "job_name": "name",
    "func_ref": "func_ref",
    "args": "args",
    "kwargs": "kwargs",
    "executor": "executor",
    "queue": "queue",
    "priority": "priority",
    "timeout": "timeout",
}

#: Columns of a run that are the same for all that a claim inserts, besides the node and the moment.
CONSTANT = {
    "origin": "'schedule'",
    "attempt": "1",
    "beat": "0",
    "result_is_repr": "false",
    **dict.fromkeys(
        (
            "requested_by",
            "cancel_requested_by",
            "cancel_reason",
            "progress_text",
            "log",
            "worker",
            "result",
            "exception_type",
            "exception_message",
            "traceback",
        ),
        "''",
    ),
}

#: What a run says, while it runs and at its end.
_SAID = {"progress_done": FLOAT, "progress_total": FLOAT, "progress_text": LABEL, "log": TEXT}

REPORT = {"id": INT, **_SAID}

FINISH = {
    "id": INT,
    "status": LABEL,
    "started_at": MOMENT,
    "finished_at": MOMENT,
    "worker": LABEL,
    **_SAID,
    "result": TEXT,
    "result_is_repr": BOOL,
    "exception_type": LABEL,
    "exception_message": TEXT,
    "traceback": TEXT,
}

#: The columns of an end without output: the others are empty already, or as they were last reported.
FINISH_BARE = dict(list(FINISH.items())[:5])

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NO_OUTPUT = End(0, "", _EPOCH, _EPOCH)[len(FINISH_BARE) :]

_NO_SUMMARY = NewRun(0, None, _EPOCH)[len(INSERT_BARE) :]

NOTE = {"job_key": INT, "action": LABEL, "reason": TEXT}


class HotSQL(ABC):
    """The hot writes for one kind of database. Each takes a cursor, and rows in the order of the columns above."""

    jobs = ScheduledJob._meta.db_table
    runs = JobRun._meta.db_table
    log = JobLogEntry._meta.db_table
    nodes = SchedulerNode._meta.db_table

    @abstractmethod
    def source(self, columns: Mapping[str, str]) -> str:
        """Return SQL for a derived table `v` with these columns, made of one JSON parameter: a list of lists."""

    @abstractmethod
    def update(self, table: str, columns: Mapping[str, str], assignments: Mapping[str, str], condition: str) -> str:
        """Return SQL that updates the rows `t` of `table` whose ids are in the batch `v`."""

    @abstractmethod
    def with_jobs(self, columns: Mapping[str, str]) -> str:
        """Return SQL that joins the batch `v` with the jobs `j` that its `job_key` names, in the order of the batch."""

    @abstractmethod
    def insert_head(self) -> tuple[str, str]:
        """Return what stands before the target of an insert, and after its rows, so that rows whose slot is taken are left out."""

    def advance(self, cursor: CursorWrapper, rows: Sequence[Advance]) -> int:
        """Write what a plan decided about jobs, where their definition is still the one planned from; returns how many."""
        batch = self._fold(rows, ADVANCE)
        assignments = {name: batch.values[name] for name in list(ADVANCE)[2:]}
        # the rows are locked: it is the trigger that was planned from
        assignments["planned_trigger"] = f"t.{self.quote('trigger')}"
        assignments |= {"broken_reason": "''", "declined_by": "''", "retries": "0"}
        same, revisions = spelled({"revision": batch.values["revision"]})
        return self._write(cursor, self.jobs, batch, assignments, f"t.revision = {same['revision']}", *revisions)

    def insert(
        self,
        cursor: CursorWrapper,
        rows: Sequence[NewRun],
        node: str,
        now: datetime,
        publish_at: datetime | None = None,
    ) -> list[tuple[int, int, Any]]:
        """Insert runs and summaries that `node` claims at `now`; returns (id, job_key, slot) of those that were not there.

        Those with a moment at which to publish them again are on a cluster, and no node's. Most rows are runs, which go without
        the columns of summaries.
        """
        bare, full = _apart(rows, len(INSERT_BARE), _NO_SUMMARY)
        begun = {"claimed_at": Given(now), "node": Given(node), "publish_at": Given(publish_at)}
        begun |= {"on_cluster": Given(publish_at is not None)}
        inserted: list[tuple[int, int, Any]] = []
        for columns, batch in ((INSERT_BARE, bare), (INSERT, full)):
            if batch:
                inserted += self._insert(cursor, self._fold(batch, columns), begun)
        return inserted

    def _insert(self, cursor: CursorWrapper, batch: Batch, begun: Values) -> list[tuple[int, int, Any]]:
        of_the_job = {name: f"j.{column}" for name, column in OF_THE_JOB.items()}
        values, given = spelled({**_CLAIMED, **batch.values, **of_the_job, **CONSTANT, **begun})
        head, tail = self.insert_head()
        cursor.execute(
            f"{head} INTO {self.runs} ({', '.join(map(self.quote, values))}) "  # noqa: S608 - names are constants
            f"SELECT {', '.join(values.values())} FROM {self.with_jobs(batch.columns)} {tail} RETURNING id, job_key, slot",
            [*given, batch.document],
        )
        return list(cursor.fetchall())

    def start(self, cursor: CursorWrapper, ids: Sequence[int], node: str, now: datetime) -> set[int]:
        """Turn this node's claimed runs into running ones; returns the ids of those that were still claimed by it.

        None for a node that was taken for dead: others are about to abandon what it is running.
        """
        living = f"EXISTS (SELECT 1 FROM {self.nodes} AS n WHERE n.id = %s AND n.state <> 'dead')"  # noqa: S608 - as above
        condition = f"t.status = 'claimed' AND t.node = %s AND {living}"
        assignments = {"status": "'running'", "started_at": "%s"}
        sql = self.update(self.runs, {"id": INT}, assignments, condition)
        cursor.execute(sql, [*self.in_order(dump([[key] for key in ids]), text_moment(now)), node, node])
        if cursor.rowcount == len(ids):
            return set(ids)
        running = JobRun.objects.using(cursor.db.alias).filter(pk__in=ids, status="running", node=node)
        return set(running.values_list("pk", flat=True))

    def finish(self, cursor: CursorWrapper, rows: Sequence[End], node: str) -> int:
        """Write the ends of this node's running runs; returns how many there were.

        Most runs have no output. Theirs go without those columns, which a database would have to make room for.
        """
        bare, full = _apart(rows, len(FINISH_BARE), _NO_OUTPUT)
        ends = (self._fold(batch, columns) for columns, batch in ((FINISH_BARE, bare), (FINISH, full)) if batch)
        return sum(self._write_running(cursor, batch, node) for batch in ends)

    def report(self, cursor: CursorWrapper, rows: Sequence[Said], node: str) -> int:
        """Write what this node's running runs have said so far; returns how many there were."""
        return self._write_running(cursor, self._fold(rows, REPORT), node)

    def _write_running(self, cursor: CursorWrapper, batch: Batch, node: str) -> int:
        """Write all of the batch but its keys into runs of this node that are running."""
        assignments = {name: value for name, value in batch.values.items() if name != "id"}
        return self._write(cursor, self.runs, batch, assignments, "t.status = 'running' AND t.node = %s", node)

    def note(self, cursor: CursorWrapper, rows: Sequence[Note], now: datetime) -> None:
        """Write what the scheduler did to jobs into their log."""
        batch = self._fold(rows, NOTE)
        who: Values = {"namespace": "j.namespace", "job_key": "j.id", "job_id": "j.job_id", "at": Given(now)}
        what = {name: batch.values[name] for name in ("action", "reason")}
        empty = dict.fromkeys(("actor_id", "before", "after"), "''")
        values, given = spelled({**who, **what, "actor_name": "'scheduler'", **empty})
        cursor.execute(
            f"INSERT INTO {self.log} ({', '.join(map(self.quote, values))}) "  # noqa: S608 - as above
            f"SELECT {', '.join(values.values())} FROM {self.with_jobs(batch.columns)}",
            [*given, batch.document],
        )

    def _fold(self, rows: Sequence[Sequence[Any]], columns: Mapping[str, str]) -> Batch:
        return fold(rows, columns, self.quote)

    def _write(
        self, cursor: CursorWrapper, table: str, batch: Batch, assignments: Values, condition: str, *parameters: Any
    ) -> int:
        """Update rows of `table`, those of the batch that fulfil the condition; returns how many."""
        assigned, given = spelled(assignments)
        sql = self.update(table, batch.columns, assigned, condition)
        cursor.execute(sql, [*self.in_order(batch.document, *given), *parameters])
        return int(cursor.rowcount)

    def in_order(self, batch: str, *assigned: str) -> list[str]:
        """Return the parameters of an update in the order of its statement: those of the assignments come first."""
        return [*assigned, batch]

    def quote(self, name: str) -> str:
        """Return a column name in quotes."""
        return f'"{name}"'


def _apart(
    rows: Sequence[tuple[Any, ...]], width: int, usual: tuple[Any, ...]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the first `width` columns of the rows in whose other columns stands what is usual, and the other rows whole."""
    bare, full = [], []
    for row in rows:
        if row[width:] == usual:
            bare.append(row[:width])
        else:
            full.append(row)
    return bare, full
