"""The list and the page of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..clock import SYSTEM_CLOCK
from ..models import JobRun, ScheduledJob, SchedulerNode
from ..reasons import reason_words
from ..rows import read_trigger
from ..runs import OPEN_STATUSES
from .access import about_seen_jobs
from .base import CappedPaginator, Links, SchedulerAdmin
from .bounds import Asked, Bounded, bounded
from .cells import RunCells, labelled, run_cells
from .facts import existing_jobs, node_names
from .filters import ExceptionFilter, ExecutorFilter, JobFilter, NodeFilter, StoreFilter
from .output import attempts_html, end_of_log, key_of, progress_html
from .refresh import BUSY, QUIET, refreshed
from .runpage import RunButtons
from .shown import (
    NOTHING,
    capped,
    json_html,
    json_words,
    moment_html,
    span_or_nothing,
    status_badge,
    summary_words,
    time_tag,
    zone_of,
)


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a page knows about a run beyond its row."""

    cells: RunCells
    links: Links
    #: Whether its job is still there.
    has_job: bool
    #: `host:pid`, or the id of a node that is forgotten.
    node: str
    #: Whether the node is still known.
    has_node: bool


class RunAdmin(RunButtons, SchedulerAdmin):
    """Runs: what became of each fire time."""

    empty_template = "admin/django_apscheduler_ng/empty/runs.html"
    page_template = "run.html"
    list_display = ("number", "job", "outcome", "fire_time", "late", "took", "on", "remark")
    list_display_links = None
    list_filter = ("status", "origin", ExecutorFilter, NodeFilter, JobFilter, ExceptionFilter, StoreFilter)
    search_fields = ("job_id", "job_name", "exception_type")
    search_help_text = _("Id or name of the job, or type of the exception")
    sortable_by = ()
    ordering = ("-pk",)
    actions = ("cancel_selected", "retry_selected")
    # Where a person may do nothing, Django would write a style into the page, which a strict policy forbids.
    actions_on_top = True
    paginator = CappedPaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobRun]:
        """Leave out runs of jobs that the person may not see, and long texts until the page of a run needs them."""
        rows = about_seen_jobs(request, super().get_queryset(request))
        return rows.defer("result", "traceback", "log", "args", "kwargs")

    def within_bounds(self, rows: QuerySet[Any], chosen: Mapping[str, Any], text: str) -> Bounded:
        """Look through the latest runs only, where no index leads to the others."""
        return bounded(rows, Asked.of(chosen, text))

    def prepare(self, request: HttpRequest, rows: Sequence[JobRun]) -> None:
        """Look up the jobs and nodes of the runs."""
        now, links = SYSTEM_CLOCK.now(), self.links(request)
        jobs = existing_jobs(self.database, (row.job_key for row in rows))
        nodes = node_names(self.database, (row.node for row in rows))
        for row in rows:
            row._facts = _facts_about(row, jobs.get(row.job_key), nodes.get(row.node, ""), links, now)  # type: ignore[attr-defined]

    def refresh_in(self, rows: Sequence[JobRun]) -> int:
        """Look again while one of the runs has not ended."""
        return BUSY if any(row.status in OPEN_STATUSES for row in rows) else QUIET

    @admin.display(description=_("run"))
    def number(self, row: JobRun) -> SafeString:
        """Show the key."""
        return _facts(row).cells.link

    @admin.display(description=_("job"))
    def job(self, row: JobRun) -> SafeString:
        """Show the job, linked while it exists."""
        return _job_html(row, _facts(row))

    @admin.display(description=_("status"))
    def outcome(self, row: JobRun) -> SafeString:
        """Show the status."""
        return refreshed("status", row.pk, _facts(row).cells.status)

    @admin.display(description=_("fire time"))
    def fire_time(self, row: JobRun) -> SafeString | str:
        """Show the fire time in the job's zone."""
        return _facts(row).cells.fire_time

    @admin.display(description=_("late"))
    def late(self, row: JobRun) -> SafeString:
        """Show how late it started."""
        return labelled(_("late"), _facts(row).cells.late)

    @admin.display(description=_("took"))
    def took(self, row: JobRun) -> SafeString:
        """Show how long the body took."""
        return labelled(_("took"), refreshed("took", row.pk, _facts(row).cells.took))

    @admin.display(description=_("on"))
    def on(self, row: JobRun) -> SafeString:
        """Show executor and node."""
        return format_html('{}<span class="apsng-sub">{}</span>', row.executor, _node_html(row, _facts(row)))

    @admin.display(description=_("remark"))
    def remark(self, row: JobRun) -> SafeString:
        """Show the exception or the reason."""
        return format_html('<span class="apsng-remark">{}</span>', _facts(row).cells.remark)

    def page_context(self, request: HttpRequest, row: JobRun) -> dict[str, Any]:
        """Return everything about the run."""
        now, links = SYSTEM_CLOCK.now(), self.links(request)
        job = existing_jobs(self.database, [row.job_key]).get(row.job_key)
        facts = _facts_about(row, job, node_names(self.database, [row.node]).get(row.node, ""), links, now)
        return {
            "title": gettext("Run %(id)s of %(job)s") % {"id": row.pk, "job": row.job_name or row.job_id},
            "run": row,
            "refresh_in": BUSY if row.status in OPEN_STATUSES else 0,
            "badge": status_badge(row),
            "buttons": self.buttons(request, row),
            "wish": _wish(row),
            "reason": reason_words(row.reason),
            "summary": summary_words(row, _zone_of(job)),
            "job": _job_html(row, facts),
            "about": _about(row, facts),
            "times": _times(row, _zone_of(job), facts, now),
            "late": None if row.started_at is None else facts.cells.late,
            "args": json_html(row.args),
            "kwargs": json_html(row.kwargs),
            "progress": progress_html(row),
            "log": end_of_log(row),
            "attempts": attempts_html(row, links),
            "result": json_words(row.result),
            "message": capped(reason_words(row.exception_message)),
            "traceback": capped(row.traceback),
        }


def _facts(row: JobRun) -> RunFacts:
    facts: RunFacts = row._facts  # type: ignore[attr-defined]
    return facts


def _facts_about(row: JobRun, job: ScheduledJob | None, node: str, links: Links, now: datetime) -> RunFacts:
    return RunFacts(
        cells=run_cells(row, _zone_of(job), now, links),
        links=links,
        has_job=job is not None,
        node=node or row.node,
        has_node=bool(node),
    )


def _zone_of(job: ScheduledJob | None) -> tzinfo:
    """Return the zone of a job's trigger; the viewer's where the job is gone."""
    return timezone.get_current_timezone() if job is None else zone_of(read_trigger(job))


def _job_html(row: JobRun, facts: RunFacts) -> SafeString:
    name = row.job_name or row.job_id
    return facts.links.anchor(name, ScheduledJob, row.job_key) if facts.has_job else format_html("{}", name)


def _node_html(row: JobRun, facts: RunFacts) -> SafeString:
    if row.on_cluster:
        return format_html("{}", gettext("workers of a cluster"))
    shown = facts.node if facts.has_node else facts.node[:8]
    return facts.links.anchor(shown, SchedulerNode, row.node) if facts.has_node else format_html("{}", shown)


def _wish(row: JobRun) -> str:
    """Return who wants the run to end, and why, while it has not."""
    if row.cancel_requested_at is None or row.finished_at is not None:
        return ""
    by = row.cancel_requested_by
    text = gettext("%(who)s wants it to end") % {"who": by} if by else gettext("It was asked to end")
    return f"{text}: {reason_words(row.cancel_reason)}" if row.cancel_reason else f"{text}."


def _about(row: JobRun, facts: RunFacts) -> list[tuple[str, Any]]:
    """Return labels and values: what ran, and where."""
    by = f" ({row.requested_by})" if row.requested_by else ""
    return [
        (gettext("job"), _job_html(row, facts)),
        (gettext("job id"), format_html("<code>{}</code>", row.job_id)),
        (gettext("callable"), format_html("<code>{}</code>", row.func_ref)),
        (gettext("asked for by"), f"{row.get_origin_display()}{by}"),
        (gettext("attempt"), row.attempt),
        *_limits(row),
        (gettext("executor"), row.executor),
        (gettext("node"), _node_html(row, facts) or NOTHING),
        (gettext("worker"), row.worker or NOTHING),
        (gettext("key"), format_html("<code>{}</code>", key_of(row) or NOTHING)),
        (gettext("job store"), row.namespace),
    ]


def _limits(row: JobRun) -> list[tuple[str, Any]]:
    """Return labels and values of what may end, or has ended, the run early."""
    pairs: list[tuple[str, Any]] = []
    if row.timeout is not None:
        pairs.append((gettext("timeout"), gettext("%(seconds)s s") % {"seconds": f"{row.timeout:g}"}))
    if row.cancel_requested_at is not None:
        reason = f" ({row.cancel_reason})" if row.cancel_reason else ""
        pairs.append((gettext("cancelled by"), f"{row.cancel_requested_by or NOTHING}{reason}"))
    return pairs


def _times(row: JobRun, zone: tzinfo, facts: RunFacts, now: datetime) -> list[tuple[str, Any, str]]:
    """Return labels, moments, and what lies between them."""
    waited = _between(row.due_at, row.claimed_at)
    started = _between(row.claimed_at, row.started_at)
    moments = [
        (gettext("fire time"), row.slot, ""),
        (gettext("due"), None if row.due_at == row.slot else row.due_at, ""),
        (gettext("claimed"), row.claimed_at, waited and gettext("after %(span)s") % {"span": waited}),
        (gettext("started"), row.started_at, started and gettext("%(span)s after the claim") % {"span": started}),
        (gettext("finished"), row.finished_at, "" if row.started_at is None else facts.cells.took),
    ]
    there = [(label, moment, remark) for label, moment, remark in moments if moment]
    return [
        (label, time_tag(moment, zone) if later else moment_html(moment, zone, now=now), remark)
        for later, (label, moment, remark) in enumerate(there)
    ]


def _between(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    return span_or_nothing(max(end - start, timedelta(0)))
