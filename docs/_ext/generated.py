"""Parts of the reference that are made from the code, so that they are never behind it.

In a page: `:::{generated} settings` (then `:::`). Each function of `PARTS` returns Markdown.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, ClassVar

from django.core.management import load_command_class
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from django_apscheduler_ng import checks, conf, events, serving, signals
from django_apscheduler_ng.commands import SUBCOMMANDS, Subcommand


def comments_above(thing: Any) -> dict[str, str]:
    """Return the `#:` comments above the assignments in a class or module, by assigned name."""
    source = inspect.getsource(thing)
    lines = source.splitlines()
    tree = ast.parse(source).body
    found: dict[str, str] = {}
    for node in tree[0].body if isinstance(tree[0], ast.ClassDef) else tree:
        if isinstance(node, ast.AnnAssign | ast.Assign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if text := " ".join(_comment_before(lines, node.lineno - 1)):
                found[ast.unparse(target)] = text
    return found


def _comment_before(lines: list[str], end: int) -> list[str]:
    start = end
    while start and lines[start - 1].strip().startswith("#:"):
        start -= 1
    return [line.strip().removeprefix("#:").strip() for line in lines[start:end]]


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings_reference() -> str:
    """Return every option of `APSCHEDULER`, sections with dotted names."""
    return table(["option", "meaning"], _options(conf.Config, ""))


def _options(section: Any, prefix: str) -> Iterator[tuple[str, str]]:
    comments = comments_above(section)
    sections = {kind.__name__: kind for kind in (conf.JobDefaults, conf.Retention, conf.Health)}
    for option in fields(section):
        if option.type in sections:
            yield from _options(sections[str(option.type)], f"{prefix}{option.name}.")
        else:
            yield f"`{prefix}{option.name}`", comments[option.name]


def checks_reference() -> str:
    """Return every system check with what it says and what it advises."""
    return table(
        ["id", "says", "advice"], [(f"`{rule.id}`", _plain(rule.message), _plain(rule.hint)) for rule in checks.RULES]
    )


def _plain(text: str) -> str:
    """Return a message with its fields in italics."""
    text = text.replace("{guess}", "").replace("{guide}", checks.MIGRATION_GUIDE)
    return text.replace("{", "*").replace("!r}", "*").replace("}", "*")


def signals_reference() -> str:
    """Return every signal and what it says."""
    comments = comments_above(signals)
    return table(["signal", "sent when"], [(f"`{name}`", comments[name]) for name in signal_names()])


def signal_names() -> list[str]:
    """Return the names of all signals."""
    return [name for name, value in vars(signals).items() if isinstance(value, signals.EventSignal)]


def events_reference() -> str:
    """Return every event constant with the class of its events."""
    return table(
        ["constant", "value", "class"],
        [(f"`{name}`", str(code), f"`{event_class(name)}`") for name, code in event_codes()],
    )


def event_codes() -> list[tuple[str, int]]:
    """Return the event constants, in order."""
    return [(name, code) for name, code in vars(events).items() if name.startswith("EVENT_")]


_CLASSES = {
    "JobSubmissionEvent": ("EVENT_JOB_SUBMITTED", "EVENT_JOB_MAX_INSTANCES"),
    "JobExecutionEvent": ("EVENT_JOB_EXECUTED", "EVENT_JOB_ERROR", "EVENT_JOB_MISSED"),
    "JobEvent": ("EVENT_JOB_ADDED", "EVENT_JOB_REMOVED", "EVENT_JOB_MODIFIED"),
}


def event_class(name: str) -> str:
    """Return the name of the class of the events with this constant."""
    return next((kind for kind, names in _CLASSES.items() if name in names), "SchedulerEvent")


def exit_codes_reference() -> str:
    """Return the exit codes of `runscheduler`."""
    return table(
        ["code", "meaning"], [(str(code), _with_options(meaning)) for code, meaning in serving.EXIT_CODES.items()]
    )


def _with_options(text: str) -> str:
    """Return the text with its command-line options as code."""
    return re.sub(r"(?<!\w)--[a-z-]+", r"`\g<0>`", text)


def command_options(name: str, *subcommands: str) -> str:
    """Return the arguments and options of a management command, or of a subcommand below others, that are its own."""
    parser: Any = load_command_class("django_apscheduler_ng", name).create_parser("manage.py", name)
    for subcommand in subcommands:
        parser = parser._subparsers._group_actions[0].choices[subcommand]
    common = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"}
    common |= {"--force-color", "--skip-checks"}
    rows = []
    for action in parser._actions:
        if not action.option_strings:
            rows.append((f"`{action.metavar}`", _with_options(action.help or "")))
        elif not common & set(action.option_strings):
            rows.append((f"`{action.option_strings[0]}{_value_of(action)}`", _with_options(action.help or "")))
    return table(["option" if rows and rows[0][0].startswith("`-") else "argument", "meaning"], rows)


def _value_of(action: Any) -> str:
    """Return what follows an option, as its help shows it."""
    if action.choices and not action.metavar:
        return " " + "|".join(map(str, action.choices))
    names = [action.metavar] if isinstance(action.metavar, str) else action.metavar or []
    return "".join(f" {name}" for name in names) + (" …" if action.nargs in ("*", "+") else "")


def subcommands_reference() -> str:
    """Return a chapter on each subcommand of `scheduler`: what its help page says."""
    return "\n\n".join(
        chapter
        for subcommand in SUBCOMMANDS
        for chapter in (
            [_chapter(child, subcommand.name, child.name) for child in subcommand.children]
            if subcommand.children
            else [_chapter(subcommand, subcommand.name)]
        )
    )


def _chapter(subcommand: type[Subcommand], *names: str) -> str:
    """Return the chapter on a subcommand that is reached by these names."""
    codes = table(["exit code", "meaning"], [(str(code), _prose(text)) for code, text in subcommand.exit_codes.items()])
    return "\n\n".join(
        [
            f"### {' '.join(names)}",
            *(_prose(paragraph) for paragraph in subcommand.description),
            command_options("scheduler", *names),
            *(
                f"```sh\n# {meaning}\npython manage.py scheduler {line}\n```"
                for line, meaning in subcommand.examples.items()
            ),
            codes,
        ]
    )


def _prose(text: str) -> str:
    """Return a text of a help page as Markdown."""
    return re.sub(r"APSCHEDULER\['\w+'\]", r"`\g<0>`", _with_options(text))


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings_reference,
    "checks": checks_reference,
    "signals": signals_reference,
    "events": events_reference,
    "exit-codes": exit_codes_reference,
    "runscheduler": lambda: command_options("runscheduler"),
    "subcommands": subcommands_reference,
}


class Generated(SphinxDirective):
    """Puts one of `PARTS` into a page."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return the part, parsed as Markdown."""
        return self.parse_text_to_nodes(PARTS[self.arguments[0]]())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("generated", Generated)
    return {"version": "1", "parallel_read_safe": True}
