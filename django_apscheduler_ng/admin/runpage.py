"""The buttons of a run, and the pages that ask before they do something."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..access import permits
from ..models import JobRun, ScheduledJob
from .access import permits_some
from .acting import ListActions
from .base import APP
from .facts import existing_jobs
from .forms import ReasonForm
from .runverbs import CANCEL, RETRY, RUN_VERBS
from .verbs import Tally, Verb


class RunButtons(ListActions):
    """What can be done with runs, mixed into their admin."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the buttons."""
        pages = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(partial(self.verb_view, verb)),
                name=f"{APP}_jobrun_{verb.name}",
            )
            for verb in RUN_VERBS
        ]
        return [*pages, *super().get_urls()]

    def has_cancel_permission(self, request: HttpRequest, obj: JobRun | None = None) -> bool:
        """Let those cancel runs who may: all of them, or those of the job."""
        return self._permits(request, "cancel_jobrun", obj)

    def has_retry_permission(self, request: HttpRequest, obj: JobRun | None = None) -> bool:
        """Let those retry runs who may run jobs now: all of them, or the run's."""
        return self._permits(request, "run_scheduledjob", obj)

    def _permits(self, request: HttpRequest, permission: str, run: JobRun | None) -> bool:
        """Return whether the person has a right on all jobs, or on that of the run; without a run, on any."""
        if run is None:
            return permits_some(request, self.database, permission)
        if permits(request.user, permission):
            return True
        if not hasattr(run, "_job"):
            self.find_jobs([run])
        job: ScheduledJob | None = run._job  # type: ignore[attr-defined]
        return job is not None and permits(request.user, permission, job)

    def find_jobs(self, rows: Sequence[JobRun]) -> None:
        """Read the jobs of the runs, which rights on single jobs are about."""
        jobs = existing_jobs(self.database, (run.job_key for run in rows))
        for run in rows:
            run._job = jobs.get(run.job_key)  # type: ignore[attr-defined]

    def buttons(self, request: HttpRequest, run: JobRun) -> list[dict[str, Any]]:
        """Return what the person may do with the run now."""
        return [
            {
                "label": verb.label,
                "address": self.links(request).page(JobRun, verb.name, run.pk),
                "at_once": verb is RETRY,
                "final": verb is CANCEL,
            }
            for verb in RUN_VERBS
            if verb.applies(run) and self.may(request, verb.permission, run)
        ]

    @admin.action(description=_("Cancel selected runs…"), permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[JobRun]) -> HttpResponse | None:
        """Ask for a reason, then cancel."""
        return self.ask_and_act(CANCEL, request, queryset)

    @admin.action(description=_("Retry selected runs…"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[JobRun]) -> HttpResponse | None:
        """Ask for a reason, then retry, once each."""
        return self.ask_and_act(RETRY, request, queryset)

    def tell_about(self, verb: Verb[JobRun], row: JobRun, tally: Tally[JobRun], request: HttpRequest) -> None:
        """Say what became of the verb; a further attempt is linked, and so is the run it comes from."""
        if verb is RETRY and tally.done:
            number = self.links(request).anchor(gettext("run %(id)s") % {"id": row.pk}, JobRun, row.pk)
            messages.success(request, format_html(gettext("This further attempt of {} is asked for."), number))
        else:
            super().tell_about(verb, row, tally, request)

    def shown_after(self, verb: Verb[JobRun], row: JobRun, tally: Tally[JobRun], request: HttpRequest) -> str:
        """Show the run; after a retry its further attempt."""
        shown = tally.answers.get(row.pk, row.pk) if verb is RETRY else row.pk
        return self.links(request).page(JobRun, "change", shown)

    def verb_page(
        self,
        request: HttpRequest,
        verb: Verb[JobRun],
        rows: Sequence[JobRun],
        form: ReasonForm,
        hidden: Sequence[tuple[str, str]] = (),
    ) -> HttpResponse:
        """Return the page that asks before a verb is done with these runs."""
        touched, told = self.counts(verb, rows, request)
        alone = len(rows) == 1 and not hidden
        context = {
            "title": verb.question,
            "is_below": alone,
            "verb": verb,
            "runs": touched,
            "told": told,
            "selected": len(rows),
            "untouched": len(rows) - len(touched),
            "form": form,
            "hidden": hidden,
            "back": self.links(request).page(JobRun, "change", rows[0].pk) if alone else request.get_full_path(),
        }
        return self.page(request, "run_action.html", rows[0] if alone else None, context)
