"""Verbs in pages: for one row, after a page that asks; for all selected rows, after one where a reason is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, ngettext

from .base import SchedulerAdmin
from .filters import is_key
from .forms import ReasonForm
from .verbs import MOST_ROWS, Row, Tally, Verb, carry_out, tell

if TYPE_CHECKING:
    _Pages = SchedulerAdmin
else:
    _Pages = object


class AskFirst(_Pages):
    """The page that asks before a verb is done with a row, mixed into the admin of rows that something can be done with."""

    def may(self, request: HttpRequest, permission: str, row: Any = None) -> bool:
        """Return whether the person has the permission that a verb needs: for this row, or for any where none is given."""
        allowed: bool = getattr(self, f"has_{permission}_permission")(request, row)
        return allowed

    def verb_view(self, verb: Verb[Any], request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask before a verb is done, and do it when that is posted."""
        row = self.visible_row(request, object_id)
        if isinstance(row, HttpResponse):
            return row
        if not self.may(request, verb.permission, row):
            raise PermissionDenied
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self.verb_page(request, verb, [row], form)
        tally = carry_out(verb, [row], request, self, form.cleaned_data["reason"])
        self.tell_about(verb, row, tally, request)
        return HttpResponseRedirect(self.shown_after(verb, row, tally, request))

    def allowed(self, verb: Verb[Row], rows: Sequence[Row], request: HttpRequest) -> tuple[list[Row], list[Row]]:
        """Return the rows with which the person may do the verb, and the others."""
        self.find_jobs(rows)
        answers = [(row, self.may(request, verb.permission, row)) for row in rows]
        return [row for row, may in answers if may], [row for row, may in answers if not may]

    def find_jobs(self, rows: Sequence[Any]) -> None:
        """Look up what the permissions of these rows depend on, for all of them at once."""

    def counts(self, verb: Verb[Row], rows: Sequence[Row], request: HttpRequest) -> tuple[list[Row], list[str]]:
        """Return the rows that the verb would change, and sentences with counts about the others."""
        allowed, denied = self.allowed(verb, rows, request)
        touched = [row for row in allowed if verb.applies(row)]
        idle = len(allowed) - len(touched)
        told: list[str] = [verb.idle(idle)] if idle else []
        if denied:
            told.append(verb.denied(len(denied)))
        return touched, told

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

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Do the chosen action; refuse a selection of what can be no keys."""
        if not all(map(is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise BadRequest("The selection is not one of rows.")
        answer: HttpResponse | None = super().response_action(request, queryset, *args, **kwargs)
        return answer

    def act(self, verb: Verb[Row], request: HttpRequest, queryset: QuerySet[Row], reason: str = "") -> None:
        """Do the verb with the rows, and say with counts what became of it."""
        rows = list(queryset[: MOST_ROWS + 1])
        self.tell_missing(request, rows)
        allowed, denied = self.allowed(verb, rows[:MOST_ROWS], request)
        tally = carry_out(verb, allowed, request, self, reason)
        tally.denied += denied
        tell(verb, tally, request)
        if len(rows) > MOST_ROWS:
            messages.warning(request, self.first_only())

    def tell_missing(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Say how many of the selected rows are not there, or not to be seen, any more."""
        chosen = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        everywhere = request.POST.get("select_across", "0") == "1"
        missing = 0 if everywhere or len(rows) > MOST_ROWS else len(chosen) - len(rows)
        if missing > 0:
            text = ngettext(
                "%(count)d of the selected rows is not there any more.",
                "%(count)d of the selected rows are not there any more.",
                missing,
            )
            messages.warning(request, text % {"count": missing})

    def first_only(self) -> str:
        """Return what is said where more rows are selected than one click changes."""
        text = gettext("Only the first %(most)d %(name)s were looked at. Repeat the action for the others.")
        return text % {"most": MOST_ROWS, "name": self.opts.verbose_name_plural}

    def ask_and_act(self, verb: Verb[Row], request: HttpRequest, queryset: QuerySet[Row]) -> HttpResponse | None:
        """Ask for a reason, then do the verb with the rows."""
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self.act(verb, request, queryset, form.cleaned_data["reason"])
            return None
        rows = list(queryset[: MOST_ROWS + 1])
        self.tell_missing(request, rows)
        if not rows:
            return None
        if len(rows) > MOST_ROWS:
            messages.warning(request, self.first_only())
            rows = rows[:MOST_ROWS]
        everywhere = request.POST.get("select_across", "0")
        hidden = [("action", request.POST.get("action", "")), ("select_across", everywhere), ("index", "0")]
        keys = rows[:1] if everywhere == "1" else rows
        hidden += [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in keys]
        return self.verb_page(request, verb, rows, form, hidden=hidden)
