"""Fire times that meet as many runs of their job as there may be: skipped, or waiting for one of those runs to end.

One fire time of a job waits, as a pending run; those that come after it are skipped. Where the job asks for that, the oldest of the
runs is to be cancelled for it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, connections
from django.db.models import OuterRef, Subquery

from ..duejob import DueJob
from ..jobstores.base import Passed
from ..ledger import summary_row, waiting_run
from ..models import JobRun, Overlap, SchedulerNode
from ..querysets import JobRunQuerySet
from .batch import Batch, Identity, Skip

logger = logging.getLogger(__name__)

#: How much of the name of a host is shown: a reason has room for 255 characters.
_HOST = 60


class Overlaps:
    """What becomes of such fire times; inside the transaction of a claim, with the rows of their jobs locked."""

    def __init__(self, identity: Identity) -> None:
        """Act in the name of `identity`."""
        self._identity = identity

    @property
    def _runs(self) -> JobRunQuerySet:
        return JobRun.objects.using(self._identity.using)

    def waiting(self, rows: Sequence[DueJob]) -> dict[int, int]:
        """Return the ids of the fire times that wait already, by job; nothing is asked where no job lets them wait."""
        asking = {row.pk for row in rows if row.overlap != Overlap.SKIP}
        if not asking:
            return {}
        pending = self._runs.pending_in(self._identity.namespace).filter(slot__isnull=False, attempt=1)
        return {job_key: pk for pk, job_key in pending.values_list("pk", "job_key") if job_key in asking}

    def settle(self, batch: Batch) -> None:
        """Write the fire times that wait, ask for the cancellation of the runs that are to be replaced, and explain what is skipped."""
        if batch.waits:
            runs = [waiting_run(wait.row, wait.slot, wait.start_until) for wait in batch.waits]
            self._runs.bulk_create(runs, ignore_conflicts=True)
        if batch.skips:
            holders = self._holders({min(skip.holders) for skip in batch.skips})
            for skip in batch.skips:
                reason = _reason(skip, holders)
                batch.insert(summary_row(skip.row, skip.summary, batch.now, reason))
                batch.claim.passed.append(Passed(job_id=skip.row.job_id, summary=skip.summary, reason=reason))
        self._cancel(batch)

    def _cancel(self, batch: Batch) -> None:
        """Ask for the cancellation of the runs that are to be replaced, where nobody did before.

        Those whose rows are locked are left for `cancel_left()`: other statements lock several rows of runs in orders of their own, and
        to wait for them here might mean a deadlock.
        """
        met = [(wait.row, wait.holder) for wait in batch.waits]
        met += [(skip.row, min(skip.holders)) for skip in batch.skips if skip.waiting is not None]
        keys = {key for row, key in met if row.overlap == Overlap.REPLACE}
        if not keys:
            return
        live = self._runs.live().filter(pk__in=keys)
        if connections[self._identity.using].features.has_select_for_update_skip_locked:
            live = live.order_by("pk").select_for_update(skip_locked=True)
        found = dict(live.values_list("pk", "cancel_requested_at"))
        self._runs.filter(pk__in=[pk for pk, asked_at in found.items() if asked_at is None]).update(
            **_request(batch.now)
        )
        batch.uncancelled = sorted(keys - set(found))

    def cancel_left(self, batch: Batch) -> None:
        """Ask for the cancellation of the runs whose rows were locked, one by one and after the commit.

        A request that fails here is made again when the next fire time meets the run.
        """
        for key in batch.uncancelled:
            try:
                self._runs.live().filter(pk=key, cancel_requested_at=None).update(**_request(batch.now))
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The cancellation of run %d could not be asked for (%s).", key, error)

    def _holders(self, keys: Collection[int]) -> Mapping[int, str]:
        """Return what is to be said of live runs: on which host, and since when."""
        nodes = SchedulerNode.objects.using(self._identity.using).filter(pk=OuterRef("node"))
        runs = self._runs.filter(pk__in=keys).annotate(host=Subquery(nodes.values("host")[:1]))
        said = "run {} on {} has been under way since {:%Y-%m-%d %H:%M:%S} UTC"
        return {
            pk: said.format(pk, (host or "an unknown node")[:_HOST], started or claimed)
            for pk, host, started, claimed in runs.values_list("pk", "host", "started_at", "claimed_at")
        }


def _request(now: datetime) -> dict[str, Any]:
    return {"cancel_requested_at": now, "cancel_reason": "the next fire time of its job takes its place"}


def _reason(skip: Skip, holders: Mapping[int, str]) -> str:
    """Return why the fire times were skipped: which run holds the instance, and which one waits for that already."""
    held = holders.get(min(skip.holders), "the job already had all its instances running")
    if skip.waiting is None:
        return held
    waiting = f"run {skip.waiting}" if skip.waiting else "an earlier fire time"
    return f"{held}, and {waiting} waits for that to end"
