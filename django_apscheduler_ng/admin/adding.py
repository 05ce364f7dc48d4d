"""The page on which a job is added: from nothing, like another one, or as one that was removed."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..actors import acting
from ..bootstrap import get_scheduler
from ..conf import get_config
from ..models import JobLogEntry, Origin, ScheduledJob
from ..policies import MAX_ID_LENGTH
from ..retries import Retry
from ..rows import DECLARED, dump_retry
from .access import about_seen_jobs
from .cells import event_values
from .conflict import Shown
from .draft import Draft
from .formpage import FormPage, looked_at
from .served import warn_of_queue
from .shown import schedule_words


class AddPage(FormPage):
    """The page, mixed into the admin of jobs."""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an empty form, or one filled from another job (`?like=` its key); posted, preview it or add the job."""
        if not self.has_add_permission(request) or not self.has_view_permission(request):
            raise PermissionDenied
        model = self._model_job(request)
        draft = self.draft_of(request, model, new=True)
        if shown := looked_at(request):
            return self.look(request, shown, draft, None)
        if request.method == "POST" and draft.is_valid() and (key := self._add(request, draft)):
            return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", key))
        return self.form_page(request, draft, None)

    def _model_job(self, request: HttpRequest) -> ScheduledJob:
        """Return the job that a new one is to be like; one with the defaults of the settings where none is named."""
        given = request.POST if request.method == "POST" else request.GET
        if shown := Shown.read(given.get("shown", "")):  # of a job that was removed while it was edited
            return shown.row()
        if removed := self._removed(request, given.get("event", "")):
            return removed
        like = self.get_object(request, given.get("like", "")) if given.get("like") else None
        if given.get("like") and like is None and request.method != "POST":
            messages.warning(request, self.words_about_gone(request, given["like"]))
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
        entries = about_seen_jobs(request, JobLogEntry.objects.using(self.database))
        entry = entries.filter(pk=event[:18], action="removed").first()
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
        warn_of_queue(request, self.database, row)
        return int(row.pk)


def _free_id(job: ScheduledJob, using: str) -> str:
    """Return an id for a copy of a job."""
    stem = job.job_id[: MAX_ID_LENGTH - 10]
    taken = ScheduledJob.objects.using(using).of(job.namespace).filter(job_id__startswith=f"{stem}-copy")
    ids = set(taken.values_list("job_id", flat=True))
    names = (f"{stem}-copy{'' if number == 1 else f'-{number}'}" for number in count(1))
    return next(name for name in names if name not in ids)
