"""What a node does, with each heartbeat, for runs on a cluster: one read, and a write only where one of them needs something."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from ..claiming import Cluster, Identity
from ..clock import AnchoredClock
from ..models import JobRun
from ..nodes import Observer
from ..rescue import rescue
from ..runs import RunStatus

logger = logging.getLogger(__name__)

#: The longest pause between two messages for one run.
LONGEST_PAUSE = timedelta(hours=1)


class ClusterExecutor(Protocol):
    """An executor whose runs workers of a cluster perform, as the job store sees it."""

    max_in_flight: int
    #: In seconds.
    republish_after: float

    def publish(self, ledger: str, ids: Collection[int]) -> None:
        """Tell the workers of these runs; returns at once."""


class LiveRun(NamedTuple):
    """A live run on a cluster."""

    pk: int
    status: str
    executor: str
    node: str
    beat: int
    claimed_at: datetime
    publish_at: datetime
    cancel_requested_at: datetime | None

    @property
    def lease(self) -> str:
        """What the worker's signs of life are counted under."""
        return f"{self.pk} {self.node}"


def clusters_of(executors: Mapping[str, Any]) -> dict[str, Cluster]:
    """Return what claims have to know about those of the executors whose runs workers of a cluster perform."""
    return {
        alias: Cluster(executor.max_in_flight, timedelta(seconds=executor.republish_after))
        for alias, executor in executors.items()
        if hasattr(executor, "max_in_flight")
    }


class ClusterWatch:
    """Watches the runs on clusters: those of dead workers are abandoned, those that nobody starts are published again."""

    def __init__(self, identity: Identity, clock: AnchoredClock, *, lease: float, interval: float) -> None:
        """Watch in the name of `identity`, by the clock of its store; see `Observer` for the seconds."""
        self._identity = identity
        self._clock = clock
        self._observer = Observer(lease, interval)

    def look(self, executors: Mapping[str, Any]) -> int:
        """Look at the runs of those of these executors that have workers elsewhere; returns for how many something was done."""
        if not clusters_of(executors):
            return 0
        runs = self._live()
        self._publish_again(runs, executors)
        return self._cancel(runs) + self._abandon(runs)

    def _live(self) -> list[LiveRun]:
        rows = JobRun.objects.using(self._identity.using).live_in(self._identity.namespace).filter(on_cluster=True)
        return [LiveRun._make(row) for row in rows.values_list(*LiveRun._fields)]

    def _abandon(self, runs: Collection[LiveRun]) -> int:
        """Abandon the runs of workers that have given no sign of life for a lease."""
        running = {run.lease: run for run in runs if run.status == RunStatus.RUNNING}
        beats = {lease: run.beat for lease, run in running.items()}
        dead = [running[lease] for lease in self._observer.dead(beats, self._clock.monotonic())]
        stranded = {run.pk: run.node for run in dead}
        return rescue(self._identity.using, stranded, self._clock.now(), who="worker")

    def _cancel(self, runs: Collection[LiveRun]) -> int:
        """Cancel runs that somebody wants cancelled, and that no worker has started."""
        unwanted = [run.pk for run in runs if run.status == RunStatus.CLAIMED and run.cancel_requested_at is not None]
        if not unwanted:
            return 0
        claimed = JobRun.objects.using(self._identity.using).filter(pk__in=unwanted, status=RunStatus.CLAIMED)
        return claimed.update(status=RunStatus.CANCELLED, finished_at=self._clock.now())

    def _publish_again(self, runs: Collection[LiveRun], executors: Mapping[str, ClusterExecutor]) -> None:
        """Publish runs whose message may be lost: the first time after `republish_after`, then after pauses that double.

        Two nodes may do so at once; a worker performs the run once all the same.
        """
        now = self._clock.now()
        overdue = [run for run in runs if run.status == RunStatus.CLAIMED and run.publish_at <= now]
        by_executor: dict[str, list[int]] = defaultdict(list)
        for run in overdue:
            if run.executor in executors and run.cancel_requested_at is None:
                self._put_off(run, now)
                by_executor[run.executor].append(run.pk)
        for alias, ids in by_executor.items():
            logger.info("%d run(s) of executor %r were not started yet and are published again.", len(ids), alias)
            executors[alias].publish(self._identity.using, ids)

    def _put_off(self, run: LiveRun, now: datetime) -> None:
        pause = min(max(now - run.claimed_at, run.publish_at - run.claimed_at), LONGEST_PAUSE)
        claimed = JobRun.objects.using(self._identity.using).filter(pk=run.pk, status=RunStatus.CLAIMED)
        claimed.update(publish_at=now + pause)
