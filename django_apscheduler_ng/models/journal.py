"""What was done to jobs outside of their runs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import ExactCharField, UTCDateTimeField
from ..policies import MAX_ID_LENGTH
from ..querysets import JobLogEntryQuerySet


class JobLogEntry(models.Model):
    """Something that happened to a job outside its runs: when, by whom, why, and what it was before and after."""

    #: The job store, as in the job.
    namespace = ExactCharField(_("job store"), max_length=100, default="default")
    #: Primary key of the job's row, which may be gone.
    job_key = models.BigIntegerField(_("key of the job"), db_index=True)
    job_id = ExactCharField(_("job id"), max_length=MAX_ID_LENGTH)
    at = UTCDateTimeField(_("at"))
    #: What happened: `added`, `modified`, `paused`, `removed`, ….
    action = models.CharField(_("what happened"), max_length=30)
    #: Primary key of the user as text; empty where no person did it.
    actor_id = models.CharField(_("user key"), max_length=255, blank=True)
    #: Name of who did it; empty where it was no person.
    actor_name = models.CharField(_("by"), max_length=255, blank=True)
    #: Why, in the words of who did it.
    reason = models.TextField(_("why"), blank=True)
    #: JSON objects of the columns that changed.
    before = models.TextField(_("before"), blank=True)
    after = models.TextField(_("after"), blank=True)

    objects: ClassVar[JobLogEntryQuerySet] = JobLogEntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        """Return job and action."""
        return f"{self.job_id}: {self.action}"
