"""The list of jobs, and what can be done with the selected ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..access import permits
from ..clock import SYSTEM_CLOCK
from ..models import Origin, ScheduledJob
from ..rows import differing
from .access import about_seen_jobs, permits_some, views_some
from .acting import ListActions
from .base import APP, SchedulerAdmin
from .cells import labelled, next_run_html, outcomes_html, running_for
from .facts import JobFacts, gather_facts
from .filters import ExecutorFilter, QueueFilter, StateFilter, StoreFilter, TriggerFilter
from .gone import words_about_gone
from .jobpage import JobPages
from .refresh import refresh_in, refreshed
from .shown import schedule_words
from .states import state_badges
from .verbs import PAUSE, REMOVE, RESUME, RUN, carry_out, tell


class JobAdmin(JobPages, ListActions, SchedulerAdmin):
    """Jobs: what they are doing, and the buttons."""

    empty_template = "admin/django_apscheduler_ng/empty/jobs.html"
    list_display = ("job", "state", "schedule", "next_run", "last_outcome")
    list_display_links = None
    list_filter = (
        StateFilter,
        TriggerFilter,
        ExecutorFilter,
        QueueFilter,
        "priority",
        "overlap",
        "origin",
        StoreFilter,
    )
    search_fields = ("name", "job_id", "func_ref")
    search_help_text = _("Name, id or callable")
    sortable_by = ("job", "next_run")
    ordering = (F("next_run_time").asc(nulls_last=True), "pk")
    actions = ("pause_selected", "resume_selected", "run_selected", "delete_selected")
    show_full_result_count = False

    # -- permissions --------------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those add jobs who may."""
        return request.user.has_perm(f"{APP}.add_scheduledjob")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those see who may view or change jobs: all of them, or this one."""
        return views_some(request, self.database, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those edit and reschedule who may change jobs: all of them, or this one."""
        return self._permits(request, "change_scheduledjob", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those remove who may delete jobs: all of them, or this one."""
        return self._permits(request, "delete_scheduledjob", obj)

    def has_run_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those run jobs now who may: all of them, or this one."""
        return self._permits(request, "run_scheduledjob", obj)

    def has_pause_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those pause and resume who may: all of them, or this one."""
        return self._permits(request, "pause_scheduledjob", obj)

    def _permits(self, request: HttpRequest, permission: str, job: Any) -> bool:
        """Return whether the person has a right on all jobs, or on this one; without a job, on any."""
        if job is None:
            return permits_some(request, self.database, permission)
        return permits(request.user, permission, job)

    # -- the list -----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the buttons."""
        return [*self.page_urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScheduledJob]:
        """Leave out jobs that the person may not see."""
        return about_seen_jobs(request, super().get_queryset(request), "pk")

    def words_about_gone(self, request: HttpRequest, key: str) -> str:
        """Say who removed the job, where that is known."""
        told = words_about_gone(request, key, self.database, self.links(request))
        return told or super().words_about_gone(request, key)

    def prepare(self, request: HttpRequest, rows: Sequence[ScheduledJob]) -> None:
        """Gather the facts about the jobs of the page."""
        facts = gather_facts(rows, SYSTEM_CLOCK.now(), self.links(request))
        for row in rows:
            row._facts = facts[row.pk]  # type: ignore[attr-defined]

    def refresh_in(self, rows: Sequence[ScheduledJob]) -> int:
        """Look again while one of the jobs runs or is soon due."""
        upcoming = [row.next_run_time for row in rows if row.next_run_time is not None]
        busy = any(_facts(row).live is not None for row in rows)
        return refresh_in(SYSTEM_CLOCK.now(), busy=busy, next_at=min(upcoming, default=None))

    @admin.display(description=_("job"), ordering="name")
    def job(self, row: ScheduledJob) -> SafeString:
        """Show name, id and callable."""
        facts = _facts(row)
        tags = [row.get_origin_display()] if row.origin == Origin.CODE else []
        if differing(row):
            tags.append(gettext("differs from code"))
        return format_html(
            '<span class="apsng-name">{}</span>{}<span class="apsng-sub apsng-id">{}</span>',
            facts.links.anchor(row, ScheduledJob, row.pk),
            format_html_join("", ' <span class="apsng-tag">{}</span>', ((tag,) for tag in tags)),
            row.job_id,
        )

    @admin.display(description=_("state"))
    def state(self, row: ScheduledJob) -> SafeString:
        """Show the state, and why the job does not run."""
        facts = _facts(row)
        why = facts.sentence or running_for(facts)
        badges = state_badges(row, facts.live is not None)
        shown = format_html('{}<span class="apsng-sub apsng-why" title="{}">{}</span>', badges, why, why)
        return refreshed("state", row.pk, shown)

    @admin.display(description=_("schedule"))
    def schedule(self, row: ScheduledJob) -> SafeString:
        """Show the trigger in words."""
        return format_html(
            '<span class="apsng-words">{}</span><span class="apsng-sub">{}</span>',
            schedule_words(_facts(row).trigger),
            row.trigger_type,
        )

    @admin.display(description=_("next run"), ordering="next_run_time")
    def next_run(self, row: ScheduledJob) -> SafeString:
        """Show the next run time in the job's zone."""
        return labelled(_("next run"), refreshed("next", row.pk, next_run_html(row, _facts(row))))

    @admin.display(description=_("last outcomes"))
    def last_outcome(self, row: ScheduledJob) -> SafeString:
        """Show how the latest runs ended."""
        return labelled(_("last outcomes"), refreshed("outcomes", row.pk, outcomes_html(_facts(row))))

    # -- actions ------------------------------------------------------------------------------------------------------

    @admin.action(description=_("Pause selected jobs…"), permissions=["pause"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        """Ask for a reason, then pause."""
        return self.ask_and_act(PAUSE, request, queryset)

    @admin.action(description=_("Resume selected jobs…"), permissions=["pause"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        """Show what each would do, then resume."""
        return self.ask_and_act(RESUME, request, queryset)

    @admin.action(description=_("Run selected jobs now…"), permissions=["run"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        """Ask for a reason, then run now, once each."""
        return self.ask_and_act(RUN, request, queryset)

    @admin.action(description=_("Remove selected jobs…"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        """Ask, then remove; by its name it takes the place of Django's own deletion, which knows no reason."""
        return self.ask_and_act(REMOVE, request, queryset)

    def delete_model(self, request: HttpRequest, obj: ScheduledJob) -> None:
        """Remove through the scheduler's API, whoever calls this."""
        tell(REMOVE, carry_out(REMOVE, [obj], request, self), request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        """Remove through the scheduler's API, whoever calls this."""
        tell(REMOVE, carry_out(REMOVE, list(queryset), request, self), request)


def _facts(row: ScheduledJob) -> JobFacts:
    facts: JobFacts = row._facts  # type: ignore[attr-defined]
    return facts
