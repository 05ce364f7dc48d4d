"""The pages that ask before a verb is done with jobs, and what is said afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..models import JobRun, ScheduledJob
from .base import SchedulerAdmin
from .forms import ReasonForm
from .resuming import resume_context
from .verbs import REMOVE, RESUME, RUN, Tally, Verb, carry_out, tell

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class VerbPages(_Pages):
    """The pages, mixed into the admin of jobs."""

    def may(self, request: HttpRequest, permission: str) -> bool:
        """Return whether the person has the permission that a verb needs."""
        allowed: bool = getattr(self, f"has_{permission}_permission")(request)
        return allowed

    def verb_view(self, verb: Verb[ScheduledJob], request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask before a verb is done, and do it when that is posted."""
        row = self.visible_row(request, object_id)
        if not self.may(request, verb.permission):
            raise PermissionDenied
        if isinstance(row, HttpResponse):
            return row
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self.verb_page(request, verb, [row], form)
        tally = carry_out(verb, [row], request, self, form.cleaned_data["reason"])
        self.tell_about(verb, row, tally, request)
        gone = bool(tally.done) and (verb is REMOVE or tally.answers.get(row.pk) is False)
        links = self.links(request)
        target = links.page(ScheduledJob, "changelist") if gone else links.page(ScheduledJob, "change", row.pk)
        return HttpResponseRedirect(target)

    def tell_about(
        self, verb: Verb[ScheduledJob], row: ScheduledJob, tally: Tally[ScheduledJob], request: HttpRequest
    ) -> None:
        """Say what became of the verb; a run is linked."""
        if verb is RUN and tally.done:
            run = tally.answers[row.pk]
            number = self.links(request).anchor(gettext("Run %(id)s") % {"id": run}, JobRun, run)
            messages.success(request, format_html(gettext("{} of “{}” is asked for."), number, row))
        elif verb is RESUME and tally.answers.get(row.pk) is False:
            messages.warning(request, gettext("“%(job)s” had no further fire time and was removed.") % {"job": row})
        else:
            tell(verb, tally, request)

    def _back(self, request: HttpRequest, jobs: Sequence[ScheduledJob], *, many: bool) -> str:
        """Return where to go without doing anything."""
        if many or not jobs:
            return request.get_full_path()
        return self.links(request).page(ScheduledJob, "change", jobs[0].pk)

    def verb_page(
        self,
        request: HttpRequest,
        verb: Verb[ScheduledJob],
        jobs: Sequence[ScheduledJob],
        form: ReasonForm,
        hidden: Sequence[tuple[str, str]] = (),
    ) -> HttpResponse:
        """Return the page that asks before a verb is done with these jobs."""
        touched = [job for job in jobs if verb.applies(job)]
        context = {
            "title": verb.question,
            "is_below": len(jobs) == 1 and not hidden,
            "verb": verb,
            "jobs": touched,
            "untouched": len(jobs) - len(touched),
            "declared": [job for job in touched if verb is REMOVE and job.declared],
            **(resume_context(touched[0], SYSTEM_CLOCK.now()) if verb is RESUME and len(touched) == 1 else {}),
            "form": form,
            "hidden": hidden,
            "back": self._back(request, jobs, many=bool(hidden)),
        }
        return self.page(request, "job_action.html", jobs[0] if len(jobs) == 1 and not hidden else None, context)
