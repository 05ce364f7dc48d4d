"""Two people who edit one job: what the form of the second was filled from, and what the first has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.core import signing

from ..clock import SYSTEM_CLOCK
from ..exceptions import SchedulerError
from ..models import JobLogEntry, ScheduledJob
from ..rows import DECLARED, definition, to_job
from .cells import column_label, event_values
from .shown import NOTHING, distance_words, value_words

_SALT = "django_apscheduler_ng.admin.edit"
#: So many events are searched for who made a change.
_SEARCHED = 50
#: Columns that a person edits; the type follows from the trigger.
EDITED = tuple(name for name in DECLARED if name != "trigger_type")


def columns_of(row: ScheduledJob) -> dict[str, Any]:
    """Return the edited columns of a job, written as the library writes them, so that they can be compared."""
    columns = {name: getattr(row, name) for name in EDITED}
    job = to_job(row)
    if job.unreadable:
        return columns
    try:
        return {**columns, **definition(job), "name": row.name} | {"func_ref": row.func_ref}
    except SchedulerError:
        return columns


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A job as a form showed it. It travels with the form, signed."""

    pk: int
    job_id: str
    namespace: str
    revision: int
    columns: dict[str, Any]

    @classmethod
    def of(cls, row: ScheduledJob) -> Self:
        """Remember a job as it is now."""
        columns = {name: getattr(row, name) for name in DECLARED}
        return cls(pk=row.pk, job_id=row.job_id, namespace=row.namespace, revision=row.revision, columns=columns)

    @classmethod
    def read(cls, text: str, key: int | None = None) -> Self | None:
        """Return what a form carries; None where it was not made here, or for another job than that with the primary key `key`."""
        try:
            shown = cls(**signing.loads(text, salt=_SALT))
        except (signing.BadSignature, TypeError, ValueError):
            return None
        return shown if key is None or shown.pk == key else None

    def text(self) -> str:
        """Return what the form carries."""
        return signing.dumps(self.__dict__, salt=_SALT, compress=True)

    def row(self) -> ScheduledJob:
        """Return the job as it was shown; not to be saved."""
        return ScheduledJob(
            pk=self.pk, job_id=self.job_id, namespace=self.namespace, revision=self.revision, **self.columns
        )

    def changed_in(self, row: ScheduledJob) -> dict[str, tuple[Any, Any]]:
        """Return the columns that are different in `row`, each with its values then and now."""
        if row.revision == self.revision and all(getattr(row, name) == self.columns[name] for name in EDITED):
            return {}
        before, now = columns_of(self.row()), columns_of(row)
        return {name: (before[name], now[name]) for name in EDITED if before[name] != now[name]}


@dataclass(frozen=True, kw_only=True)
class Clash:
    """One value that somebody else changed meanwhile, in words."""

    column: str
    label: str
    before: str
    theirs: str
    #: What you fill in; empty where you did not touch it.
    yours: str
    who: str
    at: datetime | None

    @property
    def ago(self) -> str:
        """How long ago that was; empty where it is not known."""
        return distance_words(self.at, SYSTEM_CLOCK.now()) if self.at else ""


def clashes(
    row: ScheduledJob, theirs: Mapping[str, tuple[Any, Any]], yours: Mapping[str, Any], using: str
) -> list[Clash]:
    """Return what others changed, beside what you did.

    Args:
        row: the job as it is now.
        theirs: the columns that others changed, with their values before and now.
        yours: the columns that you changed, with your values.
        using: alias of the database.
    """
    entries = list(JobLogEntry.objects.using(using).about([row.pk]).order_by("-pk")[:_SEARCHED])
    found = []
    for column, (before, now) in theirs.items():
        entry = last_change(entries, column)
        found.append(
            Clash(
                column=column,
                label=column_label(column),
                before=value_words(column, before),
                theirs=value_words(column, now),
                yours=value_words(column, yours[column]) if column in yours else "",
                who=entry.actor_name or NOTHING if entry else NOTHING,
                at=entry.at if entry else None,
            )
        )
    return found


def last_change(entries: Iterable[JobLogEntry], column: str) -> JobLogEntry | None:
    """Return the first of `entries` that changed a column."""
    return next((entry for entry in entries if column in event_values(entry)[1]), None)
