"""The page on which a job is run now, with its own arguments or with others for this one time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..bootstrap import RequestScheduler
from ..exceptions import SchedulerError
from ..models import ScheduledJob
from ..refs import load_callable
from .arguments import ArgumentsForm, arguments_field, initial_arguments
from .proposal import signature_of
from .verbpages import VerbPages
from .verbs import RUN, Verb, carry_out


class RunPage(VerbPages):
    """The page, mixed into the admin of jobs."""

    def run_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for arguments; posted, ask a scheduler for the run. Posted without arguments, those of the job are used."""
        row = self.visible_row(request, object_id)
        if isinstance(row, HttpResponse):
            return row
        if not self.may(request, RUN.permission, row):
            raise PermissionDenied
        if request.method == "POST" and "args" not in request.POST:
            return self.verb_view(RUN, request, object_id)
        form = _form(request, row)
        if form.is_bound and form.is_valid() and _fits(form, row):
            tally = carry_out(_with_arguments(form, row), [row], request, self, form.cleaned_data["reason"])
            if not tally.failed:
                self.tell_about(RUN, row, tally, request)
                return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", row.pk))
            message = tally.failed[0][1]
            form.add_error(arguments_field(message) if message.startswith("Arguments of") else None, message)
        context: dict[str, Any] = {
            "title": gettext("Run now"),
            "is_below": True,
            "judged": form.is_bound,
            "job": row,
            "form": form,
            "verb": RUN,
            "called": signature_of(row.func_ref),
            "back": self.links(request).page(ScheduledJob, "change", row.pk),
        }
        return self.page(request, "job_run.html", row, context)


def _form(request: HttpRequest, row: ScheduledJob) -> ArgumentsForm:
    data = request.POST if request.method == "POST" else None
    return ArgumentsForm(data, initial=initial_arguments(row))


def _fits(form: ArgumentsForm, row: ScheduledJob) -> bool:
    """Say at the field that is wrong where the callable cannot be called so; one that cannot be loaded here is left to the node."""
    try:
        form.check_call(load_callable(row.func_ref))
    except SchedulerError:
        return True
    return form.is_valid()


def _with_arguments(form: ArgumentsForm, row: ScheduledJob) -> Verb[ScheduledJob]:
    """Return the verb that asks for a run with the arguments of the form; those that are the job's own are left out."""
    shown = initial_arguments(row)
    given = {
        name: form.cleaned_data[name] for name in shown if form.data.get(name, "").replace("\r\n", "\n") != shown[name]
    }
    return replace(RUN, ask=partial(_run, given))


def _run(given: dict[str, Any], scheduler: RequestScheduler, job: ScheduledJob, alias: str, reason: str) -> str:
    return scheduler.run_job(job.job_id, alias, **given)
