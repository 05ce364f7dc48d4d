"""The pages that ask before a verb is done with jobs, and what is said afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..models import JobRun, ScheduledJob
from .acting import AskFirst
from .forms import ReasonForm
from .resuming import resume_context
from .verbs import REMOVE, RESUME, RUN, Tally, Verb


class VerbPages(AskFirst):
    """The pages, mixed into the admin of jobs."""

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
            super().tell_about(verb, row, tally, request)

    def shown_after(
        self, verb: Verb[ScheduledJob], row: ScheduledJob, tally: Tally[ScheduledJob], request: HttpRequest
    ) -> str:
        """Show the job; the list where it is gone."""
        gone = bool(tally.done) and (verb is REMOVE or tally.answers.get(row.pk) is False)
        links = self.links(request)
        return links.page(ScheduledJob, "changelist") if gone else links.page(ScheduledJob, "change", row.pk)

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
