"""A small shop's jobs with their history, for screenshots and for tests of whole pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from django_apscheduler_ng.models import (
    JobLogEntry,
    JobRun,
    NodeState,
    Origin,
    RunOrigin,
    ScheduledJob,
    SchedulerNode,
)
from django_apscheduler_ng.rows import snapshot
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
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/shop/exports.py", line 58, in push_stock
    response.raise_for_status()
  File "/srv/shop/.venv/lib/python3.13/site-packages/httpx/_models.py", line 829, in raise_for_status
    raise HTTPStatusError(message, request=request, response=self)
httpx.HTTPStatusError: Server error '503 Service Unavailable' for url 'https://warehouse.example/api/stock'
"""


def make_job(job_id, name, trigger, func_ref="shop.jobs:work", now=None, **columns):
    """Save a job that is planned from now on; `columns` override what follows from the trigger."""
    now = now or datetime.now(UTC)
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


#: What a run of the shop logs.
LOGGED = (
    "read 100 orders",
    "order 4711 has no customer: it is counted as one of the shop itself, as are all orders from before the year 2020",
    "wrote 12 rows",
)


def make_run(job, ago, status=RunStatus.SUCCEEDED, took=1.0, late=0.04, **columns):
    """Save a run of the job whose fire time was `ago` seconds ago, and that took so many seconds."""
    due = datetime.now(UTC) - timedelta(seconds=ago)
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
    return JobRun.objects.create(**{**values, **columns})


def make_node(**columns):
    """Save a node that has just given a sign of life."""
    now = datetime.now(UTC)
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
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return JobLogEntry.objects.create(job_key=job.pk, job_id=job.job_id, action=action, at=at, **columns)


def make_shop():
    """Save the shop's jobs, runs, events and nodes; returns the jobs by id."""
    now = datetime.now(UTC)
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
        make_job("monitor.website", "Monitor: website", IntervalTrigger(minutes=5), "shop.monitors:check"),
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
    _add_history(shop)
    return shop


def _add_history(shop):
    for number in range(6, 0, -1):
        make_run(shop["monitor.api"], number * 60 - 20, took=0.31 + number / 50, result='{"status": 200, "ms": 311}')
    make_run(shop["monitor.website"], 140, took=1.84)
    stock = shop["stock.export"]
    for number in range(9, 1, -1):
        make_run(stock, number * 900 - 400, took=7.9 + number)
    failure = {
        "exception_type": "HTTPStatusError",
        "exception_message": TRACEBACK.splitlines()[-1].partition(": ")[2],
        "traceback": TRACEBACK,
    }
    make_run(stock, 500, RunStatus.FAILED, took=30.2, **failure)
    make_run(shop["statistics"], 3700, took=322)
    make_run(
        shop["statistics"],
        95,
        RunStatus.RUNNING,
        executor="processpool",
        progress_done=1_850,
        progress_total=4_200,
        progress_text="counting orders of March",
        log="".join(
            f"2026-11-26 06:40:{second:02}.118 INFO shop.statistics: {LOGGED[second % 3]}\n" for second in range(30)
        ),
    )
    invoices = shop["invoices.nightly"]
    day = 86_400
    make_run(invoices, 3 * day, took=41)
    summary = {"count": 3, "slot": None, "started_at": None, "reason": "made up for by the latest one"}
    at = datetime.now(UTC) - timedelta(days=2)
    make_run(
        invoices,
        2 * day,
        RunStatus.COALESCED,
        covers_from=at - timedelta(days=3),
        covers_until=at - timedelta(days=1),
        **summary,
    )
    make_run(invoices, 2 * day - 60, took=44)
    make_run(invoices, day, RunStatus.MISSED, started_at=None, reason="later than the grace time of the job allows")
    make_run(invoices, 7 * 3600, took=39, result='{"sent": 184, "failed": 0}')
    make_run(invoices, 1800, took=2.5, slot=None, origin=RunOrigin.MANUAL, requested_by="maria")
    make_run(shop["backup.monthly"], 25 * day, took=5400)
    make_run(shop["cleanup.sessions"], 5 * day, took=12)
    make_run(shop["rates.import"], 3 * day, took=0.9)
    make_run(shop["maintenance"], day, took=1800)
    for job in shop.values():
        make_event(job, "added", 40 * day, after=json.dumps(snapshot(job)))
    old = dump_trigger(CronTrigger(hour=3, timezone=BERLIN))
    make_event(
        invoices,
        "rescheduled",
        3 * day,
        actor_name="maria",
        actor_id="7",
        reason="The bank closes its batch at 3",
        before=json.dumps({"trigger": old}),
        after=json.dumps({"trigger": invoices.trigger}),
    )
    make_event(invoices, "run requested", 1800, actor_name="maria", actor_id="7", after='{"run": 1}')
    make_event(
        shop["cleanup.sessions"],
        "paused",
        26 * 3600,
        actor_name="maria",
        actor_id="7",
        reason="The session table is being moved",
        before='{"paused": false}',
        after='{"paused": true}',
    )
    make_event(shop["rates.import"], "broken", 3600, actor_name="scheduler", reason=shop["rates.import"].broken_reason)
