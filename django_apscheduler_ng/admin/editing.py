"""The page on which a job is edited."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..actors import acting
from ..bootstrap import get_scheduler
from ..exceptions import JobLookupError
from ..models import JobLogEntry, Origin, ScheduledJob
from .cells import column_label
from .conflict import Shown, clashes
from .draft import Draft
from .formpage import FormPage, looked_at
from .served import warn_of_queue


class _Conflict(Exception):
    """Somebody else changed the job meanwhile."""

    def __init__(self, row: ScheduledJob, theirs: dict[str, tuple[Any, Any]]) -> None:
        super().__init__()
        self.row, self.theirs = row, theirs


class EditPage(FormPage):
    """The page, mixed into the admin of jobs."""

    # -- editing --------------------------------------------------------------------------------------------------------

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the job in a form; posted, preview it or change the job, unless somebody else did so meanwhile."""
        row = self.get_object(request, object_id)
        if not self.has_change_permission(request, row) or not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None or row.finished_at is not None:
            return self._gone(request, object_id, row)
        shown = Shown.read(request.POST.get("shown", ""), row.pk) if request.method == "POST" else None
        draft = self.draft_of(request, shown.row() if shown else row, new=False, present=row.func_ref)
        if only := looked_at(request):
            return self.look(request, only, draft, row)
        if request.method != "POST":
            return self.form_page(request, draft, row)
        if shown is None:
            messages.warning(request, gettext("The form was too old to be saved. Look it through and save it again."))
            return self.form_page(request, draft, row)
        if not draft.is_valid():
            return self.form_page(request, draft, row, shown)
        try:
            saved = self._save(request, draft, shown)
        except _Conflict as conflict:
            return self._conflict_page(request, draft, conflict)
        except JobLookupError:
            return self._gone(request, object_id, None)
        if saved:
            return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", row.pk))
        return self.form_page(request, draft, row, shown)

    def _save(self, request: HttpRequest, draft: Draft, shown: Shown) -> bool:
        """Change what the person changed; returns whether it was taken.

        Raises:
            _Conflict: somebody else changed the job meanwhile.
            JobLookupError: it is gone.
        """
        changes, reason = draft.changes(), draft.form.cleaned_data["reason"]
        try:
            with transaction.atomic(using=self.database), acting(request.user, origin=Origin.ADMIN, reason=reason):
                row = self._locked(shown)
                if theirs := shown.changed_in(row):
                    raise _Conflict(row, theirs)
                if changes:
                    scheduler = get_scheduler()
                    scheduler.edit_job(row.job_id, scheduler.alias_of(row.namespace), **draft.options(changes))
        except (DatabaseError, _Conflict, JobLookupError):
            raise
        except Exception as error:
            draft.refuse(error)
            return False
        self._tell_saved(request, row, list(changes), reason)
        return True

    def _locked(self, shown: Shown) -> ScheduledJob:
        """Return the job's row, which nobody else changes before the transaction ends."""
        rows = ScheduledJob.objects.using(self.database).filter(pk=shown.pk, finished_at=None)
        # a write locks the row on every database
        if not rows.update(revision=F("revision")):
            raise JobLookupError(shown.job_id)
        return rows.get()

    def _tell_saved(self, request: HttpRequest, row: ScheduledJob, columns: list[str], reason: str) -> None:
        if not columns:
            messages.info(request, gettext("Nothing was changed."))
            return
        labels = ", ".join(map(column_label, columns))
        self.log_change(request, row, f"Changed {labels}. {reason}".strip())
        messages.success(request, gettext("“%(job)s” is saved: %(what)s.") % {"job": row, "what": labels})
        if "queue" in columns:
            row.refresh_from_db(fields=["queue"])
            warn_of_queue(request, self.database, row)

    # -- two at once ----------------------------------------------------------------------------------------------------

    def _conflict_page(self, request: HttpRequest, draft: Draft, conflict: _Conflict) -> HttpResponse:
        """Show what the other person changed. What you changed stays filled in; the rest follows theirs."""
        yours = draft.changes()
        found = clashes(conflict.row, conflict.theirs, yours, self.database)
        return self.form_page(
            request, draft.rebased(conflict.row, yours), conflict.row, Shown.of(conflict.row), clashes=found
        )

    def _gone(self, request: HttpRequest, object_id: str, row: ScheduledJob | None) -> HttpResponse:
        """Say that the job was removed or has finished, and offer what was typed as a new one."""
        shown = Shown.read(request.POST.get("shown", "")) if request.method == "POST" else None
        if shown is None:
            if row is None:
                return self.visible_row(request, object_id)  # type: ignore[no-any-return]
            messages.warning(request, gettext("“%(job)s” has finished. Duplicate it to run it again.") % {"job": row})
            return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", row.pk))
        draft = self.draft_of(request, shown.row(), new=True, job_id=shown.job_id)
        if only := looked_at(request):
            return self.look(request, only, draft, None)
        entries = JobLogEntry.objects.using(self.database).about([shown.pk]).filter(action__in=("removed", "finished"))
        context: dict[str, Any] = {"gone": shown, "gone_entry": entries.order_by("-pk").first()}
        if not self.has_add_permission(request):
            context["may_not_add"] = True
        return self.form_page(request, draft, None, **context)
