"""The list of jobs, and what can be done with the selected ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..clock import SYSTEM_CLOCK
from ..models import Origin, ScheduledJob
from ..rows import differing
from .base import APP, SchedulerAdmin
from .cells import labelled, last_outcome_html, next_run_html, running_for
from .facts import JobFacts, gather_facts
from .filters import ExecutorFilter, StateFilter, StoreFilter, TriggerFilter
from .forms import ReasonForm
from .jobpage import JobPages
from .shown import schedule_words
from .states import state_badges
from .verbs import MOST_JOBS, PAUSE, REMOVE, RESUME, RUN, Verb, carry_out, tell


class JobAdmin(JobPages, SchedulerAdmin):
    """Jobs: what they are doing, and the buttons."""

    empty_template = "admin/django_apscheduler_ng/empty/jobs.html"
    list_display = ("job", "state", "schedule", "next_run", "last_outcome")
    list_display_links = None
    list_filter = (StateFilter, TriggerFilter, ExecutorFilter, "origin", StoreFilter)
    search_fields = ("name", "job_id", "func_ref")
    search_help_text = _("Name, id or callable")
    sortable_by = ("job", "next_run")
    ordering = (F("next_run_time").asc(nulls_last=True), "pk")
    actions = ("pause_selected", "resume_selected", "run_selected", "delete_selected")
    show_full_result_count = False

    # -- permissions --------------------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those reschedule who may change jobs."""
        return request.user.has_perm(f"{APP}.change_scheduledjob")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those remove who may delete jobs."""
        return request.user.has_perm(f"{APP}.delete_scheduledjob")

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Let those run jobs now who may."""
        return request.user.has_perm(f"{APP}.run_scheduledjob")

    def has_pause_permission(self, request: HttpRequest) -> bool:
        """Let those pause and resume who may."""
        return request.user.has_perm(f"{APP}.pause_scheduledjob")

    # -- the list -----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the buttons."""
        return [*self.page_urls(), *super().get_urls()]

    def prepare(self, request: HttpRequest, rows: Sequence[ScheduledJob]) -> None:
        """Gather the facts about the jobs of the page."""
        facts = gather_facts(rows, SYSTEM_CLOCK.now(), self.links(request))
        for row in rows:
            row._facts = facts[row.pk]  # type: ignore[attr-defined]

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
        return format_html('{}<span class="apsng-sub apsng-why" title="{}">{}</span>', badges, why, why)

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
        return labelled(_("next run"), next_run_html(row, _facts(row)))

    @admin.display(description=_("last outcome"))
    def last_outcome(self, row: ScheduledJob) -> SafeString:
        """Show how the latest run ended."""
        return labelled(_("last outcome"), last_outcome_html(_facts(row)))

    # -- actions ------------------------------------------------------------------------------------------------------

    @admin.action(description=_("Pause selected jobs…"), permissions=["pause"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        """Ask for a reason, then pause."""
        return self._ask_and_act(PAUSE, request, queryset)

    @admin.action(description=_("Resume selected jobs"), permissions=["pause"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        """Resume."""
        self._act(RESUME, request, queryset)

    @admin.action(description=_("Run selected jobs now"), permissions=["run"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        """Run now, once each."""
        self._act(RUN, request, queryset)

    @admin.action(description=_("Remove selected jobs…"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        """Ask, then remove; by its name it takes the place of Django's own deletion, which knows no reason."""
        return self._ask_and_act(REMOVE, request, queryset)

    def _act(self, verb: Verb, request: HttpRequest, queryset: QuerySet[ScheduledJob], reason: str = "") -> None:
        jobs = list(queryset[: MOST_JOBS + 1])
        tell(verb, carry_out(verb, jobs[:MOST_JOBS], request, self, reason), request)
        if len(jobs) > MOST_JOBS:
            text = gettext("Only the first %(most)d jobs were looked at. Repeat the action for the others.")
            messages.warning(request, text % {"most": MOST_JOBS})

    def _ask_and_act(self, verb: Verb, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> HttpResponse | None:
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._act(verb, request, queryset, form.cleaned_data["reason"])
            return None
        jobs = list(queryset[:MOST_JOBS])
        everywhere = request.POST.get("select_across", "0")
        hidden = [("action", request.POST.get("action", "")), ("select_across", everywhere), ("index", "0")]
        keys = jobs[:1] if everywhere == "1" else jobs
        hidden += [(ACTION_CHECKBOX_NAME, str(job.pk)) for job in keys]
        return self.verb_page(request, verb, jobs, form, hidden=hidden)

    def delete_model(self, request: HttpRequest, obj: ScheduledJob) -> None:
        """Remove through the scheduler's API, whoever calls this."""
        tell(REMOVE, carry_out(REMOVE, [obj], request, self), request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ScheduledJob]) -> None:
        """Remove through the scheduler's API, whoever calls this."""
        tell(REMOVE, carry_out(REMOVE, list(queryset), request, self), request)


def _facts(row: ScheduledJob) -> JobFacts:
    facts: JobFacts = row._facts  # type: ignore[attr-defined]
    return facts
