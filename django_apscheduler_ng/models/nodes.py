"""The nodes, and what they count together."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import ExactCharField, UTCDateTimeField
from ..querysets import SchedulerNodeQuerySet


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
