"""The actions of lists: a verb for all selected rows, after a page that asks where a reason is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from .base import SchedulerAdmin
from .forms import ReasonForm
from .verbs import MOST_ROWS, Row, Verb, carry_out, tell

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class ListActions(_Pages):
    """Mixed into the admin of rows that something can be done with."""

    def act(self, verb: Verb[Row], request: HttpRequest, queryset: QuerySet[Row], reason: str = "") -> None:
        """Do the verb with the rows, and say with counts what became of it."""
        rows = list(queryset[: MOST_ROWS + 1])
        tell(verb, carry_out(verb, rows[:MOST_ROWS], request, self, reason), request)
        if len(rows) > MOST_ROWS:
            name = self.opts.verbose_name_plural
            text = gettext("Only the first %(most)d %(name)s were looked at. Repeat the action for the others.")
            messages.warning(request, text % {"most": MOST_ROWS, "name": name})

    def ask_and_act(self, verb: Verb[Row], request: HttpRequest, queryset: QuerySet[Row]) -> HttpResponse | None:
        """Ask for a reason, then do the verb with the rows."""
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self.act(verb, request, queryset, form.cleaned_data["reason"])
            return None
        rows = list(queryset[:MOST_ROWS])
        everywhere = request.POST.get("select_across", "0")
        hidden = [("action", request.POST.get("action", "")), ("select_across", everywhere), ("index", "0")]
        keys = rows[:1] if everywhere == "1" else rows
        hidden += [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in keys]
        return self.verb_page(request, verb, rows, form, hidden=hidden)

    def verb_page(
        self,
        request: HttpRequest,
        verb: Verb[Any],
        rows: Sequence[Any],
        form: ReasonForm,
        hidden: Sequence[tuple[str, str]] = (),
    ) -> HttpResponse:
        """Return the page that asks before a verb is done with these rows; with `hidden` fields, it is for an action of the list."""
        raise NotImplementedError
