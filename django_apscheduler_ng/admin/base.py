"""What all pages have in common: their database, their addresses, pages that only show, and the banner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..models import ScheduledJob
from ..why import living_nodes
from .bounds import Bounded
from .refresh import refreshes

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator
    _ModelAdmin = admin.ModelAdmin

APP = "django_apscheduler_ng"

#: Keys that nobody has are repeated up to so many characters.
_LONGEST_KEY = 40
#: Long lists end here; filters lead to what lies beyond.
LONGEST_LIST = 10_000


class CappedPaginator(_Paginator):
    """Counts no further than `LONGEST_LIST`, so that lists of millions of rows stay fast."""

    @cached_property
    def count(self) -> int:
        """Return how many rows are listed."""
        rows: Any = self.object_list
        return int(rows.order_by()[:LONGEST_LIST].count())


class PreparedChangeList(ChangeList):
    """A list that lets its admin look up what the rows of the page need, all at once."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Find the rows."""
        super().__init__(request, *args, **kwargs)
        self.has_filters = False  # our template shows them; no theme has to
        self.title = str(capfirst(self.opts.verbose_name_plural))
        self.is_capped = isinstance(self.paginator, CappedPaginator) and self.result_count >= LONGEST_LIST
        self.longest = LONGEST_LIST
        if self.full_result_count is None and not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count

    def filter_choices(self) -> list[dict[str, Any]]:
        """Return the filters with their choices; `chosen` names the one in force, empty for all."""
        filters = []
        for spec in self.filter_specs:
            choices = list(spec.choices(self))
            chosen = next((choice["display"] for choice in choices[1:] if choice["selected"]), "")
            filters.append({"title": spec.title, "choices": choices, "chosen": chosen})
        return filters

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return the rows, within the bounds of a list that may be very long."""
        rows = super().get_queryset(request, exclude_parameters)
        found: Bounded = self.model_admin.within_bounds(rows, self.params, self.query)  # type: ignore[attr-defined]
        self.looked_through = found.looked_through
        return found.rows

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page and prepare them."""
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        self.model_admin.prepare(request, self.result_list)  # type: ignore[attr-defined]


class Links:
    """Addresses of pages of one admin site that a person may see."""

    def __init__(self, site: admin.AdminSite, request: HttpRequest) -> None:
        """Look at the site with the eyes of the request's user."""
        self._site = site
        self._request = request
        self._visible: dict[type[models.Model], bool] = {}

    def sees(self, model: type[models.Model]) -> bool:
        """Return whether the site has pages of this model that the person may see."""
        if model not in self._visible:
            registered = self._site.is_registered(model)
            self._visible[model] = registered and self._site.get_model_admin(model).has_view_permission(self._request)
        return self._visible[model]

    def page(self, model: type[models.Model], page: str, *args: object) -> str:
        """Return the address of a page (`changelist`, `change`, …); empty where the person sees none, or the site has none."""
        if not self.sees(model):
            return ""
        name = f"admin:{APP}_{model._meta.model_name}_{page}"
        try:
            return reverse(name, args=args, current_app=self._site.name)
        except NoReverseMatch:
            if isinstance(self._site.get_model_admin(model), SchedulerAdmin):
                raise
            return ""  # the site has pages of its own for these rows

    def dashboard(self) -> str:
        """Return the address of the dashboard; empty where the person, or the site, has none."""
        return self.page(ScheduledJob, "dashboard")

    def anchor(self, text: object, model: type[models.Model], key: object) -> SafeString:
        """Return a link to the page of a row, or only the text where the person sees no page."""
        address = self.page(model, "change", key)
        return format_html('<a href="{}">{}</a>', address, text) if address else format_html("{}", text)


class SchedulerAdmin(_ModelAdmin):
    """Base class of the pages of this app: they show; what changes something goes through the scheduler's API."""

    #: Alias of the database; None = that of the first ORM job store in the settings.
    using: ClassVar[str | None] = None
    #: Template of what an empty list says.
    empty_template: ClassVar[str] = ""
    #: Template of the page of one row.
    page_template: ClassVar[str] = ""
    list_per_page = 50
    list_max_show_all = 50
    show_facets = admin.ShowFacets.NEVER

    class Media:
        """The style of all pages."""

        css: ClassVar[dict[str, list[str]]] = {"all": ["django_apscheduler_ng/admin.css"]}

    @property
    def database(self) -> str:
        """Alias of the database that the pages read, never a replica."""
        return self.using or get_scheduler().database

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read from the database in which the scheduler writes."""
        return super().get_queryset(request).using(self.database)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Prepare the rows of a page together."""
        return PreparedChangeList

    def within_bounds(self, rows: QuerySet[Any], chosen: Mapping[str, Any], text: str) -> Bounded:
        """Return the rows of a list that can be read in little time; `chosen` are its filters, `text` is searched for."""
        return Bounded(rows=rows)

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Look up what the columns need for these rows, in a constant number of queries."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is edited here, except where a subclass says so."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted here, except where a subclass says so."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those see who may view or change."""
        names = (f"{APP}.{verb}_{self.opts.model_name}" for verb in ("view", "change"))
        return any(map(request.user.has_perm, names))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let addresses ask for what the filters beside the list offer, and for nothing else: not for columns that are not shown."""
        column, _separator, kind = lookup.partition("__")
        filters = (each[0] if isinstance(each, list | tuple) else each for each in self.get_list_filter(request))
        named = (getattr(each, "parameter_name", each) for each in filters)
        return column in named and kind in ("", "exact", "in", "isnull")

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse: nothing is deleted here."""
        raise PermissionDenied

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the banner."""
        if any("\0" in value for values in request.GET.lists() for value in values[1]):  # PostgreSQL takes none
            raise BadRequest("An address may hold no NUL.")
        frame = {**self.banner(), **self.frame(request)}
        response = super().changelist_view(request, {**frame, **(extra_context or {})})
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            response.context_data["refresh_in"] = self.refresh_in(response.context_data["cl"].result_list)
            if form := response.context_data.get("action_form"):
                # django-unfold shows its button once Alpine knows of a choice; to all others it means nothing
                form.fields["action"].widget.attrs.setdefault("x-model", "action")
        return response

    def refresh_in(self, rows: Sequence[Any]) -> int:
        """Return after how many seconds a list that shows these rows is looked up again; 0 = never."""
        return 0

    def frame(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page needs besides: the way to the dashboard, and whether a script asks for it."""
        return {"dashboard": self.links(request).dashboard(), "is_refresh": refreshes(request)}

    def banner(self) -> dict[str, Any]:
        """Return what the banner of every page needs."""
        return {"no_node": not living_nodes(self.database)}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page of one row; there is nothing to post to it."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self.visible_row(request, object_id)
        if isinstance(row, HttpResponse):
            return row
        return self.page(request, self.page_template, row, {**self.page_context(request, row), **(extra_context or {})})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show Django's log of the row; where there is no row, lead to the list."""
        row = self.visible_row(request, object_id)
        return row if isinstance(row, HttpResponse) else super().history_view(request, object_id, extra_context)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page of one row shows."""
        return {}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row; None where there is none, or the key can be none."""
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def visible_row(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row; a redirect to the list where there is none.

        Raises:
            PermissionDenied: the person may not see it.
        """
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is not None:
            return row
        messages.warning(request, self.words_about_gone(request, unquote(object_id)))
        return HttpResponseRedirect(self.links(request).page(self.model, "changelist"))

    def words_about_gone(self, request: HttpRequest, key: str) -> str:
        """Return what is said where there is no row with this key."""
        text = gettext("There is no %(name)s with the key “%(key)s”. It may have been removed.")
        return text % {
            "name": self.opts.verbose_name,
            "key": key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…",
        }

    def page(self, request: HttpRequest, template: str, row: Any, context: dict[str, Any]) -> TemplateResponse:
        """Return a page about a row (or, with None, about several), below the templates of this app."""
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            f"admin/{APP}/{template}",
            {
                **self.admin_site.each_context(request),
                **self.banner(),
                **self.frame(request),
                "opts": self.opts,
                "media": self.media,
                "original": row,
                "links": self.links(request),
                "now": SYSTEM_CLOCK.now(),
                "title": str(row) if row is not None else "",
                **context,
            },
        )

    def links(self, request: HttpRequest) -> Links:
        """Return the addresses that this request's user may see."""
        return Links(self.admin_site, request)
