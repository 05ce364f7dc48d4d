"""How many more runs an executor may hand to the workers of a cluster: counted by one claim at a time, over all nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from ..models import ExecutorLock, JobRun
from .batch import Batch, Identity


class ClusterPlaces:
    """Counts the live runs of such executors under a lock that each claim for them takes first, before those of jobs."""

    def __init__(self, identity: Identity) -> None:
        """Count in the name of `identity`."""
        self._identity = identity
        #: Executors whose lock has a row.
        self._known: set[str] = set()

    def count(self, batch: Batch, due: Collection[str] | None) -> None:
        """Leave the executors of the batch as many slots as they have places free; none where another claim is counting now.

        Args:
            batch: its free slots are lowered.
            due: executors that have due jobs; None = any of them may be asked for.
        """
        asked = [alias for alias in batch.clusters if batch.free.get(alias, 0) > 0 and (due is None or alias in due)]
        if not asked:
            return
        locked = self._lock(asked)
        live = Counter(self._live())
        for alias in asked:
            places = batch.clusters[alias].max_in_flight - live[alias] if alias in locked else 0
            batch.free[alias] = max(min(batch.free[alias], places), 0)

    def _lock(self, aliases: Collection[str]) -> set[str]:
        """Lock the executors in the order of their names; returns those that nobody else has locked."""
        rows = ExecutorLock.objects.using(self._identity.using).filter(namespace=self._identity.namespace)
        for alias in set(aliases) - self._known:
            rows.get_or_create(namespace=self._identity.namespace, executor=alias)
        wanted = rows.filter(executor__in=aliases).order_by("executor")
        locked = {row.executor for row in self._identity.locked(wanted)}
        self._known = locked
        return locked

    def _live(self) -> list[str]:
        """Return the executor of each live run on a cluster."""
        runs = JobRun.objects.using(self._identity.using).live_in(self._identity.namespace).filter(on_cluster=True)
        return list(runs.values_list("executor", flat=True))
