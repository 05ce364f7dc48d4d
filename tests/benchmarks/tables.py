"""The figures as tables: aligned text, or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .databases import TITLES
from .results import Cell, Measured, ratios
from .suites import CONTESTANTS, Benchmark, Column


def rows_of(benchmark: Benchmark, measured: Sequence[Measured]) -> list[list[str]]:
    """Return the table, its head first: a row for each database, case and contestant; medians of the rounds."""
    compared = [column for column in benchmark.columns if column.better and len(benchmark.contestants) > 1]
    rows = [["database", "case", "contestant", *(column.title for column in benchmark.columns)]]
    rows[0] += [f"× {column.title}" for column in compared]
    for each in sorted(measured, key=lambda found: list(TITLES).index(found.database)):
        for case in benchmark.cases:
            cells = [cell for cell in each.cells if cell.case == case]
            for cell in cells:
                rows.append(_row(benchmark, cell, case) + [_against(column, cell, cells) for column in compared])
    return _without_empty(rows)


def _row(benchmark: Benchmark, cell: Cell, case: str) -> list[str]:
    shown = [_shown(cell, column) for column in benchmark.columns]
    return [TITLES[cell.database], case, CONTESTANTS[cell.contestant].title, *shown]


def _shown(cell: Cell, column: Column) -> str:
    value = cell.median(column.figure)
    if value is None:
        return "failed" if cell.failures and not any(cell.rounds) else "–"
    return format(value, column.form)


def _against(column: Column, cell: Cell, cells: Sequence[Cell]) -> str:
    """Return how much better this project is than the contestant of this cell: median, least and most."""
    mine = [each for each in cells if each.contestant.startswith("this")]
    if not mine or cell is mine[0]:
        return ""
    found = ratios(mine[0], cell, column.figure, more_is_better=column.better > 0)
    return f"{median(found):.1f} ({min(found):.1f}–{max(found):.1f})" if found else "–"


def _without_empty(rows: list[list[str]]) -> list[list[str]]:
    """Leave out columns in which no row has anything."""
    kept = [index for index in range(len(rows[0])) if any(row[index] not in ("", "–") for row in rows[1:])]
    return [[row[index] for index in kept] for row in rows]


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return the table in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_aligned(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return the table in Markdown, numbers to the right."""
    body = rows[1:]
    marks = ["---:" if all(_is_number(row[index]) for row in body) else "---" for index in range(len(rows[0]))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], marks, *body])


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if _is_number(cell) else cell.ljust(width)


def _is_number(cell: str) -> bool:
    return cell in ("", "–", "failed") or cell[0].isdigit() or (cell[0] == "-" and cell[1:2].isdigit())
