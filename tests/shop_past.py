"""What happened in the small shop of `tests.shop`: runs and events."""

from __future__ import annotations

import json
from datetime import timedelta

from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.models import RunOrigin
from django_apscheduler_ng.rows import snapshot
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from tests.shop import BERLIN, make_event, make_run

TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/shop/exports.py", line 58, in push_stock
    response.raise_for_status()
  File "/srv/shop/.venv/lib/python3.13/site-packages/httpx/_models.py", line 829, in raise_for_status
    raise HTTPStatusError(message, request=request, response=self)
httpx.HTTPStatusError: Server error '503 Service Unavailable' for url 'https://warehouse.example/api/stock'
"""

#: What a run of the shop logs.
LOGGED = (
    "read 100 orders",
    "order 4711 has no customer: it is counted as one of the shop itself, as are all orders from before the year 2020",
    "wrote 12 rows",
)


def add_history(shop):
    """Save a few runs of each kind, and the events."""
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
    at = SYSTEM_CLOCK.now() - timedelta(days=2)
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
    add_events(shop)


def add_events(shop):
    """Save what people and the scheduler did to the jobs."""
    day, invoices = 86_400, shop["invoices.nightly"]
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
