"""Rows of the ledger in the making: what the claim inserts for runs and for fire times that get none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .models import JobRun, RunOrigin, ScheduledJob
from .planning import Plan, Slot, Summary
from .runs import RunStatus

_REASONS = {
    RunStatus.MISSED: "later than the grace time of the job allows",
    RunStatus.SKIPPED: "the job already had all its instances running",
    RunStatus.COALESCED: "made up for by the latest one",
}


def run_row(row: ScheduledJob, slot: Slot, node: str, now: datetime, start_until: datetime | None) -> dict[str, Any]:
    """Return the row of a claimed run."""
    return {
        **_common(row, node, now),
        "slot": slot.fire_time,
        "due_at": slot.due_at,
        "start_until": start_until,
        "status": RunStatus.CLAIMED,
    }


def summary_row(row: ScheduledJob, summary: Summary, node: str, now: datetime, detail: str = "") -> dict[str, Any]:
    """Return the row for fire times that get no run; a single one keeps its slot."""
    span = summary.span
    return {
        **_common(row, node, now),
        "slot": span.last if span.count == 1 else None,
        "covers_from": span.first,
        "covers_until": span.last,
        "count": span.count,
        "count_is_exact": span.exact,
        "due_at": span.last,
        "finished_at": now,
        "status": summary.status,
        "reason": detail or _REASONS[summary.status],
    }


def _common(row: ScheduledJob, node: str, now: datetime) -> dict[str, Any]:
    return {
        "namespace": row.namespace,
        "job_key": row.pk,
        "job_id": row.job_id,
        "job_name": row.name,
        "func_ref": row.func_ref,
        "args": row.args,
        "kwargs": row.kwargs,
        "executor": row.executor,
        "origin": RunOrigin.SCHEDULE,
        "slot": None,
        "attempt": 1,
        "covers_from": None,
        "covers_until": None,
        "count": 1,
        "count_is_exact": True,
        "start_until": None,
        "claimed_at": now,
        "finished_at": None,
        "node": node,
        "reason": "",
    }


def advance_row(row: ScheduledJob, plan: Plan, now: datetime) -> dict[str, Any]:
    """Return what the plan changes in the job's row."""
    ends = [slot.fire_time for slot in plan.slots] + [summary.span.last for summary in plan.summaries]
    if row.claimed_through is not None:
        ends.append(row.claimed_through)
    return {
        "id": row.pk,
        "revision": row.revision,
        "planned_trigger": row.trigger,
        "next_fire_time": plan.next_fire_time,
        "next_run_time": plan.next_run_time,
        "claimed_through": max(ends, default=None),
        "parked": plan.parked,
        "finished_at": now if plan.next_fire_time is None else None,
    }


def requested_run(row: ScheduledJob, now: datetime, requested_by: str) -> JobRun:
    """Return an unsaved run that somebody asked for by hand."""
    common = _common(row, "", now)
    common.update(
        claimed_at=None, due_at=now, status=RunStatus.PENDING, origin=RunOrigin.MANUAL, requested_by=requested_by
    )
    return JobRun(**common)
