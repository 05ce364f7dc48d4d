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
    #: What it does for each run, in words that follow its title; empty where there are no runs.
    per_run: str = ""


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
        per_run="stores nothing",
    ),
    "apscheduler-memory": Contestant(
        title="APScheduler, in memory",
        environment="apscheduler",
        module="tests.benchmarks.contestants.apscheduler3",
        per_run="stores nothing",
    ),
} | {
    key: Contestant(title=title, environment="cron", module="tests.benchmarks.contestants.cron")
    for key, title in (
        ("this-cron", "this project"),
        ("apscheduler-cron", "APScheduler"),
        ("croniter", "croniter"),
        ("cronsim", "cronsim"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A figure in the table."""

    figure: str
    title: str
    #: Of `format()`.
    form: str = ",.0f"
    #: Whether contestants are compared by it: 1 where more is better, -1 where less is, 0 where they are not.
    better: int = 0


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
    #: Whether statements are counted in one more round, and the parameters of single contestants in that.
    counts: bool = False
    counting: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: The figure that is drawn, if any, and whether on a logarithmic axis.
    chart: str | None = None
    chart_log: bool = False
    #: How long one run of a contestant may take, in seconds.
    seconds: float = 300.0


BENCHMARKS: dict[str, Benchmark] = {
    "burst": Benchmark(
        title="Burst",
        chart="rate",
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
        counting={"apscheduler": {"jobs": 1_000}},  # each run for itself
        columns=(
            Column(figure="rate", title="runs/s", better=1),
            Column(figure="statements_per_run", title="statements/run", form=".3f"),
            Column(figure="cpu_us_per_run", title="CPU µs/run"),
            Column(figure="peak_rss_mb", title="peak MB"),
        ),
    ),
    "overload": Benchmark(
        title="Overload",
        chart="kept_overall",
        text=(
            "Three times as many one-shots as a contestant performs in a second become due together, with a grace time of "
            "1 s: what does not start within it is missed. The rate of the runs that took place is compared with that of the same "
            "load without a grace time: over the time in which they may start, and until the missed ones are dealt with, too."
        ),
        contestants=("this", "apscheduler", "django-apscheduler"),
        parameters={"jobs": 5_000, "threads": 10, "grace": 1.0, "times": 3},
        special={"django-apscheduler": {"jobs": 500}},
        quick={"jobs": 300},
        columns=(
            Column(figure="jobs", title="jobs due"),
            Column(figure="executed", title="run in time"),
            Column(figure="rate_without", title="runs/s without grace"),
            Column(figure="rate", title="runs/s with grace", better=1),
            Column(figure="kept", title="kept while they may start", form=".0%"),
            Column(figure="kept_overall", title="kept until all are dealt with", form=".0%"),
        ),
    ),
    "steady": Benchmark(
        title="Steady load",
        chart="late_p99",
        chart_log=True,
        text=(
            "1,000 jobs fire every second for 20 seconds, spread over the second or all on the same instant, on 10 threads. "
            "Lateness is the begin of the body minus the fire time. CPU is that of the scheduler's process."
        ),
        contestants=("this", "apscheduler"),
        parameters={"jobs": 1_000, "seconds": 20, "threads": 10},
        cases={"spread": {"spread": True}, "same instant": {"spread": False}},
        quick={"jobs": 50, "seconds": 3},
        columns=(
            Column(figure="fired", title="fire times run (%)", form=".2f"),
            Column(figure="recorded", title="recorded (%)", form=".2f"),
            Column(figure="late_p50", title="late p50 (ms)", form=",.1f"),
            Column(figure="late_p99", title="p99 (ms)", form=",.1f", better=-1),
            Column(figure="late_max", title="max (ms)", form=",.1f"),
            Column(figure="cpu_percent", title="CPU %", form=".0f", better=-1),
        ),
    ),
    "idle": Benchmark(
        title="Idle",
        text=(
            "No job, and 100,000 jobs that are due tomorrow. The start lasts from the start of the process until the first "
            "look for due jobs is done; without imports, it is counted from when Django, or the scheduler, is imported. Then "
            "two minutes of waiting are measured: with the first search for old history, which is made every ten minutes."
        ),
        contestants=("this", "apscheduler"),
        parameters={"threads": 10, "seconds": 120, "count": True},
        cases={"no job": {"jobs": 0}, "100,000 jobs": {"jobs": 100_000}},
        quick={"jobs": 1_000, "seconds": 3},
        columns=(
            Column(figure="start", title="start (s)", form=".2f"),
            Column(figure="start_without_django", title="without imports (s)", form=".2f"),
            Column(figure="statements_per_second", title="statements/s", form=".2f"),
            Column(figure="cpu_percent", title="CPU %", form=".2f"),
            Column(figure="rss_mb", title="MB", form=".1f"),
        ),
    ),
    "api": Benchmark(
        title="API",
        chart="adds",
        text=(
            "Jobs are added one by one, each in a transaction of its own, and 10,000 in bulk; 100,000 jobs are listed by a "
            "process that has just started. Only this project can add in bulk."
        ),
        contestants=("this", "apscheduler"),
        parameters={"singles": 1_000, "bulk": 10_000, "listed": 100_000, "threads": 10},
        quick={"singles": 50, "bulk": 500, "listed": 1_000},
        columns=(
            Column(figure="adds", title="adds/s", better=1),
            Column(figure="bulk_adds", title="in bulk/s"),
            Column(figure="list_seconds", title="list (s)", form=".2f", better=-1),
            Column(figure="list_mb", title="list (MB)", form=".0f"),
            Column(figure="stream_seconds", title="stream (s)", form=".2f"),
            Column(figure="stream_mb", title="stream (MB)", form=".0f"),
        ),
    ),
    "latency": Benchmark(
        title="Change to run",
        chart="run_p99",
        text=(
            "A process asks for a run, adds a job that is due, or moves a job to now; measured from its commit until the body "
            "begins in a node, another process. The node looks at the database every 1.5 s. The schedulers of APScheduler and "
            "django-apscheduler do not notice changes by other processes."
        ),
        contestants=("this",),
        parameters={"run_tries": 200, "add_tries": 60, "modify_tries": 60},
        quick={"run_tries": 5, "add_tries": 5, "modify_tries": 5},
        seconds=900.0,
        columns=tuple(
            Column(figure=f"{act}_{name}", title=f"{word} {name} (ms)", form=",.0f")
            for act, word in (("run", "run now"), ("add", "add"), ("modify", "move"))
            for name in ("p50", "p99")
        ),
    ),
    "growth": Benchmark(
        title="Growing table",
        text="100 jobs are due among more and more that are not; the time in ms of their claim by a node, 40 times at each size.",
        contestants=("this",),
        parameters={"sizes": [1_000, 10_000, 100_000, 1_000_000], "claims": 40},
        quick={"sizes": [1_000, 3_000], "claims": 5},
        seconds=1800.0,
        columns=tuple(
            Column(figure=f"claim_{size}_{name}", title=f"{size:,} jobs {name}", form=".1f")
            for size in (1_000, 10_000, 100_000, 1_000_000)
            for name in ("p50", "p99")
        ),
    ),
    "nodes": Benchmark(
        title="Several nodes",
        chart="rate",
        text="20,000 one-shots are due at once for several nodes, each a process with 10 threads, on one machine.",
        contestants=("this",),
        parameters={"jobs": 20_000, "threads": 10},
        cases={"1 node": {"nodes": 1}, "2 nodes": {"nodes": 2}, "4 nodes": {"nodes": 4}},
        quick={"jobs": 500},
        columns=(
            Column(figure="rate", title="runs/s"),
            Column(figure="smallest_share", title="smallest share (%)", form=".0f"),
        ),
    ),
    "retention": Benchmark(
        title="Retention",
        text=(
            "A million runs of 1,000 jobs: half are too old, and of the others each job has twice as many as it may keep. They "
            "are deleted as by `manage.py scheduler prune`, in steps that are a transaction each, while another thread adds jobs."
        ),
        contestants=("this",),
        parameters={"rows": 1_000_000, "jobs": 1_000},
        quick={"rows": 4_000, "jobs": 10},
        seconds=1800.0,
        columns=(
            Column(figure="deleted", title="runs deleted"),
            Column(figure="rate", title="runs/s"),
            Column(figure="step_p50", title="step p50 (ms)", form=",.1f"),
            Column(figure="step_max", title="longest step (ms)", form=",.0f"),
            Column(figure="add_p50", title="add p50 (ms)", form=",.1f"),
            Column(figure="add_p99", title="add p99 (ms)", form=",.1f"),
            Column(figure="add_max", title="add max (ms)", form=",.0f"),
        ),
    ),
    "memory": Benchmark(
        title="Memory of a node",
        text="A node performs 10,000 runs to warm up and 100,000 more; how much its memory grows over the latter.",
        contestants=("this",),
        parameters={"part": 10_000, "warm_up_parts": 1, "parts": 10, "threads": 10},
        quick={"part": 200, "parts": 3},
        seconds=1200.0,
        columns=(
            Column(figure="rss_mb", title="MB after the warm-up", form=".1f"),
            Column(figure="growth_mb", title="growth (MB)", form=".1f"),
        ),
    ),
    "cron": Benchmark(
        title="Cron expressions",
        chart="fire_times",
        text=(
            "30 expressions from real crontabs: fire times per second of processor time, 40 of each expression; and expressions "
            "parsed per second, up to their first fire time: when they are met first, and again in the same process."
        ),
        contestants=("this-cron", "apscheduler-cron", "croniter", "cronsim"),
        databases=("none",),
        cases={"UTC": {"zone": "UTC"}, "Europe/Berlin": {"zone": "Europe/Berlin"}},
        columns=(
            Column(figure="fire_times", title="fire times/s", better=1),
            Column(figure="first_parses", title="parsed/s", better=1),
            Column(figure="parses", title="parsed again/s", better=1),
        ),
    ),
}


def takes_part(contestant: str, database: str) -> bool:
    """Tell whether a contestant can be measured on a database."""
    return database == "none" or contestant.endswith("-memory") == (database == "memory")
