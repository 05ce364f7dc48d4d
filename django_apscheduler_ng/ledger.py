"""Rows of the ledger in the making: what the claim inserts for runs and for fire times that get none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from .duejob import DueJob
from .models import JobRun, RunOrigin, ScheduledJob
from .planning import Plan, Slot, Summary
from .runs import RunStatus

_REASONS = {
    RunStatus.MISSED: "later than the grace time of the job allows",
    RunStatus.COALESCED: "made up for by the latest one",
}


#: How long a parked job is left alone. The end of one of its runs wakes it; this is for an end that nobody saw.
PARKED_FOR = timedelta(seconds=30)


class Advance(NamedTuple):
    """What a plan changes in the row of a job."""

    id: int
    #: The one that was planned from.
    revision: int
    next_fire_time: datetime | None
    next_run_time: datetime | None
    claimed_through: datetime | None
    parked: bool
    retry_at: datetime | None
    finished_at: datetime | None


class NewRun(NamedTuple):
    """A row of the ledger that a claim inserts; the rest of its columns are those of its job."""

    job_key: int
    slot: datetime | None
    due_at: datetime
    start_until: datetime | None = None
    finished_at: datetime | None = None
    status: str = RunStatus.CLAIMED
    covers_from: datetime | None = None
    covers_until: datetime | None = None
    how_many: int = 1
    count_is_exact: bool = True
    reason: str = ""


class End(NamedTuple):
    """The end of a run, as text that every database takes."""

    id: int
    status: str
    started_at: datetime
    finished_at: datetime
    worker: str = ""
    progress_done: float | None = None
    progress_total: float | None = None
    progress_text: str = ""
    log: str = ""
    #: JSON.
    result: str = ""
    result_is_repr: bool = False
    exception_type: str = ""
    exception_message: str = ""
    traceback: str = ""


class Said(NamedTuple):
    """What a run has said so far, as text that every database takes."""

    id: int
    progress_done: float | None = None
    progress_total: float | None = None
    progress_text: str = ""
    log: str = ""


class Note(NamedTuple):
    """Something that the scheduler did to a job."""

    job_key: int
    action: str
    reason: str = ""


class Planned(Protocol):
    """What the ledger has to know about a job: its row, or the part of it that a claim reads."""

    @property
    def pk(self) -> Any:
        """The surrogate key."""

    @property
    def revision(self) -> int:
        """How often the definition was changed."""

    @property
    def claimed_through(self) -> Any:
        """The last closed slot, or None."""


def run_row(row: Planned, slot: Slot, start_until: datetime | None) -> NewRun:
    """Return the row of a claimed run."""
    return NewRun(row.pk, slot.fire_time, slot.due_at, start_until)


def summary_row(row: Planned, summary: Summary, now: datetime, reason: str = "") -> NewRun:
    """Return the row for fire times that get no run; a single one keeps its slot. Left out, the reason is that of the status."""
    span = summary.span
    return NewRun(
        job_key=row.pk,
        slot=span.last if span.count == 1 else None,
        due_at=span.last,
        finished_at=now,
        status=summary.status,
        covers_from=span.first,
        covers_until=span.last,
        how_many=span.count,
        count_is_exact=span.exact,
        reason=reason or _REASONS[summary.status],
    )


def advance_row(row: Planned, plan: Plan, now: datetime) -> Advance:
    """Return what the plan changes in the job's row; one that plans nothing ends the schedule."""
    closed, before = plan.closed_through, row.claimed_through
    if closed is None or (before is not None and before > closed):
        closed = before
    return Advance(
        id=row.pk,
        revision=row.revision,
        next_fire_time=plan.next_fire_time,
        next_run_time=plan.next_run_time,
        claimed_through=closed,
        parked=plan.parked,
        retry_at=now + PARKED_FOR if plan.parked else None,
        finished_at=now if plan.next_fire_time is None else None,
    )


def rest_row(row: Planned) -> Advance:
    """Return what becomes of the row of a job that was paused behind the scheduler's back: it has no run times."""
    return Advance(row.pk, row.revision, None, None, row.claimed_through, False, None, None)


def requested_run(row: ScheduledJob, now: datetime, requested_by: str) -> JobRun:
    """Return an unsaved run that somebody asked for by hand."""
    return _pending(row, origin=RunOrigin.MANUAL, requested_by=requested_by, due_at=now)


def waiting_run(row: DueJob, slot: Slot, start_until: datetime | None) -> JobRun:
    """Return an unsaved run for a fire time that waits for a run of its job to end."""
    return _pending(row, slot=slot.fire_time, due_at=slot.due_at, start_until=start_until)


def _pending(row: ScheduledJob | DueJob, **columns: Any) -> JobRun:
    return JobRun(
        namespace=row.namespace,
        job_key=row.pk,
        job_id=row.job_id,
        job_name=row.name,
        func_ref=row.func_ref,
        args=row.args,
        kwargs=row.kwargs,
        executor=row.executor,
        queue=row.queue,
        priority=row.priority,
        timeout=row.timeout,
        status=RunStatus.PENDING,
        **columns,
    )


#: Columns that begin anew with each attempt of a run.
_ANEW = (
    "node",
    "on_cluster",
    "publish_at",
    "beat",
    "worker",
    "start_until",
    "claimed_at",
    "started_at",
    "finished_at",
    "cancel_requested_at",
    "cancel_requested_by",
    "cancel_reason",
    "progress_done",
    "progress_total",
    "progress_text",
    "log",
    "result",
    "result_is_repr",
    "exception_type",
    "exception_message",
    "traceback",
    "reason",
)


def next_attempt(run: JobRun, due_at: datetime) -> JobRun:
    """Return an unsaved pending run that is a further attempt of `run`, the latest one of its fire time.

    It may start however late: the grace time of a job is about the first attempt.
    """
    fields = [field.attname for field in JobRun._meta.concrete_fields if not field.primary_key]
    columns = {name: getattr(run, name) for name in fields if name not in _ANEW}
    columns |= {"attempt": run.attempt + 1, "first_attempt": run.first_attempt or run.pk}
    return JobRun(**{**columns, "status": RunStatus.PENDING, "due_at": due_at})
