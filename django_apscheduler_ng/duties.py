"""What each node does after its heartbeat: it rescues what dead nodes left, and repairs what it lost itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from .claiming import Claims, Identity
from .clock import AnchoredClock
from .cluster.watch import ClusterWatch
from .connections import own_connection
from .held import HeldRuns
from .jobstores.base import StoreHost
from .models import ScheduledJob
from .nodes import Observer
from .parking import Parking
from .rescue import bury, hand_back, rescue, unsettled
from .surroundings import look_around

logger = logging.getLogger(__name__)

#: How often to look for jobs of executors that this scheduler does not have, in seconds.
_STRAYS_INTERVAL = 600.0


class Duties:
    """The duties of one node. `do()` belongs to the thread of the heartbeat."""

    def __init__(
        self,
        identity: Identity,
        *,
        host: StoreHost,
        clock: AnchoredClock,
        claims: Claims,
        held: HeldRuns,
        parking: Parking,
        lease: float,
        interval: float,
        told: Callable[[Collection[str]], None],
    ) -> None:
        """Prepare.

        Args:
            identity: of the node.
            host: the scheduler, woken where there is something new to claim.
            clock: of the store.
            claims: told of executors that only others have.
            held: the runs that this node knows of.
            parking: asked to wake the jobs that it could not wake before.
            lease: seconds without a heartbeat after which a node counts as dead.
            interval: seconds between two heartbeats.
            told: called after each look, with the ids of the other nodes that are alive.
        """
        self._identity = identity
        self._host = host
        self._clock = clock
        self._claims = claims
        self._held = held
        self._parking = parking
        self._told = told
        self._observer = Observer(lease, interval)
        self._cluster = ClusterWatch(identity, clock, lease=lease, interval=interval)
        self._known_executors: set[str] = set()
        self._look_for_strays_at = 0.0

    def do(self, echo: str = "") -> None:
        """Look around and do what is to be done; on the way, notify this node of `echo`, where that is not empty."""
        self._parking.wake()
        with own_connection(self._identity.using):
            with self._held.lock:
                # before the read: what ends meanwhile is held no longer, and still read as live
                held = self._held.ids()
                seen = look_around(self._identity, self._clock, echo)
                live = self._live() if self._bury(seen.heartbeats) else seen.unsettled
                changed = self._hand_back(live, held)
            changed += self._rescue(live)
            changed += self._cluster.look(self._host.executors())
            self._look_for_strays()
            self._told(seen.heartbeats)
        if changed:
            self._host.wakeup()

    def _live(self) -> Sequence[tuple[int, str]]:
        runs = unsettled(self._identity.using, self._identity.namespace, self._identity.node)
        return list(runs.values_list("pk", "node"))

    def _bury(self, heartbeats: Mapping[str, int]) -> bool:
        """Mark nodes as dead that have not moved for a lease; returns whether there were any."""
        buried = False
        for dead in self._observer.dead(heartbeats, self._clock.monotonic()):
            if bury(self._identity.using, dead, self._observer.counter(dead)):
                buried = True
                logger.error("Node %s has not given a sign of life for its whole lease and is taken for dead.", dead)
        return buried

    def _hand_back(self, live: Sequence[tuple[int, str]], held: Collection[int]) -> int:
        me = self._identity.node
        return hand_back(
            self._identity.using, me, [key for key, node in live if node == me and key not in held], self._clock.now()
        )

    def _rescue(self, live: Sequence[tuple[int, str]]) -> int:
        stranded = {key: node for key, node in live if node != self._identity.node}
        return rescue(self._identity.using, stranded, self._clock.now())

    def _look_for_strays(self) -> None:
        """Look for jobs of executors that this scheduler does not have: now and then, and when it has others than before."""
        known = set(self._host.executor_aliases())
        if known != self._known_executors or self._clock.monotonic() >= self._look_for_strays_at:
            self._claims.stray_executors = self._stray_executors(known)
            self._known_executors = known
            self._look_for_strays_at = self._clock.monotonic() + _STRAYS_INTERVAL

    def _stray_executors(self, known: Collection[str]) -> list[str]:
        """Return executors that jobs name and that are not known, by steps along the index."""
        jobs = ScheduledJob.objects.using(self._identity.using).of(self._identity.namespace)
        found: list[str] = []
        last = ""
        while True:
            following = jobs.filter(executor__gt=last).order_by("executor").values_list("executor", flat=True).first()
            if following is None:
                return found
            last = following
            if last not in known:
                found.append(last)
