"""Jobs as records: the form in which job stores outside of Django keep them.

A record has a definition (what people and code say of the job) and a runtime (what the pass keeps), each as JSON, and the next run
time as a number to search by. Nothing is pickled. Reading a record never fails and imports nothing: what cannot be read becomes a
job that says so and never runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..exceptions import SchedulerError, StoredDataError
from ..job import Job
from ..policies import PLAIN_OPTIONS
from ..refs import callable_ref
from ..retries import Retry
from ..serialization import dump_trigger, dump_value, load_value, read_arguments, trigger_or_stand_in
from ..storable import canonical_text
from ..triggers.unreadable import UnreadableTrigger

#: Version of the form of a definition; those of later versions are not read.
VERSION = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A job as it is kept."""

    job_id: str
    #: The next run time in microseconds since 1970; None while the job is paused.
    run_at: int | None
    #: A JSON object with what people and code say of the job.
    definition: str
    #: A JSON object with what the pass keeps.
    runtime: str


def moment_of(number: int | None) -> datetime | None:
    """Return the moment that a number to search by means."""
    return None if number is None else _EPOCH + number * _MICROSECOND


def microseconds(moment: datetime) -> int:
    """Return an aware moment as a number to search by: microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def run_at(job: Job) -> int | None:
    """Return the next run time of the job as a number to search by; None while it is paused."""
    return None if job.next_run_time is None else microseconds(job.next_run_time)


_WRITERS: Mapping[str, Callable[[Job], Any]] = {
    "name": lambda job: job.name,
    "func": lambda job: job.func_ref or callable_ref(job.func),
    "args": lambda job: dump_value(list(job.args), where="args"),
    "kwargs": lambda job: dump_value(dict(job.kwargs), where="kwargs"),
    "trigger": lambda job: dump_trigger(job.trigger),
    "executor": lambda job: job.executor,
    "coalesce": lambda job: job.coalesce,
    "max_instances": lambda job: job.max_instances,
    "misfire_grace_time": lambda job: job.misfire_grace_time,
    "on_abandoned": lambda job: job.on_abandoned,
    "timeout": lambda job: job.timeout,
    "retry": lambda job: job.retry and job.retry.as_dict(),
    "overlap": lambda job: job.overlap,
    "queue": lambda job: job.queue,
    "priority": lambda job: job.priority,
}


def new_record(job: Job) -> Record:
    """Return the record of a job.

    Raises:
        CallableReferenceError: the callable cannot be named, so that another process could not find it.
        UnstorableError: an argument or the trigger cannot be stored.
    """
    definition = {name: write(job) for name, write in _WRITERS.items()} | {"version": VERSION}
    return Record(job_id=job.id, run_at=run_at(job), definition=canonical_text(definition), runtime=runtime_text(job))


def runtime_text(job: Job) -> str:
    """Return what the pass keeps of the job, as JSON."""
    runtime = {
        "next_fire_time": job.next_fire_time,
        "claimed_through": job.claimed_through,
        "parked": job.parked,
        "pause_reason": job.pause_reason,
        "broken_reason": job.broken_reason,
        "arrival": job.arrival,
    }
    return dump_value(runtime, where=f"the runtime of job {job.id!r}")


def changed_record(record: Record, job: Job, options: Collection[str]) -> Record:
    """Return the record with the runtime and the given options of `job`, and all else as it was, readable or not.

    Raises:
        StoredDataError: there is an option to change in a definition that cannot be read.
        SchedulerError: the new value of an option cannot be stored.
    """
    definition = record.definition
    changes = {name: write(job) for name, write in _WRITERS.items() if name in options}
    if changes:
        stored, problem = _read_definition(record)
        if problem:
            raise StoredDataError(f"Job {job.id!r} cannot be changed, only replaced or removed: {problem}")
        definition = canonical_text({**stored, **changes})
    return replace(record, run_at=run_at(job), definition=definition, runtime=runtime_text(job))


def read_job(record: Record) -> Job:
    """Return the job that a record holds. Never fails: one that cannot be read is broken, and its callable is refused."""
    definition, problem = _read_definition(record)
    runtime, damage = _read_runtime(record)
    moment, oddity = _read_moment(record)
    args, kwargs, wrong = _read_arguments(definition)
    retry, unfit = _read_retry(definition)
    trigger = trigger_or_stand_in(definition["trigger"])
    if isinstance(trigger, UnreadableTrigger):
        wrong = wrong or trigger.problem
    problem = problem or wrong or unfit or damage or oddity
    return Job.restored(
        id=record.job_id,
        name=definition["name"],
        func_ref=definition["func"],
        args=args,
        kwargs=kwargs,
        trigger=trigger,
        retry=retry,
        **{name: definition[name] for name in PLAIN_OPTIONS},
        next_run_time=moment,
        next_fire_time=None if moment is None else runtime["next_fire_time"],
        **{name: runtime[name] for name in ("claimed_through", "parked", "pause_reason", "arrival")},
        broken_reason=runtime["broken_reason"] or problem,
        unreadable=problem,
    )


_DEFINITION: Mapping[str, tuple[type, ...]] = {
    "version": (int,),
    "name": (str,),
    "func": (str,),
    "args": (str,),
    "kwargs": (str,),
    "trigger": (str,),
    "executor": (str,),
    "coalesce": (bool,),
    "max_instances": (int,),
    "misfire_grace_time": (float, int, type(None)),
    "on_abandoned": (str,),
    "timeout": (float, int, type(None)),
    "retry": (dict, type(None)),
    "overlap": (str,),
    "queue": (str,),
    "priority": (str,),
}

_RUNTIME: Mapping[str, tuple[type, ...]] = {
    "next_fire_time": (datetime, type(None)),
    "claimed_through": (datetime, type(None)),
    "parked": (bool,),
    "pause_reason": (str,),
    "broken_reason": (str,),
    "arrival": (int,),
}


def _read_definition(record: Record) -> tuple[dict[str, Any], str]:
    """Return the definition, and what is wrong with it; one to show in its place where something is."""
    try:
        found = _checked(json.loads(record.definition), _DEFINITION)
        if found["version"] > VERSION:
            raise ValueError(f"version {found['version']}, which a later django-apscheduler-ng has written")
    except (ValueError, TypeError, RecursionError) as error:
        return _stand_in(record), _problem(record, "definition", error)
    return found, ""


def _stand_in(record: Record) -> dict[str, Any]:
    return {
        "name": record.job_id,
        "func": "",
        "args": "[]",
        "kwargs": "{}",
        "trigger": record.definition if isinstance(record.definition, str) else "",
        "executor": "default",
        "coalesce": True,
        "max_instances": 1,
        "misfire_grace_time": None,
        "on_abandoned": "abandon",
        "timeout": None,
        "retry": None,
        "overlap": "skip",
        "queue": "default",
        "priority": "normal",
    }


def _read_runtime(record: Record) -> tuple[dict[str, Any], str]:
    """Return the runtime, and what is wrong with it."""
    try:
        return _checked(load_value(record.runtime), _RUNTIME), ""
    except (ValueError, TypeError) as error:
        empty = {"next_fire_time": None, "claimed_through": None, "parked": False, "arrival": 0}
        return empty | {"pause_reason": "", "broken_reason": ""}, _problem(record, "runtime", error)


def _read_moment(record: Record) -> tuple[datetime | None, str]:
    """Return the next run time, and what is wrong with it."""
    try:
        return moment_of(record.run_at), ""
    except (ValueError, TypeError, OverflowError) as error:
        return None, _problem(record, "run_at", error)


def _read_arguments(definition: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any], str]:
    try:
        return (*read_arguments(definition["args"], definition["kwargs"]), "")
    except SchedulerError as error:
        return (), {}, str(error)


def _read_retry(definition: Mapping[str, Any]) -> tuple[Retry | None, str]:
    try:
        return Retry.checked(definition["retry"]), ""
    except SchedulerError as error:
        return None, str(error)


def _checked(data: Any, kinds: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return `data` if it is a dict that has all the names with values of their types."""
    if not isinstance(data, dict):
        raise TypeError(f"{type(data).__name__} instead of an object")
    for name, accepted in kinds.items():
        if name not in data:
            raise ValueError(f"no {name!r}")
        if type(data[name]) not in accepted:
            raise TypeError(f"{data[name]!r} as {name!r}")
    return data


def _problem(record: Record, what: str, error: Exception) -> str:
    text = getattr(record, what)
    shown = repr(text) if len(repr(text)) <= 80 else f"{repr(text)[:80]}…"
    return (
        f"The stored {what} {shown} of job {record.job_id!r} must be JSON as this version writes it, got {error}. "
        "Restore it from a backup, or add the job again with replace_existing=True."
    )
