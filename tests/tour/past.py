"""A week of the shop in `tests.shop`, with enough runs for the charts, the same each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.models import JobLogEntry, JobRun, RunOrigin, ScheduledJob, SchedulerNode
from django_apscheduler_ng.rows import read_trigger
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.serialization import dump_trigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.shop import build_run, make_event, make_run
from tests.shop_past import TRACEBACK, add_events

#: When the pictures are taken: a Thursday, three days before the clocks of Berlin change.
NOW = datetime(2026, 3, 26, 9, 11, 35, tzinfo=UTC)

NODES = {letter: f"{Random(letter).getrandbits(128):032x}" for letter in "abc"}

_REFUSED = {
    "exception_type": "HTTPStatusError",
    "exception_message": TRACEBACK.splitlines()[-1].partition(": ")[2],
    "traceback": TRACEBACK,
    "log": (
        "{:%Y-%m-%d %H:%M:%S}.031 INFO shop.exports: 2,310 articles, 41 of them changed\n"
        "{:%Y-%m-%d %H:%M:%S}.102 WARNING shop.exports: the warehouse answers 503, second try\n"
        "{:%Y-%m-%d %H:%M:%S}.166 ERROR shop.exports: the warehouse answers 503, giving up\n"
    ),
}
_LATE = {
    "exception_type": "ConnectTimeout",
    "exception_message": "no answer within 5 s",
    "traceback": "httpx.ConnectTimeout: no answer within 5 s\n",
}
_TIMED_OUT = {"reason": "it took longer than its timeout of 900 s"}
_SKIPPED = {"started_at": None, "reason": "the job already has 1 run on worker-1: its max_instances is 1"}
_MISSED = {"started_at": None, "reason": "later than the grace time of the job allows"}


@dataclass(frozen=True, kw_only=True)
class Routine:
    """What a job does day by day."""

    days: int
    #: Seconds, half of the runs are faster; and how much they differ.
    took: float
    spread: float = 0.2
    result: str = ""
    #: What was different, by how many fire times it is ago.
    troubles: dict[int, tuple[RunStatus, float, dict[str, Any]]] = field(default_factory=dict)


ROUTINES = {
    "monitor.api": Routine(
        days=2,
        took=0.31,
        spread=0.35,
        result='{"status": 200}',
        troubles=dict.fromkeys((213, 214, 1300), (RunStatus.FAILED, 5.0, _LATE)),
    ),
    "monitor.website": Routine(days=3, took=1.4, spread=0.3, result='{"status": 200}'),
    "stock.export": Routine(
        days=7,
        took=12.4,
        result='{"changed": 38}',
        troubles=dict.fromkeys((0, 1, 30), (RunStatus.FAILED, 30.2, _REFUSED)),
    ),
    "statistics": Routine(
        days=7,
        took=290,
        spread=0.25,
        troubles={14: (RunStatus.SKIPPED, 0, _SKIPPED), 15: (RunStatus.TIMED_OUT, 900, _TIMED_OUT)},
    ),
    "invoices.nightly": Routine(
        days=24,
        took=41,
        result='{"sent": 184, "failed": 0}',
        troubles={5: (RunStatus.MISSED, 0, _MISSED), 11: (RunStatus.FAILED, 12, _LATE)},
    ),
    "backup.monthly": Routine(days=60, took=5400),
    "cleanup.sessions": Routine(days=30, took=12),
}


def add_week(shop: dict[str, ScheduledJob]) -> None:
    """Save the runs of the routines, what runs now, and what people did."""
    _slow_down(shop["monitor.api"])
    random = Random(7)
    runs = [run for name, routine in ROUTINES.items() for run in _runs(shop[name], routine, random)]
    runs += _others(shop)
    JobRun.objects.bulk_create(sorted(runs, key=lambda run: run.due_at))
    _add_live(shop)
    add_events(shop)
    _order_events()
    ScheduledJob.objects.filter(job_id="invoices.nightly").update(revision=1)
    _load_nodes()
    _name_nodes()


def _slow_down(job: ScheduledJob) -> None:
    """Let the busiest job run so seldom that the dashboard counts all runs of a day."""
    trigger = IntervalTrigger(minutes=2)
    job.trigger = job.planned_trigger = dump_trigger(trigger)
    job.next_run_time = job.next_fire_time = trigger.get_next_fire_time(None, SYSTEM_CLOCK.now())
    job.save()


def _runs(job: ScheduledJob, routine: Routine, random: Random) -> Iterator[JobRun]:
    """Yield a run for each fire time, the latest first."""
    now = SYSTEM_CLOCK.now()
    for number, due in enumerate(reversed(list(_fire_times(job, now - timedelta(days=routine.days), now)))):
        status, took, columns = routine.troubles.get(number, (RunStatus.SUCCEEDED, 0, {"result": routine.result}))
        took = took or routine.took * random.lognormvariate(0, routine.spread)
        late = 0.03 * random.lognormvariate(0, 0.6) + (random.random() < 0.03) * random.uniform(0.5, 2)
        if "log" in columns:
            columns = {
                **columns,
                "log": columns["log"].format(*(due.astimezone(UTC) + timedelta(seconds=n) for n in (0, 15, 30))),
            }
        node = random.choice("ab") * 32
        yield build_run(job, (now - due).total_seconds(), status, took, late, **{"node": node, "slot": due, **columns})


def _fire_times(job: ScheduledJob, since: datetime, now: datetime) -> Iterator[datetime]:
    trigger, moment = read_trigger(job), since
    while (due := trigger.get_next_fire_time(moment, moment)) and due < now:
        if job.job_id != "statistics" or now - due > timedelta(minutes=10):  # that one still runs
            yield due
        moment = due


def _others(shop: dict[str, ScheduledJob]) -> list[JobRun]:
    """Return runs without a rule, and the summary of fire times in a time in which no node ran."""
    day = 86_400
    down = SYSTEM_CLOCK.now().replace(hour=1, minute=30, second=0) - timedelta(days=8)
    summary = {"count": 3, "slot": None, "started_at": None, "reason": "made up for by the latest one"}
    covers = {"covers_from": down - timedelta(days=2), "covers_until": down}
    ago = (SYSTEM_CLOCK.now() - down).total_seconds()
    return [
        build_run(shop["invoices.nightly"], ago, RunStatus.COALESCED, **summary, **covers),
        build_run(shop["rates.import"], 2 * day - 21_500, took=0.9),
        build_run(shop["maintenance"], day, took=1800),
    ]


def _add_live(shop: dict[str, ScheduledJob]) -> None:
    make_run(
        shop["statistics"],
        95,
        RunStatus.RUNNING,
        executor="processpool",
        worker="worker-1:4733",
        progress_done=1_850,
        progress_total=4_200,
        progress_text="counting orders of March",
        log="".join(_counted(SYSTEM_CLOCK.now() - timedelta(seconds=95))),
    )
    by_hand = {"slot": None, "origin": RunOrigin.MANUAL, "requested_by": "maria", "node": "b" * 32}
    run = make_run(shop["stock.export"], 9, RunStatus.RUNNING, **by_hand)
    make_event(shop["stock.export"], "run requested", 9, actor_name="maria", actor_id="7", after=f'{{"run": {run.pk}}}')


def _counted(start: datetime) -> Iterator[str]:
    """Yield what the run that is under way has logged."""
    yield f"{start:%Y-%m-%d %H:%M:%S}.204 INFO shop.statistics: 4,200 orders to count\n"
    for number in range(1, 10):
        at = start + timedelta(seconds=10 * number)
        yield f"{at:%Y-%m-%d %H:%M:%S}.118 INFO shop.statistics: counted {200 * number:,} orders\n"
        if number == 6:
            yield f"{at:%Y-%m-%d %H:%M:%S}.121 WARNING shop.statistics: order 4711 has no customer, counted as one of the shop\n"


def _order_events() -> None:
    """Number the events in the order of time, without one of a run that is not among those of this week."""
    JobLogEntry.objects.filter(job_id="invoices.nightly", action="run requested").delete()
    events = list(JobLogEntry.objects.order_by("at"))
    JobLogEntry.objects.all().delete()
    for event in events:
        event.pk = None
    JobLogEntry.objects.bulk_create(events)


def _load_nodes() -> None:
    """Let the nodes have as much to do as there is."""
    for letter, loads in (("a", {"default": (10, 0), "processpool": (4, 1)}), ("b", {"default": (10, 1)})):
        kinds = {"default": "ThreadPoolExecutor", "processpool": "ProcessPoolExecutor"}
        executors = {
            name: {"type": kinds[name], "capacity": capacity, "running": running}
            for name, (capacity, running) in loads.items()
        }
        SchedulerNode.objects.filter(pk=letter * 32).update(executors=json.dumps(executors))


def _name_nodes() -> None:
    """Give the nodes ids like real ones."""
    for letter, node in NODES.items():
        SchedulerNode.objects.filter(pk=letter * 32).update(id=node)
        JobRun.objects.filter(node=letter * 32).update(node=node)
