"""The lease of a worker: a thread that raises the counter of the run that the worker performs, and ends it when it is time."""

from __future__ import annotations

import logging
import time
from threading import Event, Thread
from typing import Any, Protocol

from django.db import connections
from django.db.models import F

from ..connections import own_connection
from ..models import JobRun
from ..querysets import JobRunQuerySet
from ..runs import RunStatus

logger = logging.getLogger(__name__)

#: How often to look whether the run is to be cancelled, at least, in seconds.
LOOK = 1.0


class Holder(Protocol):
    """Who performs the run. All of this is called from the thread of the lease."""

    def cancel(self, by: str, reason: str) -> None:
        """End the run, because somebody asked for it; called again with each look until the lease stops."""

    def expire(self) -> None:
        """End the run, because its time is up; called once."""

    def lose(self) -> None:
        """Stop, because the run was taken away; called once."""


class Lease:
    """Shows that a run is being performed, from `start()` to `stop()`."""

    def __init__(
        self, holder: Holder, *, using: str, run: int, token: str, interval: float, timeout: float | None
    ) -> None:
        """Prepare.

        Args:
            holder: who performs the run.
            using: alias of the database.
            run: key of the run's row.
            token: what the worker has written into its column `node`.
            interval: seconds between two heartbeats of nodes; the worker gives signs of life as often at least.
            timeout: how long the run may take, in seconds; None = as long as it takes.
        """
        self._holder = holder
        self._using = using
        self._run = run
        self._token = token
        self._interval = min(interval, LOOK)
        self._expires_at = None if timeout is None else time.monotonic() + timeout
        self._over = Event()
        self._failing = False
        self._thread = Thread(target=self._loop, name=f"lease of run {run}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Give no more signs of life."""
        self._over.set()

    @property
    def _held(self) -> JobRunQuerySet:
        """The run, as long as it is this worker's."""
        runs = JobRun.objects.using(self._using)
        return runs.filter(pk=self._run, status=RunStatus.RUNNING, node=self._token)

    def _loop(self) -> None:
        look_at = time.monotonic() + self._interval
        while not self._over.wait(self._pause(look_at)):
            now = time.monotonic()
            if self._expires_at is not None and now >= self._expires_at:
                self._expires_at = None
                self._holder.expire()
            if now >= look_at:
                look_at = now + self._interval
                self._look_safely()
        connections[self._using].close()

    def _pause(self, look_at: float) -> float:
        then = look_at if self._expires_at is None else min(look_at, self._expires_at)
        return max(then - time.monotonic(), 0.0)

    def _look_safely(self) -> None:
        """Give a sign of life, and hear what is asked; what fails is tried again."""
        try:
            self._look()
        except Exception as error:
            if not self._failing:
                logger.warning("The lease of run %d cannot be renewed (%s); it is tried again.", self._run, error)
            self._failing = True
        else:
            self._failing = False

    def _look(self) -> None:
        with own_connection(self._using):
            held = self._held.update(beat=F("beat") + 1)
            asked: Any = self._held.exclude(cancel_requested_at=None) if held else self._held.none()
            found = asked.values_list("cancel_requested_by", "cancel_reason").first()
        if found is not None:
            self._holder.cancel(*found)
        elif not held and not self._over.is_set():
            self._over.set()
            self._holder.lose()
