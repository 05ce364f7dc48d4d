"""The job store in the project's own database, through the Django ORM. Any number of nodes may share it.

Requests (add, modify, remove, run now, …) work in any process and inside the caller's transaction. The pass works in the processes
that start the store as part of a scheduler: each of them is a node.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import connections, transaction

from ..claiming.batch import check_allowed
from ..clock import AnchoredClock
from ..connections import begin_with_a_write
from ..exceptions import SchedulerNotRunningError
from ..keeper import DjangoJobKeeper
from ..membership import Membership
from ..recorder import Ended
from ..runs import Outcome, Run
from .base import CancelledRun, Claim, StoreHost

#: Put around the body of each run: no leftovers of the last one.
CLEAN_RUN = "django_apscheduler_ng.isolation:clean_run"


#: Ids in one query.
_IDS = 500


class DjangoJobStore(DjangoJobKeeper):
    """Keeps jobs, their history and the nodes in the tables of this app."""

    transactional = True

    def __init__(self, using: str | None = None, namespace: str | None = None) -> None:
        """Name the database and the namespace.

        Args:
            using: alias of the database; left out, the one that the database routers choose for writing.
            namespace: keeps the jobs of several stores in one database apart; left out, the alias of the store.
        """
        super().__init__(using, namespace)
        self._member: Membership | None = None
        #: Called with ends of runs once they are in the ledger.
        self.on_recorded: Callable[[Sequence[Ended]], None] | None = None
        #: Ids of the jobs that the code of this process declares.
        self.declares: Sequence[str] = ()
        #: The queues that this node serves, empty = all; None = as the settings say.
        self.queues: Sequence[str] | None = None
        #: Called after each look at the other nodes, with the ids of those that are alive, in the thread that keeps the heartbeat.
        self.on_care: Callable[[Collection[str]], None] | None = None

    @property
    def node_id(self) -> str:
        """Id of this node; empty where the store only takes requests."""
        return self._member.identity.node if self._member else ""

    def start(self, host: StoreHost, alias: str) -> None:
        """Become a node: register, and begin to send heartbeats and to record ends."""
        super().start(host, alias)
        if getattr(host, "around_run", "") is None:
            host.around_run = CLEAN_RUN  # type: ignore[attr-defined]
        self.clock = clock = AnchoredClock(host.clock, follows=not getattr(host, "driven_by_hand", False))
        self._member = Membership(self, host, clock)
        self._member.join()
        if getattr(host, "log_capture", "") is None:
            host.log_capture = self._member.log_capture  # type: ignore[attr-defined]

    def shutdown(self) -> None:
        """Record what has ended, interrupt what has not, and stop being a node."""
        member, self._member = self._member, None
        if member is not None:
            member.leave()

    def leave(self) -> None:
        """Close the connection of the calling thread."""
        if not connections[self.using].in_atomic_block:
            connections[self.using].close()

    @property
    def member(self) -> Membership:
        """This process's part in the store.

        Raises:
            SchedulerNotRunningError: it is no node.
        """
        if self._member is None:
            raise SchedulerNotRunningError(
                f"Job store {self.alias!r} takes requests here, and performs nothing. Start it as part of a scheduler."
            )
        return self._member

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim due jobs and pending runs."""
        return self.member.claim(now, free)

    def start_runs(self, runs: Sequence[Run], now: datetime) -> tuple[list[Run], list[Run]]:
        """Start runs with a fenced update: those that this node no longer holds are left out."""
        return self.member.start_runs(runs, now)

    def finish(self, run: Run, outcome: Outcome) -> None:
        """Hand the end to the recorder; one that comes after the node has left is none of its business any more."""
        if self._member is not None:
            self._member.finish(run, outcome)

    def report(self, run: Run) -> None:
        """Have written what the run has said so far."""
        member = self._member
        if member is not None:
            member.report(run)

    def request_cancel(self, run_id: str, reason: str = "") -> CancelledRun:
        """Cancel a run that waits, or ask the node that has it to end it, be it this one."""
        cancelled = super().request_cancel(run_id, reason)
        if self._member is not None:
            transaction.on_commit(self._member.obey_soon, using=self.using)
        return cancelled

    def record(self) -> None:
        """Write the ends that have come in, now and in the calling thread; those that cannot be written now are written later."""
        if self._member is not None:
            self._member.record()

    def care(self) -> None:
        """Do a node's duties now, instead of after the next heartbeat."""
        if self._member is not None:
            self._member.care()

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Do what is done inside the `with` block in one transaction."""
        with transaction.atomic(using=self.using):
            begin_with_a_write(self.using)
            yield

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that jobs here have whose schedule has not ended."""
        wanted = list(ids)
        known: set[str] = set()
        for first in range(0, len(wanted), _IDS):
            named = self._jobs.unfinished().filter(job_id__in=wanted[first : first + _IDS])
            known.update(named.values_list("job_id", flat=True))
        return known

    def check_callable(self, ref: str) -> None:
        """Refuse the reference of a callable that nodes do not run."""
        check_allowed(ref)
