"""The page with the figures, and its charts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from . import charts, tables
from .databases import TITLES
from .results import Measured, Results
from .suites import BENCHMARKS, CONTESTANTS, SERVERS, Benchmark

_HEAD = """\
% Written by `python -m tests.benchmarks --write-docs`; changes by hand are lost.

# Performance: the figures

How this was measured, and what it says, is told in [Performance](performance.md). Figures are medians of all rounds. A
column that begins with × says how many times better this project is than the contestant of the row, with the least and
the most of any round.
"""

_SECTION = """\
## {title}

{text}

{chart}{table}

{failures}
"""

_CLOSING = """\
## When and where

Load is the load average of the machine just before; something else was going on where it is not near zero.

{circumstances}
"""


def write(results: Results, docs: Path) -> None:
    """Write the page and its charts, from everything that was measured last."""
    names = [name for name in BENCHMARKS if results.of(name)]
    sections = [_section(name, results.of(name), docs) for name in names]
    closing = _CLOSING.format(
        circumstances=_circumstances([each for name in names for each in _in_order(results.of(name))])
    )
    page = docs / "explanation" / "performance-figures.md"
    text = "\n".join([_HEAD + _contestants(names), *sections, closing])
    page.write_text(re.sub(r"\n{3,}", "\n\n", text))
    print(f"wrote {page}")


def _contestants(names: Sequence[str]) -> str:
    """Say what the contestants do, where there are runs."""
    keys = dict.fromkeys(key for name in names for key in BENCHMARKS[name].contestants)
    lines = [f"- *{each.title}* {each.per_run}." for each in map(CONTESTANTS.__getitem__, keys) if each.per_run]
    return "\n".join(["\nWhat each contestant does for a run:\n", *lines, ""]) if lines else ""


def _section(name: str, measured: Sequence[Measured], docs: Path) -> str:
    benchmark = BENCHMARKS[name]
    path = docs / "_static" / "benchmarks" / f"{name}.svg"
    drawn = _draw(name, benchmark, measured, path)
    chart = f"![{benchmark.title}](../_static/benchmarks/{name}.svg)\n\n" if drawn else ""
    table = tables.as_markdown(tables.rows_of(benchmark, measured))
    failures = "\n".join(f"- {line}" for line in _failures(measured))
    return _SECTION.format(title=benchmark.title, text=benchmark.text, chart=chart, table=table, failures=failures)


def _failures(measured: Sequence[Measured]) -> list[str]:
    """Say which turns gave no figures."""
    return [
        f"{CONTESTANTS[cell.contestant].title} on {TITLES[cell.database]} gave no figures in {len(cell.failures)} turn(s)."
        for each in measured
        for cell in each.cells
        if cell.failures
    ]


def _circumstances(measured: Sequence[Measured]) -> str:
    """Say when, where and with what everything was measured."""
    rows = [["benchmark", "database", "day", "rounds", "load before", "by"]]
    for each in measured:
        rounds = max((len(cell.rounds) for cell in each.cells), default=0)
        command = f"`python -m tests.benchmarks {each.benchmark} --rounds {rounds}`"
        facts = [
            BENCHMARKS[each.benchmark].title,
            TITLES[each.database],
            each.date[:10],
            str(rounds),
            f"{each.load:.1f}",
        ]
        rows.append([*facts, command])
    packages = {
        one
        for each in measured
        for key, text in each.versions.items()
        if key in CONTESTANTS
        for one in text.split(", ")
    }
    servers = {
        f"{key} {text}" for each in measured for key, text in each.versions.items() if key not in CONTESTANTS and text
    }
    versions = [f"- {', '.join(sorted(found, key=str.lower))}" for found in (servers, packages) if found]
    machines = {f"- {each.machine}" for each in measured}
    return "\n".join([*sorted(machines), *versions, "", tables.as_markdown(rows)])


def _draw(name: str, benchmark: Benchmark, measured: Sequence[Measured], path: Path) -> bool:
    """Draw the chart of a benchmark; returns whether there is one."""
    if name == "growth":
        charts.lines(path, _growth(benchmark, measured), x="jobs in the table", y="ms for a claim, median", log=True)
    elif name == "memory":
        charts.lines(path, _memory(measured), x="runs", y="MB", log=False)
    elif benchmark.chart is not None:
        groups, series = _bars(benchmark, measured)
        column = next(each for each in benchmark.columns if each.figure == benchmark.chart)
        charts.bars(path, groups, series, unit=column.title, log=benchmark.chart_log)
    else:
        return False
    return True


def _bars(benchmark: Benchmark, measured: Sequence[Measured]) -> tuple[list[str], dict[str, list[float | None]]]:
    """Return groups and series: contestants side by side, or, where there is only one, the cases."""
    assert benchmark.chart is not None
    cells = [cell for each in _in_order(measured) for cell in each.cells]
    alone = len(benchmark.contestants) == 1
    points = {}
    for cell in cells:
        contestant = CONTESTANTS[cell.contestant].title.removesuffix(", in memory")
        words = [TITLES[cell.database], "" if alone else cell.case]
        points[", ".join(filter(None, words)), cell.case if alone else contestant] = cell.median(benchmark.chart)
    groups = list(dict.fromkeys(group for group, _ in points))
    series = dict.fromkeys(title for _, title in points)
    return groups, {title: [points.get((group, title)) for group in groups] for title in series}


def _growth(benchmark: Benchmark, measured: Sequence[Measured]) -> dict[str, list[tuple[float, float]]]:
    series = {}
    for each in _in_order(measured):
        found = [(size, each.cells[0].median(f"claim_{size}_p50")) for size in benchmark.parameters["sizes"]]
        series[TITLES[each.database]] = [(float(size), value) for size, value in found if value is not None]
    return {title: points for title, points in series.items() if points}


def _memory(measured: Sequence[Measured]) -> dict[str, list[tuple[float, float]]]:
    series = {}
    for each in _in_order(measured):
        for found in each.cells[0].rounds[-1:]:
            if found:
                points = [((i + 1.0) * found["part"], value) for i, value in enumerate(found["curve"])]
                series[TITLES[each.database]] = points
    return series


def _in_order(measured: Sequence[Measured]) -> list[Measured]:
    order = [*SERVERS, "memory", "none"]
    return sorted((each for each in measured if each.cells), key=lambda each: order.index(each.database))
