"""A node's part in a shared job store: claims, the runs it holds, the recorder, the heartbeat and the duties that go with it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, connections

from . import __version__
from .capture import LogCapture, start_capture, stop_capture
from .claiming import NOTHING, Claims, Identity, Peek
from .clock import AnchoredClock
from .cluster.watch import clusters_of
from .conf import Config, get_config
from .connections import PASSING_ERRORS, own_connection
from .duties import Duties
from .held import HeldRuns
from .hotsql import hot_sql
from .jobstores.base import Claim, StoreHost
from .models import NodeState, ScheduledJob
from .nodes import Node, executors_report
from .obeying import Obedience
from .parking import Parking
from .pruning import Pruner
from .querysets import ScheduledJobQuerySet, by_keys
from .recorder import Ended, Limits, Recorder
from .reports import Reports
from .rescue import interrupt
from .runs import Outcome, Run

logger = logging.getLogger(__name__)

#: How soon to look again where due rows are locked by others or wait for an instance of their job; it doubles.
CONTENTION_PAUSE = timedelta(milliseconds=100)

#: How long the last reports of runs may take to be written when the node stops, in seconds; their ends bring them anyway.
_LAST_REPORTS = 2.0

#: How long the last ends may take to be recorded when the node stops, in seconds.
_LAST_RECORDS = 10.0


class SharedStore(Protocol):
    """What the membership is in."""

    alias: str
    #: Called with ends of runs once they are in the ledger.
    on_recorded: Callable[[Sequence[Ended]], None] | None
    #: Ids of the jobs that the code of this process declares.
    declares: Sequence[str]
    #: The queues that this node serves, empty = all; None = as the settings say.
    queues: Sequence[str] | None
    #: Called after each look at the other nodes, with the ids of those that are alive.
    on_care: Callable[[Collection[str]], None] | None

    @property
    def using(self) -> str:
        """Alias of the database."""
        ...

    @property
    def namespace(self) -> str:
        """Namespace of the jobs."""
        ...


class Membership:
    """What makes a scheduler a node among others. From `join()` to `leave()`; the pass belongs to the scheduler's loop."""

    def __init__(self, store: SharedStore, host: StoreHost, clock: AnchoredClock) -> None:
        """Prepare; nothing is written yet.

        Args:
            store: the job store.
            host: the scheduler that the store is part of.
            clock: kept at the time of the database from now on.
        """
        config = get_config()
        self._store = store
        self._host = host
        self._clock = clock
        self._by_hand = getattr(host, "driven_by_hand", False)
        self._held = HeldRuns()
        self._parking = Parking(store.using, host.wakeup)
        self._joined = False
        #: Whether others wait while one writes, so that what there is to write is best written at once.
        self._one_writer = connections[store.using].vendor == "sqlite"
        self._last_pass: datetime | None = None
        #: How many claims in a row brought nothing although something was due.
        self._in_vain = 0
        #: Whether pending runs were due at the latest look, so that the end of a run may make room for one.
        self._waited_for = False
        self.identity = Identity(
            using=store.using,
            namespace=store.namespace,
            alias=store.alias,
            node=uuid4().hex,
            environment=config.environment,
            queues=tuple(config.queues if store.queues is None else store.queues),
        )
        sql = hot_sql(connections[store.using])
        self._claims = Claims(self.identity, sql)
        self._duties = Duties(
            self.identity,
            host=host,
            clock=clock,
            claims=self._claims,
            held=self._held,
            parking=self._parking,
            lease=config.lease,
            interval=config.heartbeat_interval,
            told=self._tell_the_store,
        )
        self._obedience = Obedience(self.identity, host, clock, self._held)
        self._pruner = Pruner(self.identity, clock, config)
        self.recorder = Recorder(
            using=store.using, node=self.identity.node, sql=sql, limits=_limits(config), recorded=self._after_recording
        )
        self._reports = Reports(using=store.using, node=self.identity.node, sql=sql)
        self.log_capture = LogCapture(level=config.log_level, limit=config.log_limit)
        self._node = Node(
            self.identity,
            clock,
            version=__version__,
            interval=config.heartbeat_interval,
            report=self._report,
            care=self._after_heartbeat,
            wakeup=host.wakeup,
            tick=self._obedience.look,
            cancelled=self.obey_soon,
        )

    @property
    def _jobs(self) -> ScheduledJobQuerySet:
        return ScheduledJob.objects.using(self.identity.using).of(self.identity.namespace)

    # -- life -------------------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Register, give broken jobs a new try, and begin to send heartbeats and to record ends."""
        self._node.register()
        by_keys(self._jobs.exclude(broken_reason="")).update(retry_at=self._clock.now())
        start_capture(self.log_capture)
        if not self._by_hand:
            self.recorder.start()
            self._node.start()
        self._joined = True

    def leave(self) -> None:
        """Record what has ended, interrupt what has not, and stop being a node."""
        self._pruner.stop()
        stop_capture(self.log_capture)
        self._reports.stop(timeout=_LAST_REPORTS)
        unwritten = self.recorder.stop(timeout=_LAST_RECORDS)
        if unwritten:
            logger.error(
                "%d end(s) of runs could not be recorded; other nodes will find these runs abandoned.", unwritten
            )
        try:
            self._say_goodbye(interrupting=not unwritten)
        except (DatabaseError, InterfaceError) as error:
            logger.error("The end of this node could not be recorded (%s); other nodes will find it dead.", error)

    def _say_goodbye(self, *, interrupting: bool) -> None:
        """Interrupt what is left and mark the node as stopped; once more where the connection was lost since the last time."""
        for last in (False, True):
            try:
                with own_connection(self.identity.using):
                    if interrupting:
                        self._interrupt()
                    self._node.stop()
            except PASSING_ERRORS:
                if last:
                    raise
            else:
                return

    def _interrupt(self) -> None:
        using, namespace, node = self.identity.using, self.identity.namespace, self.identity.node
        interrupted = interrupt(using, namespace, node, self._clock.now())
        if interrupted:
            logger.warning("%d run(s) were still under way and are interrupted.", interrupted)

    def _report(self) -> Mapping[str, Any]:
        """Return the columns of the node's row that change."""
        state = getattr(self._host, "state", 1) if self._joined else 1
        return {
            "state": {0: NodeState.DRAINING, 2: NodeState.PAUSED}.get(state, NodeState.RUNNING),
            "executors": executors_report(self._host.executors()),
            "last_pass_at": self._last_pass,
            "queues": json.dumps(list(self.identity.queues)),
            "declares": json.dumps(list(self._store.declares)),
        }

    # -- duties -----------------------------------------------------------------------------------------------------

    def _after_heartbeat(self, echo: str) -> None:
        self.care(echo)
        self._pruner.work()

    def care(self, echo: str = "") -> None:
        """Do a node's duties; on the way, notify this node of `echo`, where that is not empty."""
        self._duties.do(echo)

    def obey_soon(self) -> None:
        """Look at once for runs that somebody wants to end. May be called from any thread."""
        self._obedience.soon = True
        if self._by_hand:
            self._obedience.look()
        else:
            self._node.tick_soon()

    def _tell_the_store(self, others: Collection[str]) -> None:
        if self._store.on_care is not None:
            self._store.on_care(others)

    # -- the pass ---------------------------------------------------------------------------------------------------

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim due jobs and pending runs; see `claiming`."""
        self._last_pass = now
        if self.recorder.full:
            return Claim(starved=True, asked=False)
        with own_connection(self.identity.using):
            if self._clock.in_doubt:
                self._node.measure()
                now = self._last_pass = self._clock.now()
            self._claims.clusters = clusters_of(self._host.executors())
            peek = self._peek(now, free)
            if peek.earliest is None or peek.earliest > now:
                return Claim(next_look=peek.earliest, starved=not all(free.values()), asked=peek is not NOTHING)
            if self._one_writer:
                self.recorder.flush()
            with self._held.lock:
                claim = self._claims.claim(now, free, peek, self._held.ended())
                for run in claim.runs:
                    job_key, may_park = self._claims.holding(run)
                    if run.executor not in self._claims.clusters:
                        self._held.add(run, job_key, may_park=may_park)
            claim.next_look = self._next_look_after(claim, now, free)
        return claim

    def _peek(self, now: datetime, free: Mapping[str, int]) -> Peek:
        """Look when there is work for the executors that have free slots."""
        executors = [alias for alias, slots in free.items() if slots > 0]
        peek = self._claims.peek(now, [*executors, *self._claims.stray_executors])
        self._waited_for = peek.has_any_pending(now)
        return peek

    def _next_look_after(self, claim: Claim, now: datetime, free: Mapping[str, int]) -> datetime | None:
        """Return when to look again: at once while claims bring something, soon where others hold what is due."""
        taken = Counter(run.executor for run in claim.runs)
        try:
            with own_connection(self.identity.using):
                due = self._peek(now, {alias: slots - taken[alias] for alias, slots in free.items()}).earliest
        except (DatabaseError, InterfaceError):
            return now  # an error would keep what is claimed from its start, for as long as this node lives
        if due is None or due > now or claim.runs or claim.passed:
            self._in_vain = 0
            return due
        self._in_vain += 1
        return now + CONTENTION_PAUSE * 2.0 ** min(self._in_vain - 1, 10)

    def start_runs(self, runs: Sequence[Run], now: datetime) -> tuple[list[Run], list[Run]]:
        """Start runs with a fenced update: those that this node no longer holds are left out.

        The workers of a cluster start theirs themselves, and judge whether these are late; they find them in the ledger.
        """
        theirs = [replace(run, ledger=self.identity.using) for run in runs if run.executor in self._claims.clusters]
        started, late = self._start_mine([run for run in runs if run.executor not in self._claims.clusters], now)
        return started + theirs, late

    def _start_mine(self, runs: Sequence[Run], now: datetime) -> tuple[list[Run], list[Run]]:
        late = [run for run in runs if run.start_until is not None and now > run.start_until]
        timely = [run for run in runs if run not in late] if late else list(runs)
        with self._held.lock:
            try:
                started = self._claims.start(timely, now)
                if late:
                    self._claims.give_up(late, now)
            except Exception:
                self._held.let_go(runs)
                raise
            self._held.let_go([run for run in runs if run.id not in started])
        return [run for run in timely if run.id in started], late

    def finish(self, run: Run, outcome: Outcome) -> None:
        """Hand the end to the recorder, dated by the clock of the store: that of the executors is this machine's."""
        now, took = self._clock.now(), max(outcome.finished_at - outcome.started_at, timedelta(0))
        self._held.end(run)
        self.recorder.put(Ended(run, outcome, now - took, now))
        if self._by_hand:
            self.recorder.flush()

    def report(self, run: Run) -> None:
        """Have written what the run has said so far; one that is driven by hand writes it with the end."""
        if not self._by_hand:
            self._reports.note(run.context)

    def record(self) -> None:
        """Write the ends that have come in, now and in the calling thread; those that cannot be written now are written later."""
        with suppress(DatabaseError, InterfaceError):
            self.recorder.flush()

    def _after_recording(self, batch: Sequence[Ended]) -> None:
        """Forget the runs, wake the jobs that waited for one of them, and tell whoever wants to know."""
        waiting = self._held.let_go(ended.run for ended in batch)
        if self._store.on_recorded is not None:
            self._store.on_recorded(batch)
        self._parking.wake(waiting)
        if self._waited_for or any(ended.retry_at is not None for ended in batch):
            self._host.wakeup()


def _limits(config: Config) -> Limits:
    return Limits(result=config.result_limit, traceback=config.traceback_limit)
