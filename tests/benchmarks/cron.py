"""Next fire times and parsing of cron expressions, against APScheduler 3, croniter and cronsim, in one run, alternating.

    python tests/benchmarks/cron.py

APScheduler is installed into a temporary directory, beside nothing else. Printed are medians of seven rounds, and ratios.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

from django_apscheduler_ng.triggers.cron import CronTrigger

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
ROUNDS = 7
STEPS = 40
START = datetime(2026, 1, 1)


def install_apscheduler() -> str:
    """Install APScheduler 3 into a directory of its own; returns its version."""
    target = tempfile.mkdtemp(prefix="apscheduler-")
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", target, "APScheduler<4"]
    subprocess.run(command, check=True)
    sys.path.append(target)
    from importlib.metadata import version

    return version("APScheduler")


def ours(expression: str, zone: ZoneInfo) -> Iterator[Any]:
    trigger = CronTrigger.from_crontab(expression, timezone=zone)
    moment: datetime | None = START.replace(tzinfo=zone) - timedelta(seconds=1)
    while True:
        moment = trigger.get_next_fire_time(moment, moment)
        yield moment


def theirs(expression: str, zone: ZoneInfo) -> Iterator[Any]:
    from apscheduler.triggers.cron import CronTrigger as TheirTrigger

    trigger = TheirTrigger.from_crontab(expression, timezone=zone)
    moment = START.replace(tzinfo=zone) - timedelta(seconds=1)
    while True:
        moment = trigger.get_next_fire_time(moment, moment)
        yield moment


def of_croniter(expression: str, zone: ZoneInfo) -> Iterator[Any]:
    made = croniter(expression, START.replace(tzinfo=zone), ret_type=datetime)
    while True:
        yield made.get_next()


def of_cronsim(expression: str, zone: ZoneInfo) -> Iterator[Any]:
    return iter(CronSim(expression, START.replace(tzinfo=zone)))


CONTESTANTS: dict[str, Callable[[str, ZoneInfo], Iterator[Any]]] = {
    "this": ours,
    "APScheduler": theirs,
    "croniter": of_croniter,
    "cronsim": of_cronsim,
}


def steps_per_second(make: Callable[[str, ZoneInfo], Iterator[Any]], zone: ZoneInfo) -> float:
    """Return fire times per second over all expressions, each with as many steps; parsing is not counted."""
    iterators = [make(expression, zone) for expression in EXPRESSIONS]
    begun = time.perf_counter()
    for iterator in iterators:
        for _ in range(STEPS):
            next(iterator)
    return STEPS * len(iterators) / (time.perf_counter() - begun)


def parses_per_second(make: Callable[[str, ZoneInfo], Iterator[Any]], zone: ZoneInfo) -> float:
    """Return how many expressions are parsed in a second, up to and with their first fire time."""
    begun = time.perf_counter()
    for expression in EXPRESSIONS:
        next(make(expression, zone))
    return len(EXPRESSIONS) / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    version = install_apscheduler()
    print(f"{len(EXPRESSIONS)} expressions, {STEPS} steps each, medians of {ROUNDS} rounds; APScheduler {version}")
    for title, measure in (("fire times/s", steps_per_second), ("parse + first fire time/s", parses_per_second)):
        for name in ("UTC", "Europe/Berlin"):
            zone = ZoneInfo(name)
            figures: dict[str, list[float]] = {contestant: [] for contestant in CONTESTANTS}
            for _ in range(ROUNDS):
                for contestant, make in CONTESTANTS.items():
                    figures[contestant].append(measure(make, zone))
            mine = median(figures["this"])
            row = ", ".join(
                f"{contestant} {median(found):,.0f} ({mine / median(found):.1f}x)"
                for contestant, found in figures.items()
            )
            print(f"{title:26} {name:14} {row}")


if __name__ == "__main__":
    main()
