"""`scheduler nodes`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandParser

from ..conf import get_config
from ..models import NodeState, SchedulerNode
from ..storetime import store_now
from ..words import span_words
from .base import Subcommand
from .named import add_jobstore_option, stores
from .output import counted, iso, plain, print_json_list, short_span
from .tables import Column, print_table

_ENDED = (NodeState.STOPPED, NodeState.DEAD)


class Nodes(Subcommand):
    """Lists nodes."""

    name = "nodes"
    summary = "list the scheduler processes: state, heartbeat, load"
    description = (
        "Lists the nodes: the processes that run jobs, on whatever host. A node that is silent for longer than the lease is taken for "
        "dead by the others. The load is for each executor how many runs are under way, and how many fit.",
        "Nodes that were stopped or found dead are left out, unless --all is given.",
    )
    examples = {"nodes": "Who runs jobs at the moment?", "nodes --all": "Who did, as far as that is kept?"}
    exit_codes = {0: "the nodes were listed, or there are none", 1: "they were not; the message says why"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add what to list."""
        add_jobstore_option(parser, "only nodes that serve this job store")
        parser.add_argument("--all", action="store_true", help="with those that have stopped or were found dead")
        parser.add_argument("--json", action="store_true", help="print a JSON list, a node a line")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print them."""
        found = list(_nodes(options))
        if options["json"]:
            print_json_list(self.out, (_as_json(node, now) for node, now in found))
            return 0
        several = len({node.namespace for node, _ in found}) > 1
        rows = ([*([node.namespace] if several else []), *_cells(node, now)] for node, now in found)
        count = print_table(self.out, [*([_STORE] if several else []), *_COLUMNS], rows)
        if not count:
            none = "No nodes." if options["all"] else "No scheduler is running: start `manage.py runscheduler`."
            self.out.write(none)
            return 0
        self.out.write(f"\n{counted(count, 'node')}.")
        return 0


_COLUMNS = (
    Column(title="NODE"),
    Column(title="ID"),
    Column(title="STATE"),
    Column(title="HEARTBEAT", right=True),
    Column(title="LAST PASS", right=True),
    Column(title="UP", right=True),
    Column(title="LOAD", cut=True),
    Column(title="QUEUES", cut=True, optional=True),
    Column(title="VERSION", cut=True),
    Column(title="ENVIRONMENT", cut=True, optional=True),
)

_STORE = Column(title="STORE")


def _nodes(options: Mapping[str, Any]) -> Iterator[tuple[SchedulerNode, datetime]]:
    """Yield the nodes with the time of their database, those with the latest sign of life first."""
    by_database: dict[str, list[str]] = {}
    for store in stores(options["jobstore"]).values():
        by_database.setdefault(store.using, []).append(store.namespace)
    for using, namespaces in by_database.items():
        now = store_now(using)
        nodes = SchedulerNode.objects.using(using).filter(namespace__in=namespaces).defer("declares")
        nodes = nodes if options["all"] else nodes.alive()
        for node in nodes.order_by("-seen_at", "pk"):
            yield node, now


def _state(node: SchedulerNode, now: datetime) -> str:
    """Return the state, and that a node should give signs of life and does not."""
    state = str(node.get_state_display())
    silence = now - node.seen_at
    silent = node.state not in _ENDED and silence > timedelta(seconds=get_config().lease)
    return f"silent for {short_span(silence)}" if silent else state


def _cells(node: SchedulerNode, now: datetime) -> list[str]:
    return [
        str(node),
        node.pk[:8],
        _state(node, now),
        _age(node.seen_at, now),
        _age(node.last_pass_at, now),
        short_span((node.seen_at if node.state in _ENDED else now) - node.started_at),
        ", ".join(
            f"{alias} {running}/{'?' if capacity is None else capacity}" for alias, running, capacity in load(node)
        ),
        ", ".join(queues(node)),
        node.version,
        node.environment,
    ]


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    age = max(timedelta(0), now - moment)
    return f"{plain(span_words(age)) if age < timedelta(minutes=1) else short_span(age)} ago"


def load(node: SchedulerNode) -> list[tuple[str, int, int | None]]:
    """Return of each executor of a node alias, runs under way, and how many fit; nothing of a damaged report."""
    try:
        reports = json.loads(node.executors or "{}")
    except ValueError:
        return []
    reports = reports if isinstance(reports, dict) else {}
    ended = node.state in _ENDED
    return [
        (alias, 0 if ended else _count(report.get("running")) or 0, _count(report.get("capacity")))
        for alias, report in reports.items()
        if isinstance(report, dict)
    ]


def queues(node: SchedulerNode) -> list[str]:
    """Return the queues that a node serves; none for one that serves all."""
    try:
        found = json.loads(node.queues or "[]")
    except ValueError:
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _as_json(node: SchedulerNode, now: datetime) -> dict[str, Any]:
    return {
        "id": node.pk,
        "host": node.host,
        "pid": node.pid,
        "namespace": node.namespace,
        "environment": node.environment,
        "state": node.state,
        "silent": now - node.seen_at > timedelta(seconds=get_config().lease),
        "started_at": iso(node.started_at),
        "seen_at": iso(node.seen_at),
        "last_pass_at": iso(node.last_pass_at),
        "heartbeat": node.heartbeat,
        "executors": {alias: {"running": running, "capacity": capacity} for alias, running, capacity in load(node)},
        "queues": queues(node),
        "version": node.version,
    }
