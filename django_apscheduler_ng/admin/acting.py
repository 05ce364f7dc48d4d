"""Verbs in pages: for one row, after a page that asks; for all selected rows, after one where a reason is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from .base import SchedulerAdmin
from .forms import ReasonForm
from .verbs import MOST_ROWS, Row, Tally, Verb, carry_out, tell

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class AskFirst(_Pages):
    """The page that asks before a verb is done with a row, mixed into the admin of rows that something can be done with."""

    def may(self, request: HttpRequest, permission: str) -> bool:
        """Return whether the person has the permission that a verb needs."""
        allowed: bool = getattr(self, f"has_{permission}_permission")(request)
        return allowed

    def verb_view(self, verb: Verb[Any], request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask before a verb is done, and do it when that is posted."""
        row = self.visible_row(request, object_id)
        if not self.may(request, verb.permission):
            raise PermissionDenied
        if isinstance(row, HttpResponse):
            return row
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self.verb_page(request, verb, [row], form)
        tally = carry_out(verb, [row], request, self, form.cleaned_data["reason"])
        self.tell_about(verb, row, tally, request)
        return HttpResponseRedirect(self.shown_after(verb, row, tally, request))

    def tell_about(self, verb: Verb[Any], row: Any, tally: Tally[Any], request: HttpRequest) -> None:
        """Say what became of the verb."""
        tell(verb, tally, request)

    def shown_after(self, verb: Verb[Any], row: Any, tally: Tally[Any], request: HttpRequest) -> str:
        """Return the address of the page that is shown once the verb is done."""
        return self.links(request).page(self.model, "change", row.pk)

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


class ListActions(AskFirst):
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
