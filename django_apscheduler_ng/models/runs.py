"""The ledger: runs, and the fire times that got none."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import ExactCharField, UTCDateTimeField
from ..policies import MAX_ID_LENGTH
from ..querysets import JobRunQuerySet
from ..runs import RunStatus
from .jobs import Priority


class RunOrigin(models.TextChoices):
    """Why there is a run."""

    SCHEDULE = "schedule", _("schedule")
    MANUAL = "manual", _("by hand")


_STATUS_LABELS = {
    RunStatus.PENDING: _("pending"),
    RunStatus.CLAIMED: _("claimed"),
    RunStatus.RUNNING: _("running"),
    RunStatus.SUCCEEDED: _("succeeded"),
    RunStatus.FAILED: _("failed"),
    RunStatus.TIMED_OUT: _("timed out"),
    RunStatus.CANCELLED: _("cancelled"),
    RunStatus.INTERRUPTED: _("interrupted"),
    RunStatus.ABANDONED: _("abandoned"),
    RunStatus.HANDED_OVER: _("handed over"),
    RunStatus.MISSED: _("missed"),
    RunStatus.SKIPPED: _("skipped"),
    RunStatus.COALESCED: _("coalesced"),
}


class JobRun(models.Model):
    """One run of a job, or a summary of fire times that got none. Together they account for every fire time exactly once."""

    #: The job store, as in the job.
    namespace = ExactCharField(_("job store"), max_length=100, default="default")
    #: Primary key of the job's row, which may be gone.
    job_key = models.BigIntegerField(_("key of the job"))
    job_id = ExactCharField(_("job id"), max_length=MAX_ID_LENGTH)
    #: Name of the job when the run was claimed.
    job_name = models.CharField(_("job"), max_length=255)
    #: Reference of the callable.
    func_ref = ExactCharField(_("callable"), max_length=500)
    #: Positional arguments of the run, as JSON.
    args = models.TextField(_("arguments"), default="[]")
    #: Keyword arguments of the run, as JSON.
    kwargs = models.TextField(_("keyword arguments"), default="{}")
    #: Alias of the executor.
    executor = ExactCharField(_("executor"), max_length=100)
    #: As in the job.
    queue = ExactCharField(_("queue"), max_length=100, default="default")
    priority = ExactCharField(_("priority"), max_length=10, choices=Priority, default=Priority.NORMAL)
    #: How long it may take, in seconds; NULL = as long as it takes.
    timeout = models.FloatField(_("timeout (s)"), null=True, blank=True)
    #: Why there is a run.
    origin = models.CharField(_("origin"), max_length=10, choices=RunOrigin, default=RunOrigin.SCHEDULE)
    #: Name of who asked for it by hand.
    requested_by = models.CharField(_("requested by"), max_length=255, blank=True)

    #: Nominal fire time; NULL for runs asked for by hand and for summaries of several fire times.
    slot = UTCDateTimeField(_("fire time"), null=True, blank=True)
    #: 1 for the first try.
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    #: Primary key of the first attempt; NULL for a first attempt.
    first_attempt = models.BigIntegerField(_("first attempt"), null=True, blank=True)
    #: Of a summary: the first and last fire time it stands for, how many there were, and whether that was counted exactly.
    covers_from = UTCDateTimeField(_("from"), null=True, blank=True)
    covers_until = UTCDateTimeField(_("until"), null=True, blank=True)
    count = models.PositiveBigIntegerField(_("fire times"), default=1)
    count_is_exact = models.BooleanField(_("exactly"), default=True)

    #: Planned start: the fire time with its jitter.
    due_at = UTCDateTimeField(_("due at"))
    #: Latest moment at which the body may start; NULL = no limit.
    start_until = UTCDateTimeField(_("start until"), null=True, blank=True)
    claimed_at = UTCDateTimeField(_("claimed at"), null=True, blank=True)
    started_at = UTCDateTimeField(_("started at"), null=True, blank=True)
    finished_at = UTCDateTimeField(_("finished at"), null=True, blank=True)
    #: How it stands.
    status = models.CharField(_("status"), max_length=12, choices=list(_STATUS_LABELS.items()))
    #: Id of the node that claimed it; of a run on a cluster, the lease of the worker that performs it.
    node = models.CharField(_("node"), max_length=32, blank=True)
    #: Whether a worker of a cluster performs it; its executor holds it until one has started it, and no node does.
    on_cluster = models.BooleanField(_("on a cluster"), default=False)
    #: When to publish it again if no worker has started it; NULL = not on a cluster.
    publish_at = UTCDateTimeField(_("published again at"), null=True, blank=True)
    #: A counter of the worker on a cluster; its lease lasts as long as this goes on.
    beat = models.PositiveBigIntegerField(_("signs of life"), default=0)
    #: Name of the thread or process that ran the body.
    worker = models.CharField(_("worker"), max_length=255, blank=True)
    #: When somebody, or something, asked for its cancellation; NULL = nobody did.
    cancel_requested_at = UTCDateTimeField(_("cancellation requested at"), null=True, blank=True)
    #: Name of who asked for it; empty where it was no person.
    cancel_requested_by = models.CharField(_("cancellation requested by"), max_length=255, blank=True)
    #: Why, in the words of who did it.
    cancel_reason = models.TextField(_("reason of the cancellation"), blank=True)
    #: How far it has come, in steps of its own; NULL where it does not say.
    progress_done = models.FloatField(_("done"), null=True, blank=True)
    #: Of how many steps; NULL where it does not say.
    progress_total = models.FloatField(_("of"), null=True, blank=True)
    #: What it is doing, in its own words.
    progress_text = models.CharField(_("doing"), max_length=255, blank=True)
    #: The end of what it logged.
    log = models.TextField(_("log"), blank=True)
    #: JSON of what the callable returned, capped.
    result = models.TextField(_("result"), blank=True)
    #: Whether the result has no JSON form, so that its `repr` was kept.
    result_is_repr = models.BooleanField(_("result is a repr"), default=False)
    #: Name of the exception's class; empty = there was none.
    exception_type = models.CharField(_("exception"), max_length=255, blank=True)
    #: What the exception said.
    exception_message = models.TextField(_("message"), blank=True)
    #: Its traceback, capped.
    traceback = models.TextField(_("traceback"), blank=True)
    #: Why the run was skipped, missed, interrupted, abandoned, …, where there is something to say.
    reason = models.TextField(_("reason"), blank=True)

    objects: ClassVar[JobRunQuerySet] = JobRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [models.UniqueConstraint(fields=["job_key", "slot", "attempt"], name="apsng_run_slot_uniq")]
        indexes = [
            models.Index(fields=["namespace", "status", "due_at", "priority"], name="apsng_run_status_ix"),
            models.Index(fields=["job_key", "id"], name="apsng_run_job_ix"),
        ]
        permissions = [("cancel_jobrun", "Can cancel runs")]

    def __str__(self) -> str:
        """Return job and status."""
        return f"{self.job_name} ({self.get_status_display()})"
