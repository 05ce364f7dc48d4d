"""The list and the page of events: what happened to jobs outside their runs, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import JobLogEntry, ScheduledJob
from ..reasons import reason_words
from .access import about_seen_jobs
from .base import CappedPaginator, Links, SchedulerAdmin
from .bounds import Asked, Bounded, bounded
from .cells import EventCells, action_badge, changes_of, event_cells, event_values, run_html
from .facts import existing_jobs
from .filters import ActionFilter, JobFilter, StoreFilter
from .sentences import event_sentence
from .shown import NOTHING, moment_html
from .taking_back import can_be_reverted


class EventAdmin(SchedulerAdmin):
    """Events: never edited, never deleted by hand."""

    empty_template = "admin/django_apscheduler_ng/empty/events.html"
    page_template = "event.html"
    list_display = ("at_moment", "job", "event", "what", "why")
    list_display_links = None
    list_filter = (ActionFilter, JobFilter, StoreFilter)
    search_fields = ("job_id", "actor_name", "reason")
    search_help_text = _("Id of the job, person or reason")
    sortable_by = ()
    ordering = ("-pk",)
    actions = None
    actions_on_top = True
    paginator = CappedPaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobLogEntry]:
        """Leave out events of jobs that the person may not see."""
        return about_seen_jobs(request, super().get_queryset(request))

    def within_bounds(self, rows: QuerySet[Any], chosen: Mapping[str, Any], text: str) -> Bounded:
        """Look through the latest events only, where no index leads to the others."""
        return bounded(rows, Asked.of(chosen, text))

    def prepare(self, request: HttpRequest, rows: Sequence[JobLogEntry]) -> None:
        """Look up the jobs of the events."""
        links = self.links(request)
        jobs = existing_jobs(self.database, (row.job_key for row in rows))
        for row in rows:
            row._cells = event_cells(row, links)  # type: ignore[attr-defined]
            row._job = _job_html(row, jobs.get(row.job_key), links)  # type: ignore[attr-defined]

    @admin.display(description=_("at"))
    def at_moment(self, row: JobLogEntry) -> SafeString | str:
        """Show when."""
        return _cells(row).at

    @admin.display(description=_("job"))
    def job(self, row: JobLogEntry) -> SafeString:
        """Show the job, linked while it exists."""
        shown: SafeString = row._job  # type: ignore[attr-defined]
        return shown

    @admin.display(description=_("event"))
    def event(self, row: JobLogEntry) -> SafeString:
        """Show what happened."""
        return _cells(row).link

    @admin.display(description=_("what happened"))
    def what(self, row: JobLogEntry) -> SafeString:
        """Say in a sentence who did what, and show the first changes."""
        changes = _cells(row).changes
        shown = "" if changes == NOTHING else changes
        return format_html('<span class="apsng-sentence">{}</span> {}', event_sentence(row), shown)

    @admin.display(description=_("why"))
    def why(self, row: JobLogEntry) -> SafeString | str:
        """Show the reason."""
        return (
            format_html('<span class="apsng-remark">{}</span>', reason_words(row.reason)[:300])
            if row.reason
            else NOTHING
        )

    def page_context(self, request: HttpRequest, row: JobLogEntry) -> dict[str, Any]:
        """Return everything about the event."""
        links = self.links(request)
        job = existing_jobs(self.database, [row.job_key]).get(row.job_key)
        cells = event_cells(row, links)
        before, after = event_values(row)
        run = run_html(after, links)
        return {
            "title": gettext("Event of %(job)s") % {"job": job or row.job_id},
            "badge": action_badge(row),
            "sentence": event_sentence(row),
            **self._ways_back(row, job, links, request),
            "about": [
                (gettext("job"), _job_html(row, job, links)),
                (gettext("job id"), format_html("<code>{}</code>", row.job_id)),
                (gettext("at"), moment_html(row.at)),
                (gettext("by"), _who(row, cells)),
                (gettext("why"), reason_words(row.reason) or NOTHING),
                (gettext("job store"), row.namespace),
                *([(gettext("run"), run)] if run else []),
            ],
            "changes": changes_of(before, after),
        }

    def _ways_back(
        self, row: JobLogEntry, job: ScheduledJob | None, links: Links, request: HttpRequest
    ) -> dict[str, str]:
        """Return the addresses at which what happened can be undone: the change taken back, the removed job added again."""
        if not links.sees(ScheduledJob):
            return {}
        jobs = self.admin_site.get_model_admin(ScheduledJob)
        if job is None and row.action == "removed" and jobs.has_add_permission(request):
            return {"add_again": f"{links.page(ScheduledJob, 'add')}?event={row.pk}"}
        if job is None or job.finished_at is not None or not jobs.has_change_permission(request, job):
            return {}
        return {"revert": links.page(ScheduledJob, "revert", job.pk, row.pk)} if can_be_reverted(row) else {}


def _who(row: JobLogEntry, cells: EventCells) -> str:
    return f"{cells.who} (#{row.actor_id})" if row.actor_id else cells.who


def _cells(row: JobLogEntry) -> EventCells:
    cells: EventCells = row._cells  # type: ignore[attr-defined]
    return cells


def _job_html(row: JobLogEntry, job: ScheduledJob | None, links: Links) -> SafeString:
    return format_html("{}", row.job_id) if job is None else links.anchor(job, ScheduledJob, job.pk)
