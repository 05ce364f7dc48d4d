"""Jobs that cannot be loaded or planned: declined by one node, broken once every living node that serves their queue has.

A declined job is left alone by this node for a while. A broken one is kept and shown; it is tried again after a growing pause, when
somebody changes it, and when a node starts.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from ..duejob import DueJob
from ..ledger import Note
from ..models import ScheduledJob, SchedulerNode
from ..queues import serves
from .batch import Batch, Identity

logger = logging.getLogger(__name__)

#: How long a node leaves a job alone that it could not load or plan.
BACK_OFF = timedelta(minutes=1)

#: The longest pause between two tries of a broken job.
LONGEST_BACK_OFF = timedelta(minutes=15)


class Declines:
    """What this node declined, and until when."""

    def __init__(self, identity: Identity) -> None:
        """Decline in the name of `identity`."""
        self._identity = identity
        self._until: dict[int, datetime] = {}

    def current(self, now: datetime) -> list[int]:
        """Return the keys of the jobs to leave alone at `now`."""
        if self._until:
            self._until = {key: until for key, until in self._until.items() if until > now}
        return list(self._until)

    def remember(self, job_key: int, now: datetime) -> None:
        """Leave the job alone for a while."""
        self._until[job_key] = now + BACK_OFF

    def write(self, batch: Batch, row: DueJob, reason: str) -> bool:
        """Note in the database that this node declines the job, inside the caller's transaction; returns whether it is broken now.

        A broken job has the time of its next try in its row; only one that other nodes may still run is for this node to remember.
        """
        using = self._identity.using
        nodes = SchedulerNode.objects.using(using).alive().filter(namespace=self._identity.namespace)
        alive = {pk for pk, queues in nodes.values_list("pk", "queues") if serves(queues, row.queue)}
        declined_by = (set(row.declined_by.split()) & alive) | {self._identity.node}
        changes: dict[str, Any] = {"declined_by": " ".join(sorted(declined_by))}
        broken = alive <= declined_by
        if broken:
            changes = self._broken(batch, row, reason)
        ScheduledJob.objects.using(using).filter(pk=row.pk, revision=row.revision).update(**changes)
        return broken

    def _broken(self, batch: Batch, row: DueJob, reason: str) -> dict[str, Any]:
        """Return the columns of a broken job; said once for each reason."""
        if row.broken_reason != reason:
            logger.error("Job %r is broken and kept: %s", row.job_id, reason, extra={"job_id": row.job_id})
            batch.notes.append(Note(row.pk, "broken", reason))
        pause = min(BACK_OFF * 2 ** min(row.retries, 10), LONGEST_BACK_OFF)
        return {
            "broken_reason": reason,
            "planned_trigger": row.trigger,
            "retries": row.retries + 1,
            "retry_at": batch.now + pause,
            "declined_by": "",
        }
