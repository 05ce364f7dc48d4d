"""Pages of documentation, taken apart into their snippets.

A fenced block is a snippet. A comment on the line before it says how it is run: `<!-- snippet: file=shop/jobs.py -->`. A
comment anywhere says how the page is: `<!-- page: project -->`. `running.py` gives the meaning of both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

CHECKOUT = Path(__file__).parents[2]

#: What is run, and what is only shown.
RUN = ("python", "pycon", "sh", "console")
SHOWN = ("ini", "text", "toml", "dockerfile", "yaml")

_OPEN = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`]*)$")
_COMMENT = re.compile(r"<!-- (?P<kind>snippet|page): (?P<options>.*?) -->")


class PageError(Exception):
    """A page is not written in a way that can be tested."""


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A fenced block."""

    language: str
    text: str
    #: Of its first line of text.
    line: int
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page and its snippets, in order."""

    name: str
    text: str
    snippets: list[Snippet]
    options: dict[str, str] = field(default_factory=dict)


def all_pages() -> list[Path]:
    """Return the README and every page of the documentation."""
    return [
        CHECKOUT / "README.md",
        *sorted(path for path in (CHECKOUT / "docs").rglob("*.md") if "_build" not in path.parts),
    ]


def read_page(path: Path) -> Page:
    """Return the page in this file."""
    return parse_page(str(path.relative_to(CHECKOUT)), path.read_text())


def parse_page(name: str, text: str) -> Page:
    """Return the page that `text` is."""
    options: dict[str, str] = {}
    for match in _COMMENT.finditer(text):
        if match["kind"] == "page":
            options |= _options(match["options"])
    return Page(name=name, text=text, snippets=list(_snippets(name, text)), options=options)


def _snippets(name: str, text: str) -> Iterator[Snippet]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opening = _OPEN.match(lines[number])
        number += 1
        if opening is None:
            continue
        end = _closing(name, lines, number, opening["fence"])
        language = opening["info"].strip()
        if language != "{eval-rst}":
            if language not in (*RUN, *SHOWN):
                raise PageError(f"{name}:{number}: no test knows the language {language!r} of this block.")
            inside = dedent("\n".join(lines[number:end])) + "\n"
            yield Snippet(language=language, text=inside, line=number + 1, options=_options_before(lines, number - 1))
        number = end + 1


def _closing(name: str, lines: list[str], start: int, fence: str) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip() == fence:
            return number
    raise PageError(f"{name}:{start}: this block has no end.")


def _options_before(lines: list[str], fence: int) -> dict[str, str]:
    comments = _COMMENT.finditer(lines[fence - 1]) if fence else ()
    return next((_options(match["options"]) for match in comments if match["kind"] == "snippet"), {})


def _options(text: str) -> dict[str, str]:
    parts = (word.partition("=") for word in text.split())
    return {name: value for name, _, value in parts}
