"""A node: one scheduler process in the eyes of the others, alive as long as its heartbeat goes on.

The heartbeat is a counter. An observer takes a node for dead when it has seen the counter unchanged for a whole lease of successful
reads on its own monotonic clock, so that neither a database outage nor a step of a clock kills anybody. What the dead node had claimed
but not started is given back; what it was running is abandoned, or run again where the job asks for it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from threading import Event, Thread
from typing import Any

from django.db import connections
from django.db.models import F

from .claiming import Identity
from .clock import AnchoredClock
from .connections import PASSING_ERRORS, own_connection
from .listening import Listener, listener_for
from .models import NodeState, SchedulerNode
from .obeying import TICK
from .storetime import DATABASE_TIME

logger = logging.getLogger(__name__)


class Observer:
    """Remembers when each other node was last seen to move."""

    def __init__(self, lease: float, interval: float) -> None:
        """Take a node for dead after `lease` seconds without a heartbeat, where there should be one each `interval` seconds."""
        self._lease = lease
        self._longest_gap = max(lease / 4, interval)
        self._read_at: float | None = None
        #: Counter of each node, and for how many seconds it was seen unchanged.
        self._silent: dict[str, tuple[int, float]] = {}

    def dead(self, heartbeats: Mapping[str, int], monotonic: float) -> list[str]:
        """Take in a successful read of all living nodes' counters; returns the ids of those that have not moved for a lease.

        However long ago the last read was, the gap counts for a quarter of the lease at most, or for an interval where that is longer:
        while the database was away, or this process was stopped, nobody could be seen to move.
        """
        gap = 0.0 if self._read_at is None else min(monotonic - self._read_at, self._longest_gap)
        self._read_at = monotonic
        silent: dict[str, tuple[int, float]] = {}
        for node, counter in heartbeats.items():
            known, seconds = self._silent.get(node, (None, 0.0))
            silent[node] = (counter, seconds + gap if known == counter else 0.0)
        self._silent = silent
        return [node for node, (_, seconds) in silent.items() if seconds >= self._lease]

    def counter(self, node: str) -> int:
        """Return the counter at which the node was last seen."""
        return self._silent[node][0]


class Node:
    """Writes this node's row and heartbeat, and calls `care` after each: the duties that go with it."""

    def __init__(
        self,
        identity: Identity,
        clock: AnchoredClock,
        *,
        version: str,
        interval: float,
        report: Callable[[], Mapping[str, Any]],
        care: Callable[[str], None],
        wakeup: Callable[[], None],
        tick: Callable[[], None],
        cancelled: Callable[[], None],
    ) -> None:
        """Prepare the node.

        Args:
            identity: its id, database and namespace.
            clock: follows the database's clock.
            version: of this package.
            interval: seconds between two heartbeats.
            report: returns the columns to refresh with each heartbeat.
            care: called after each heartbeat, in the node's own thread, with what the node is to notify itself of, or nothing.
            wakeup: called when somebody says that jobs have changed; from any thread.
            tick: called twice a second, in the node's own thread.
            cancelled: called when somebody says that runs shall end; from any thread.
        """
        self.identity = identity
        self._clock = clock
        self._version = version
        self._interval = interval
        self._report = report
        self._care = care
        self._wakeup = wakeup
        self._tick = tick
        self._cancelled = cancelled
        self._bell = Event()
        self._listener: Listener | None = None
        self._stopping = Event()
        self._failing = False
        self._thread = Thread(target=self._loop, name="django_apscheduler_ng heartbeat", daemon=True)

    @property
    def _rows(self) -> Any:
        return SchedulerNode.objects.using(self.identity.using)

    def register(self) -> None:
        """Write the node's row and start the heartbeat."""
        with own_connection(self.identity.using):
            self.measure()
            now = self._clock.now()
            columns = {
                "namespace": self.identity.namespace,
                "host": socket.gethostname()[:255],
                "pid": os.getpid(),
                "version": self._version,
                "environment": self.identity.environment,
                "started_at": now,
                "seen_at": now,
                **self._report(),
            }
            if not self._rows.filter(pk=self.identity.node).update(**columns):
                self._rows.create(pk=self.identity.node, **columns)

    def start(self) -> None:
        """Start the heartbeat's thread, and listen for changes where that is possible."""
        self._listener = listener_for(self.identity, self._wakeup, self._cancelled)
        if self._listener is not None:
            self._listener.start()
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop the heartbeat, and mark the node as stopped."""
        self._stopping.set()
        self._bell.set()
        if self._listener is not None:
            self._listener.stop()
        if self._thread.is_alive():
            self._thread.join(timeout)
        with own_connection(self.identity.using):
            self._rows.filter(pk=self.identity.node).update(state=NodeState.STOPPED, seen_at=self._clock.now())

    def beat(self) -> None:
        """Move the heartbeat on by one; a node that was taken for dead meanwhile, or whose row is gone, is back with it."""
        with own_connection(self.identity.using):
            columns = {**self._report(), "seen_at": self._clock.now()}
            if not self._rows.filter(pk=self.identity.node).update(heartbeat=F("heartbeat") + 1, **columns):
                self.register()

    def tick_soon(self) -> None:
        """Call `tick` at once, in the node's own thread."""
        self._bell.set()

    def _loop(self) -> None:
        """Beat after each interval, and tick between, until told to stop."""
        beat_at = time.monotonic() + self._interval
        while not self._stopping.is_set():
            self._bell.wait(max(min(TICK, beat_at - time.monotonic()), 0.0))
            self._bell.clear()
            if self._stopping.is_set():
                break
            self._tick_safely()
            if time.monotonic() >= beat_at:
                self._beat_safely()
                beat_at = time.monotonic() + self._interval
        connections[self.identity.using].close()

    def _tick_safely(self) -> None:
        try:
            self._tick()
        except Exception as error:  # the heartbeat says so where the database is away
            logger.debug("Looking for runs to cancel failed (%s); it is tried again.", error, exc_info=True)

    def _beat_safely(self) -> None:
        try:
            self._beat_and_care()
        except Exception as error:
            if not self._failing:
                logger.exception("The heartbeat of this node failed (%s); it is tried again.", error)
            self._failing = True
        else:
            if self._failing:
                logger.info("The heartbeat of this node goes on.")
            self._failing = False

    def _beat_and_care(self) -> None:
        """Do both, once more where the connection was lost since the last time."""
        echo = self._listener.echo if self._listener is not None and self._listener.expect_echo() else ""
        try:
            self.beat()
            self._care(echo)
        except PASSING_ERRORS:
            self.beat()
            self._care(echo)

    def measure(self) -> None:
        """Set the clock by the database's; SQLite has none of its own."""
        connection = connections[self.identity.using]
        sql = DATABASE_TIME.get(connection.vendor)
        if sql is None or not self._clock.follows:
            return
        with connection.cursor() as cursor:
            before = self._clock.monotonic()
            cursor.execute(sql)
            (there,) = cursor.fetchone()
            trip = self._clock.monotonic() - before
        self._clock.anchor(there.replace(tzinfo=UTC), trip)


def executors_report(executors: Mapping[str, Any]) -> str:
    """Return the JSON that the node's row shows of its executors."""
    return json.dumps(
        {
            alias: {"type": type(executor).__name__, "capacity": executor.capacity, "running": executor.running()}
            for alias, executor in executors.items()
        }
    )
