"""The status page, and pages that are fast, slow, failing or flaky, to have something to watch offline."""

import random
import time
from datetime import timedelta

from django.db.models import Avg, IntegerField, Prefetch, Q, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from django_apscheduler_ng import get_scheduler

from .measuring import BARS, sparkline
from .models import Measurement, Monitor


def _monitors() -> QuerySet[Monitor]:
    """Return the monitors with their latest measurements and their uptime in the last day, per cent, in two queries."""
    last_day = Q(measurements__at__gte=timezone.now() - timedelta(days=1))
    uptime = Avg(100.0 * Cast("measurements__up", IntegerField()), filter=last_day)
    latest = Prefetch("measurements", Measurement.objects.all()[:BARS], to_attr="latest")
    return Monitor.objects.order_by("pk").annotate(uptime=uptime).prefetch_related(latest)


def _describe(monitor: Monitor) -> dict[str, object]:
    """Return what the templates show of a monitor."""
    job, bars = get_scheduler().get_job(monitor.job_id("check")), list(sparkline(monitor.latest))
    state = monitor.latest[0].state if monitor.latest else "unknown"
    return {"monitor": monitor, "job": job, "bars": bars, "state": state if job and job.next_run_time else "paused"}


def overview(request: HttpRequest) -> HttpResponse:
    """Show all monitors."""
    rows = [_describe(monitor) for monitor in _monitors()]
    down = [row["monitor"] for row in rows if row["state"] == "down"]
    return render(request, "status/overview.html", {"rows": rows, "down": down})


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one monitor."""
    return render(request, "status/detail.html", _describe(get_object_or_404(_monitors(), pk=pk)))


def target(request: HttpRequest, kind: str) -> HttpResponse:
    """Answer as the last part of the URL says: fast, slow, failing or flaky."""
    if kind == "slow":
        time.sleep(random.uniform(0.7, 1.6))
    fails = kind == "failing" or (kind == "flaky" and random.random() < 0.3)
    return HttpResponse("out of order" if fails else "fine", status=503 if fails else 200, content_type="text/plain")
