"""Who may do what with which job: by a right on all jobs, or by one on this job.

Django's own back end knows rights on all jobs only; asked about a single one, it says no. Back ends with rights on objects are asked
about the job. Which jobs a person without the right to view them all sees is said by the function in the setting `visible_jobs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .conf import get_config
from .models import ScheduledJob
from .refs import load_callable

if TYPE_CHECKING:
    from .querysets import ScheduledJobQuerySet

_APP = "django_apscheduler_ng"
_VIEW = ("view_scheduledjob", "change_scheduledjob")


def permits(user: Any, permission: str, job: ScheduledJob | None = None) -> bool:
    """Return whether a user has a right (its codename) on all jobs, or on this one."""
    name = f"{_APP}.{permission}"
    return bool(user.has_perm(name) or (job is not None and user.has_perm(name, job)))


def views_all(user: Any) -> bool:
    """Return whether a user may view every job."""
    return any(permits(user, permission) for permission in _VIEW)


def visible_jobs(user: Any, using: str) -> ScheduledJobQuerySet | None:
    """Return the jobs in a database that a user may view; None = every one."""
    if views_all(user):
        return None
    jobs = ScheduledJob.objects.using(using)
    path = get_config().visible_jobs
    if not path:
        return jobs.none()
    chosen: ScheduledJobQuerySet = load_callable(path)(user, jobs.all())
    return chosen


def by_permission(user: Any, jobs: ScheduledJobQuerySet) -> ScheduledJobQuerySet:
    """Return the jobs that the user has the right to view, or to change: the back ends are asked about each one.

    For the setting `visible_jobs`, with some hundreds of jobs; for more, write a function that asks the database.
    """
    seen = [job.pk for job in jobs.order_by() if any(permits(user, permission, job) for permission in _VIEW)]
    return jobs.filter(pk__in=seen)
