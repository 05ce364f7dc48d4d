"""Jobs of django-apscheduler: the rows of its table, each with a pickled job of APScheduler 3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connections

from ..documents import Reader
from ..exceptions import ConfigurationError, SchedulerError, StoredDataError
from .candidates import Candidate, describe, with_job
from .oldtriggers import OldTrigger, numeric_weekdays, read_trigger
from .pickles import plain, read_pickle

TABLE = "django_apscheduler_djangojob"

_OPTIONS = ("name", "executor", "coalesce", "max_instances", "misfire_grace_time")

#: APScheduler's own default, in seconds.
_OLD_GRACE = 1


def read_table(using: str, reader: Reader) -> Iterator[Candidate]:
    """Yield the jobs of the old table in the database `using`, in the order of their ids.

    Raises:
        ConfigurationError: there is no such table.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            raise ConfigurationError(
                f"Database {using!r} has no table {TABLE!r}, in which django-apscheduler keeps its jobs. "
                "Name the database that has it with --database."
            )
        cursor.execute(f"SELECT id, next_run_time, job_state FROM {TABLE} ORDER BY id")  # noqa: S608 - a constant
        rows = cursor.fetchall()
    for job_id, next_run_time, data in rows:
        yield read_row(str(job_id), next_run_time is None, bytes(data), reader)


def read_row(job_id: str, paused: bool, data: bytes, reader: Reader) -> Candidate:
    """Return the job of one row."""
    candidate = Candidate(label=job_id)
    try:
        state = read_pickle(data)
        if not isinstance(state, dict):
            raise StoredDataError(f"The pickle must hold the state of a job, got {type(state).__name__}.")
        trigger = read_trigger(state.get("trigger"))
        found = with_job(candidate, reader, lambda: _described(job_id, paused, state, trigger))
    except (SchedulerError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return candidate.refused(error)
    old = trigger.old_times()
    compared: dict[str, Any] = {"not_compared": old} if isinstance(old, str) else {"old_times": old}
    return replace(found, notes=list(_notes(state, trigger)), **compared)


def _described(job_id: str, paused: bool, state: dict[str, Any], trigger: OldTrigger) -> dict[str, Any]:
    if not isinstance(state.get("func"), str):
        raise StoredDataError(f"The callable must be a reference, got {type(state.get('func')).__name__}.")
    moment = None if paused else state.get("next_run_time")
    if moment is not None and not isinstance(moment, datetime):
        raise StoredDataError(f"The next run time must be a moment, got {type(moment).__name__}.")
    return describe(
        job_id=job_id,
        func=state["func"],
        args=plain(tuple(state.get("args", ()))),
        kwargs=plain(dict(state.get("kwargs", {}))),
        trigger=trigger.here(),
        **{name: state[name] for name in _OPTIONS if name in state},
        next_run_time=None if moment is None else moment.isoformat(),
    )


def _notes(state: dict[str, Any], trigger: OldTrigger) -> Iterator[str]:
    if numeric_weekdays(trigger):
        yield (
            "Its weekdays were given by numbers. They stay the days on which it ran: 0 is Monday. Where they came from a crontab "
            "expression, in which 0 is Sunday, it has always run a day late."
        )
    if state.get("misfire_grace_time") == _OLD_GRACE:
        yield (
            "Its misfire_grace_time of 1 s is APScheduler's default: a run that starts later is missed. "
            "Here the default is None, late is better than never; modify_job(…, misfire_grace_time=None) gives it that."
        )
    if trigger.jitter:
        yield "Its jitter was drawn anew each time; here it depends on job and fire time. Compared are fire times without it."
