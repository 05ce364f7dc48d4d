"""What a subcommand is, and how its help reads."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TextIO, cast

from django.core.management.base import BaseCommand, CommandParser

#: Width of the text of a help page.
_WIDTH = 78


class Subcommand(ABC):
    """Something that `manage.py scheduler` can do. The class attributes make its help page."""

    name: ClassVar[str]
    #: One line, for the list of subcommands.
    summary: ClassVar[str]
    #: Paragraphs: what it does, and what not.
    description: ClassVar[Sequence[str]]
    #: What to type after `manage.py scheduler`, and what that does.
    examples: ClassVar[Mapping[str, str]] = {}
    #: What it exits with. An error that is told in one line exits with 1, too.
    exit_codes: ClassVar[Mapping[int, str]] = {0: "it was done", 1: "it was not done; the message says why"}
    #: Subcommands of its own; it does nothing itself then.
    children: ClassVar[Sequence[type[Subcommand]]] = ()

    def __init__(self, command: BaseCommand) -> None:
        """Write to the streams of `command`."""
        self.out = cast("TextIO", command.stdout)
        self.err = command.stderr

    @classmethod
    @abstractmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the arguments."""

    @abstractmethod
    def handle(self, options: Mapping[str, Any]) -> int:
        """Do it, and return the exit code.

        Raises:
            SchedulerError: it cannot be done; shown as one message.
            OSError: likewise.
        """


def add_subcommands(parser: CommandParser, subcommands: Sequence[type[Subcommand]], dest: str, metavar: str) -> None:
    """Add the parsers of `subcommands` to `parser`; the name of the chosen one comes as option `dest`."""
    below = parser.add_subparsers(dest=dest, required=True, metavar=metavar, title=f"{metavar.lower()}s")
    for subcommand in subcommands:
        made = below.add_parser(
            subcommand.name,
            help=subcommand.summary,
            description="\n\n".join(_filled(text) for text in subcommand.description),
            epilog="\n".join(_epilog(subcommand)),
            formatter_class=RawDescriptionHelpFormatter,
        )
        subcommand.add_arguments(made)
        if subcommand.children:
            add_subcommands(made, subcommand.children, "source", "SOURCE")


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _epilog(subcommand: type[Subcommand]) -> Iterator[str]:
    """Yield the lines below the options."""
    if subcommand.examples:
        yield "examples:"
    for line, meaning in subcommand.examples.items():
        yield f"  manage.py scheduler {line}".rstrip()
        yield _filled(meaning, "      ")
    if not subcommand.children:
        yield from ["", "exit codes:"] if subcommand.examples else ["exit codes:"]
        yield from (f"  {code}  {meaning}" for code, meaning in subcommand.exit_codes.items())


def chosen(subcommands: Sequence[type[Subcommand]], options: Mapping[str, Any]) -> type[Subcommand]:
    """Return the subcommand that the options name."""
    found = next(subcommand for subcommand in subcommands if subcommand.name == options["subcommand"])
    if found.children:
        return next(child for child in found.children if child.name == options["source"])
    return found
