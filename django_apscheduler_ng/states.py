"""The states of a job: what it is doing, as its row tells, and which rows are in a state."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from .models import JobRun, ScheduledJob
from .querysets import ScheduledJobQuerySet


class State(models.TextChoices):
    """What a job is doing."""

    SCHEDULED = "scheduled", _("scheduled")
    RUNNING = "running", _("running")
    WAITING = "waiting", _("waiting")
    PAUSED = "paused", _("paused")
    RETIRED = "retired", _("retired")
    BROKEN = "broken", _("broken")
    FINISHED = "finished", _("finished")


#: States of jobs that do nothing at the moment; a live run of such a job says more.
_AT_REST = (State.SCHEDULED, State.WAITING, State.FINISHED)


def states_of(job: ScheduledJob, live: bool) -> list[State]:
    """Return the states of a job, the most telling first. Paused and broken jobs may still be running.

    Args:
        job: the job.
        live: whether it has a live run.
    """
    state = _resting_state(job)
    if not live:
        return [state]
    return [State.RUNNING] if state in _AT_REST else [state, State.RUNNING]


def _resting_state(job: ScheduledJob) -> State:
    if job.finished_at is not None:
        return State.FINISHED
    if job.retired_at is not None:
        return State.RETIRED
    if job.paused:
        return State.PAUSED
    if job.broken_reason:
        return State.BROKEN
    return State.WAITING if job.parked else State.SCHEDULED


def in_state(jobs: ScheduledJobQuerySet, state: str) -> ScheduledJobQuerySet:
    """Return only the jobs whose badges name this state."""
    if state == State.RUNNING:
        return jobs.filter(pk__in=_live(jobs))
    active = Q(finished_at=None, retired_at=None)
    conditions = {
        State.FINISHED: Q(finished_at__isnull=False),
        State.RETIRED: Q(finished_at=None, retired_at__isnull=False),
        State.PAUSED: active & Q(paused=True),
        State.BROKEN: active & Q(paused=False) & ~Q(broken_reason=""),
        State.WAITING: active & Q(paused=False, broken_reason="", parked=True),
        State.SCHEDULED: active & Q(paused=False, broken_reason="", parked=False),
    }
    found = jobs.filter(conditions[State(state)])
    return found.exclude(pk__in=_live(jobs)) if state in _AT_REST else found


def _live(jobs: ScheduledJobQuerySet) -> QuerySet[JobRun, Any]:
    """Return the keys of the jobs with live runs, as a subquery that reads these and no others."""
    names = ScheduledJob.objects.using(jobs.db).order_by().values_list("namespace", flat=True).distinct()
    return JobRun.objects.using(jobs.db).live_in(*names).values("job_key")
