"""Next fire times and parsing of cron expressions: this project, APScheduler 3, croniter and cronsim. No database is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from .measuring import main

EXPRESSIONS = (
    "* * * * *",
    "*/5 * * * *",
    "*/10 * * * *",
    "*/15 8-18 * * 1-5",
    "0 * * * *",
    "7 * * * *",
    "0,30 * * * *",
    "0 */2 * * *",
    "15 */6 * * *",
    "0 0 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "45 23 * * *",
    "0 9 * * 1-5",
    "0 9,17 * * *",
    "30 8 * * 1",
    "0 0 * * 0",
    "0 22 * * 5",
    "0 4 1 * *",
    "0 0 15 * *",
    "0 0 1,15 * *",
    "0 0 1 */3 *",
    "0 0 1 1 *",
    "30 6 1 1,7 *",
    "0 12 31 * *",
    "0 0 28-31 * *",
    "*/20 6-22 * * *",
    "5 4 * 6-8 *",
    "0 0 * 12 1-5",
    "0 18 * * 6,0",
)
STEPS = 40
#: How often all is done again within a round; the median counts.
REPEATS = 5
START = datetime(2026, 1, 1)

Maker = Callable[[str, ZoneInfo], Iterator[Any]]


def _of_triggers(trigger_class: Any) -> Maker:
    """Return what makes the fire times of such a trigger."""

    def fire_times(expression: str, zone: ZoneInfo) -> Iterator[Any]:
        trigger = trigger_class.from_crontab(expression, timezone=zone)
        moment = START.replace(tzinfo=zone) - timedelta(seconds=1)
        while True:
            moment = trigger.get_next_fire_time(moment, moment)
            yield moment

    return fire_times


def ours() -> Maker:
    from django_apscheduler_ng.triggers.cron import CronTrigger

    return _of_triggers(CronTrigger)


def theirs() -> Maker:
    from apscheduler.triggers.cron import CronTrigger

    return _of_triggers(CronTrigger)


def of_croniter() -> Maker:
    from croniter import croniter

    def fire_times(expression: str, zone: ZoneInfo) -> Iterator[Any]:
        made = croniter(expression, START.replace(tzinfo=zone), ret_type=datetime)
        while True:
            yield made.get_next()

    return fire_times


def of_cronsim() -> Maker:
    from cronsim import CronSim

    return lambda expression, zone: iter(CronSim(expression, START.replace(tzinfo=zone)))


MAKERS: dict[str, Callable[[], Maker]] = {
    "this-cron": ours,
    "apscheduler-cron": theirs,
    "croniter": of_croniter,
    "cronsim": of_cronsim,
}


def steps_per_second(make: Maker, zone: ZoneInfo) -> float:
    """Return fire times per second over all expressions, each with as many steps; parsing is not counted."""
    iterators = [make(expression, zone) for expression in EXPRESSIONS]
    begun = time.process_time()
    for iterator in iterators:
        for _ in range(STEPS):
            next(iterator)
    return STEPS * len(iterators) / (time.process_time() - begun)


def parses_per_second(make: Maker, zone: ZoneInfo) -> float:
    """Return how many expressions are parsed in a second, up to and with their first fire time."""
    begun = time.process_time()
    for expression in EXPRESSIONS:
        next(make(expression, zone))
    return len(EXPRESSIONS) / (time.process_time() - begun)


def cron(parameters: dict[str, Any]) -> dict[str, Any]:
    """Measure both; the first time each expression is parsed, apart: what is parsed again may be remembered."""
    make, zone = MAKERS[parameters["contestant"]](), ZoneInfo(parameters["zone"])
    next(make("13 7 * * *", zone))
    return {
        "first_parses": parses_per_second(make, zone),
        "fire_times": median(steps_per_second(make, zone) for _ in range(REPEATS)),
        "parses": median(parses_per_second(make, zone) for _ in range(REPEATS)),
    }


if __name__ == "__main__":
    main({"cron": cron})
