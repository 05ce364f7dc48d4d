"""Every kind of job, simple ones first. `manage.py runscheduler` finds this module by its name."""

import asyncio
import statistics as figures
import time
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.core.management import call_command
from django.dispatch import receiver
from django.utils import timezone

from django_apscheduler_ng import current_run, get_scheduler
from django_apscheduler_ng.decorators import job, scheduled_job
from django_apscheduler_ng.events import JobExecutionEvent
from django_apscheduler_ng.signals import job_error

from .measuring import fetch, likely_slowest, measure
from .models import Maintenance, Measurement, Monitor

# 1. Once a day, by cron fields. The id is what the job is called in the admin and in the log.


@scheduled_job("cron", hour=3, minute=30, id="clear-sessions")
def clear_sessions() -> None:
    """Delete expired sessions: any management command can be a job."""
    call_command("clearsessions")


@scheduled_job("cron", hour=3, minute=40, id="forget-measurements", kwargs={"days": 30})
def forget_measurements(days: int) -> str:
    """Delete old measurements. What a job returns is kept with the run; old runs are deleted by the scheduler itself."""
    count, _ = Measurement.objects.filter(at__lt=timezone.now() - timedelta(days=days)).delete()
    return f"{count} deleted"


# 2. Jobs that come and go with the users' data: every monitor has two, see Monitor.save(). Here `@job` only says that
#    the function may be one. The argument is the row's key, since a job store keeps plain data.


@job
def check(monitor_id: int) -> str:
    """Check one monitor, when its schedule says so."""
    measurement = measure(Monitor.objects.get(pk=monitor_id))
    measurement.save()
    return f"{measurement.answer} in {measurement.milliseconds:.0f} ms"


@job
def report(monitor_id: int) -> None:
    """Mail how a monitor did, in the morning of its own time zone."""
    monitor = Monitor.objects.get(pk=monitor_id)
    last_day = monitor.measurements.filter(at__gte=timezone.now() - timedelta(days=1))
    body = f"{last_day.filter(up=True).count()} of {last_day.count()} checks found {monitor.url} up."
    send_mail(f"{monitor}: report of the last day", body, None, settings.OPERATORS)


# 3. Jobs that run once, at a date, and change other jobs: the scheduler can be asked from everywhere.


@job
def begin_maintenance(maintenance_id: int) -> None:
    """Pause the checks of the window's monitor."""
    window = Maintenance.objects.select_related("monitor").get(pk=maintenance_id)
    reason = f"maintenance until {window.ends_at:%d %b %H:%M} UTC"
    get_scheduler().pause_job(window.monitor.job_id("check"), reason=reason)


@job
def end_maintenance(maintenance_id: int) -> None:
    """Resume them, unless somebody switched the monitor off meanwhile."""
    monitor = Monitor.objects.get(maintenances=maintenance_id)
    if monitor.active:
        get_scheduler().resume_job(monitor.job_id("check"))


# 4. Work for the CPU goes to another process, or to Celery's workers; the settings say which is "heavy". A run that
#    would start more than a minute late is not worth it any more: it is recorded as missed.


@scheduled_job("interval", minutes=1, id="statistics", executor="heavy", misfire_grace_time=60)
def statistics() -> None:
    """Work out the median and the 95th percentile of each monitor's response times."""
    for monitor in Monitor.objects.all():
        times = list(monitor.measurements.filter(up=True).values_list("milliseconds", flat=True)[:1000])
        if len(times) > 1:
            new = {"median": figures.median(times), "slowest": likely_slowest(times)}
            Monitor.objects.filter(pk=monitor.pk).update(**new)


# 5. A coroutine runs on an event loop, where one thread waits for many answers.


@scheduled_job("interval", seconds=45, id="check-all", executor="asyncio")
async def check_all() -> str:
    """Check all active monitors at once."""
    monitors = [monitor async for monitor in Monitor.objects.filter(active=True)]
    measurements = await asyncio.gather(*(asyncio.to_thread(measure, monitor) for monitor in monitors))
    await Measurement.objects.abulk_create(measurements)
    return f"{sum(measurement.up for measurement in measurements)} of {len(monitors)} up"


# 6. A job that fails now and then. The run is kept with its traceback; the next one comes.


@scheduled_job("interval", seconds=40, id="import-incidents")
def import_incidents() -> str:
    """Fetch the incidents from a partner whose server is not the best."""
    return fetch("/targets/flaky/")


# 7. A job that is slower than its schedule. It has one instance at most, which is also the default: a fire time that
#    meets it still running is recorded as skipped, and nothing piles up.


@scheduled_job("interval", seconds=20, id="slow-export", max_instances=1)
def export() -> str:
    """Send the measurements to somebody who takes his time."""
    time.sleep(25)
    return f"export of {current_run().fire_time} sent"


# 8. When something happens to a job, signals tell. Receivers have a thread of their own: a slow one delays no run.


@receiver(job_error)
def mail_failure(event: JobExecutionEvent, job_id: str, **kwargs: object) -> None:
    """Tell the operators that a run failed."""
    send_mail(f"Job {job_id} failed: {event.exception}", event.traceback or "", None, settings.OPERATORS)
