"""New jobs on their way into the table, each with its entry in the journal: many in one statement.

An id that is taken spoils no transaction of the caller: the statements count what they insert, and leave it at that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import IntegrityError, connections, transaction

from ..actors import current_actor
from ..connections import begin_with_a_write
from ..models import ScheduledJob
from ..notifications import payload
from ..querysets import ScheduledJobQuerySet, by_keys
from .columns import Row
from .many import insert_many
from .one import insert_one

__all__ = ["Additions"]

#: Jobs in one statement at most.
BATCH_SIZE = 1_000


class Additions:
    """Adds jobs to one namespace, all or none of them."""

    def __init__(self, using: str, namespace: str) -> None:
        """Add to the job store that these name."""
        self._using = using
        self._namespace = namespace

    def add(self, rows: Sequence[Row], *, origin: str, environment: str, now: datetime) -> str | None:
        """Add jobs in the name of whoever acts; those whose schedule has ended make room for them.

        Args:
            rows: with the keys of `columns.JOB` and `columns.ENTRY`.
            origin: where the jobs are defined.
            environment: their label.
            now: the time of the store.

        Returns:
            An id that is taken, so that none of the jobs was added; None = all were.
        """
        actor = current_actor()
        common = {
            "namespace": self._namespace,
            "environment": environment,
            "origin": origin,
            "at": now,
            "paused_by": actor.name,
            "actor_id": actor.id,
            "actor_name": actor.name[:255],
            "reason": actor.reason,
            "news": payload(self._namespace),
        }
        if self._insert(rows, common):
            return None
        try:
            with transaction.atomic(using=self._using):
                begin_with_a_write(self._using)
                self._make_room(rows)
                if any(self._taken(rows)) or not self._insert(rows, common):
                    raise _TakenError
        except _TakenError:
            return next(self._taken(rows), rows[0]["job_id"])
        return None

    def _insert(self, rows: Sequence[Row], common: Row) -> bool:
        """Insert the rows; returns False, and leaves things as they were, where an id is taken."""
        connection = connections[self._using]
        if len(rows) == 1:
            return insert_one(connection, rows[0], common)
        try:
            with transaction.atomic(using=self._using):
                for batch in _batches(rows):
                    if insert_many(connection, batch, common) < len(batch):
                        raise _TakenError
        except (_TakenError, IntegrityError):
            return False
        return True

    def _named(self, rows: Sequence[Row]) -> Iterator[ScheduledJobQuerySet]:
        jobs = ScheduledJob.objects.using(self._using).of(self._namespace)
        for batch in _batches(rows):
            yield jobs.filter(job_id__in=[row["job_id"] for row in batch])

    def _make_room(self, rows: Sequence[Row]) -> None:
        for jobs in self._named(rows):
            by_keys(jobs.exclude(finished_at=None)).exclude(finished_at=None).delete()

    def _taken(self, rows: Sequence[Row]) -> Iterator[str]:
        for jobs in self._named(rows):
            yield from jobs.unfinished().order_by("pk").values_list("job_id", flat=True)[:1]


class _TakenError(Exception):
    """Some id is taken: undo what has been inserted."""


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), BATCH_SIZE):
        yield rows[first : first + BATCH_SIZE]
