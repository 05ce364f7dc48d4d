"""The page on which the options of a job are changed that say how its runs are performed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from ..actors import acting
from ..bootstrap import get_scheduler
from ..models import Origin, ScheduledJob
from ..queues import hint, is_served, queues_in_use
from ..rows import to_job
from ..why import living_nodes
from .base import SchedulerAdmin
from .forms import ReasonForm
from .optionforms import OptionsForm, options_of

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class OptionsPage(_Pages):
    """The page, mixed into the admin of jobs."""

    def options_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the options; posted, change those that are different."""
        row = self.visible_row(request, object_id)
        if not self.has_change_permission(request):
            raise PermissionDenied
        if isinstance(row, HttpResponse):
            return row
        data = request.POST if request.method == "POST" else None
        form, reason = OptionsForm(data, initial=options_of(to_job(row))), ReasonForm(data)
        if form.is_valid() and reason.is_valid():
            problem = self._change_options(request, row, form, reason.cleaned_data["reason"])
            if not problem:
                return HttpResponseRedirect(self.links(request).page(ScheduledJob, "change", row.pk))
            form.add_error(None, problem)
        context = {
            "title": gettext("Change options"),
            "is_below": True,
            "job": row,
            "form": form,
            "reason": reason,
            "back": self.links(request).page(ScheduledJob, "change", row.pk),
        }
        return self.page(request, "job_options.html", row, context)

    def _change_options(self, request: HttpRequest, row: ScheduledJob, form: OptionsForm, reason: str) -> str:
        """Ask the scheduler; returns why it refuses, an empty string where it does not."""
        changes, scheduler = form.changes(), get_scheduler()
        if not changes:
            return ""
        try:
            with acting(request.user, origin=Origin.ADMIN, reason=reason):
                scheduler.modify_job(row.job_id, scheduler.alias_of(row.namespace), **changes)
        except DatabaseError:
            raise
        except Exception as error:
            return str(error) or type(error).__name__
        self.log_change(request, row, f"Changed {', '.join(changes)}. {reason}".strip())
        messages.success(request, gettext("The options of “%(job)s” are changed.") % {"job": row})
        if "queue" in changes:
            self._warn_of_queue(request, row, changes["queue"])
        return ""

    def _warn_of_queue(self, request: HttpRequest, row: ScheduledJob, queue: str) -> None:
        """Say so where no living node serves the new queue: its name may be mistyped."""
        nodes = [node for node in living_nodes(self.database) if node.namespace == row.namespace]
        used = [name for name in queues_in_use(self.database, [row.namespace], nodes) if name != queue]
        if nodes and not is_served(queue, nodes):
            text = gettext("No scheduler serves queue “%(queue)s”. Queues in use: %(used)s.")
            messages.warning(request, text % {"queue": queue, "used": ", ".join(used)} + hint(queue, used))
