"""Jobs as rows: the only place that knows which attribute of a job is which column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from .exceptions import SchedulerError, StoredDataError
from .job import Job
from .models import ScheduledJob
from .policies import PLAIN_OPTIONS
from .refs import callable_ref
from .retries import Retry
from .serialization import dump_trigger, dump_value, read_arguments, trigger_or_stand_in
from .storable import canonical_text
from .triggers.base import BaseTrigger
from .triggers.unreadable import UnreadableTrigger

#: Columns of the definition that code declares, and that people may change.
DECLARED = (
    "name",
    "func_ref",
    "args",
    "kwargs",
    "trigger",
    "trigger_type",
    "executor",
    "coalesce",
    "max_instances",
    "misfire_grace_time",
    "on_abandoned",
    "timeout",
    "retry",
    "overlap",
    "queue",
    "priority",
)

#: Columns that a change by the API may touch.
WRITTEN = (
    *DECLARED,
    "paused",
    "pause_reason",
    "paused_by",
    "paused_at",
    "planned_trigger",
    "next_fire_time",
    "next_run_time",
    "claimed_through",
    "parked",
    "broken_reason",
    "retry_at",
    "retries",
    "declined_by",
    "finished_at",
    "retired_at",
    "origin",
    "updated_at",
)


class ListedJob(NamedTuple):
    """What a listing reads of a job."""

    pk: int
    job_id: str
    name: str
    func_ref: str
    args: str
    kwargs: str
    trigger: str
    executor: str
    coalesce: bool
    max_instances: int
    misfire_grace_time: float | None
    on_abandoned: str
    timeout: float | None
    retry: str
    overlap: str
    queue: str
    priority: str
    paused: bool
    pause_reason: str
    retired_at: datetime | None
    next_fire_time: datetime | None
    next_run_time: datetime | None
    claimed_through: datetime | None
    parked: bool
    broken_reason: str


JobColumns = ScheduledJob | ListedJob

#: What the other options are stored as.
_WRITERS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "name": lambda job: {"name": job.name[:255]},
    "func": lambda job: {"func_ref": job.func_ref or callable_ref(job.func)},
    "args": lambda job: {"args": dump_value(list(job.args), where="args") if job.args else "[]"},
    "kwargs": lambda job: {"kwargs": dump_value(dict(job.kwargs), where="kwargs") if job.kwargs else "{}"},
    "trigger": lambda job: {"trigger": dump_trigger(job.trigger), "trigger_type": job.trigger.alias},
    "retry": lambda job: {"retry": dump_retry(job.retry)},
}


def definition(job: Job, options: Iterable[str] = (*_WRITERS, *PLAIN_OPTIONS)) -> dict[str, Any]:
    """Return the declared columns that hold the given options of `job`, all by default.

    Raises:
        CallableReferenceError: the callable cannot be named, so that another process could not find it.
        UnstorableError: an argument cannot be stored.
    """
    columns: dict[str, Any] = {}
    for option in options:
        if option in PLAIN_OPTIONS:
            columns[option] = getattr(job, option)
        elif option in _WRITERS:
            columns |= _WRITERS[option](job)
    return columns


def read_trigger(row: JobColumns) -> BaseTrigger:
    """Return the trigger of a row; one that never fires where the stored one cannot be read."""
    return trigger_or_stand_in(row.trigger)


def to_job(row: JobColumns) -> Job:
    """Return the job that a row holds, without importing its callable. Never fails: a damaged row becomes a broken job."""
    args, kwargs, problem = _arguments(row)
    trigger, retry = read_trigger(row), None
    try:
        retry = read_retry(row.retry)
    except SchedulerError as error:
        problem = problem or str(error)
    rests = row.paused or getattr(row, "retired_at", None) is not None
    if isinstance(trigger, UnreadableTrigger):
        problem = problem or trigger.problem
    return Job.restored(
        id=row.job_id,
        name=row.name,
        func_ref=row.func_ref,
        args=args,
        kwargs=kwargs,
        trigger=trigger,
        executor=row.executor,
        coalesce=row.coalesce,
        max_instances=row.max_instances,
        misfire_grace_time=row.misfire_grace_time,
        on_abandoned=row.on_abandoned,
        timeout=row.timeout,
        retry=retry,
        overlap=row.overlap,
        queue=row.queue,
        priority=row.priority,
        next_run_time=None if rests else row.next_run_time,
        next_fire_time=None if rests else row.next_fire_time,
        claimed_through=row.claimed_through,
        parked=row.parked,
        pause_reason=row.pause_reason,
        broken_reason=row.broken_reason or problem,
        unreadable=problem,
    )


def dump_retry(retry: Retry | None) -> str:
    """Return the text of a retry policy; empty for none."""
    return "" if retry is None else canonical_text(retry.as_dict())


@lru_cache(maxsize=256)
def read_retry(text: str) -> Retry | None:
    """Return the retry policy that a column holds.

    Raises:
        StoredDataError: it cannot be read.
    """
    try:
        return Retry.checked(json.loads(text)) if text else None
    except (ValueError, SchedulerError) as error:
        raise StoredDataError(
            f"Retry policy {text!r} must be JSON like {{\"attempts\": 3}} or empty: {error} Correct the column 'retry'."
        ) from error


def _arguments(row: JobColumns) -> tuple[tuple[Any, ...], dict[str, Any], str]:
    """Return the arguments of a row, and what is wrong with them."""
    try:
        return (*read_arguments(row.args, row.kwargs), "")
    except SchedulerError as error:
        return (), {}, str(error)


def differing(row: ScheduledJob) -> tuple[str, ...]:
    """Return the declared columns in which a job differs from what code declared last; none for a job that no code declares."""
    declared = json.loads(row.declared or "{}")
    return tuple(name for name in declared if name != "trigger_type" and getattr(row, name, None) != declared[name])


def snapshot(row: ScheduledJob) -> dict[str, Any]:
    """Return what an event shows of a job: definition, pause and next run time, as JSON values."""
    return _shown({name: getattr(row, name) for name in DECLARED}, row.paused, row.next_run_time)


def _shown(declared: dict[str, Any], paused: bool, next_run_time: datetime | None) -> dict[str, Any]:
    moment = next_run_time.isoformat() if next_run_time else None
    return {**declared, "paused": paused, "next_run_time": moment}


_BUT_TRIGGER = [option for option in (*_WRITERS, *PLAIN_OPTIONS) if option != "trigger"]


def addition(job: Job, triggers: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Return the columns in which a new job differs from others, and as `after` what the event of its addition shows.

    Args:
        job: the new job.
        triggers: the columns of triggers that were met before, by their identity.

    Raises:
        CallableReferenceError: the callable cannot be named, so that another process could not find it.
        UnstorableError: an argument cannot be stored.
    """
    trigger = triggers.get(id(job.trigger))
    if trigger is None:
        trigger = triggers[id(job.trigger)] = _WRITERS["trigger"](job)
    declared = {**definition(job, _BUT_TRIGGER), **trigger}
    paused = job.next_run_time is None
    shown = _shown(declared, paused, job.next_run_time)
    return {
        **declared,
        "job_id": job.id,
        "paused": paused,
        "pause_reason": job.pause_reason if paused else "",
        "next_fire_time": job.next_fire_time,
        "next_run_time": job.next_run_time,
        "claimed_through": job.claimed_through,
        "after": json.dumps({name: value for name, value in shown.items() if value is not None}),
    }


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    """Return two JSON objects with the entries that differ."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    texts = (json.dumps({name: side[name] for name in changed if name in side}) for side in (before, after))
    old, new = texts
    return old, new
