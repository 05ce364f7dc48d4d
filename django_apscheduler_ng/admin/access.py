"""What one request may see and do, job by job."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

from ..access import permits, views_all, visible_jobs
from ..conf import get_config
from ..models import ScheduledJob
from ..querysets import ScheduledJobQuerySet

#: So many of the jobs that one sees are asked about to tell whether one may do something with any.
_ASKED = 100

_Rows = TypeVar("_Rows", bound="QuerySet[Any]")


def seen_jobs(request: HttpRequest, using: str) -> ScheduledJobQuerySet | None:
    """Return the jobs that the request's user may view; None = every one. Asked once in a request."""
    found: dict[str, Any] = request.__dict__.setdefault("_apsng_seen_jobs", {})
    if using not in found:
        found[using] = visible_jobs(request.user, using)
    seen: ScheduledJobQuerySet | None = found[using]
    return seen


def is_confined(request: HttpRequest) -> bool:
    """Return whether the setting `visible_jobs` says what the user sees, because no right to view every job does."""
    return bool(get_config().visible_jobs) and not views_all(request.user)


def about_seen_jobs(request: HttpRequest, rows: _Rows, column: str = "job_key") -> _Rows:
    """Return the rows that are about jobs the user may view; where the setting is not used, all of them."""
    seen = seen_jobs(request, rows.db) if is_confined(request) else None
    return rows if seen is None else rows.filter(**{f"{column}__in": seen.order_by().values("pk")})


def views_some(request: HttpRequest, using: str, job: ScheduledJob | None) -> bool:
    """Return whether the user may view this job, or any where none is given."""
    seen = seen_jobs(request, using)
    if seen is None:
        return True
    if job is not None:
        return seen.filter(pk=job.pk).exists()
    found: dict[str, bool] = request.__dict__.setdefault("_apsng_sees_some", {})
    if using not in found:
        found[using] = seen.exists()
    return found[using]


def permits_some(request: HttpRequest, using: str, permission: str) -> bool:
    """Return whether a right on all jobs, or one on any of the first jobs that the user sees, lets something be done."""
    if permits(request.user, permission):
        return True
    if not get_config().visible_jobs:
        return False
    return any(permits(request.user, permission, job) for job in _first_seen(request, using))


def _first_seen(request: HttpRequest, using: str) -> Iterable[ScheduledJob]:
    """Return the first jobs that the user sees; read once in a request."""
    found: dict[str, list[ScheduledJob]] = request.__dict__.setdefault("_apsng_first_seen", {})
    if using not in found:
        seen = seen_jobs(request, using)
        found[using] = list((ScheduledJob.objects.using(using) if seen is None else seen)[:_ASKED])
    return found[using]
