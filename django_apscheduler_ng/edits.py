"""What a change does to the row of a job besides the columns it names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .actors import current_actor
from .job import Job
from .models import ScheduledJob


def write_runtime(row: ScheduledJob, job: Job, now: datetime) -> None:
    """Set the run times of `row` from `job`, and pause it where the job has none. A retired one that gets some is no longer code's."""
    paused = job.next_run_time is None
    if row.retired_at is not None and not paused:
        row.retired_at, row.origin = None, current_actor().origin
    if paused and not row.paused:
        row.paused_by, row.paused_at = current_actor().name, now
    elif not paused:
        row.paused_by, row.paused_at = "", None
    row.paused = paused
    row.pause_reason = job.pause_reason if paused else ""
    row.planned_trigger = row.trigger
    row.next_run_time, row.next_fire_time = job.next_run_time, job.next_fire_time
    row.claimed_through = job.claimed_through
    row.parked = False


def rest_with_trigger(row: ScheduledJob) -> None:
    """Take over a new trigger while the job does not run: it is planned when it goes on."""
    row.planned_trigger = row.trigger
    if row.retired_at is not None:
        row.next_run_time = row.next_fire_time = None


def end_if_over(row: ScheduledJob, job: Job) -> None:
    """Mark a declared job as finished, rather than paused, where its trigger has no fire time any more."""
    if job.next_run_time is None:
        row.paused, row.paused_by, row.paused_at = False, "", None
        row.finished_at = row.updated_at


def forgive(row: ScheduledJob) -> None:
    """Give a broken job a new try: somebody changed it."""
    row.broken_reason, row.retries, row.retry_at, row.declined_by = "", 0, None, ""


#: What a new trigger alone changes.
_RESCHEDULING = {"trigger", "next_run_time", "next_fire_time"}


def action_of(changes: Mapping[str, Any]) -> str:
    """Return the word for a change."""
    if action := current_actor().action:
        return action
    if "trigger" in changes:
        return "rescheduled" if set(changes) <= _RESCHEDULING else "modified"
    if "next_run_time" in changes and changes["next_run_time"] is None:
        return "paused"
    return "resumed" if "pause_reason" in changes else "modified"
