"""What a new row consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hotsql.batches import BOOL, INT, LABEL, MOMENT, TEXT
from ..models import JobLogEntry, ScheduledJob

#: Of each job what its journal entry shows.
ENTRY = {"job_id": LABEL, "after": TEXT}

#: Columns in which new jobs differ.
JOB = {
    "job_id": LABEL,
    "name": LABEL,
    "func_ref": TEXT,
    "args": TEXT,
    "kwargs": TEXT,
    "trigger": TEXT,
    "trigger_type": LABEL,
    "executor": TEXT,
    "coalesce": BOOL,
    "max_instances": INT,
    "misfire_grace_time": LABEL,
    "on_abandoned": LABEL,
    "timeout": LABEL,
    "retry": TEXT,
    "overlap": LABEL,
    "queue": LABEL,
    "priority": LABEL,
    "paused": BOOL,
    "pause_reason": TEXT,
    "next_fire_time": MOMENT,
    "next_run_time": MOMENT,
    "claimed_through": MOMENT,
}

#: Both, in the order in which a document has them.
COLUMNS = {**ENTRY, **JOB}

#: What is the same for all jobs that are added together: where they belong, when they come, and who adds them.
COMMON = {
    "namespace": TEXT,
    "environment": TEXT,
    "origin": TEXT,
    "at": MOMENT,
    "paused_by": TEXT,
    "actor_id": TEXT,
    "actor_name": TEXT,
    "reason": TEXT,
    "news": TEXT,
}

#: Columns of a job that begin the same for every one, as SQL.
INITIAL = {
    "parked": "false",
    "revision": "0",
    "retries": "0",
    "broken_reason": "''",
    "declined_by": "''",
    "declared": "''",
}

JOBS = ScheduledJob._meta.db_table
LOG = JobLogEntry._meta.db_table

#: A job: the keys of `JOB` and `ENTRY`.
Row = Mapping[str, Any]
