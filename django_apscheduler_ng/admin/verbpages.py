"""The pages that ask before a verb is done with jobs, and what is said afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..models import JobRun, ScheduledJob
from .acting import AskFirst
from .forms import ReasonForm
from .resuming import resume_context, resume_lines
from .verbs import REMOVE, RESUME, RUN, Tally, Verb

#: So many jobs are named on the page that asks.
LISTED = 20


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
        touched, told = self.counts(verb, jobs, request)
        context = {
            "title": verb.question,
            "is_below": len(jobs) == 1 and not hidden,
            "verb": verb,
            "jobs": touched,
            "lines": [(job, "") for job in touched[:LISTED]],
            "told": told,
            "selected": len(jobs),
            "untouched": len(jobs) - len(touched),
            "declared": [job for job in touched if verb is REMOVE and job.declared],
            "broken": sum(1 for job in touched if verb in (RUN, RESUME) and job.broken_reason),
            **(_resumed(touched) if verb is RESUME else {}),
            "form": form,
            "hidden": hidden,
            "back": self._back(request, jobs, many=bool(hidden)),
        }
        return self.page(request, "job_action.html", jobs[0] if len(jobs) == 1 and not hidden else None, context)


def _resumed(jobs: Sequence[ScheduledJob]) -> dict[str, Any]:
    now = SYSTEM_CLOCK.now()
    return resume_context(jobs[0], now) if len(jobs) == 1 else resume_lines(jobs, now, LISTED)
