"""The list and the page of nodes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..clock import SYSTEM_CLOCK
from ..conf import get_config
from ..models import JobRun, NodeState, SchedulerNode
from .access import is_confined
from .base import SchedulerAdmin
from .cells import labelled
from .filters import StoreFilter
from .shown import NOTHING, badge, distance_words, json_words, moment_html, span_words

_TONES = {
    NodeState.RUNNING: "ok",
    NodeState.PAUSED: "quiet",
    NodeState.DRAINING: "warn",
    NodeState.STOPPED: "quiet",
    NodeState.DEAD: "bad",
}
_ENDED = (NodeState.STOPPED, NodeState.DEAD)
#: Width of a drawn load, in units of its picture.
_WIDTH = 60


class NodeAdmin(SchedulerAdmin):
    """Nodes: the scheduler processes, those that live and those that did."""

    empty_template = "admin/django_apscheduler_ng/empty/nodes.html"
    page_template = "node.html"
    list_display = ("name", "condition", "last_heartbeat", "load", "up_since", "version")
    list_display_links = None
    list_filter = ("state", StoreFilter)
    search_fields = ("host", "id")
    sortable_by = ()
    ordering = ("-seen_at", "pk")
    actions = None
    actions_on_top = True
    show_full_result_count = False

    def prepare(self, request: HttpRequest, rows: Sequence[SchedulerNode]) -> None:
        """Note the present and the addresses."""
        now, links = SYSTEM_CLOCK.now(), self.links(request)
        for row in rows:
            row._now, row._links = now, links  # type: ignore[attr-defined]

    @admin.display(description=_("node"))
    def name(self, row: SchedulerNode) -> SafeString:
        """Show host and process id."""
        link = row._links.anchor(row, SchedulerNode, row.pk)  # type: ignore[attr-defined]
        return format_html(
            '<span class="apsng-name">{}</span><span class="apsng-sub apsng-id">{}</span>', link, row.pk[:8]
        )

    @admin.display(description=_("state"))
    def condition(self, row: SchedulerNode) -> SafeString:
        """Show the state, and whether the node has fallen silent."""
        return state_html(row, row._now)  # type: ignore[attr-defined]

    @admin.display(description=_("last heartbeat"))
    def last_heartbeat(self, row: SchedulerNode) -> SafeString:
        """Show the age of the last heartbeat."""
        return labelled(_("last heartbeat"), distance_words(row.seen_at, row._now))  # type: ignore[attr-defined]

    @admin.display(description=_("executors"))
    def load(self, row: SchedulerNode) -> SafeString | str:
        """Show the executors with their load."""
        return load_html(row) or NOTHING

    @admin.display(description=_("started"))
    def up_since(self, row: SchedulerNode) -> SafeString:
        """Show when it started."""
        return labelled(_("started"), moment_html(row.started_at, now=row._now))  # type: ignore[attr-defined]

    def page_context(self, request: HttpRequest, row: SchedulerNode) -> dict[str, Any]:
        """Return everything about the node."""
        now, links = SYSTEM_CLOCK.now(), self.links(request)
        runs = links.page(JobRun, "changelist")
        return {
            "about": [
                (gettext("state"), state_html(row, now)),
                (gettext("host"), row.host),
                (gettext("process id"), row.pid),
                (gettext("id"), format_html("<code>{}</code>", row.pk)),
                (gettext("version"), row.version),
                (gettext("environment"), row.environment or gettext("any")),
                (gettext("job store"), row.namespace),
            ],
            "times": [
                (gettext("started"), moment_html(row.started_at, now=now), ""),
                (gettext("last heartbeat"), moment_html(row.seen_at, now=now), _beats(row)),
                (gettext("last pass"), moment_html(row.last_pass_at, now=now), ""),
            ],
            "load": load_html(row, with_types=True),
            "declares": "" if is_confined(request) else json_words(row.declares),
            "runs_address": f"{runs}?node={row.pk}" if runs else "",
        }


def _beats(row: SchedulerNode) -> str:
    return gettext("number %(count)d") % {"count": row.heartbeat}


def state_html(row: SchedulerNode, now: datetime) -> SafeString:
    """Return the state of a node as a badge, and a warning where it should give signs of life and does not."""
    state = NodeState(row.state) if row.state in NodeState.values else None
    shown = badge(row.get_state_display(), _TONES[state] if state else "quiet")
    silence = now - row.seen_at
    if state in _ENDED or silence <= timedelta(seconds=get_config().lease):
        return shown
    words = gettext("silent for %(span)s") % {"span": span_words(silence)}
    return format_html("{} {}", badge(words, "bad"), format_html('<span class="apsng-sub">{}</span>', shown))


def load_html(row: SchedulerNode, *, with_types: bool = False) -> SafeString:
    """Return the executors of a node with a drawn load and, if wanted, their types; those of a node that ended are empty."""
    parts = []
    for alias, report in executors_of(row):
        parts.append(_executor(alias, report, row))
        if with_types:
            parts.append(format_html('<span class="apsng-sub apsng-load-type">{}</span>', report.get("type", "")))
    return format_html_join("", "{}", ((part,) for part in parts))


def executors_of(row: SchedulerNode) -> list[tuple[str, dict[str, Any]]]:
    """Return alias and report of each executor; a damaged report has none."""
    try:
        found = json.loads(row.executors or "{}")
    except ValueError:
        return []
    if not isinstance(found, dict):
        return []
    return [(alias, report) for alias, report in found.items() if isinstance(report, dict)]


def _executor(alias: str, report: dict[str, Any], row: SchedulerNode) -> SafeString:
    capacity, running = _count(report.get("capacity")), _count(report.get("running"))
    if row.state in _ENDED:
        running = 0
    filled = min(_WIDTH, round(_WIDTH * running / capacity)) if capacity else 0
    return format_html(
        '<span class="apsng-load" title="{}"><span class="apsng-label">{}</span> '
        '<svg class="apsng-bar" viewBox="0 0 {} 8" width="{}" height="8" aria-hidden="true">'
        '<rect class="apsng-bar-all" width="{}" height="8" rx="4"></rect>'
        '<rect class="apsng-bar-used" width="{}" height="8" rx="4"></rect>'
        '</svg> <span class="apsng-number">{}/{}</span></span>',
        report.get("type", ""),
        alias,
        _WIDTH,
        _WIDTH,
        _WIDTH,
        filled,
        running,
        capacity or "?",
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
