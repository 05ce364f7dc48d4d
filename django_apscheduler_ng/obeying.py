"""A node's side of cancellations: it looks for wishes about its own runs, and has its executors end those.

It looks once a second at most, and only while it has a run that was there at its last look: short runs, and a node that has nothing
to do, cost no statement. A notification makes it look at once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from django.db.models import QuerySet

from .claiming import Identity
from .clock import Clock
from .connections import PASSING_ERRORS, own_connection
from .held import HeldRuns
from .jobstores.base import StoreHost
from .models import JobRun

logger = logging.getLogger(__name__)

#: Seconds between two looks at least.
INTERVAL = 1.0

#: How often the node asks itself whether there is something to look for, in seconds. It takes no statement.
TICK = 0.5


def wishes(using: str, namespace: str, node: str) -> QuerySet[JobRun, tuple[int, str, str]]:
    """Return key, author and reason of each wish that a live run of this node shall end."""
    mine = JobRun.objects.using(using).live_in(namespace).filter(node=node, cancel_requested_at__isnull=False)
    return mine.values_list("pk", "cancel_requested_by", "cancel_reason")


class Obedience:
    """Ends the runs of one node that somebody wants to end. Belongs to the thread of the heartbeat, but for `soon`."""

    def __init__(self, identity: Identity, host: StoreHost, clock: Clock, held: HeldRuns) -> None:
        """Prepare.

        Args:
            identity: of the node.
            host: the scheduler, whose executors end runs.
            clock: its monotonic reading says when it is time to look.
            held: the runs that this node knows of.
        """
        self._identity = identity
        self._host = host
        self._clock = clock
        self._held = held
        self._seen: set[int] = set()
        self._obeyed: set[int] = set()
        self._looked_at = -INTERVAL
        #: Somebody says that there is a wish: look at once. May be set from any thread.
        self.soon = False

    def look(self) -> None:
        """Look for wishes and fulfil them, where it is time to."""
        held = self._held.ids()
        old, self._seen = held & self._seen, held
        self._obeyed &= held
        now = self._clock.monotonic()
        if held and (self.soon or (old and now - self._looked_at >= INTERVAL)):
            self.soon = False
            self._looked_at = now
            try:
                self.obey(held)
            except PASSING_ERRORS:  # the connection was lost since the last time
                self.obey(held)

    def obey(self, held: Collection[int]) -> None:
        """Look for wishes now, and fulfil those about runs among `held`."""
        with own_connection(self._identity.using):
            found = list(wishes(self._identity.using, self._identity.namespace, self._identity.node))
        for key, by, reason in found:
            if key in held and key not in self._obeyed and self._end(key, by, reason):
                self._obeyed.add(key)

    def _end(self, key: int, by: str, reason: str) -> bool:
        """Have the executor that has the run end it; returns whether there is one. It may be on its way to it."""
        for executor in self._host.executors().values():
            if executor.cancel(self._identity.alias, str(key), by=by, reason=reason) is not None:
                logger.info("Run %d is cancelled, as was asked for.", key, extra={"run_id": str(key)})
                return True
        return False
