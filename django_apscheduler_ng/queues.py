"""Queues: which nodes serve a job, and what to say where none does."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from .exceptions import did_you_mean
from .models import ScheduledJob, SchedulerNode


def serves(queues: str, queue: str) -> bool:
    """Return whether a node whose row holds `queues` (a JSON list; empty = all) serves `queue`."""
    return queues == "[]" or queue in json.loads(queues)


def is_served(queue: str, nodes: Iterable[SchedulerNode]) -> bool:
    """Return whether one of the nodes serves `queue`."""
    return any(serves(node.queues, queue) for node in nodes)


def queues_in_use(using: str, namespaces: Collection[str], nodes: Iterable[SchedulerNode] = ()) -> list[str]:
    """Return the queues that jobs are in, or that these nodes name, in order."""
    jobs = ScheduledJob.objects.using(using).filter(namespace__in=namespaces).unfinished()
    named = {queue for node in nodes for queue in json.loads(node.queues)}
    return sorted(named.union(jobs.order_by().values_list("queue", flat=True).distinct()))


def hint(queue: str, others: Collection[str]) -> str:
    """Return which queue may have been meant by one that is not among `others`, as a sentence after a blank, or nothing."""
    return did_you_mean(queue, [other for other in others if other != queue])
