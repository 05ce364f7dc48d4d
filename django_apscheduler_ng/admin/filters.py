"""The filters beside the lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..conf import get_config
from ..models import ScheduledJob, SchedulerNode
from ..states import State, in_state
from .access import about_seen_jobs
from .bounds import MOST_DIGITS
from .cells import ACTIONS

if TYPE_CHECKING:
    _Admin = ModelAdmin[Any]
    _Rows = QuerySet[Any]
else:
    _Admin = ModelAdmin
    _Rows = QuerySet


class StateFilter(admin.SimpleListFilter):
    """Jobs by what their badges say."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return all states."""
        return State.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> _Rows:
        """Return the jobs in the chosen state; an unknown one finds none."""
        value = self.value()
        if value is None:
            return queryset  # type: ignore[no-any-return]
        return in_state(queryset, value) if value in State.values else queryset.none()


class ColumnFilter(admin.SimpleListFilter):
    """Rows by the values of a column of jobs, which are few."""

    #: Name of the column, here and there.
    column = ""

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return the values that jobs have."""
        values = {*_values_of_jobs(request, model_admin)[self.column], *self.known()}
        return [(value, value) for value in sorted(values) if value]

    def known(self) -> Iterable[str]:
        """Return values that are offered in any case."""
        return ()

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the rows with the chosen value."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


#: The columns of jobs that there are filters for.
_COLUMNS = ("trigger_type", "executor", "queue")


def _values_of_jobs(request: HttpRequest, model_admin: _Admin) -> dict[str, set[str]]:
    """Return the values that jobs have in these columns, with one query for all the filters of a page."""
    found: dict[str, set[str]] | None = getattr(request, "_apsng_values_of_jobs", None)
    if found is None:
        using = model_admin.get_queryset(request).db
        jobs = about_seen_jobs(request, ScheduledJob.objects.using(using), "pk")
        rows = list(jobs.order_by().values_list(*_COLUMNS).distinct())
        found = {column: {row[index] for row in rows} for index, column in enumerate(_COLUMNS)}
        request._apsng_values_of_jobs = found  # type: ignore[attr-defined]
    return found


class TriggerFilter(ColumnFilter):
    """Jobs by the type of their trigger."""

    title = _("trigger")
    parameter_name = "trigger"
    column = "trigger_type"


class ExecutorFilter(ColumnFilter):
    """Jobs or runs by their executor."""

    title = _("executor")
    parameter_name = "executor"
    column = "executor"

    def known(self) -> Iterable[str]:
        """Return the executors of the settings."""
        return get_config().executors


class QueueFilter(ColumnFilter):
    """Jobs by their queue; shown where there are several."""

    title = _("queue")
    parameter_name = "queue"
    column = "queue"


class StoreFilter(ColumnFilter):
    """Rows by their job store; shown where there are several."""

    title = _("job store")
    parameter_name = "store"
    column = "namespace"

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return the job stores of the settings; a single one needs no filter."""
        stores = get_config().jobstores
        names = [str(options.get("namespace") or alias) for alias, options in stores.items()]
        return [(name, name) for name in names] if len(names) > 1 else []


class JobFilter(admin.SimpleListFilter):
    """Runs or events of one job, chosen by a link from its page."""

    title = _("job")
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return only the chosen job: there may be very many."""
        key = request.GET.get(self.parameter_name, "")
        if not is_key(key):
            return [(key, key)] if key else []
        using = model_admin.get_queryset(request).db
        job = (
            about_seen_jobs(request, ScheduledJob.objects.using(using), "pk")
            .filter(pk=key)
            .only("name", "job_id")
            .first()
        )
        return [(key, str(job) if job is not None else _("removed job %(key)s") % {"key": key})]

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the rows of the chosen job."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(job_key=value) if is_key(value) else queryset.none()


class ExceptionFilter(admin.SimpleListFilter):
    """Runs by the class of their exception, chosen by a link from a group of failures."""

    title = _("exception")
    parameter_name = "exception"

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return only the chosen class: to find them all, all runs would have to be read."""
        value = request.GET.get(self.parameter_name, "")
        return [(value, value)] if value else []

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the runs with the chosen class."""
        return queryset.filter(exception_type=self.value()) if self.value() else queryset


class NodeFilter(admin.SimpleListFilter):
    """Runs by the node that claimed them."""

    title = _("node")
    parameter_name = "node"
    #: So many nodes are offered, the latest.
    most = 20

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return the latest nodes."""
        nodes = SchedulerNode.objects.using(model_admin.get_queryset(request).db).order_by("-seen_at")
        return [(node.pk, str(node)) for node in nodes[: self.most]]

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the runs of the chosen node."""
        return queryset.filter(node=self.value()) if self.value() else queryset


def is_key(text: str) -> bool:
    """Return whether the text can be a primary key."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


class ActionFilter(admin.SimpleListFilter):
    """Events by what happened."""

    title = _("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: _Admin) -> Iterable[tuple[str, Any]]:
        """Return what can happen to a job."""
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the events of the chosen kind."""
        return queryset.filter(action=self.value()) if self.value() else queryset
