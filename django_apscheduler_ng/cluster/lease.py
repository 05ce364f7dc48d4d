"""The lease of a worker: a thread that raises the counter of the run that the worker performs, and hears what is asked of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from django.db import connections
from django.db.models import F

from ..connections import own_connection
from ..models import JobRun
from ..querysets import JobRunQuerySet
from ..runs import RunStatus

logger = logging.getLogger(__name__)

#: How often to look whether the run is to be cancelled at least, in seconds.
LOOK = 1.0


class Lease:
    """Shows that a run is being performed, from `start()` to `stop()`."""

    def __init__(
        self, *, using: str, run: int, token: str, interval: float, stop_body: Callable[[RunStatus], None]
    ) -> None:
        """Prepare.

        Args:
            using: alias of the database.
            run: key of the run's row.
            token: what the worker has written into its column `node`.
            interval: seconds between two heartbeats of nodes; the worker gives signs of life as often at least.
            stop_body: called once, from this thread, when the run is to end: `CANCELLED` where somebody asked for it, `ABANDONED` where
                it was taken from this worker.
        """
        self._using = using
        self._run = run
        self._token = token
        self._interval = min(interval, LOOK)
        self._stop_body = stop_body
        self._over = Event()
        self._thread = Thread(target=self._loop, name=f"lease of run {run}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Give no more signs of life."""
        self._over.set()
        self._thread.join(self._interval)

    @property
    def held(self) -> JobRunQuerySet:
        """The run, as long as it is this worker's."""
        runs = JobRun.objects.using(self._using)
        return runs.filter(pk=self._run, status=RunStatus.RUNNING, node=self._token)

    def _loop(self) -> None:
        failing = False
        while not self._over.wait(self._interval):
            try:
                asked = self._beat()
            except Exception as error:
                if not failing:
                    logger.warning("The lease of run %d cannot be renewed (%s); it is tried again.", self._run, error)
                failing = True
                continue
            failing = False
            if asked is not None:
                self._stop_body(asked)
                break
        connections[self._using].close()

    def _beat(self) -> RunStatus | None:
        """Raise the counter; returns how the run is to end where it is to end now."""
        with own_connection(self._using):
            if not self.held.update(beat=F("beat") + 1):
                return None if self._over.is_set() else RunStatus.ABANDONED
            cancelled = self.held.exclude(cancel_requested_at=None).exists()
        return RunStatus.CANCELLED if cancelled else None
