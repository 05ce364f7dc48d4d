"""The benchmarks: who takes part, with which parameters, and what is shown of the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SERVERS = ("sqlite", "postgres", "mariadb")


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """Somebody who takes part."""

    title: str
    #: Name of the environment, see `environments.PACKAGES`.
    environment: str
    module: str
    #: What it does for each run, in words.
    per_run: str


CONTESTANTS = {
    "this": Contestant(
        title="this project",
        environment="this",
        module="tests.benchmarks.contestants.this",
        per_run=(
            "claims the fire time in a transaction that adds a row of history, starts the run by a fenced update, "
            "and records its end"
        ),
    ),
    "apscheduler": Contestant(
        title="APScheduler + SQLAlchemy",
        environment="apscheduler",
        module="tests.benchmarks.contestants.apscheduler3",
        per_run="updates or deletes the job's row: no history, one process only",
    ),
    "django-apscheduler": Contestant(
        title="django-apscheduler",
        environment="django-apscheduler",
        module="tests.benchmarks.contestants.apscheduler3",
        per_run="updates the job's row, and writes a row of history that it updates at the end; one process only",
    ),
    "this-memory": Contestant(
        title="this project, in memory",
        environment="this",
        module="tests.benchmarks.contestants.this",
        per_run="nothing is stored",
    ),
    "apscheduler-memory": Contestant(
        title="APScheduler, in memory",
        environment="apscheduler",
        module="tests.benchmarks.contestants.apscheduler3",
        per_run="nothing is stored",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A figure in the table."""

    figure: str
    title: str
    #: Of `format()`.
    form: str = ",.0f"
    #: How many of what is measured make one of what is shown.
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What is measured, and how it is shown."""

    title: str
    #: What happens, for the reader of the table.
    text: str
    contestants: tuple[str, ...]
    columns: tuple[Column, ...]
    databases: tuple[str, ...] = SERVERS
    parameters: Mapping[str, Any] = field(default_factory=dict)
    #: Parameters of single contestants.
    special: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Parameters with `--quick`.
    quick: Mapping[str, Any] = field(default_factory=dict)
    #: Name → parameters, where it is measured under several conditions.
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    #: Rounds, where it takes long; None = as asked for.
    rounds: int | None = None
    #: Whether statements are counted in one more round.
    counts: bool = False
    #: The figure that contestants are compared by, and whether more of it is better.
    compare: str = ""
    more_is_better: bool = True
    #: How long one run of a contestant may take, in seconds.
    seconds: float = 300.0


BENCHMARKS: dict[str, Benchmark] = {
    "burst": Benchmark(
        title="Burst",
        text=(
            "10,000 jobs are due at once and do nothing, on 10 threads; measured until the end of the last run is recorded. "
            "django-apscheduler gets 1,000 jobs. In memory nothing is stored."
        ),
        contestants=("this", "apscheduler", "django-apscheduler", "this-memory", "apscheduler-memory"),
        databases=(*SERVERS, "memory"),
        parameters={"jobs": 10_000, "threads": 10},
        special={"django-apscheduler": {"jobs": 1_000}},
        quick={"jobs": 500},
        counts=True,
        columns=(
            Column(figure="rate", title="runs/s"),
            Column(figure="statements_per_run", title="statements/run", form=".3f"),
            Column(figure="cpu_us_per_run", title="CPU µs/run"),
            Column(figure="peak_rss_mb", title="peak MB"),
        ),
        compare="rate",
    ),
}


def takes_part(contestant: str, database: str) -> bool:
    """Tell whether a contestant can be measured on a database."""
    return contestant.endswith("-memory") == (database == "memory")
