"""Removing what is left of a job whose schedule has ended: to the API it is gone already."""

from __future__ import annotations

from django.db import transaction

from .clock import SYSTEM_CLOCK
from .journal import Journal
from .models import ScheduledJob
from .rows import snapshot


def forget(job: ScheduledJob) -> None:
    """Delete the row of a job whose schedule has ended. Its runs stay."""
    using = job._state.db or "default"
    with transaction.atomic(using=using):
        ended = ScheduledJob.objects.using(using).filter(pk=job.pk, finished_at__isnull=False)
        if ended.delete()[0]:
            Journal(using, SYSTEM_CLOCK).write(job, "removed", snapshot(job), {})
