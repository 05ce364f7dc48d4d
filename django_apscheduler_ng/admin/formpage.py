"""The page with the form of a job, new or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..models import ScheduledJob
from .base import SchedulerAdmin
from .conflict import Shown
from .draft import Draft
from .forms import zone_names
from .proposal import proposal_context

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class FormPage(_Pages):
    """The page, mixed into the admin of jobs."""

    def draft_of(
        self, request: HttpRequest, row: ScheduledJob, *, new: bool, present: str = "", job_id: str = ""
    ) -> Draft:
        """Return the forms, filled from a job and from what was posted."""
        data: Any = request.POST if request.method == "POST" else None
        if job_id and data is not None:
            data = data.copy()
            data.setdefault("id", job_id)
        stores = [store.alias for store in get_scheduler().shared_stores() if store.using == self.database]
        return Draft.of(data, row, new=new, present=present, jobstores=stores)

    def look(self, request: HttpRequest, only: str, draft: Draft, row: ScheduledJob | None) -> HttpResponse:
        """Show the form again with another type of trigger, or a preview: alone, for the script, or in the page."""
        context = {"fire_times": []} if only == "_type" else self._proposal(draft, row)
        if only == "_fragment":
            return self.page(request, "job_proposal.html", row, context)
        shown = Shown.read(request.POST.get("shown", ""), row.pk) if row is not None else None
        return self.form_page(request, draft, row, shown, is_open=only == "_type", **context)

    @staticmethod
    def _carried(row: ScheduledJob | None, shown: Shown | None, gone: Shown | None) -> str:
        """Return what the form carries: the job that it was filled from."""
        carried = gone or shown or (Shown.of(row) if row is not None else None)
        return carried.text() if carried else ""

    def _proposal(self, draft: Draft, row: ScheduledJob | None) -> dict[str, Any]:
        model = draft.row.pk if row is None else row.pk
        return proposal_context(draft, SYSTEM_CLOCK.now(), self.database, model)

    def form_page(
        self, request: HttpRequest, draft: Draft, row: ScheduledJob | None, shown: Shown | None = None, **context: Any
    ) -> HttpResponse:
        """Return the page with the forms; `row` is None for a new job."""
        links = self.links(request)
        new = draft.is_new
        back = links.page(ScheduledJob, "change", row.pk) if row is not None else links.page(ScheduledJob, "changelist")
        judged = draft.is_bound and not context.get("is_open")
        given = request.POST if request.method == "POST" else request.GET
        if "fire_times" not in context and (draft.choice.present or draft.is_bound):
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


def looked_at(request: HttpRequest) -> str:
    """Return the button that was pressed to look at something; empty where the form is to be saved."""
    names = ("_fragment", "_preview", "_type")
    return next((name for name in names if name in request.POST), "")
