"""Jobs of every kind, to be moved from one store to another."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django_apscheduler_ng.triggers.calendarinterval import CalendarIntervalTrigger
from django_apscheduler_ng.triggers.combining import OrTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.project.jobs import echo, fail, noop

ARGUMENTS = (
    (1, ("nested", [2, (3,)])),
    {
        "moment": datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        "naive": datetime(2026, 1, 1, 12),
        "day": date(2026, 2, 28),
        "clock": time(3, 30),
        "span": timedelta(days=-1, microseconds=1),
        "price": Decimal("1.10"),
        "key": UUID(int=7),
        "raw": b"\x00\xff",
        "many": {1, "a", None},
        "frozen": frozenset({1.5}),
        "table": {1: "one", (2, 3): "pair", "$type": "no tag"},
        "text": "Größe 日本 \ud800 \0",
        "huge": 10**30,
        "odd": float("inf"),
    },
)


def fill(scheduler):
    """Add a job of each kind of trigger, with the states that a job can be in."""
    add = scheduler.add_job
    add(echo, CronTrigger(hour="3,4", timezone="Europe/Berlin", jitter=60), id="jitter", name="Nächtlich", args=[1])
    add(noop, CronTrigger.from_crontab("0 0 13 * 5"), id="crontab", args=ARGUMENTS[0], kwargs=ARGUMENTS[1])
    add(noop, DateTrigger("2026-03-01 10:00", "Asia/Tokyo"), id="date", misfire_grace_time=0.5, coalesce=False)
    add(noop, IntervalTrigger(days=7, start_date="2026-01-01"), id="interval", max_instances=3, on_abandoned="rerun")
    policies = {
        "timeout": 1.5,
        "retry": {"attempts": 4, "on": ["TimeoutError"]},
        "overlap": "queue",
        "queue": "mail",
        "priority": "low",
    }
    add(noop, IntervalTrigger(days=1, start_date="2026-01-01"), id="policies", **policies)
    add(noop, CalendarIntervalTrigger(months=1), id="calendar", next_run_time="2026-02-02T02:02:02+02:00")
    add(noop, OrTrigger([IntervalTrigger(hours=2), CronTrigger(day="last")], jitter=9), id="or", executor="processpool")
    add(fail, "interval", minutes=5, id="paused")
    scheduler.pause_job("paused", reason="the supplier is closed")


SHOWN = (
    "id", "name", "func_ref", "args", "kwargs", "trigger", "executor", "coalesce", "max_instances", "misfire_grace_time",
    "on_abandoned", "timeout", "retry", "overlap", "queue", "priority",
    "next_run_time", "next_fire_time", "claimed_through", "pause_reason", "broken_reason",
)  # fmt: skip


def contents(scheduler):
    """Return everything about the jobs of a scheduler, with the types of all values."""
    return {
        job.id: [(name, type(getattr(job, name)), getattr(job, name)) for name in SHOWN] for job in scheduler.get_jobs()
    }
