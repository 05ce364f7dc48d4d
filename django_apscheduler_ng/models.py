"""The data model: jobs, the ledger of their runs, the log of what was done to them, and the nodes that perform them.

Rows refer to each other by plain columns, never by foreign keys: history outlives the job it tells about, and removing a job
touches one row.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from .fields import ExactCharField, ExactTextField, UTCDateTimeField
from .policies import MAX_ID_LENGTH, PRIORITIES
from .querysets import JobLogEntryQuerySet, JobRunQuerySet, ScheduledJobQuerySet, SchedulerNodeQuerySet
from .runs import RunStatus

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


class NodeState(models.TextChoices):
    """What a node is doing."""

    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    DRAINING = "draining", _("draining")
    STOPPED = "stopped", _("stopped")
    DEAD = "dead", _("dead")


class SchedulerNode(models.Model):
    """One scheduler process. It counts as alive as long as its heartbeat, a counter, goes on."""

    #: Random, new with each start.
    id = models.CharField(primary_key=True, max_length=32, editable=False)
    #: The job store that this part of the node serves.
    namespace = ExactCharField(_("job store"), max_length=100, default="default")
    host = models.CharField(_("host"), max_length=255)
    pid = models.BigIntegerField(_("process id"))
    #: Version of this package on the node.
    version = models.CharField(_("version"), max_length=50)
    #: Label of the environment of the node.
    environment = ExactCharField(_("environment"), max_length=100, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=NodeState, default=NodeState.RUNNING)
    #: A counter; the node lives while it goes on.
    heartbeat = models.PositiveBigIntegerField(_("heartbeats"), default=0)
    started_at = UTCDateTimeField(_("started at"))
    seen_at = UTCDateTimeField(_("last heartbeat at"))
    last_pass_at = UTCDateTimeField(_("last pass at"), null=True, blank=True)
    #: The queues that it serves, as a JSON list; empty = all.
    queues = models.TextField(_("queues"), default="[]")
    #: JSON: alias → {"type", "capacity", "running"}.
    executors = models.TextField(_("executors"), default="{}")
    #: Ids of the jobs that the code of this node declares, as a JSON list.
    declares = models.TextField(_("declares"), default="[]")

    objects: ClassVar[SchedulerNodeQuerySet] = SchedulerNodeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")

    def __str__(self) -> str:
        """Return host and process id."""
        return f"{self.host}:{self.pid}"


class ExecutorLock(models.Model):
    """One row for each executor whose runs workers of a cluster perform: claims lock it while they count what is in flight."""

    #: The job store, as in the job.
    namespace = ExactCharField(_("job store"), max_length=100)
    #: Alias of the executor.
    executor = ExactCharField(_("executor"), max_length=100)

    class Meta:
        verbose_name = _("lock of an executor")
        verbose_name_plural = _("locks of executors")
        constraints = [models.UniqueConstraint(fields=["namespace", "executor"], name="apsng_lock_uniq")]
        default_permissions = ()

    def __str__(self) -> str:
        """Return job store and executor."""
        return f"{self.namespace}: {self.executor}"
