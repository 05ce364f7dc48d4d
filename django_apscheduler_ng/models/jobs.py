"""Jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from ..fields import ExactCharField, ExactTextField, UTCDateTimeField
from ..policies import MAX_ID_LENGTH, PRIORITIES
from ..querysets import ScheduledJobQuerySet

#: A `wake_at` that is always due: look at the job at once.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


class Origin(models.TextChoices):
    """Where a job was defined."""

    CODE = "code", _("code")
    ADMIN = "admin", _("admin")
    API = "api", _("API")


class OnAbandoned(models.TextChoices):
    """What becomes of a run whose node died."""

    ABANDON = "abandon", _("leave it abandoned")
    RERUN = "rerun", _("run it again")


class Overlap(models.TextChoices):
    """What becomes of a fire time that meets as many runs of its job as there may be."""

    SKIP = "skip", _("skip it")
    QUEUE = "queue", _("let it wait")
    REPLACE = "replace", _("cancel the run that is under way")


class Priority(models.TextChoices):
    """Who goes first where executors are full."""

    HIGH = "high", _("high")
    NORMAL = "normal", _("normal")
    LOW = "low", _("low")


class ScheduledJob(models.Model):
    """A job: its definition, which people and code change, and its runtime, which the nodes keep.

    The definition may be changed by any means, plain SQL included: `wake_at` is calculated by the database and tells the nodes.
    """

    #: The job store that the job belongs to: its `namespace`, by default its alias.
    namespace = ExactCharField(_("job store"), max_length=100, default="default")
    #: The id, unique within the job store.
    job_id = ExactCharField(_("id"), max_length=MAX_ID_LENGTH)

    # definition
    #: For people.
    name = models.CharField(_("name"), max_length=255)
    #: Reference of the callable, `package.module:function`.
    func_ref = ExactCharField(_("callable"), max_length=500)
    #: Positional arguments, as JSON.
    args = models.TextField(_("arguments"), default="[]")
    #: Keyword arguments, as JSON.
    kwargs = models.TextField(_("keyword arguments"), default="{}")
    #: The trigger, as JSON.
    trigger = ExactTextField(_("trigger"))
    #: Name of the trigger's type, for filters.
    trigger_type = models.CharField(_("trigger type"), max_length=50, blank=True)
    #: Alias of the executor.
    executor = ExactCharField(_("executor"), max_length=100, default="default")
    #: Whether several fire times that are due together become one run.
    coalesce = models.BooleanField(_("coalesce"), default=True)
    #: How many runs may be under way at once, over all nodes.
    max_instances = models.PositiveIntegerField(_("max. instances"), default=1)
    #: How late a run may start, in seconds; NULL = however late.
    misfire_grace_time = models.FloatField(_("misfire grace time (s)"), null=True, blank=True)
    #: What becomes of a run whose node died.
    on_abandoned = models.CharField(
        _("when its node dies"), max_length=10, choices=OnAbandoned, default=OnAbandoned.ABANDON
    )
    #: How long a run may take, in seconds; NULL = as long as it takes.
    timeout = models.FloatField(_("timeout (s)"), null=True, blank=True)
    #: When a failed run is tried again, as JSON; empty = never.
    retry = models.TextField(_("retry"), blank=True)
    #: What becomes of a fire time that meets as many runs as there may be.
    overlap = models.CharField(_("overlap"), max_length=10, choices=Overlap, default=Overlap.SKIP)
    #: Nodes may serve some queues only.
    queue = ExactCharField(_("queue"), max_length=100, default="default")
    #: Who goes first where executors are full.
    priority = ExactCharField(_("priority"), max_length=10, choices=Priority, default=Priority.NORMAL)
    #: Whether people, or `pause_job()`, stopped it.
    paused = models.BooleanField(_("paused"), default=False)
    pause_reason = models.TextField(_("reason of the pause"), blank=True)
    #: Name of who paused it; empty where it was no person.
    paused_by = models.CharField(_("paused by"), max_length=255, blank=True)
    paused_at = UTCDateTimeField(_("paused at"), null=True, blank=True)
    #: Where the job was defined.
    origin = models.CharField(_("origin"), max_length=10, choices=Origin, default=Origin.API)
    #: Label of the environment in which it may run; empty = in any.
    environment = ExactCharField(_("environment"), max_length=100, blank=True)
    #: What code declared last, as JSON; empty for jobs that no code declared.
    declared = models.TextField(_("declared in code"), blank=True)
    #: Moves on with each change of the definition.
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    created_at = UTCDateTimeField(_("created at"))
    updated_at = UTCDateTimeField(_("changed at"))

    # runtime
    #: The trigger that the run times below come from.
    planned_trigger = ExactTextField(_("planned trigger"), blank=True)
    #: Nominal; `next_run_time` is the same with jitter.
    next_fire_time = UTCDateTimeField(_("next fire time"), null=True, blank=True)
    #: When the job runs next; NULL while it is paused or not planned yet.
    next_run_time = UTCDateTimeField(_("next run time"), null=True, blank=True)
    #: Slots up to and including this one are closed, whatever became of their rows.
    claimed_through = UTCDateTimeField(_("claimed through"), null=True, blank=True)
    #: Whether the job has a backlog and waits for one of its own runs to end.
    parked = models.BooleanField(_("waits for its own run to end"), default=False)
    #: Why the job cannot be loaded or planned; empty = it can.
    broken_reason = models.TextField(_("why it is broken"), blank=True)
    #: When a broken job is tried again, and a parked one looked at although no end of a run woke it.
    retry_at = UTCDateTimeField(_("tried again at"), null=True, blank=True)
    #: How often the broken job was tried in vain.
    retries = models.PositiveIntegerField(_("vain tries"), default=0)
    #: Ids of the nodes that could not load or plan the job, separated by blanks.
    declined_by = models.TextField(_("declined by"), blank=True)
    #: When its schedule had ended; NULL = it has not.
    finished_at = UTCDateTimeField(_("finished at"), null=True, blank=True)
    #: Since when no live node declares a job that comes from code. It rests meanwhile, and everything else of it stays as it is.
    retired_at = UTCDateTimeField(_("retired at"), null=True, blank=True)
    #: When a node has to look at the job; NULL = not before something changes.
    wake_at = models.GeneratedField(
        expression=Case(
            When(retired_at__isnull=False, then=Value(None)),
            When(Q(finished_at__isnull=False) & Q(trigger=F("planned_trigger")), then=Value(None)),
            When(Q(paused=True) & Q(next_run_time__isnull=True), then=Value(None)),
            When(paused=True, then=Value(AT_ONCE, output_field=UTCDateTimeField())),
            When(~Q(trigger=F("planned_trigger")), then=Value(AT_ONCE, output_field=UTCDateTimeField())),
            When(~Q(broken_reason=""), then=F("retry_at")),
            When(parked=True, then=Coalesce(F("retry_at"), F("next_run_time"))),
            When(next_run_time__isnull=True, then=Value(AT_ONCE, output_field=UTCDateTimeField())),
            default=F("next_run_time"),
            output_field=UTCDateTimeField(null=True),
        ),
        output_field=UTCDateTimeField(null=True),
        db_persist=True,
        verbose_name=_("looked at"),
    )

    objects: ClassVar[ScheduledJobQuerySet] = ScheduledJobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints = [
            models.UniqueConstraint(fields=["namespace", "job_id"], name="apsng_job_uniq"),
            # nodes ask for each level by its name: a job of another one would never run
            models.CheckConstraint(condition=Q(priority__in=PRIORITIES), name="apsng_job_priority_ck"),
        ]
        indexes = [
            models.Index(fields=["namespace", "executor", "priority", "wake_at", "queue"], name="apsng_job_wake_ix"),
            models.Index(fields=["namespace", "next_run_time"], name="apsng_job_next_ix"),
        ]
        permissions = [("run_scheduledjob", "Can run jobs now"), ("pause_scheduledjob", "Can pause and resume jobs")]

    def __str__(self) -> str:
        """Return the job's name."""
        return self.name or self.job_id
