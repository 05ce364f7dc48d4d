"""How commands show runs: as rows of a table, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from ..models import JobRun, RunOrigin
from ..runs import LIVE_STATUSES
from ..words import clock_words, summary_words
from .output import error_line, iso, late, took
from .tables import Column

RUN_COLUMNS = (
    Column(title="RUN", right=True),
    Column(title="FIRE TIME"),
    Column(title="STATUS"),
    Column(title="LATE", right=True),
    Column(title="TOOK", right=True),
    Column(title="WHAT HAPPENED", cut=True, optional=True),
)


def run_cells(run: JobRun, now: datetime, zone: tzinfo) -> list[str]:
    """Return a run as a row of a table with `RUN_COLUMNS`."""
    status = str(run.get_status_display())
    moment = run.slot or run.covers_until or run.due_at
    told = "; ".join(filter(None, [error_line(run).rstrip("."), *_remarks(run, zone)]))
    return [str(run.pk), clock_words(moment, zone), status, late(run), took(run, now), told]


def _remarks(run: JobRun, zone: tzinfo) -> Iterator[str]:
    """Yield what is special about a run."""
    if run.origin == RunOrigin.MANUAL:
        yield f"asked for by {run.requested_by or 'hand'}"
    if run.attempt > 1:
        yield f"attempt {run.attempt}"
    if run.status in LIVE_STATUSES:
        yield progress_words(run)
    yield summary_words(run, zone)


def progress_words(run: JobRun) -> str:
    """Return how far a run has come, as it says itself: `3 of 10 (30 %), reading`."""
    done, total = run.progress_done, run.progress_total
    steps = "" if done is None else f"{done:g}"
    if done is not None and total:
        steps += f" of {total:g} ({100 * done / total:.0f} %)"
    return ", ".join(filter(None, [steps, run.progress_text]))


def fire_time(run: JobRun, zone: tzinfo) -> str:
    """Return the fire time of a run; for a summary what it stands for, for one asked for by hand who did."""
    if words := summary_words(run, zone):
        return words
    if run.slot is not None:
        return clock_words(run.slot, zone)
    return f"{clock_words(run.due_at, zone)} by {run.requested_by or 'hand'}"


def run_json(run: JobRun) -> dict[str, Any]:
    """Return what `--json` tells of a run in a list."""
    return {
        "run": run.pk,
        "job": run.job_id,
        "status": run.status,
        "fire_time": iso(run.slot),
        "attempt": run.attempt,
        "origin": run.origin,
        "requested_by": run.requested_by,
        "due_at": iso(run.due_at),
        "claimed_at": iso(run.claimed_at),
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "node": run.node,
        "worker": run.worker,
        "executor": run.executor,
        "queue": run.queue,
        "priority": run.priority,
        "progress": {"done": run.progress_done, "total": run.progress_total, "text": run.progress_text},
        "cancel_requested_at": iso(run.cancel_requested_at),
        "cancel_requested_by": run.cancel_requested_by,
        "cancel_reason": run.cancel_reason,
        "covers_from": iso(run.covers_from),
        "covers_until": iso(run.covers_until),
        "count": run.count,
        "count_is_exact": run.count_is_exact,
        "exception_type": run.exception_type,
        "exception_message": run.exception_message,
        "reason": run.reason,
    }
