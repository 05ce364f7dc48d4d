"""What one claim transaction works on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet

from ..conf import get_config
from ..declarations import is_allowed
from ..duejob import DueJob
from ..exceptions import CallableReferenceError
from ..fields import moment_from_db
from ..jobstores.base import Claim
from ..ledger import Advance, NewRun, Note
from ..models import JobRun
from ..planning import Slot, Summary

#: Ids of live runs by the key of their job.
Live = dict[int, list[int]]

_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose claims these are."""

    #: Alias of the database.
    using: str
    namespace: str
    #: Alias of the job store in its scheduler.
    alias: str
    #: Id of the node.
    node: str
    environment: str = ""
    #: The queues that it serves; empty = all.
    queues: tuple[str, ...] = ()

    def locked(self, rows: QuerySet[_Row]) -> QuerySet[_Row]:
        """Return `rows` locked, and those that others have locked left out; SQLite locks as a whole."""
        skips = connections[self.using].features.has_select_for_update_skip_locked
        return rows.select_for_update(skip_locked=True) if skips else rows

    def live(self, ended: Collection[int]) -> Live:
        """Return the ids of the runs that are claimed or running, on any node, by job, without those that are among `ended`.

        They are few, however many jobs there are.
        """
        found: Live = {}
        for pk, job_key in JobRun.objects.using(self.using).live_in(self.namespace).values_list("pk", "job_key"):
            if pk not in ended:
                found.setdefault(job_key, []).append(pk)
        return found


class Peek(NamedTuple):
    """When there is work, as one read tells."""

    #: By executor and level of priority: the earliest moment at which one of its jobs is to be looked at.
    jobs: Mapping[tuple[str, str], datetime | None]
    #: By level of priority: when the earliest pending run is due.
    pending: Mapping[str, datetime | None]

    @property
    def earliest(self) -> datetime | None:
        """The earliest moment of all."""
        moments = (*self.jobs.values(), *self.pending.values())
        return min((moment for moment in moments if moment is not None), default=None)

    def has_any_pending(self, now: datetime) -> bool:
        """Return whether a pending run is due."""
        return any(self.has_pending(now, level) for level in self.pending)

    def has_pending(self, now: datetime, priority: str) -> bool:
        """Return whether a pending run of this level is due."""
        moment = self.pending.get(priority)
        return moment is not None and moment <= now

    def due_executors(self, now: datetime, priority: str) -> set[str]:
        """Return the executors that have due jobs of this level."""
        found = ((alias, moment) for (alias, level), moment in self.jobs.items() if level == priority)
        return {alias for alias, moment in found if moment is not None and moment <= now}

    def executors_to_ask(self, now: datetime) -> set[str] | None:
        """Return the executors that have due jobs; None where pending runs are due, whose executors nobody knows yet."""
        if self.has_any_pending(now):
            return None
        return {alias for (alias, _), moment in self.jobs.items() if moment is not None and moment <= now}


NOTHING = Peek(jobs={}, pending={})


class Skip(NamedTuple):
    """Fire times that met as many runs of their job as there may be."""

    row: DueJob
    summary: Summary
    #: The runs that they met.
    holders: list[int]
    #: The run that waits already for one of them to end.
    waiting: int | None


class Wait(NamedTuple):
    """A fire time that waits for a run of its job to end."""

    row: DueJob
    slot: Slot
    start_until: datetime | None
    #: The run that it waits for.
    holder: int


#: What a run calls: the callable, its positional and its keyword arguments.
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Cluster(NamedTuple):
    """What a claim has to know about an executor whose runs workers of a cluster perform."""

    #: How many of its runs may be live at once, over all nodes.
    max_in_flight: int
    #: How long a worker may take to start a run until it is published again.
    republish_after: timedelta


@dataclass(kw_only=True)
class Batch:
    """What is about to be written, and what has come of it."""

    now: datetime
    #: Free slots of each executor that are left.
    free: dict[str, int]
    #: Ids of runs of this node that have ended, and whose ends may not be recorded yet.
    ended: Collection[int] = ()
    #: Executors whose runs workers of a cluster perform.
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    claim: Claim = field(default_factory=Claim)
    advances: list[Advance] = field(default_factory=list)
    #: What becomes the node's, and all summaries.
    inserts: list[NewRun] = field(default_factory=list)
    #: What becomes that of an executor whose runs workers of a cluster perform.
    cluster_inserts: dict[str, list[NewRun]] = field(default_factory=dict)
    #: All of them by job key.
    inserts_of: dict[int, list[NewRun]] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    #: Ids of runs whose cancellation is still to be asked for.
    uncancelled: Sequence[int] = ()
    jobs: dict[int, tuple[DueJob, Call]] = field(default_factory=dict)
    #: Callables by reference.
    callables: dict[str, Callable[..., Any]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    #: Jobs that could not be loaded or planned, and why.
    declined: list[tuple[DueJob, str]] = field(default_factory=list)
    #: Keys of declined jobs that are not broken: other nodes may still run them.
    remembered: list[int] = field(default_factory=list)
    #: By run id: the key of its job, and whether the job may be parked until the run ends.
    holding: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def insert(self, row: NewRun, executor: str = "") -> None:
        """Add a row of the ledger; that of a run goes to its executor where that has workers of its own."""
        rows = self.cluster_inserts.setdefault(executor, []) if executor in self.clusters else self.inserts
        rows.append(row)
        self.inserts_of.setdefault(row.job_key, []).append(row)

    def inserted(self, job_key: int, slot: Any) -> NewRun | None:
        """Return the row that was inserted for this job and slot, as the driver gives it."""
        rows = self.inserts_of[job_key]
        if len(rows) == 1:
            return rows[0]
        moment = moment_from_db(slot)
        return next((row for row in rows if row.slot == moment), None)


def check_allowed(ref: str) -> None:
    """Refuse a callable that nodes do not run.

    Raises:
        CallableReferenceError: it is neither registered, nor of an installed app, nor allowed by the settings.
    """
    if not is_allowed(ref, get_config()):
        raise CallableReferenceError(
            f"Callable {ref!r} is not allowed to run. Decorate it with @job, put it into a module of an installed app, "
            "or add a pattern for it to APSCHEDULER['allowed_callables']."
        )


def sentence(error: Exception) -> str:
    """Return an error as a job's events show it."""
    return f"{type(error).__name__}: {error}"
