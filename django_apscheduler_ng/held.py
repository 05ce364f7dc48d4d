"""The live runs of this node, as it knows them itself."""

from __future__ import annotations

from collections.abc import Iterable
from threading import RLock

from .runs import Run


class HeldRuns:
    """Runs that were claimed by this node and whose ends are not recorded yet."""

    def __init__(self) -> None:
        """Hold none."""
        #: Held while the ledger and this change together. A live run of this node that is not held under it was lost.
        self.lock = RLock()
        self._runs: dict[int, tuple[int, bool]] = {}
        self._ended: set[int] = set()

    def add(self, run: Run, job_key: int, *, may_park: bool) -> None:
        """Hold a run of the job with this key, which may be parked until the run ends."""
        self._runs[int(run.id)] = (job_key, may_park)

    def end(self, run: Run) -> None:
        """Note that the body of a run has ended; it is held until that is recorded."""
        self._ended.add(int(run.id))

    def ended(self) -> frozenset[int]:
        """Return the ids of the runs that have ended and whose ends are not recorded."""
        return frozenset(self._ended.copy())  # in one step, whatever other threads do

    def let_go(self, runs: Iterable[Run]) -> set[int]:
        """Hold these no longer; returns the keys of the jobs that may be parked until one of them ends."""
        waiting = set()
        for run in runs:
            job_key, may_park = self._runs.pop(int(run.id), (0, False))
            self._ended.discard(int(run.id))
            if may_park:
                waiting.add(job_key)
        return waiting

    def ids(self) -> set[int]:
        """Return the ids of the runs."""
        return set(self._runs)
