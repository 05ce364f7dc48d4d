"""What a node does for runs that nobody holds any more: its own lost ones, and those of nodes that died."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from .connections import begin_with_a_write, transaction_of_its_own
from .ledger import next_attempt
from .models import JobRun, NodeState, OnAbandoned, ScheduledJob, SchedulerNode
from .querysets import by_keys
from .runs import RunStatus

logger = logging.getLogger(__name__)


def unsettled(using: str, namespace: str, node: str) -> QuerySet[JobRun]:
    """Return the live runs of this node, and those whose node is not alive; workers of a cluster are no nodes."""
    alive = SchedulerNode.objects.using(using).alive().filter(pk=OuterRef("node"))
    runs = JobRun.objects.using(using).live_in(namespace).exclude(node="").filter(on_cluster=False)
    return runs.filter(Q(node=node) | ~Exists(alive))


def hand_back(using: str, node: str, lost: Collection[int], now: datetime) -> int:
    """Give back live runs that this node knows nothing of: the answer to their claim or start was lost, no body was started."""
    if not lost:
        return 0
    mine = JobRun.objects.using(using).live().filter(pk__in=lost, node=node)
    given = give_back(mine, now, started_at=None)
    if given:
        logger.warning("%d run(s) that this node had lost sight of are pending again.", given)
    return given


def give_back(runs: QuerySet[JobRun], now: datetime, **columns: Any) -> int:
    """Let runs whose bodies did not begin wait again, and cancel those that somebody wants to end; returns how many wait.

    A wish that comes between the two updates finds the run waiting, and cancels it itself.
    """
    given = runs.filter(cancel_requested_at=None).update(status=RunStatus.PENDING, node="", **columns)
    runs.filter(cancel_requested_at__isnull=False).update(
        status=RunStatus.CANCELLED, finished_at=now, reason="it was cancelled before it began"
    )
    return given


def bury(using: str, node: str, heartbeat: int) -> bool:
    """Mark a node as dead unless its heartbeat has moved; returns whether this caller did it."""
    alive = SchedulerNode.objects.using(using).alive().filter(pk=node, heartbeat=heartbeat)
    return bool(alive.update(state=NodeState.DEAD))


def rescue(using: str, stranded: Mapping[int, str], now: datetime, who: str = "node") -> int:
    """Handle live runs whose node is not alive; returns how many there still were.

    Args:
        using: alias of the database.
        stranded: by key, the node that each was found on; one that others have rescued meanwhile is on another node, or on none.
        now: the current moment, aware.
        who: what it is that died: a node, or a worker of a cluster.
    """
    rows = JobRun.objects.using(using).live().filter(pk__in=list(stranded)).order_by("pk") if stranded else ()
    found = [run for run in rows if run.node == stranded[run.pk]]
    if not found:
        return 0
    with transaction_of_its_own(using):
        begin_with_a_write(using)
        given = give_back(_of(using, found, RunStatus.CLAIMED), now, claimed_at=None)
        _of(using, found, RunStatus.RUNNING).filter(cancel_requested_at__isnull=False).update(
            status=RunStatus.CANCELLED,
            finished_at=now,
            reason=f"its {who} died while it was being cancelled; whether it did its work is unknown",
        )
        rerun = _rerun(using, found, now)
        abandoned = _of(using, found, RunStatus.RUNNING).update(
            status=RunStatus.ABANDONED, finished_at=now, reason=f"its {who} died; whether it did its work is unknown"
        )
    logger.error(
        "Runs of %ss that died: %d pending again, %d abandoned, %d of these run again as their jobs ask.",
        who,
        given,
        abandoned,
        rerun,
    )
    return len(found)


def _of(using: str, found: list[JobRun], status: RunStatus) -> QuerySet[JobRun]:
    """Return those of the rows that still are in this state and on the node they were found on."""
    pks = [run.pk for run in found if run.status == status]
    nodes = {run.node for run in found}
    return JobRun.objects.using(using).filter(pk__in=pks, status=status, node__in=nodes)


def _rerun(using: str, found: list[JobRun], now: datetime) -> int:
    """Make a further attempt of each stranded running run whose job asks for it."""
    running = list(_of(using, found, RunStatus.RUNNING).select_for_update())
    jobs = ScheduledJob.objects.using(using).filter(
        pk__in={run.job_key for run in running}, on_abandoned=OnAbandoned.RERUN
    )
    asking = set(jobs.values_list("pk", flat=True))
    again = [next_attempt(run, now) for run in running if run.job_key in asking]
    JobRun.objects.using(using).bulk_create(again)
    return len(again)


def interrupt(using: str, namespace: str, node: str, now: datetime) -> int:
    """End this node's live runs at shutdown: claimed ones are given back, running ones are interrupted; returns how many were."""
    live = by_keys(JobRun.objects.using(using).live_in(namespace).filter(node=node)).filter(node=node)
    give_back(live.filter(status=RunStatus.CLAIMED), now, claimed_at=None)
    return live.filter(status=RunStatus.RUNNING).update(
        status=RunStatus.INTERRUPTED, finished_at=now, reason="its node was stopped and did not wait any longer"
    )
