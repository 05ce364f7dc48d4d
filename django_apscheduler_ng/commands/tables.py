"""Tables for people at a terminal: aligned columns, no wider than the screen, whatever the texts are made of."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TextIO

#: Rows that are read before the widths are decided; later ones are fitted to them.
_SAMPLE = 500

#: The narrowest that a column is cut to.
_NARROWEST = 12

#: What separates columns.
_GAP = "  "

#: What a terminal may obey instead of showing it, and what UTF-8 does not have.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table."""

    title: str
    #: Numbers stand at the right.
    right: bool = False
    #: Whether it may be cut where the screen is too narrow. What has to be copied is never cut.
    cut: bool = False
    #: Whether it is left out where it is empty in each row.
    optional: bool = False


def print_table(out: TextIO, columns: Sequence[Column], rows: Iterable[Sequence[str]], indent: str = "") -> int:
    """Print rows below the titles of their columns as they come, and return how many there were; nothing where there are none.

    On a terminal the columns that may be cut are, where it is too narrow. A file or a pipe gets everything.
    """
    rest = iter([one_line(cell) for cell in row] for row in rows)
    sample = list(islice(rest, _SAMPLE))
    if not sample:
        return 0
    shown = [index for index, column in enumerate(columns) if not column.optional or any(row[index] for row in sample)]
    columns = [columns[index] for index in shown]
    sample = [[row[index] for index in shown] for row in sample]
    rest = ([row[index] for index in shown] for row in rest)
    screen = _screen(out)
    widths = _widths(columns, sample, None if screen is None else screen - len(indent))
    count = 0
    for row in chain([[column.title for column in columns]], sample, rest):
        out.write(indent + _line(columns, widths, row))
        count += 1
    return count - 1


def print_facts(out: TextIO, facts: Iterable[tuple[str, str]], indent: str = "") -> None:
    """Print pairs of a name and a text that may have several lines; those without a text are left out."""
    told = [(name, text) for name, text in facts if text]
    width = max((text_width(name) for name, _ in told), default=0) + 2
    for name, text in told:
        first, *more = printable(text).splitlines() or [""]
        out.write(f"{indent}{name}:{' ' * (width - text_width(name) - 1)}{first}".rstrip())
        for line in more:
            out.write(f"{indent}{' ' * width}{line}".rstrip())


def _screen(out: TextIO) -> int | None:
    """Return the width of the terminal; None where there is none."""
    return shutil.get_terminal_size().columns if out.isatty() else None


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], screen: int | None) -> list[int]:
    """Return how wide each column is to be. Where that is too wide, the widest that may be cut give way first."""
    wanted = [
        max(text_width(column.title), *(text_width(row[index]) for row in rows)) for index, column in enumerate(columns)
    ]
    if screen is None:
        return wanted
    spare = screen - sum(wanted) - len(_GAP) * (len(columns) - 1)
    while spare < 0:
        wide = [index for index, column in enumerate(columns) if column.cut and wanted[index] > _NARROWEST]
        if not wide:
            break
        widest = max(wide, key=lambda index: wanted[index])
        wanted[widest] -= 1
        spare += 1
    return wanted


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str]) -> str:
    fitted = (_fit(cell, width, column) for cell, width, column in zip(cells, widths, columns, strict=True))
    return _GAP.join(fitted).rstrip()


def _fit(text: str, width: int, column: Column) -> str:
    if column.cut:
        text = shorten(text, width)
    padding = " " * (width - text_width(text))
    return padding + text if column.right else text + padding


def shorten(text: str, width: int) -> str:
    """Return the text in at most `width` columns of a terminal, with an ellipsis where it was cut."""
    if text_width(text) <= width:
        return text
    kept, room = [], width - 1
    for character in text:
        room -= text_width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide East Asian characters and pictures take two, marks none."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def one_line(text: str) -> str:
    """Return the text in one line, with nothing in it that a terminal would obey."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Return the text with its lines, and with everything else that a terminal would obey written as an escape."""
    return "\n".join(_UNPRINTABLE.sub(_escape, line) for line in text.expandtabs(4).split("\n"))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def lines_of(text: str, indent: str = "  ") -> Iterator[str]:
    """Yield the lines of a text, indented and printable."""
    for line in printable(text).splitlines():
        yield f"{indent}{line}".rstrip()
