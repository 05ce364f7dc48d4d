"""Jobs, runs and events in bulk: jobs are made here, runs and events in the database, from a few templates and a series of numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction

from django_apscheduler_ng.models import JobLogEntry, JobRun, NodeState, ScheduledJob, SchedulerNode
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

from ..contestants.connecting import refresh_statistics

#: The runs are spread over so many days.
DAYS = 30
#: So many of the latest runs are under way.
LIVE = 20

_VERBS = ("Export", "Import", "Check", "Send", "Clean up", "Rebuild", "Archive", "Count")
_THINGS = ("invoices", "orders", "stock", "newsletters", "sessions", "search index", "exchange rates", "price lists")
_PLACES = ("Berlin", "Paris", "Madrid", "Vienna", "Prague", "Oslo", "Lisbon", "Turin", "Ghent", "Malmö")

_TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/shop/exports.py", line 58, in push\n' * 5
_LOG = "2026-11-26 06:40:12.118 INFO shop.statistics: read 100 orders\n" * 12

#: How often of a thousand, and the columns of such a run; the last one is for all others.
_RUNS: Sequence[tuple[int, Mapping[str, Any]]] = (
    (6, {"status": "failed", "exception_type": "HTTPStatusError", "exception_message": "503", "traceback": _TRACEBACK}),
    (4, {"status": "failed", "exception_type": "OperationalError", "traceback": _TRACEBACK, "log": _LOG}),
    (1, {"status": "failed", "exception_type": "KeyError", "exception_message": "'customer'", "traceback": _TRACEBACK}),
    (1, {"status": "timed_out", "reason": "took longer than its timeout of 30 s"}),
    (3, {"status": "skipped", "started_at": None, "reason": "run 7 on worker-1 has been under way"}),
    (2, {"status": "missed", "started_at": None, "reason": "later than the grace time of the job allows"}),
    (2, {"status": "coalesced", "started_at": None, "slot": None, "count": 3}),
    (1, {"status": "succeeded", "slot": None, "origin": "manual", "requested_by": "maria"}),
    (20, {"status": "succeeded", "result": '{"sent": 184}', "log": _LOG}),
    (960, {"status": "succeeded", "result": '{"sent": 184}'}),
)
_EVENTS: Sequence[tuple[int, Mapping[str, Any]]] = (
    (100, {"action": "added"}),
    (400, {"action": "modified", "before": '{"max_instances": 1}', "after": '{"max_instances": 2}', "actor_name": "maria"}),
    (200, {"action": "paused", "actor_name": "jonas", "reason": "The warehouse moves", "after": '{"paused": true}'}),
    (200, {"action": "resumed", "actor_name": "jonas", "after": '{"paused": false}'}),
    (100, {"action": "run requested", "actor_name": "maria", "after": '{"run": 1}'}),
)  # fmt: skip


def seed(jobs: int, runs: int, events: int) -> None:
    """Fill empty tables."""
    now = datetime.now(UTC)
    _add_nodes(now)
    with transaction.atomic():
        _add_jobs(jobs, now)
        first = ScheduledJob.objects.earliest("pk").pk
        _multiply(JobRun, _run_templates(now), runs, _run_columns(now, runs), first, jobs)
        _multiply(JobLogEntry, _event_templates(now), events, _event_columns(now, events), first, jobs)
        _let_some_run()
    tables = [model._meta.db_table for model in (ScheduledJob, JobRun, JobLogEntry)]
    with connection.cursor() as cursor:
        refresh_statistics(cursor, "mariadb" if connection.vendor == "mysql" else connection.vendor, tuple(tables))


# -- jobs and nodes -------------------------------------------------------------------------------------------------------


def _add_nodes(now: datetime) -> None:
    """Add four nodes that live and eight that did."""
    executors = {alias: {"capacity": 20, "running": 3} for alias in ("default", "processpool", "asyncio")}
    for number in range(12):
        lives = number < 4
        SchedulerNode.objects.create(
            id=f"{number:032x}", host=f"worker-{number}", pid=100 + number, version="0.1.0",
            state=NodeState.RUNNING if lives else NodeState.DEAD, executors=json.dumps(executors),
            started_at=now - timedelta(days=2), seen_at=now + timedelta(hours=2) if lives else now - timedelta(days=1),
        )  # fmt: skip


def _add_jobs(count: int, now: datetime) -> None:
    rows = (_job(number, now) for number in range(count))
    while batch := list(islice(rows, 500)):
        ScheduledJob.objects.bulk_create(batch)


def _job(number: int, now: datetime) -> ScheduledJob:
    verb, thing = _VERBS[number % 8], _THINGS[number // 8 % 8]
    trigger = _trigger(number, now)
    text = dump_trigger(trigger)
    moment = trigger.get_next_fire_time(None, now)
    columns: dict[str, Any] = {
        "job_id": f"{thing}.{verb}.{number}".lower().replace(" ", "_"),
        "name": f"{verb} {thing}, {_PLACES[number // 64 % 10]} {number}",
        "func_ref": f"shop.{thing.replace(' ', '_')}:{verb.lower().replace(' ', '_')}",
        "kwargs": json.dumps({"branch": number}),
        "trigger": text, "planned_trigger": text, "trigger_type": trigger.alias,
        "executor": ("default", "default", "default", "processpool", "asyncio")[number % 5],
        "queue": ("default", "default", "mail")[number % 3],
        "priority": ("normal", "normal", "normal", "high", "low")[number // 5 % 5],
        "overlap": ("skip", "skip", "queue", "replace")[number // 25 % 4],
        "origin": ("code", "api", "admin")[number % 3],
        "next_fire_time": moment, "next_run_time": moment,
        "created_at": now - timedelta(days=40), "updated_at": now - timedelta(days=3),
    }  # fmt: skip
    return ScheduledJob(**columns | _state(number, now))


def _trigger(number: int, now: datetime) -> Any:
    """Return a trigger; the first jobs, which have the most runs, fire each minute."""
    kinds = (
        lambda: CronTrigger(hour=number % 24, minute=number % 60, timezone="Europe/Berlin"),
        lambda: CronTrigger(day_of_week="mon-fri", hour="6-20", minute=f"{number % 15}/15", timezone="Europe/Berlin"),
        lambda: IntervalTrigger(minutes=5 + number % 50, start_date=now - timedelta(days=40), timezone="UTC"),
        lambda: DateTrigger(now + timedelta(hours=1 + number % 400), timezone="America/New_York"),
        lambda: CronTrigger(day="last", hour=4, timezone="UTC"),
    )
    if number < 100:
        return IntervalTrigger(minutes=1, start_date=now - timedelta(days=40), timezone="UTC")
    return kinds[number // 7 % len(kinds)]()


def _state(number: int, now: datetime) -> dict[str, Any]:
    """Return the columns of a job that is not simply planned; most of them are."""
    unplanned = {"next_fire_time": None, "next_run_time": None}
    match number % 40:
        case 11:
            return {
                "paused": True,
                "paused_by": "maria",
                "paused_at": now,
                "pause_reason": "The bank moves",
                **unplanned,
            }
        case 12:
            return {
                "broken_reason": "CallableReferenceError: 'shop.stock:count' is not there.",
                "retry_at": now + timedelta(hours=1),
            }
        case 13:
            return {"finished_at": now - timedelta(days=2), **unplanned}
        case 14:
            return {"retired_at": now - timedelta(days=1), "origin": "code", "declared": "{}"}
        case 15:
            return {"parked": True, "coalesce": False}
    return {}


# -- runs and events ------------------------------------------------------------------------------------------------------


def _run_templates(now: datetime) -> list[tuple[int, Any]]:
    common = {"job_key": 0, "job_id": "t", "job_name": "t", "due_at": now, "slot": now, "started_at": now}
    return [(often, JobRun(**{**common, **columns})) for often, columns in _RUNS]


def _event_templates(now: datetime) -> list[tuple[int, Any]]:
    return [(often, JobLogEntry(job_key=0, job_id="t", at=now, **columns)) for often, columns in _EVENTS]


def _run_columns(now: datetime, count: int) -> dict[str, str]:
    """Return what differs from run to run, as SQL; the later the number, the later the run."""
    start = (now - timedelta(days=DAYS)).timestamp()
    due = f"({start:.3f} + n.n * {DAYS * 86_400 / count:.6f})"
    took = "(0.2 + (j.id % 50) * 0.5 + (n.n % 13) * 0.1)"
    nodes = " ".join(f"WHEN {number} THEN '{number:032x}'" for number in range(4))
    started = f"{due} + 0.04 + (n.n % 7) * 0.01"
    return {
        "id": "n.n + 1", "job_key": "j.id", "job_id": "j.job_id", "job_name": "j.name", "func_ref": "j.func_ref",
        "kwargs": "j.kwargs", "executor": "j.executor", "queue": "j.queue", "priority": "j.priority",
        "due_at": _moment(due), "claimed_at": _moment(due),
        "slot": f"CASE WHEN t.slot IS NULL THEN NULL ELSE {_moment(due)} END",
        "started_at": f"CASE WHEN t.started_at IS NULL THEN NULL ELSE {_moment(started)} END",
        "finished_at": f"CASE WHEN t.started_at IS NULL THEN NULL ELSE {_moment(f'{started} + {took}')} END",
        "node": f"CASE n.n % 4 {nodes} END",
    }  # fmt: skip


def _event_columns(now: datetime, count: int) -> dict[str, str]:
    start = (now - timedelta(days=DAYS)).timestamp()
    at = _moment(f"({start:.3f} + n.n * {DAYS * 86_400 / count:.6f})")
    return {"id": "n.n + 1", "job_key": "j.id", "job_id": "j.job_id", "at": at}


def _multiply(
    model: type[models.Model], templates: Sequence[tuple[int, Any]], count: int, varied: Mapping[str, str],
    first_job: int, jobs: int,
) -> None:  # fmt: skip
    """Insert so many rows, each a template with some columns changed, in the order of their keys."""
    for number, (_, row) in enumerate(templates):
        row.pk, row.job_key = count + 1 + number, -number
        row.save(force_insert=True)
    names = [field.column for field in model._meta.concrete_fields if not field.generated]
    quoted = [connection.ops.quote_name(name) for name in names]
    values = [varied.get(name, f"t.{column}") for name, column in zip(names, quoted, strict=True)]
    table, jobs_table = model._meta.db_table, ScheduledJob._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {', '.join(values)} FROM {_numbers(count)} n "
            f"JOIN {table} t ON t.id = {_template(templates, count)} "
            f"JOIN {jobs_table} j ON j.id = {first_job} + {_job_number(jobs)} ORDER BY n.n"
        )
        model._default_manager.filter(pk__gt=count).delete()
        for sql in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(sql)


def _template(templates: Sequence[tuple[int, Any]], count: int) -> str:
    """Return the key of the template for a number, as SQL."""
    cases, until = [], 0
    for often, row in templates:
        until += often
        cases.append(f"WHEN (n.n * 617) % 1000 < {until} THEN {row.pk}")
    return f"CASE {' '.join(cases)} END"


def _job_number(jobs: int) -> str:
    """Return which job a number belongs to, as SQL: the first jobs have many runs, the last ones few."""
    div = "DIV" if connection.vendor == "mysql" else "/"
    part = "((n.n * 7919 + 104729) % 100003)"
    return f"((({part} * {part}) {div} 100003 * {part}) {div} 100003 * {jobs}) {div} 100003"


def _numbers(count: int) -> str:
    """Return a table of numbers from 0, as SQL."""
    return {
        "sqlite": f"(WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {count}) SELECT n FROM s)",
        "postgresql": f"(SELECT generate_series(0::bigint, {count - 1}) AS n)",
        "mysql": f"(SELECT CAST(seq AS SIGNED) AS n FROM seq_0_to_{count - 1})",
    }[connection.vendor]


def _moment(seconds: str) -> str:
    """Return the moment so many seconds after 1970, as SQL."""
    return {
        "sqlite": f"strftime('%Y-%m-%d %H:%M:%f', {seconds}, 'unixepoch') || '000'",
        "postgresql": f"timestamp '1970-01-01' + ({seconds}) * interval '1 second'",
        "mysql": f"TIMESTAMP'1970-01-01 00:00:00' + INTERVAL ({seconds}) SECOND",
    }[connection.vendor]


def _let_some_run() -> None:
    """Let the latest runs be under way, and one that has not started."""
    latest = list(JobRun.objects.exclude(started_at=None).order_by("-pk").values_list("pk", flat=True)[: LIVE + 1])
    running = {"status": "running", "finished_at": None, "exception_type": "", "traceback": "", "result": ""}
    progress = {"progress_done": 1_850, "progress_total": 4_200, "progress_text": "counting orders", "log": _LOG}
    JobRun.objects.filter(pk__in=latest[1:]).update(**running, **progress)
    JobRun.objects.filter(pk=latest[0]).update(status="pending", started_at=None, finished_at=None)
