"""The pages on which a job is added and edited."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..actors import acting
from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..conf import get_config
from ..exceptions import JobLookupError
from ..models import JobLogEntry, Origin, ScheduledJob
from ..policies import MAX_ID_LENGTH
from ..retries import Retry
from ..rows import DECLARED, dump_retry
from .base import SchedulerAdmin
from .cells import column_label, event_values
from .conflict import Shown, clashes
from .draft import Draft
from .forms import zone_names
from .proposal import proposal_context
from .shown import schedule_words

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class _Conflict(Exception):
    """Somebody else changed the job meanwhile."""

    def __init__(self, row: ScheduledJob, theirs: dict[str, tuple[Any, Any]]) -> None:
        super().__init__()
        self.row, self.theirs = row, theirs


class EditPages(_Pages):
    """The pages, mixed into the admin of jobs."""

    # -- adding ---------------------------------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an empty form, or one filled from another job (`?like=` its key); posted, preview it or add the job."""
        if not self.has_add_permission(request) or not self.has_view_permission(request):
            raise PermissionDenied
        model = self._model_job(request)
        draft = self._draft(request, model, new=True)
        if shown := _only_shown(request):
            return self._shown(request, shown, draft, None)
        if request.method == "POST" and draft.is_valid() and (key := self._add(request, draft)):
            return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", key))
        return self._form_page(request, draft, None)

    def _model_job(self, request: HttpRequest) -> ScheduledJob:
        """Return the job that a new one is to be like; one with the defaults of the settings where none is named."""
        given = request.POST if request.method == "POST" else request.GET
        if shown := Shown.read(given.get("shown", "")):  # of a job that was removed while it was edited
            return shown.row()
        if removed := self._removed(request, given.get("event", "")):
            return removed
        like = self.get_object(request, given.get("like", "")) if given.get("like") else None
        if like is not None:
            copy = ScheduledJob(**{name: getattr(like, name) for name in DECLARED}, namespace=like.namespace)
            copy.job_id = _free_id(like, self.database)
            copy.name = gettext("%(job)s (copy)") % {"job": like.name}
            copy.pk = like.pk
            return copy
        defaults = asdict(get_config().job_defaults)
        defaults["retry"] = dump_retry(Retry.checked(defaults.get("retry")))
        known = {name: value for name, value in defaults.items() if name in DECLARED}
        return ScheduledJob(**{**known, "trigger": "", "job_id": ""})

    def _removed(self, request: HttpRequest, event: str) -> ScheduledJob | None:
        """Return the job that was removed at an event, where the person may see that."""
        if not event.isdecimal() or not self.links(request).sees(JobLogEntry):
            return None
        entry = JobLogEntry.objects.using(self.database).filter(pk=event[:18], action="removed").first()
        columns = {name: value for name, value in event_values(entry)[0].items() if name in DECLARED} if entry else {}
        if entry is None or "trigger" not in columns:
            return None
        return ScheduledJob(**columns, namespace=entry.namespace, job_id=entry.job_id, pk=entry.job_key)

    def _add(self, request: HttpRequest, draft: Draft) -> int | None:
        """Add the job; returns its key, None where it was refused."""
        scheduler, form = get_scheduler(), draft.form
        cleaned = form.cleaned_data
        alias = cleaned.get("jobstore") or draft.jobstores[0]
        if cleaned.get("paused"):
            form.options["next_run_time"] = None
        if not cleaned.get("name"):
            form.options.pop("name", None)
        try:
            with acting(request.user, origin=Origin.ADMIN, reason=cleaned["reason"]):
                job = scheduler.add_job(
                    trigger=draft.choice.trigger, id=cleaned.get("id") or None, jobstore=alias, **form.options
                )
        except DatabaseError:
            raise
        except Exception as error:
            draft.refuse(error)
            return None
        namespace = next(store.namespace for store in scheduler.shared_stores() if store.alias == alias)
        row = ScheduledJob.objects.using(self.database).get(namespace=namespace, job_id=job.id)
        self.log_addition(request, row, f"Added: {schedule_words(draft.choice.trigger)}. {cleaned['reason']}".strip())
        messages.success(request, gettext("“%(job)s” is added.") % {"job": row})
        return int(row.pk)

    # -- editing --------------------------------------------------------------------------------------------------------

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the job in a form; posted, preview it or change the job, unless somebody else did so meanwhile."""
        if not self.has_change_permission(request) or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None or row.finished_at is not None:
            return self._gone(request, object_id, row)
        shown = Shown.read(request.POST.get("shown", ""), row.pk) if request.method == "POST" else None
        draft = self._draft(request, shown.row() if shown else row, new=False, present=row.func_ref)
        if only := _only_shown(request):
            return self._shown(request, only, draft, row)
        if request.method != "POST":
            return self._form_page(request, draft, row)
        if shown is None:
            messages.warning(request, gettext("The form was too old to be saved. Look it through and save it again."))
            return self._form_page(request, draft, row)
        if not draft.is_valid():
            return self._form_page(request, draft, row, shown)
        try:
            saved = self._save(request, draft, shown)
        except _Conflict as conflict:
            return self._conflict_page(request, draft, conflict)
        except JobLookupError:
            return self._gone(request, object_id, None)
        if saved:
            return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", row.pk))
        return self._form_page(request, draft, row, shown)

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

    # -- two at once ----------------------------------------------------------------------------------------------------

    def _conflict_page(self, request: HttpRequest, draft: Draft, conflict: _Conflict) -> HttpResponse:
        """Show what the other person changed. What you changed stays filled in; the rest follows theirs."""
        yours = draft.changes()
        found = clashes(conflict.row, conflict.theirs, yours, self.database)
        return self._form_page(
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
        draft = self._draft(request, shown.row(), new=True, job_id=shown.job_id)
        if only := _only_shown(request):
            return self._shown(request, only, draft, None)
        entries = JobLogEntry.objects.using(self.database).about([shown.pk]).filter(action__in=("removed", "finished"))
        context = {"gone": shown, "gone_entry": entries.order_by("-pk").first()}
        if not self.has_add_permission(request):
            context["may_not_add"] = True
        return self._form_page(request, draft, None, **context)

    # -- the page -------------------------------------------------------------------------------------------------------

    def _draft(
        self, request: HttpRequest, row: ScheduledJob, *, new: bool, present: str = "", job_id: str = ""
    ) -> Draft:
        data: Any = request.POST if request.method == "POST" else None
        if job_id and data is not None:
            data = data.copy()
            data.setdefault("id", job_id)
        stores = [store.alias for store in get_scheduler().shared_stores() if store.using == self.database]
        return Draft.of(data, row, new=new, present=present, jobstores=stores)

    def _shown(self, request: HttpRequest, only: str, draft: Draft, row: ScheduledJob | None) -> HttpResponse:
        """Show the form again with another type of trigger, or a preview: alone, for the script, or in the page."""
        context = {} if only == "_type" else self._proposal(draft, row)
        if only == "_fragment":
            return self.page(request, "job_proposal.html", row, context)
        shown = Shown.read(request.POST.get("shown", ""), row.pk) if row is not None else None
        return self._form_page(
            request, draft, row, shown, is_proposed=only == "_preview", is_open=only == "_type", **context
        )

    @staticmethod
    def _carried(row: ScheduledJob | None, shown: Shown | None, gone: Shown | None) -> str:
        """Return what the form carries: the job that it was filled from."""
        carried = gone or shown or (Shown.of(row) if row is not None else None)
        return carried.text() if carried else ""

    def _proposal(self, draft: Draft, row: ScheduledJob | None) -> dict[str, Any]:
        model = draft.row.pk if row is None else row.pk
        return proposal_context(draft, SYSTEM_CLOCK.now(), self.database, model)

    def _form_page(
        self, request: HttpRequest, draft: Draft, row: ScheduledJob | None, shown: Shown | None = None, **context: Any
    ) -> HttpResponse:
        links = self.links(request)
        new = draft.is_new
        back = links.page(ScheduledJob, "change", row.pk) if row is not None else links.page(ScheduledJob, "changelist")
        judged = draft.is_bound and not context.get("is_open")
        given = request.POST if request.method == "POST" else request.GET
        if "fire_times" not in context and (not new or draft.is_bound):
            context |= self._proposal(draft, row)
        return self.page(
            request,
            "job_form.html",
            row,
            {
                "title": gettext("Add a job") if new else gettext("Edit"),
                "is_below": row is not None,
                "is_new": new,
                "draft": draft,
                "form": draft.form,
                "choice": draft.choice,
                "judged": judged,
                "job": row,
                "shown": self._carried(row, shown, context.get("gone")),
                "kept": [(name, given[name]) for name in ("like", "event") if new and name in given],
                "address": links.page(ScheduledJob, "add") if new else "",
                "back": back,
                "zones": zone_names(),
                **context,
            },
        )


def _free_id(job: ScheduledJob, using: str) -> str:
    """Return an id for a copy of a job."""
    stem = job.job_id[: MAX_ID_LENGTH - 10]
    taken = ScheduledJob.objects.using(using).of(job.namespace).filter(job_id__startswith=f"{stem}-copy")
    ids = set(taken.values_list("job_id", flat=True))
    names = (f"{stem}-copy{'' if number == 1 else f'-{number}'}" for number in count(1))
    return next(name for name in names if name not in ids)


def _only_shown(request: HttpRequest) -> str:
    """Return the button that was pressed to look at something; empty where the form is to be saved."""
    names = ("_fragment", "_preview", "_type")
    return next((name for name in names if name in request.POST), "")
