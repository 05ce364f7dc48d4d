"""A small shop's jobs with their history, for screenshots and for tests of whole pages."""

from __future__ import annotations

import json
from datetime import timedelta

from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.models import (
    JobLogEntry,
    JobRun,
    NodeState,
    Origin,
    ScheduledJob,
    SchedulerNode,
)
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

BERLIN = "Europe/Berlin"

BROKEN = (
    "CallableReferenceError: 'shop.rates:fetch' is not there: module 'shop.rates' has no attribute 'fetch'. "
    "Did you mean 'fetch_all'?"
)


def make_job(job_id, name, trigger, func_ref="shop.jobs:work", now=None, **columns):
    """Save a job that is planned from now on; `columns` override what follows from the trigger."""
    now = now or SYSTEM_CLOCK.now()
    text = trigger if isinstance(trigger, str) else dump_trigger(trigger)
    upcoming = None if isinstance(trigger, str) else trigger.get_next_fire_time(None, now)
    values = {
        "job_id": job_id,
        "name": name,
        "func_ref": func_ref,
        "trigger": text,
        "planned_trigger": text,
        "trigger_type": "" if isinstance(trigger, str) else trigger.alias,
        "next_fire_time": upcoming,
        "next_run_time": upcoming,
        "created_at": now - timedelta(days=40),
        "updated_at": now - timedelta(days=3),
    }
    return ScheduledJob.objects.create(**{**values, **columns})


def make_run(*args, **columns):
    """Save a run, see `build_run`."""
    run = build_run(*args, **columns)
    run.save()
    return run


def build_run(job, ago, status=RunStatus.SUCCEEDED, took=1.0, late=0.04, **columns):
    """Return a run of the job whose fire time was `ago` seconds ago, and that took so many seconds."""
    due = SYSTEM_CLOCK.now() - timedelta(seconds=ago)
    started = due + timedelta(seconds=late)
    ended = status not in (RunStatus.PENDING, RunStatus.CLAIMED, RunStatus.RUNNING)
    values = {
        "job_key": job.pk,
        "job_id": job.job_id,
        "job_name": job.name,
        "func_ref": job.func_ref,
        "args": job.args,
        "kwargs": job.kwargs,
        "executor": job.executor,
        "slot": due,
        "due_at": due,
        "claimed_at": started - timedelta(milliseconds=8),
        "started_at": started,
        "finished_at": started + timedelta(seconds=took) if ended else None,
        "status": status,
        "node": "a" * 32,
        "worker": "ThreadPoolExecutor-0_3",
    }
    return JobRun(**{**values, **columns})


def make_node(**columns):
    """Save a node that has just given a sign of life."""
    now = SYSTEM_CLOCK.now()
    executors = {
        "default": {"type": "ThreadPoolExecutor", "capacity": 10, "running": 3},
        "processpool": {"type": "ProcessPoolExecutor", "capacity": 4, "running": 4},
        "asyncio": {"type": "AsyncIOExecutor", "capacity": 100, "running": 0},
    }
    values = {
        "id": "a" * 32,
        "host": "worker-1",
        "pid": 4711,
        "version": "0.1.0",
        "heartbeat": 8312,
        "started_at": now - timedelta(hours=11, minutes=32),
        "seen_at": now - timedelta(seconds=2),
        "last_pass_at": now - timedelta(seconds=1),
        "executors": json.dumps(executors),
        "declares": json.dumps(["invoices.nightly", "stock.export"]),
    }
    return SchedulerNode.objects.create(**{**values, **columns})


def make_event(job, action, ago, **columns):
    """Save an event of the job."""
    at = SYSTEM_CLOCK.now() - timedelta(seconds=ago)
    return JobLogEntry.objects.create(job_key=job.pk, job_id=job.job_id, action=action, at=at, **columns)


def make_shop(add_history=None):
    """Save the shop's jobs, runs, events and nodes; returns the jobs by id. `add_history` saves other runs and events for them."""
    now = SYSTEM_CLOCK.now()
    full_hour = now.replace(minute=0, second=0, microsecond=0)
    make_node()
    make_node(
        id="b" * 32,
        host="worker-2",
        pid=208,
        executors=json.dumps({"default": {"type": "ThreadPoolExecutor", "capacity": 10, "running": 1}}),
        seen_at=now - timedelta(seconds=4),
    )
    make_node(id="c" * 32, host="worker-3", pid=99, state=NodeState.DEAD, seen_at=now - timedelta(hours=5))
    code = {"origin": Origin.CODE, "declared": "{}"}
    jobs = [
        make_job(
            "monitor.api",
            "Monitor: API",
            IntervalTrigger(minutes=1),
            "shop.monitors:check",
            args='["https://api.example"]',
        ),
        make_job(
            "monitor.website",
            "Monitor: website",
            IntervalTrigger(minutes=5),
            "shop.monitors:check",
            args='["https://www.example"]',
        ),
        make_job(
            "stock.export",
            "Stock export to the warehouse",
            CronTrigger.from_crontab("*/15 6-20 * * 1-6", timezone=BERLIN),
            "shop.exports:push_stock",
            **code,
        ),
        make_job(
            "statistics",
            "Sales statistics",
            CronTrigger(minute=10, timezone=BERLIN),
            "shop.statistics:crunch",
            executor="processpool",
            **code,
        ),
        make_job(
            "newsletter.march",
            "Newsletter to subscribers",
            DateTrigger(full_hour + timedelta(days=2, hours=3), timezone="America/New_York"),
            "shop.news:send",
            origin=Origin.ADMIN,
            kwargs='{"edition": 218, "test": false}',
        ),
        make_job(
            "invoices.nightly",
            "Nightly invoices",
            CronTrigger(hour=2, minute=30, timezone=BERLIN),
            "shop.invoices:send_all",
            kwargs='{"batch": 200}',
            **code,
        ),
        make_job(
            "backup.monthly",
            "Monthly archive",
            CalendarIntervalTrigger(months=1, hour=4, start_date="2026-01-31", timezone=BERLIN),
            "shop.archive:write",
            **code,
        ),
        make_job(
            "cleanup.sessions",
            "Clean up sessions",
            CronTrigger(day_of_week="sun", hour=5, timezone="UTC"),
            "django.core.management:call_command",
            args='["clearsessions"]',
            paused=True,
            paused_by="maria",
            paused_at=now - timedelta(hours=26),
            pause_reason="The session table is being moved",
            next_run_time=None,
            next_fire_time=None,
            **code,
        ),
        make_job(
            "rates.import",
            "Exchange rates",
            CronTrigger(hour=16, minute=15, day_of_week="mon-fri", timezone=BERLIN),
            "shop.rates:fetch",
            broken_reason=BROKEN,
            retry_at=now + timedelta(minutes=4),
            retries=5,
        ),
        make_job(
            "maintenance",
            "Maintenance window",
            DateTrigger(full_hour - timedelta(days=1), timezone=BERLIN),
            "shop.ops:maintain",
            next_run_time=None,
            next_fire_time=None,
            finished_at=now - timedelta(days=1),
        ),
    ]
    shop = {job.job_id: job for job in jobs}
    if add_history is None:
        from tests.shop_past import add_history
    add_history(shop)
    return shop
