"""The words in which the rest of the package asks the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Q

from .runs import LIVE_STATUSES, OPEN_STATUSES, RunStatus

if TYPE_CHECKING:
    from .models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode

    _Jobs = models.QuerySet[ScheduledJob, ScheduledJob]
    _Runs = models.QuerySet[JobRun, JobRun]
    _Log = models.QuerySet[JobLogEntry, JobLogEntry]
    _Nodes = models.QuerySet[SchedulerNode, SchedulerNode]
else:
    _Jobs = _Runs = _Log = _Nodes = models.QuerySet


#: Before every run.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_Rows = TypeVar("_Rows", bound="models.QuerySet[Any]")


def by_keys(rows: _Rows) -> _Rows:
    """Return the rows that are in this set now, named by their keys: to be updated or deleted where they have not changed since.

    A write that looks its rows up by another index locks the entry of the index first and the row second; a pass does it the other
    way round. On MariaDB the two deadlock.
    """
    keys = sorted(rows.order_by().values_list("pk", flat=True))
    named: _Rows = rows.model._default_manager.using(rows.db).filter(pk__in=keys)
    return named


class ScheduledJobQuerySet(_Jobs):
    """Jobs."""

    def of(self, namespace: str) -> Self:
        """Only the jobs of one job store."""
        return self.filter(namespace=namespace)

    def unfinished(self) -> Self:
        """Only jobs whose schedule has not ended."""
        return self.filter(finished_at=None)

    def served_in(self, environment: str) -> Self:
        """Only jobs that a node with this environment label may run; an empty label on either side checks nothing."""
        return self.filter(environment__in=("", environment)) if environment else self

    def of_queues(self, queues: Collection[str]) -> Self:
        """Only jobs of these queues; none named = of all."""
        return self.filter(queue__in=queues) if queues else self

    def retirable(self, environment: str) -> Self:
        """Only jobs that come from code and are not retired, as far as a node with this environment label may run them."""
        return self.unfinished().served_in(environment).filter(origin="code", retired_at=None)

    def due(self, now: datetime) -> Self:
        """Only jobs that are to be looked at now."""
        return self.filter(wake_at__lte=now)

    def in_order(self) -> Self:
        """In the order of their next run times, those without one last."""
        return self.order_by(models.F("next_run_time").asc(nulls_last=True), "pk")


class JobRunQuerySet(_Runs):
    """Runs and summaries."""

    def live(self) -> Self:
        """Only runs that are claimed or running: they count against `max_instances`."""
        return self.filter(status__in=LIVE_STATUSES)

    def live_in(self, *namespaces: str) -> Self:
        """Only the live runs of these job stores: few, however long the history. To be read without an order and without groups.

        These, or a condition less, and SQLite reads the whole history: from its statistics it expects half of that to be live.
        """
        named = {"namespace": namespaces[0]} if len(namespaces) == 1 else {"namespace__in": namespaces}
        return self.live().filter(**named, due_at__gt=_LONG_AGO)

    def open(self) -> Self:
        """Only runs that have not ended."""
        return self.filter(status__in=OPEN_STATUSES)

    def ended(self) -> Self:
        """Only runs and summaries in a final state."""
        return self.exclude(status__in=OPEN_STATUSES)

    def pending_in(self, namespace: str) -> Self:
        """Only runs of one job store that wait to be claimed; read as `live_in()` is."""
        return self.filter(namespace=namespace, status=RunStatus.PENDING, due_at__gt=_LONG_AGO)

    def of_queues(self, queues: Collection[str]) -> Self:
        """Only runs of these queues; none named = of all."""
        return self.filter(queue__in=queues) if queues else self


class JobLogEntryQuerySet(_Log):
    """What happened to jobs outside their runs."""

    def about(self, job_keys: Collection[int]) -> Self:
        """Only entries about these jobs (surrogate keys)."""
        return self.filter(job_key__in=job_keys)


class SchedulerNodeQuerySet(_Nodes):
    """Nodes."""

    def alive(self) -> Self:
        """Only nodes that have not stopped and were not found dead."""
        return self.filter(Q(state__in=("running", "paused", "draining")))
