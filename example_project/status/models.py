"""What is watched, what was measured, and when to look away. Saving a row keeps its jobs in step."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger


class Monitor(models.Model):
    """A page that is checked from time to time, by a job of its own, and reported on, by another."""

    name = models.CharField(max_length=80)
    url = models.CharField(
        "URL",
        max_length=400,
        validators=[RegexValidator(r"^(https?://|/)", "Enter http://…, https://… or a path on this site.")],
        help_text="A whole URL, or a path on this site like /targets/fast/.",
    )
    schedule = models.CharField(
        max_length=100,
        default="30",
        help_text="Seconds between two checks (30), or a crontab line in the monitor's zone (*/5 8-17 * * mon-fri).",
    )
    time_zone = models.CharField(max_length=64, default="UTC", help_text="Like Europe/Berlin.")
    active = models.BooleanField(default=True, help_text="Switch off to pause the checks.")
    #: Milliseconds, written by the job "statistics".
    median = models.FloatField(null=True, editable=False)
    slowest = models.FloatField(null=True, editable=False)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        """Save the monitor and its jobs in one transaction: both change, or neither."""
        with transaction.atomic():
            before = Monitor.objects.filter(pk=self.pk).first()
            super().save(*args, **kwargs)
            self._plan(before)

    def job_id(self, kind: str) -> str:
        """Return the id of this monitor's job of a kind: "check" or "report"."""
        return f"{kind}-{self.pk}"

    def triggers(self) -> dict[str, BaseTrigger]:
        """Return when to check and when to report; a crontab line means the monitor's own zone, across DST too."""
        report = CronTrigger.from_crontab(settings.REPORT_SCHEDULE, timezone=self.time_zone)
        if self.schedule.isdecimal():
            return {"check": IntervalTrigger(seconds=int(self.schedule)), "report": report}
        return {"check": CronTrigger.from_crontab(self.schedule, timezone=self.time_zone), "report": report}

    def clean(self) -> None:
        """Refuse a schedule or a zone that cannot work, in the scheduler's own words."""
        try:
            self.triggers()
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def _plan(self, before: "Monitor | None") -> None:
        scheduler = get_scheduler()
        for kind, trigger in self.triggers().items():
            job_id, name = self.job_id(kind), f"{kind.title()} {self.name}"
            if before is None:
                scheduler.add_job(f"status.jobs:{kind}", trigger, args=[self.pk], id=job_id, name=name)
                continue
            if (before.schedule, before.time_zone) != (self.schedule, self.time_zone):
                scheduler.reschedule_job(job_id, trigger=trigger)
            if before.name != self.name:
                scheduler.modify_job(job_id, name=name)
        if self.active and before and not before.active:
            scheduler.resume_job(self.job_id("check"))
        if not self.active and (before is None or before.active):
            scheduler.pause_job(self.job_id("check"), reason="the monitor is switched off")


class Measurement(models.Model):
    """What one check found."""

    monitor = models.ForeignKey(Monitor, models.CASCADE, related_name="measurements")
    at = models.DateTimeField()
    up = models.BooleanField()
    milliseconds = models.FloatField()
    #: "200 OK", or what went wrong.
    answer = models.CharField(max_length=200)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["monitor", "-at"], name="status_latest")]

    def __str__(self) -> str:
        return f"{self.monitor}: {self.answer}"

    @property
    def state(self) -> str:
        """The word, and the colour, for it."""
        return ("slow" if self.milliseconds > 1000 else "up") if self.up else "down"


class Maintenance(models.Model):
    """A time in which a monitor is left alone: a job with a date begins it, another one ends it."""

    monitor = models.ForeignKey(Monitor, models.CASCADE, related_name="maintenances")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        verbose_name = "maintenance window"
        constraints = [models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("begins_at")), name="ends_later")]

    def __str__(self) -> str:
        return f"{self.monitor}, {self.begins_at:%d %b %H:%M} to {self.ends_at:%d %b %H:%M} UTC"

    def save(self, *args: object, **kwargs: object) -> None:
        """Save the window and its jobs in one transaction."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            for job_id, at in self.dates().items():
                func = "status.jobs:" + job_id.partition("-")[0]
                get_scheduler().add_job(func, "date", run_date=at, args=[self.pk], id=job_id, replace_existing=True)

    def dates(self) -> dict[str, object]:
        """Return the two jobs: id, and when."""
        return {f"begin_maintenance-{self.pk}": self.begins_at, f"end_maintenance-{self.pk}": self.ends_at}


@receiver(post_delete, sender=Monitor)
@receiver(post_delete, sender=Maintenance)
def remove_jobs(instance: Monitor | Maintenance, **kwargs: object) -> None:
    """Remove a deleted row's jobs, in the transaction that deletes it; a date that has passed left none."""
    ids = instance.dates() if isinstance(instance, Maintenance) else map(instance.job_id, ("check", "report"))
    for job_id in filter(get_scheduler().get_job, ids):
        get_scheduler().remove_job(job_id)
