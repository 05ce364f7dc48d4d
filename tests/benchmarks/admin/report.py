"""What was measured, as tables and as a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import tables
from ..databases import TITLES
from .measuring import Cost

#: Statements that take longer are shown with the page.
_SLOW_MS = 100
#: So much of a statement is shown.
_SHOWN = 300

_HEAD = """\
% Written by `python -m tests.benchmarks.admin … --write-docs`; changes by hand are lost.

# Performance: the admin

Each page of the admin, opened once to warm up and then five times; shown are medians. `queries` counts those for session and user,
too. `ms` is what the wall clock says, `CPU ms` what Django's process took of that without
the database server, and `slowest` the slowest single query of all five. SQLite works inside of the process.
"""

_SECTION = """\
## {title}

With {jobs:,} jobs, {runs:,} runs within 30 days, and {events:,} events.
{title} {version}, {machine}, {day}, load average {load:.1f}: something else was going on where it is not near zero.

{table}
"""


def rows_of(costs: Iterable[Cost]) -> list[list[str]]:
    """Return the table, its head first."""
    rows = [["page", "queries", "ms", "CPU ms", "slowest (ms)", "kB"]]
    for cost in costs:
        times = (f"{number:.0f}" for number in (cost.wall, cost.cpu, cost.slowest))
        rows.append([cost.page, str(cost.queries), *times, f"{cost.size / 1000:.0f}"])
    return rows


def slow_statements(costs: Iterable[Cost]) -> str:
    """Return the slow statements, each with its page."""
    lines = (f"{cost.page}: {cost.slowest:.0f} ms: {cost.sql[:_SHOWN]}" for cost in costs if cost.slowest > _SLOW_MS)
    return "\n".join(lines)


def keep(path: Path, database: str, facts: Mapping[str, Any], costs: Iterable[Cost]) -> dict[str, Any]:
    """Add what was measured to the file, in place of what was measured on this database before; returns all of it."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    kept[database] = {**facts, "costs": [cost.as_dict() for cost in costs]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1))
    return kept


def write(kept: Mapping[str, Any], page: Path) -> None:
    """Write the page, from what was measured last on each database."""
    found = [(TITLES[key], kept[key]) for key in TITLES if key in kept]
    page.write_text("\n".join([_HEAD, *(_section(title, each) for title, each in found)]))


def _section(title: str, each: Mapping[str, Any]) -> str:
    costs: Sequence[Cost] = [Cost(**cost) for cost in each["costs"]]
    table = tables.as_markdown([[row[0].replace("|", "\\|"), *row[1:]] for row in _in_code(rows_of(costs))])
    facts = {name: each[name] for name in ("version", "machine", "load", "jobs", "runs", "events")}
    return _SECTION.format(title=title, table=table, day=each["date"][:10], **facts)


def _in_code(rows: Sequence[list[str]]) -> list[list[str]]:
    return [rows[0], *([f"`{row[0]}`", *row[1:]] for row in rows[1:])]
