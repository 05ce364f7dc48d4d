"""The pages with the revisions of a job, and the one on which a change is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..actors import acting
from ..bootstrap import get_scheduler
from ..models import JobLogEntry, Origin, ScheduledJob
from .base import SchedulerAdmin
from .cells import action_badge, changes_of, column_label, event_values
from .forms import ReasonForm
from .sentences import event_sentence
from .shown import moment_html
from .taking_back import Revert, can_be_reverted, options_before, plan_revert

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object

#: Events that change the definition of a job.
REVISING = ("added", "modified", "rescheduled", "updated from code", "reverted")
#: So many are on one page.
_ON_A_PAGE = 20
#: So many later events are searched for who changed a value again.
_SEARCHED = 200


class RevisionPages(_Pages):
    """The pages, mixed into the admin of jobs."""

    def revisions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the changes of the definition, latest first."""
        row = self._seen_job(request, object_id)
        if isinstance(row, HttpResponse):
            return row
        entries = JobLogEntry.objects.using(self.database).about([row.pk]).filter(action__in=REVISING).order_by("-pk")
        before = request.GET.get("before", "")
        if before.isdecimal():
            entries = entries.filter(pk__lt=before[:18])
        found = list(entries[: _ON_A_PAGE + 1])
        context = {
            "title": gettext("Revisions"),
            "is_below": True,
            "job": row,
            "revisions": [self._revision(request, row, entry) for entry in found[:_ON_A_PAGE]],
            "older": found[_ON_A_PAGE - 1].pk if len(found) > _ON_A_PAGE else None,
        }
        return self.page(request, "job_revisions.html", row, context)

    def _seen_job(self, request: HttpRequest, object_id: str) -> Any:
        """Return the job, where the person may see it and its events."""
        row = self.visible_row(request, object_id)
        if not self.links(request).sees(JobLogEntry):
            raise PermissionDenied
        return row

    def _revision(self, request: HttpRequest, row: ScheduledJob, entry: JobLogEntry) -> dict[str, Any]:
        before, after = event_values(entry)
        revertible = can_be_reverted(entry) and row.finished_at is None and self.has_change_permission(request, row)
        links = self.links(request)
        return {
            "entry": entry,
            "sentence": event_sentence(entry),
            "badge": action_badge(entry),
            "at": moment_html(entry.at),
            "changes": changes_of(before, after),
            "is_first": not before,
            "address": links.page(JobLogEntry, "change", entry.pk),
            "revert": links.page(ScheduledJob, "revert", row.pk, entry.pk) if revertible else "",
        }

    def revert_view(self, request: HttpRequest, object_id: str, entry: int) -> HttpResponse:
        """Show what taking back a change would do; posted, do it."""
        row = self._seen_job(request, object_id)
        if isinstance(row, HttpResponse):
            return row
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        change = JobLogEntry.objects.using(self.database).about([row.pk]).filter(pk=entry).first()
        if change is None or not can_be_reverted(change):
            raise Http404
        form = ReasonForm(request.POST if request.method == "POST" else None)
        problem = ""
        if form.is_valid():
            problem = self._take_back(request, row, change, form.cleaned_data["reason"])
            if not problem:
                return HttpResponseRedirect(self.links(request).page(ScheduledJob, "revisions", row.pk))
            row.refresh_from_db()
        return self._revert_page(request, row, self._plan(row, change), form, problem)

    def _plan(self, row: ScheduledJob, entry: JobLogEntry) -> Revert:
        later = JobLogEntry.objects.using(self.database).about([row.pk]).filter(pk__gt=entry.pk).order_by("-pk")
        return plan_revert(row, entry, list(later[:_SEARCHED]))

    def _take_back(self, request: HttpRequest, row: ScheduledJob, entry: JobLogEntry, reason: str) -> str:
        """Set the columns back; returns why that is refused, an empty string where it is not."""
        told = gettext("Event %(id)s is taken back.") % {"id": entry.pk}
        try:
            with (
                transaction.atomic(using=self.database),
                acting(request.user, origin=Origin.ADMIN, reason=f"{told} {reason}".strip(), action="reverted"),
            ):
                rows = ScheduledJob.objects.using(self.database).filter(pk=row.pk)
                if not rows.update(revision=F("revision")):  # a write locks the row on every database
                    return gettext("The job is not there any more.")
                now = rows.get()
                plan = self._plan(now, entry)
                if plan.seen != request.POST.get("seen"):
                    return gettext("The job was changed meanwhile. Look again at what would happen.")
                columns = plan.columns(overwrite="overwrite" in request.POST)
                if not columns:
                    return gettext("There is nothing to set back.")
                scheduler = get_scheduler()
                options = options_before(now, entry, columns)
                scheduler.edit_job(now.job_id, scheduler.alias_of(now.namespace), **options)
        except DatabaseError:
            raise
        except Exception as error:
            return str(error) or type(error).__name__
        labels = ", ".join(map(column_label, columns))
        self.log_change(request, row, f"Took back event {entry.pk}: {labels}. {reason}".strip())
        messages.success(request, gettext("Set back: %(what)s.") % {"what": labels})
        return ""

    def _revert_page(
        self, request: HttpRequest, row: ScheduledJob, plan: Revert, form: ReasonForm, problem: str
    ) -> HttpResponse:
        links = self.links(request)
        context = {
            "title": gettext("Revert this change"),
            "is_below": True,
            "job": row,
            "plan": plan,
            "sentence": event_sentence(plan.entry),
            "can": bool(plan.columns(overwrite=True)),
            "can_safely": bool(plan.columns(overwrite=False)),
            "form": form,
            "problem": problem,
            "back": links.page(ScheduledJob, "revisions", row.pk),
        }
        return self.page(request, "job_revert.html", row, context)
