"""The page of a job, and the pages of its buttons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..models import JobLogEntry, JobRun, ScheduledJob
from ..rows import differing
from .base import APP, SchedulerAdmin
from .cells import event_cells, last_outcome_html, next_run_html, run_cells, running_for
from .facts import JobFacts, gather_facts
from .forms import ReasonForm
from .preview import preview_context
from .reschedule import ReschedulePage
from .shown import json_words, moment_html, schedule_words, value_words
from .states import state_badges
from .verbs import REMOVE, RESUME, RUN, VERBS, Tally, Verb, carry_out, tell

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object

#: So many runs and events are shown on the page of a job.
_LATEST = 10


class JobPages(ReschedulePage, _Pages):
    """The pages of one job, mixed into its admin."""

    page_template = "job.html"

    def page_urls(self) -> list[URLPattern]:
        """Return the addresses of the buttons' pages."""
        site = self.admin_site
        views: dict[str, Callable[..., HttpResponse]] = {verb.name: partial(self.verb_view, verb) for verb in VERBS}
        views |= {"delete": partial(self.verb_view, REMOVE), "reschedule": self.reschedule_view}
        return [
            path(f"<path:object_id>/{name}/", site.admin_view(view), name=f"{APP}_scheduledjob_{name}")
            for name, view in views.items()
        ]

    def page_context(self, request: HttpRequest, row: ScheduledJob) -> dict[str, Any]:
        """Return everything about the job."""
        links = self.links(request)
        facts = gather_facts([row], SYSTEM_CLOCK.now(), links)[row.pk]
        return {
            "subtitle": None,
            "job": row,
            "facts": facts,
            "running_for": running_for(facts),
            "tone": _tone(row),
            "badges": state_badges(row, facts.live is not None),
            "schedule": schedule_words(facts.trigger),
            "next_run": next_run_html(row, facts),
            "last_outcome": last_outcome_html(facts),
            "buttons": self._buttons(request, row),
            **_definition(row, facts),
            **preview_context(facts.trigger, facts.now, row),
            **self._history(row, facts),
        }

    def _buttons(self, request: HttpRequest, row: ScheduledJob) -> list[dict[str, Any]]:
        """Return what the person may do with the job now."""
        links = self.links(request)
        buttons: list[dict[str, Any]] = [
            {
                "label": verb.label,
                "address": links.page(ScheduledJob, verb.name, row.pk),
                "at_once": verb in (RUN, RESUME),
                "final": verb.final,
            }
            for verb in VERBS
            if verb.applies(row) and self._may(request, verb.permission)
        ]
        if row.finished_at is None and self.has_change_permission(request):
            address = links.page(ScheduledJob, "reschedule", row.pk)
            place = next((index for index, button in enumerate(buttons) if button["final"]), len(buttons))
            buttons.insert(place, {"label": gettext("Reschedule"), "address": address})
        return buttons

    def _may(self, request: HttpRequest, permission: str) -> bool:
        allowed: bool = getattr(self, f"has_{permission}_permission")(request)
        return allowed

    def _history(self, row: ScheduledJob, facts: JobFacts) -> dict[str, Any]:
        """Return the latest runs and events, as far as the person may see them."""
        context: dict[str, Any] = {}
        if facts.links.sees(JobRun):
            runs = JobRun.objects.using(self.database).filter(job_key=row.pk).order_by("-pk")
            short = runs.defer("result", "traceback", "args", "kwargs")[:_LATEST]
            context["runs"] = [run_cells(run, facts.zone, facts.now, facts.links) for run in short]
            context["all_runs"] = f"{facts.links.page(JobRun, 'changelist')}?job={row.pk}"
        if facts.links.sees(JobLogEntry):
            entries = JobLogEntry.objects.using(self.database).about([row.pk]).order_by("-pk")[:_LATEST]
            context["events"] = [event_cells(entry, facts.links) for entry in entries]
            context["all_events"] = f"{facts.links.page(JobLogEntry, 'changelist')}?job={row.pk}"
        return context

    # -- buttons --------------------------------------------------------------------------------------------------------

    def verb_view(self, verb: Verb, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask before a verb is done, and do it when that is posted."""
        row = self.visible_row(request, object_id)
        if not self._may(request, verb.permission):
            raise PermissionDenied
        if isinstance(row, HttpResponse):
            return row
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self.verb_page(request, verb, [row], form)
        tally = carry_out(verb, [row], request, self, form.cleaned_data["reason"])
        self._tell_about(verb, row, tally, request)
        gone = bool(tally.done) and (verb is REMOVE or tally.answers.get(row.pk) is False)
        links = self.links(request)
        target = links.page(ScheduledJob, "changelist") if gone else links.page(ScheduledJob, "change", row.pk)
        return HttpResponseRedirect(target)

    def _tell_about(self, verb: Verb, row: ScheduledJob, tally: Tally, request: HttpRequest) -> None:
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
        verb: Verb,
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
            "form": form,
            "hidden": hidden,
            "back": self._back(request, jobs, many=bool(hidden)),
        }
        return self.page(request, "job_action.html", jobs[0] if len(jobs) == 1 and not hidden else None, context)


def _tone(row: ScheduledJob) -> str:
    """Return the colour of the sentence about a job."""
    if row.finished_at is not None:
        return "quiet"
    return "warn" if row.paused or row.retired_at is not None else "bad"


def _definition(row: ScheduledJob, facts: JobFacts) -> dict[str, list[tuple[str, Any]]]:
    """Return the labelled values of the definition: what runs, how, and where it comes from."""
    grace = (
        gettext("however late")
        if row.misfire_grace_time is None
        else gettext("%(seconds)s s after its fire time") % {"seconds": f"{row.misfire_grace_time:g}"}
    )
    zone = facts.zone
    label = _label
    what = [
        (label("func_ref"), format_html("<code>{}</code>", row.func_ref)),
        (label("args"), format_html("<pre>{}</pre>", json_words(row.args))),
        (label("kwargs"), format_html("<pre>{}</pre>", json_words(row.kwargs))),
        (label("trigger"), format_html("<pre>{}</pre>", json_words(row.trigger))),
    ]
    how = [
        (label("executor"), row.executor),
        (label("coalesce"), gettext("yes") if row.coalesce else gettext("no")),
        (label("max_instances"), row.max_instances),
        (gettext("starts at the latest"), grace),
        (label("on_abandoned"), row.get_on_abandoned_display()),
        (label("environment"), row.environment or gettext("any")),
    ]
    whence = [
        (label("origin"), row.get_origin_display()),
        *_differences(row),
        (label("namespace"), row.namespace),
        (label("created_at"), moment_html(row.created_at, zone, now=facts.now)),
        (label("updated_at"), moment_html(row.updated_at, zone, now=facts.now)),
        (label("revision"), row.revision),
    ]
    return {"what": what, "how": how, "whence": whence}


def _differences(row: ScheduledJob) -> Iterator[tuple[str, Any]]:
    """Yield what code declares otherwise, where people changed it."""
    columns = differing(row)
    if columns:
        declared = json.loads(row.declared)
        lines = (f"{_label(name)}: {value_words(name, declared[name])}" for name in columns)
        yield (
            gettext("differs from code, which says"),
            format_html_join("\n", "<pre>{}</pre>", ((line,) for line in lines)),
        )


def _label(name: str) -> str:
    """Return the words for a column."""
    return str(ScheduledJob._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
