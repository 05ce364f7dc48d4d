"""What a job was at a moment of the past: its columns now, with the changes since then undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..models import JobLogEntry, ScheduledJob
from ..rows import read_trigger
from ..triggers.base import BaseTrigger
from .facts import Facts, plans_anew, values

#: Columns that a sentence may be about.
_COLUMNS = ("trigger", "misfire_grace_time", "executor", "max_instances", "paused")

#: What ends the states that the scheduler itself puts a job into.
_ENDS_BROKEN = ("repaired", "modified", "rescheduled", "resumed", "updated from code", "declared again")
_ENDS_RETIRED = ("declared again", "resumed", "modified", "rescheduled", "updated from code")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A job at a moment of the past."""

    trigger: BaseTrigger
    grace: float | None
    executor: str
    max_instances: int
    #: What put it to rest, and what woke it; None where nothing did, or where that is not kept.
    paused: bool
    paused_by: JobLogEntry | None
    resumed_by: JobLogEntry | None
    retired_by: JobLogEntry | None
    returned_by: JobLogEntry | None
    broken_by: JobLogEntry | None
    #: The change before and the change after the moment that planned the job anew.
    planned_by: JobLogEntry | None
    replanned_by: JobLogEntry | None
    #: The first change of the trigger after the moment.
    rescheduled_by: JobLogEntry | None


def definition_at(moment: datetime, facts: Facts) -> Definition | None:
    """Return the job as it was at `moment`; None where that is not kept."""
    if not _is_known(moment, facts):
        return None
    before = [entry for entry in facts.entries if entry.at <= moment]
    after = [entry for entry in facts.entries if entry.at > moment]
    columns = {name: getattr(facts.job, name) for name in _COLUMNS}
    for entry in reversed(after):
        columns.update({name: value for name, value in values(entry.before).items() if name in columns})
    return Definition(
        trigger=read_trigger(ScheduledJob(trigger=columns["trigger"])),
        grace=columns["misfire_grace_time"],
        executor=columns["executor"],
        max_instances=columns["max_instances"],
        paused=bool(columns["paused"]),
        paused_by=_last(before, lambda entry: values(entry.after).get("paused") is True),
        resumed_by=_first(after, lambda entry: values(entry.after).get("paused") is False),
        retired_by=_standing(before, "retired", _ENDS_RETIRED),
        returned_by=_first(after, lambda entry: entry.action in _ENDS_RETIRED),
        broken_by=_standing(before, "broken", _ENDS_BROKEN),
        planned_by=_last(before, plans_anew),
        replanned_by=_first(after, plans_anew),
        rescheduled_by=_first(after, lambda entry: "trigger" in values(entry.before)),
    )


def _is_known(moment: datetime, facts: Facts) -> bool:
    """Return whether every change since `moment` is kept. Entries are deleted from the oldest on."""
    if facts.journal_is_whole or moment >= facts.job.updated_at:
        return True
    return bool(facts.entries) and facts.entries[0].at <= moment


def _first(entries: Iterable[JobLogEntry], fits: Callable[[JobLogEntry], bool]) -> JobLogEntry | None:
    return next((entry for entry in entries if fits(entry)), None)


def _last(entries: Sequence[JobLogEntry], fits: Callable[[JobLogEntry], bool]) -> JobLogEntry | None:
    return _first(reversed(entries), fits)


def _standing(entries: list[JobLogEntry], begins: str, ends: tuple[str, ...]) -> JobLogEntry | None:
    """Return the entry that began a state which none after it has ended."""
    last = _last(entries, lambda entry: entry.action == begins or entry.action in ends)
    return last if last is not None and last.action == begins else None
