"""The page on which a job gets another trigger, with a preview of what it will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..actors import acting
from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..models import Origin, ScheduledJob
from ..rows import read_trigger
from ..triggers.base import BaseTrigger
from .base import SchedulerAdmin
from .forms import ReasonForm, zone_names
from .proposal import trigger_context
from .shown import schedule_words
from .triggerforms import TRIGGER_FORMS, TriggerForm, initial_of, kind_of, problems_of

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object

#: The form that is offered where none fits the job's trigger.
_FALLBACK = "cron"


class ReschedulePage(_Pages):
    """The page, mixed into the admin of jobs."""

    def reschedule_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form of a type of trigger; posted, preview what it says or give it to the job."""
        row = self.visible_row(request, object_id)
        if isinstance(row, HttpResponse):
            return row
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        present = read_trigger(row)
        form, reason = _forms(request, present)
        proposed = form.trigger if form.is_bound and form.is_valid() else None
        if "_fragment" in request.POST:
            return self.page(request, "job_proposal.html", row, self._effect(row, form, proposed))
        if proposed is not None and reason.is_valid() and "_preview" not in request.POST:
            problem = self._reschedule(request, row, proposed, reason.cleaned_data["reason"])
            if not problem:
                return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", row.pk))
            form.add_error(None, problem)
        if not form.is_bound and form.kind == kind_of(present):
            proposed = present
        return self._reschedule_page(request, row, form, reason, present, proposed)

    def _effect(self, row: ScheduledJob, form: TriggerForm, trigger: BaseTrigger | None) -> dict[str, Any]:
        """Return what the template of the proposal shows: what the trigger would do, or why there is none."""
        problems = {"trigger_problems": problems_of(form)}
        if trigger is None:
            return {"proposed": "", "fire_times": [], **problems}
        now = SYSTEM_CLOCK.now()
        return trigger_context(trigger, now, self.database, row.pk, row.max_instances, row.overlap) | problems

    def _reschedule(self, request: HttpRequest, row: ScheduledJob, trigger: BaseTrigger, reason: str) -> str:
        """Ask the scheduler; returns why it refuses, an empty string where it does not."""
        scheduler = get_scheduler()
        try:
            with acting(request.user, origin=Origin.ADMIN, reason=reason):
                scheduler.reschedule_job(row.job_id, scheduler.alias_of(row.namespace), trigger=trigger)
        except DatabaseError:
            raise
        except Exception as error:
            return str(error) or type(error).__name__
        words = schedule_words(trigger)
        self.log_change(request, row, f"Rescheduled: {words}. {reason}".strip())
        messages.success(request, gettext("“%(job)s” runs %(schedule)s from now on.") % {"job": row, "schedule": words})
        return ""

    def _reschedule_page(
        self,
        request: HttpRequest,
        row: ScheduledJob,
        form: TriggerForm,
        reason: ReasonForm,
        present: BaseTrigger,
        proposed: BaseTrigger | None,
    ) -> HttpResponse:
        context = {
            "title": gettext("Reschedule"),
            "is_below": True,
            "job": row,
            "schedule": schedule_words(present),
            "form": form,
            "reason": reason,
            "kinds": [(kind, cls.label, kind == form.kind) for kind, cls in TRIGGER_FORMS.items()],
            "has_form": bool(kind_of(present)),
            "back": self.links(request).page(ScheduledJob, "change", row.pk),
            "zones": zone_names(),
            **self._effect(row, form, proposed),
        }
        return self.page(request, "job_reschedule.html", row, context)


def _forms(request: HttpRequest, trigger: BaseTrigger) -> tuple[TriggerForm, ReasonForm]:
    """Return the form of the chosen type, and the one for the reason."""
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("type", kind_of(trigger))
    if kind not in TRIGGER_FORMS:
        kind = _FALLBACK
    data = request.POST if request.method == "POST" else None
    initial = initial_of(trigger, kind, get_scheduler().timezone.key)  # type: ignore[attr-defined]
    return TRIGGER_FORMS[kind](data, initial=initial), ReasonForm(data)
