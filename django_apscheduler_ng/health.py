"""Whether the scheduler does its work: what `manage.py scheduler doctor` prints, and a view for monitoring.

What decides is in the database, so that any process can tell. Moments are compared with the clock of the database, by which nodes date
what they write; a host whose clock is wrong sees the same as the others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .bootstrap import get_scheduler
from .clock import SYSTEM_CLOCK
from .conf import get_config
from .jobstores.django import DjangoJobStore
from .models import AT_ONCE, NodeState, ScheduledJob, SchedulerNode
from .policies import PRIORITIES
from .querysets import ScheduledJobQuerySet
from .queues import hint, is_served, queues_in_use
from .schema import unapplied
from .storetime import living, store_now

#: How far this host's clock may be from the database's before that is worth a word, in seconds.
SKEW = 2.0


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: Level
    #: The value, what is expected, what to do. Names no job, host or person: anybody may read it.
    message: str
    #: More for operators: which job, which node.
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long what may take, in seconds."""

    #: Since the last pass of a node that sends heartbeats.
    max_pass_age: float = field(default_factory=lambda: _default_pass_age())
    #: Since the oldest due job became due.
    max_lateness: float = field(default_factory=lambda: _default_lateness())


def _default_pass_age() -> float:
    config = get_config()
    return config.health.max_pass_age or config.poll_interval + config.lease


def _default_lateness() -> float:
    config = get_config()
    return config.health.max_lateness or config.poll_interval + config.lease + config.grace


def examine(limits: Limits | None = None, *, thorough: bool = True) -> list[Finding]:
    """Return what there is to say about each database and job store, the good as well.

    Args:
        limits: how long what may take; None = as the settings say.
        thorough: look also at what takes long on a big table (broken jobs) or reads files (migrations).
    """
    limits = limits or Limits()
    findings = list(_migrations()) if thorough else []
    for store in get_scheduler().shared_stores():
        findings += _examine_store(store, limits, thorough)
    return findings


def worst(findings: Collection[Finding]) -> Level:
    """Return the level of the worst finding."""
    return max((finding.level for finding in findings), key=list(Level).index, default=Level.OK)


def _migrations() -> Iterator[Finding]:
    pending = unapplied(get_config())
    if pending is None:
        yield Finding(name="migrations", level=Level.OK, message="All migrations are applied.")
        return
    yield Finding(
        name="migrations",
        level=Level.FAILURE,
        message="Migrations are unapplied; a node that starts now waits for them. Run `manage.py migrate`.",
        detail=pending,
    )


def _examine_store(store: DjangoJobStore, limits: Limits, thorough: bool) -> list[Finding]:
    """Look at one job store; a constant number of queries."""
    try:
        now = store_now(store.using)
        nodes = list(living(store.using, now).filter(namespace=store.namespace))
        findings = [
            _clock(now),
            _nodes(store, nodes),
            *_passes(nodes, timedelta(seconds=limits.max_pass_age)),
            _lateness(store, nodes, now, timedelta(seconds=limits.max_lateness)),
        ]
        return findings + ([*_queues(store, nodes), _broken(store)] if thorough else [])
    except (DatabaseError, InterfaceError) as error:
        message = (
            f"The database {store.using!r} of job store {store.alias!r} cannot be asked ({type(error).__name__}). "
            "See that it runs and is migrated."
        )
        return [Finding(name="database", level=Level.FAILURE, message=message, detail=str(error).strip())]


def _clock(now: datetime) -> Finding:
    skew = (SYSTEM_CLOCK.now() - now).total_seconds()
    if abs(skew) <= SKEW:
        return Finding(name="clock", level=Level.OK, message="The clocks of this host and of the database agree.")
    message = (
        f"This host's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the database's; at most {SKEW:g} s "
        "are expected. Nodes go by the database's. Set both by NTP."
    )
    return Finding(name="clock", level=Level.WARNING, message=message)


def _nodes(store: DjangoJobStore, nodes: Collection[SchedulerNode]) -> Finding:
    if not nodes:
        message = (
            f"No node of job store {store.alias!r} is alive: none gave a sign of life within {get_config().lease:g} s. "
            "Start `manage.py runscheduler`."
        )
        return Finding(name="nodes", level=Level.FAILURE, message=message)
    if all(node.state == NodeState.PAUSED for node in nodes):
        message = (
            f"All {len(nodes)} node(s) of job store {store.alias!r} are paused: no job runs. Resume or restart one."
        )
        return Finding(name="nodes", level=Level.WARNING, message=message)
    message = f"{len(nodes)} node(s) of job store {store.alias!r} alive."
    return Finding(name="nodes", level=Level.OK, message=message, detail=", ".join(map(str, nodes)))


def _passes(nodes: Collection[SchedulerNode], most: timedelta) -> Iterator[Finding]:
    """Look at when the nodes made their last passes, by their own clocks: a loop may be stuck while heartbeats go on."""
    running = [node for node in nodes if node.state == NodeState.RUNNING]
    if not running:
        return
    ages = {node: node.seen_at - (node.last_pass_at or node.started_at) for node in running}
    frozen = [node for node, age in ages.items() if age > most]
    if not frozen:
        youngest = max(min(ages.values()), timedelta(0)).total_seconds()
        yield Finding(
            name="passes", level=Level.OK, message=f"The last pass was {youngest:.1f} s before the last heartbeat."
        )
        return
    oldest = max(ages.values()).total_seconds()
    message = (
        f"{len(frozen)} of {len(running)} node(s) made no pass for up to {oldest:.0f} s, although their heartbeats go on; at most "
        f"{most.total_seconds():g} s are expected. Look at what the scheduler's thread does, and restart them."
    )
    level = Level.FAILURE if len(frozen) == len(running) else Level.WARNING
    yield Finding(name="passes", level=level, message=message, detail=", ".join(map(str, frozen)))


def _lateness(store: DjangoJobStore, nodes: Collection[SchedulerNode], now: datetime, most: timedelta) -> Finding:
    """Look at the job that is due for longest, among those that a living node would run."""
    row = _oldest_due(store, nodes, now)
    late = timedelta(0) if row is None or row.wake_at is None else now - row.wake_at
    if row is None or late <= most:
        message = f"No job is more than {most.total_seconds():g} s late."
        return Finding(name="lateness", level=Level.OK, message=message)
    paused = bool(nodes) and all(node.state == NodeState.PAUSED for node in nodes)
    advice = "It waits for a node that is not paused." if paused else "See that a node runs and has slots free."
    if nodes and not is_served(row.queue, nodes):
        advice = "No node serves its queue. Start one that does, with `manage.py runscheduler --queues …`."
    message = f"The oldest due job is {late.total_seconds():.0f} s late; at most {most.total_seconds():g} s are expected. {advice}"
    level = Level.WARNING if paused else Level.FAILURE
    return Finding(
        name="lateness",
        level=level,
        message=message,
        detail=f"job {row.job_id!r}, executor {row.executor!r}, queue {row.queue!r}",
    )


def _oldest_due(store: DjangoJobStore, nodes: Collection[SchedulerNode], now: datetime) -> ScheduledJob | None:
    """Return the job that is due for longest; one step along an index for each executor and level of priority.

    A parked job waits for its own run. A moment at the beginning of time means "look at once", and says nothing of when the job
    became due.
    """
    jobs = _served(ScheduledJob.objects.using(store.using).of(store.namespace), nodes).filter(
        wake_at__gt=AT_ONCE, parked=False
    )
    executors = {alias for node in nodes for alias in json.loads(node.executors)} or set(get_config().executors)
    levels = (jobs.filter(executor=alias, priority=level) for alias in sorted(executors) for level in PRIORITIES)
    found = (rows.due(now).order_by("wake_at").first() for rows in levels)
    return min(filter(None, found), key=lambda row: row.wake_at or now, default=None)


def _served(jobs: ScheduledJobQuerySet, nodes: Collection[SchedulerNode]) -> ScheduledJobQuerySet:
    """Leave out jobs of environments that no living node serves."""
    labels = {node.environment for node in nodes} or {get_config().environment}
    return jobs if "" in labels else jobs.filter(environment__in=["", *sorted(labels)])


def _queues(store: DjangoJobStore, nodes: Collection[SchedulerNode]) -> Iterator[Finding]:
    """Look for queues that jobs are in and that no living node serves; there is nothing to say where a node serves all."""
    if not nodes or any(node.queues == "[]" for node in nodes):
        return
    used = queues_in_use(store.using, [store.namespace])
    unserved = [queue for queue in used if not is_served(queue, nodes)]
    if not unserved:
        yield Finding(name="queues", level=Level.OK, message="Each queue that a job is in is served by a node.")
        return
    message = (
        f"{len(unserved)} queue(s) with jobs of job store {store.alias!r} are served by no node that is alive; each is expected to be. "
        "Start `manage.py runscheduler --queues …`, or correct the queue of the jobs."
    )
    served = [queue for queue in used if queue not in unserved]
    detail = ", ".join(f"{queue!r}{hint(queue, served)}" for queue in unserved)
    yield Finding(name="queues", level=Level.WARNING, message=message, detail=detail)


def _broken(store: DjangoJobStore) -> Finding:
    jobs = ScheduledJob.objects.using(store.using).of(store.namespace).unfinished()
    broken = list(jobs.exclude(broken_reason="").order_by("pk").values_list("job_id", flat=True)[:100])
    if not broken:
        return Finding(name="jobs", level=Level.OK, message=f"No job of job store {store.alias!r} is broken.")
    number = f"{len(broken)}" if len(broken) < 100 else "100 or more"
    message = f"{number} job(s) of job store {store.alias!r} are broken and do not run. The job list says why each is."
    return Finding(name="jobs", level=Level.WARNING, message=message, detail=", ".join(map(repr, broken[:10])))


@never_cache
@require_safe
@transaction.non_atomic_requests
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200, or 503 where something has failed, with what was found as JSON; it names no job, host or person.

    A few queries along indexes, whatever the size of the tables.
    """
    findings = examine(thorough=False)
    level = worst(findings)
    shown = [{key: value for key, value in asdict(finding).items() if key != "detail"} for finding in findings]
    return JsonResponse({"status": level, "findings": shown}, status=503 if level is Level.FAILURE else 200)
