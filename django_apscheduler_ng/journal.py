"""The journal: what happened to jobs outside their runs, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from .actors import current_actor
from .clock import Clock
from .models import JobLogEntry, JobRun, ScheduledJob
from .rows import difference

Entry = tuple[ScheduledJob, str, dict[str, Any], dict[str, Any]]


class Subject(Protocol):
    """What an entry is about: the row of a job, or what stands for one."""

    @property
    def namespace(self) -> Any:
        """The job store."""

    @property
    def pk(self) -> Any:
        """Primary key of the job."""

    @property
    def job_id(self) -> Any:
        """Id of the job."""


class JobOf(NamedTuple):
    """The job of a run, which may have been removed."""

    namespace: str
    pk: int
    job_id: str

    @classmethod
    def run(cls, run: JobRun) -> JobOf:
        """Return the job of this run."""
        return cls(run.namespace, run.job_key, run.job_id)


class Journal:
    """Writes entries in the name of whoever acts, inside the transaction that makes the change."""

    def __init__(self, using: str, clock: Clock) -> None:
        """Write to the database `using`, with times of `clock`."""
        self._using = using
        self._clock = clock

    def write(self, row: Subject, action: str, before: dict[str, Any], after: dict[str, Any], reason: str = "") -> None:
        """Write one entry with what differs between `before` and `after`."""
        self._entry(row, action, before, after, reason).save(using=self._using, force_insert=True)

    def write_many(self, entries: Sequence[Entry]) -> None:
        """Write several entries at once."""
        rows = [self._entry(row, action, before, after, "") for row, action, before, after in entries]
        JobLogEntry.objects.using(self._using).bulk_create(rows, batch_size=500)

    def _entry(
        self, row: Subject, action: str, before: dict[str, Any], after: dict[str, Any], reason: str
    ) -> JobLogEntry:
        actor = current_actor()
        old, new = difference(before, after)
        return JobLogEntry(
            namespace=row.namespace,
            job_key=row.pk,
            job_id=row.job_id,
            at=self._clock.now(),
            action=action,
            actor_id=actor.id,
            actor_name=actor.name[:255],
            reason=reason or actor.reason,
            before=old,
            after=new,
        )
