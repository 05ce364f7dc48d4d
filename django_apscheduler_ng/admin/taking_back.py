"""Taking back a change of a job: what it sets, and where later changes are in the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..exceptions import StoredDataError
from ..models import JobLogEntry, ScheduledJob
from ..rows import DECLARED, to_job
from .cells import column_label, event_values
from .conflict import EDITED, columns_of, last_change
from .draft import option_of
from .shown import value_words


class Fate(StrEnum):
    """What taking back does to one column."""

    #: It still is what the change made of it, and becomes what it was.
    BACK = "back"
    #: It was changed again since.
    LATER = "later"
    #: It is again what it was.
    SAME = "same"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One column of the change."""

    column: str
    label: str
    fate: Fate
    #: In words: what it is now, and what it was before the change.
    now: str
    then: str
    #: What changed it again, as far as that is known.
    later: JobLogEntry | None = None


@dataclass(frozen=True, kw_only=True)
class Revert:
    """A change that may be taken back."""

    entry: JobLogEntry
    steps: Sequence[Step]
    #: Changes with the values that were seen.
    seen: str

    def columns(self, *, overwrite: bool) -> list[str]:
        """Return the columns to set back; with `overwrite` those too that were changed again since."""
        fates = (Fate.BACK, Fate.LATER) if overwrite else (Fate.BACK,)
        return [step.column for step in self.steps if step.fate in fates]

    @property
    def has_later(self) -> bool:
        """Whether later changes are in the way."""
        return any(step.fate is Fate.LATER for step in self.steps)


def can_be_reverted(entry: JobLogEntry) -> bool:
    """Return whether an event changed the definition of a job that was there before."""
    before, after = event_values(entry)
    return bool(after) and any(name in before for name in EDITED)


def plan_revert(row: ScheduledJob, entry: JobLogEntry, later: Sequence[JobLogEntry]) -> Revert:
    """Return what taking back the change would do.

    Args:
        row: the job as it is now.
        entry: the event of the change.
        later: the events of the job after that, latest first.
    """
    before, after = event_values(entry)
    now = columns_of(row)
    steps = [
        Step(
            column=name,
            label=column_label(name),
            fate=(fate := _fate(now[name], before[name], after.get(name))),
            now=value_words(name, now[name]),
            then=value_words(name, before[name]),
            later=last_change(later, name) if fate is Fate.LATER else None,
        )
        for name in EDITED
        if name in before
    ]
    values = json.dumps([entry.pk, *(now[step.column] for step in steps)], default=str)
    return Revert(entry=entry, steps=steps, seen=hashlib.sha256(values.encode()).hexdigest()[:32])


def _fate(now: Any, before: Any, after: Any) -> Fate:
    if now == before:
        return Fate.SAME
    return Fate.BACK if now == after else Fate.LATER


def options_before(row: ScheduledJob, entry: JobLogEntry, columns: Collection[str]) -> dict[str, Any]:
    """Return the options of the job as these columns were before an event.

    Raises:
        StoredDataError: what the event kept cannot be read.
    """
    before, _after = event_values(entry)
    values = {name: before[name] if name in columns else getattr(row, name) for name in DECLARED}
    job = to_job(ScheduledJob(**values, job_id=row.job_id))
    if job.unreadable:
        raise StoredDataError(job.unreadable)
    return {option_of(name): job.func_ref if name == "func_ref" else getattr(job, name) for name in columns}
