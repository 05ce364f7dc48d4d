"""How a node prunes: between two heartbeats, a little at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from threading import Event

from django.db import DatabaseError, InterfaceError

from .claiming import Identity
from .clock import AnchoredClock
from .conf import Config
from .connections import own_connection
from .retention import Pruned, steps

logger = logging.getLogger(__name__)

#: Part of a heartbeat interval that pruning may take: no heartbeat is late for it.
SHARE = 0.25

#: Heartbeat intervals from one look in vain to the next: looking costs next to nothing, however big the tables are.
LOOK_EVERY = 6

#: Steps after one heartbeat at most: 50,000 rows read or deleted.
MOST_STEPS = 50

#: Time from the end of a round to the next one, in seconds.
REST = 600.0

#: The first round of a node begins within this many seconds, sooner or later by its id: nodes that start together do not prune
#: together.
FIRST_LOOK = 60.0

#: Longest pause between two steps, in seconds. A step is followed by a pause as long as itself: others that write, on SQLite above all,
#: get in between.
_BREATH = 0.05

#: What the iterator of a round gives when it is over.
_DONE = Pruned()


class Pruner:
    """Deletes what `retention` says in rounds, each of which may take many heartbeats. `work()` belongs to the heartbeat's thread."""

    def __init__(self, identity: Identity, clock: AnchoredClock, config: Config) -> None:
        """Prune the database of the node with this identity."""
        self._using = identity.using
        self._clock = clock
        self._limits = config.retention
        self._interval = config.heartbeat_interval
        self._next_look = clock.monotonic() + FIRST_LOOK * int(identity.node[:8], 16) / 0xFFFFFFFF
        self._round: Iterator[Pruned | None] | None = None
        self._pruned = Pruned()
        self._stopping = Event()

    def stop(self) -> None:
        """End `work()` soon, in whatever thread it is under way."""
        self._stopping.set()

    def work(self) -> None:
        """Go on with the round under way, or begin one if it is time; takes a quarter of a heartbeat interval at most."""
        if self._clock.monotonic() < self._next_look or (self._round is None and not self._begin()):
            return
        try:
            with own_connection(self._using):
                self._go_on()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Old history could not be deleted (%s); it is tried again in %g s.", error, FIRST_LOOK)
            self._end(FIRST_LOOK)

    def _begin(self) -> bool:
        limits = self._limits
        if limits.max_age_days is None and limits.max_runs_per_job is None:
            return False
        self._pruned = Pruned()
        self._round = steps(
            self._using,
            self._clock.now(),
            max_age_days=limits.max_age_days,
            max_runs_per_job=limits.max_runs_per_job,
        )
        return True

    def _go_on(self) -> None:
        """Delete step by step; a look in vain is the last one for a while."""
        assert self._round is not None
        until = self._clock.monotonic() + self._interval * SHARE
        for _ in range(MOST_STEPS):
            began = self._clock.monotonic()
            pruned = next(self._round, _DONE)
            if pruned is _DONE:
                self._report()
                self._end(REST)
                return
            if pruned is None:
                self._next_look = began + self._interval * LOOK_EVERY
                return
            self._pruned += pruned
            took = self._clock.monotonic() - began
            if self._clock.monotonic() >= until or self._stopping.wait(min(took, _BREATH)):
                return

    def _report(self) -> None:
        if self._pruned != Pruned():
            logger.info(
                "Old history deleted: %d run(s), %d event(s), %d finished job(s), %d node(s).",
                self._pruned.runs,
                self._pruned.entries,
                self._pruned.jobs,
                self._pruned.nodes,
            )

    def _end(self, rest: float) -> None:
        self._round = None
        self._next_look = self._clock.monotonic() + rest
