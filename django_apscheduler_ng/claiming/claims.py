"""The claim transaction, from the look for work to the fenced start."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import Subquery

from ..connections import PASSING_ERRORS, begin_with_a_write, own_connection, transaction_of_its_own, turn
from ..fields import UTCDateTimeField, moment_from_db
from ..hotsql import HotSQL
from ..jobstores.base import Claim
from ..models import JobRun, SchedulerNode
from ..policies import PRIORITIES
from ..querysets import SchedulerNodeQuerySet
from ..runs import Run, RunStatus
from .batch import NOTHING, Batch, Cluster, Identity, Peek
from .declines import Declines
from .due import DueJobs
from .overlaps import Overlaps
from .pending import PendingRuns
from .places import ClusterPlaces

logger = logging.getLogger(__name__)

#: How many jobs of executors that are not here are declined in one pass.
_STRAYS = 100

#: How many jobs are claimed one by one when a batch was refused.
_SINGLES = 100

#: How many statements of the peek are kept: one for each set of executors that have slots free at once.
_PEEKS = 64


class Claims:
    """Looks for work and claims it. Belongs to the scheduler's loop."""

    def __init__(self, identity: Identity, sql: HotSQL) -> None:
        """Claim in the name of `identity`, with the hot writes of its database."""
        self._identity = identity
        self._sql = sql
        self._pending = PendingRuns(identity)
        self._due = DueJobs(identity, self._pending)
        self._overlaps = Overlaps(identity)
        self._declines = Declines(identity)
        self._places = ClusterPlaces(identity)
        #: Executors whose runs workers of a cluster perform.
        self.clusters: Mapping[str, Cluster] = {}
        self._holding: dict[str, tuple[int, bool]] = {}
        #: Statements of the peek with their parameters, by executors and excluded jobs.
        self._peeks: dict[tuple[tuple[str, ...], tuple[int, ...]], tuple[str, tuple[Any, ...]]] = {}

    @property
    def stray_executors(self) -> Sequence[str]:
        """Executors that jobs name and that this scheduler does not have; their jobs are declined."""
        return list(self._due.stray_executors)

    @stray_executors.setter
    def stray_executors(self, aliases: Sequence[str]) -> None:
        self._due.stray_executors = tuple(aliases)

    def peek(self, now: datetime, executors: Sequence[str]) -> Peek:
        """Look when there is work for these executors: the one read of an idle poll.

        A node that was taken for dead finds none before its next heartbeat.
        """
        if not executors:
            return NOTHING
        self._due.excluded = self._declines.current(now)
        sql, parameters = self._peek(tuple(executors), tuple(self._due.excluded))
        with connections[self._identity.using].cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchone() or [None] * ((len(executors) + 1) * len(PRIORITIES))
        moments = list(map(moment_from_db, found))
        jobs = dict(zip(product(executors, PRIORITIES), moments, strict=False))
        return Peek(jobs=jobs, pending=dict(zip(PRIORITIES, moments[len(jobs) :], strict=True)))

    def _peek(self, executors: tuple[str, ...], excluded: tuple[int, ...]) -> tuple[str, tuple[Any, ...]]:
        """Return the statement of the peek, and its parameters; each is made once."""
        made = self._peeks.get((executors, excluded))
        if made is None:
            jobs = (
                self._due.waiting([alias], level).order_by("wake_at").values("wake_at")[:1]
                for alias, level in product(executors, PRIORITIES)
            )
            pending = (
                self._pending.waiting(executors, level).order_by("due_at").values("due_at")[:1] for level in PRIORITIES
            )
            reads = [Subquery(rows, output_field=UTCDateTimeField()) for rows in (*jobs, *pending)]
            compiler = self._node.alive().values_list(*reads).query.get_compiler(self._identity.using)
            made = compiler.as_sql()
            if len(self._peeks) >= _PEEKS:
                self._peeks.clear()
            self._peeks[executors, excluded] = made
        return made

    def claim(self, now: datetime, free: Mapping[str, int], peek: Peek, ended: Collection[int]) -> Claim:
        """Claim what the peek found due, and never let one job that cannot be claimed stand in the way of the others.

        Args:
            now: the current moment.
            free: free slots by executor.
            peek: what is due.
            ended: ids of runs of this node that have ended: they take up no instance, whether recorded or not.
        """
        self._due.excluded = self._declines.current(now)
        slots = {**dict.fromkeys(self.stray_executors, _STRAYS), **free}
        try:
            return self._claim(now, slots, peek, ended)
        except PASSING_ERRORS:
            raise
        except DatabaseError as error:
            logger.warning("A batch of jobs was refused by the database (%s); they are claimed one by one.", error)
            return self._claim_one_by_one(now, slots, peek, ended)

    def _claim_one_by_one(self, now: datetime, slots: Mapping[str, int], peek: Peek, ended: Collection[int]) -> Claim:
        """Claim with a transaction for each job; the one that the database refuses is declined."""
        together, left = Claim(starved=True), dict(slots)
        due = self._due.waiting(list(slots)).due(now).order_by("wake_at")
        for key, level in list(due.values_list("pk", "priority")[:_SINGLES]):
            try:
                claim = self._claim(now, left, peek, ended, only=(key, level))
            except PASSING_ERRORS:
                raise
            except DatabaseError as error:
                self._decline_alone(key, f"{type(error).__name__}: {error}", now)
                continue
            for run in claim.runs:
                left[run.executor] -= 1
            together.runs += claim.runs
            together.passed += claim.passed
            together.ended += claim.ended
        return together

    def _claim(
        self,
        now: datetime,
        slots: Mapping[str, int],
        peek: Peek,
        ended: Collection[int],
        only: tuple[int, str] | None = None,
    ) -> Claim:
        """Claim in one transaction; nothing of it counts before it is committed.

        What is due of one level of priority is claimed before what is due of the next one; each level is found in the order of an
        index, and only those are asked for that the peek saw something of. `only` is the key and the level of the one job to claim.
        """
        batch = Batch(now=now, free=dict(slots), ended=ended, clusters=self.clusters)
        with transaction_of_its_own(self._identity.using):
            begin_with_a_write(self._identity.using)
            if self.clusters:
                self._places.count(batch, peek.executors_to_ask(now))
            for level in PRIORITIES:
                if only is None and peek.has_pending(now, level):
                    self._pending.take(batch, level)
                if only is None or only[1] == level:
                    self._due.take(batch, level, peek.due_executors(now, level), only and only[0])
            self._write(batch)
        self._overlaps.cancel_left(batch)
        batch.claim.starved |= any(free <= 0 for free in batch.free.values())
        for job_key in batch.remembered:
            self._declines.remember(job_key, now)
        self._holding.update(batch.holding)
        return batch.claim

    def _write(self, batch: Batch) -> None:
        """Write the batch with a constant number of statements, and make the runs it brought."""
        self._overlaps.settle(batch)
        with connections[self._identity.using].cursor() as cursor:
            if batch.advances:
                self._sql.advance(cursor, batch.advances)
            inserted: list[tuple[int, int, Any]] = []
            if batch.inserts:
                inserted = self._sql.insert(cursor, batch.inserts, self._identity.node, batch.now)
            for alias, rows in batch.cluster_inserts.items():
                publish_at = batch.now + batch.clusters[alias].republish_after
                inserted += self._sql.insert(cursor, rows, "", batch.now, publish_at)
            for row, reason in batch.declined:
                if not self._declines.write(batch, row, reason):
                    batch.remembered.append(row.pk)
            if batch.notes:
                self._sql.note(cursor, batch.notes, batch.now)
        for key, job_key, slot in inserted:
            self._due.add_run(batch, key, job_key, slot)

    def _decline_alone(self, job_key: int, reason: str, now: datetime) -> None:
        """Decline a job in a transaction of its own."""
        batch = Batch(now=now, free={})
        with transaction_of_its_own(self._identity.using):
            begin_with_a_write(self._identity.using)
            row = self._due.read(job_key)
            if row is not None:
                batch.declined.append((row, reason))
                self._write(batch)
        self._declines.remember(job_key, now)

    @property
    def _node(self) -> SchedulerNodeQuerySet:
        return SchedulerNode.objects.using(self._identity.using).filter(pk=self._identity.node)

    def holding(self, run: Run) -> tuple[int, bool]:
        """Return the key of the run's job, and whether the job may be parked until the run ends; asked once for each run."""
        return self._holding.pop(run.id)

    def start(self, runs: Sequence[Run], now: datetime) -> set[str]:
        """Turn claimed runs into running ones; returns the ids of those that may start."""
        if not runs:
            return set()
        using = self._identity.using
        with turn(using), own_connection(using), connections[using].cursor() as cursor:
            started = self._sql.start(cursor, [int(run.id) for run in runs], self._identity.node, now)
        return {str(key) for key in started}

    def give_up(self, runs: Sequence[Run], now: datetime) -> None:
        """Record claimed runs as missed: their grace time ended before they could start."""
        keys = [int(run.id) for run in runs]
        mine = JobRun.objects.using(self._identity.using).filter(pk__in=keys, node=self._identity.node)
        mine.filter(status=RunStatus.CLAIMED).update(
            status=RunStatus.MISSED, finished_at=now, reason="later than the grace time of the job allows"
        )
