"""Lines of a crontab as jobs: those that run a management command of this project.

Other commands are for a shell, and there is no job that runs one: whoever could write to the table of jobs could then run anything on
the hosts of the nodes. They are listed, each with the reason, to be written as functions.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.management import BaseCommand, CommandError, get_commands, load_command_class

from ..documents import Reader
from ..exceptions import SchedulerError, StoredDataError
from ..triggers.cron import CronTrigger
from .candidates import Candidate, describe, with_job
from .crontabs import Line, read_lines
from .oldcron import times_of

#: The callable of all these jobs. Nodes run it only where the settings allow it.
FUNC = "django.core.management:call_command"

_SHELL = re.compile(r"[;&|<>()$`*?\[\]{}~!#\n]")
_REDIRECTION = re.compile(r"(?:(?<=\s)\d|&)?>{1,2}\s*(?:&\d|[^\s;&|<>()$`'\"]+)\s*$")
_CHANGE_FOLDER = re.compile(r"cd\s+(?P<folder>[^\s;&|<>()$`]+)\s*&&\s*")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_PYTHON = re.compile(r"python[\d.]*")
_SETTINGS = "DJANGO_SETTINGS_MODULE"

#: Variables that mean something to cron, or nothing to a command of Django.
_OF_CRON = {"CRON_TZ", "HOME", "LOGNAME", "MAILFROM", "MAILTO", "PATH", "SHELL", "USER", _SETTINGS}

#: Options of Python that change nothing for a command.
_PYTHON_OPTIONS = {"-B", "-O", "-u"}


class _UnfitError(SchedulerError):
    """A command cannot be a job; says why."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A management command, its arguments, and what is different from running it by cron."""

    name: str
    args: Sequence[str]
    notes: Sequence[str]


def read_crontab(text: str, zone: str, reader: Reader, *, system: bool) -> Iterator[Candidate]:
    """Yield the lines of a crontab that have a schedule.

    Args:
        text: of the file.
        zone: IANA name of the zone that cron works in, for lines without `CRON_TZ` above them.
        reader: makes the jobs.
        system: there is a column with a user.
    """
    seen: Counter[str] = Counter()
    for line in read_lines(text, system=system):
        candidate = Candidate(label=f"line {line.number}: {line.text}")
        try:
            call = read_command(line)
            trigger = CronTrigger.from_crontab(line.schedule, timezone=line.variables.get("CRON_TZ") or zone)
        except SchedulerError as error:
            yield candidate.refused(error)
            continue
        seen[call.name] += 1
        found = with_job(candidate, reader, lambda: _described(call, trigger, seen[call.name]))  # noqa: B023 - called at once
        yield replace(found, notes=call.notes, old_times=times_of(line.schedule, trigger.timezone))


def _described(call: Call, trigger: CronTrigger, number: int) -> dict[str, Any]:
    return describe(
        job_id=f"crontab.{call.name}" + (f"-{number}" if number > 1 else ""),
        func=FUNC,
        args=[call.name, *call.args],
        kwargs={},
        trigger=trigger,
        name=shlex.join([call.name, *call.args])[:255],
    )


def read_command(line: Line) -> Call:
    """Return the management command that a line runs.

    Raises:
        SchedulerError: it runs something else, or this project's commands would refuse it.
    """
    if not line.command:
        raise StoredDataError("It has no command.")
    if line.stdin is not None:
        raise _UnfitError("It gives the command a standard input (after %).")
    command, notes = _without_surroundings(line.command)
    if _SHELL.search(command):
        raise _UnfitError(_advice("It needs a shell"))
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _UnfitError(f"It cannot be taken apart: {error}.") from error
    name, args = _management_command(_without_assignments(words, line))
    _check(name, args)
    return Call(name=name, args=args, notes=[*notes, *_notes(line)])


def _advice(reason: str) -> str:
    return f"{reason}. Write it as a function in jobs.py, for instance with subprocess.run(), and declare that."


def _without_surroundings(command: str) -> tuple[str, list[str]]:
    """Return the command without a change of the folder before it and redirections after it, and notes about them."""
    notes = []
    if folder := _CHANGE_FOLDER.match(command):
        command = command[folder.end() :]
        notes.append(f"It ran in the folder {folder['folder']}; here it runs in that of the scheduler.")
    redirections: list[str] = []
    while (redirection := _REDIRECTION.search(command)) is not None:
        redirections.insert(0, redirection[0].strip())
        command = command[: redirection.start()].rstrip()
    if redirections:
        notes.append(f"Its output went to {' '.join(redirections)}; here it goes where that of the scheduler goes.")
    return command, notes


def _without_assignments(words: Sequence[str], line: Line) -> list[str]:
    """Return the words without the variables that are set before the command; only the settings of this project may be."""
    words = list(words)
    while words and (assignment := _ASSIGNMENT.fullmatch(words[0])):
        _check_variable(assignment["name"], assignment["value"])
        words.pop(0)
    if (settings := line.variables.get(_SETTINGS)) is not None:
        _check_variable(_SETTINGS, settings)
    return words


def _check_variable(name: str, value: str) -> None:
    if name != _SETTINGS:
        raise _UnfitError(f"It sets the variable {name}, which a job cannot have for itself.")
    if value != os.environ.get(_SETTINGS):
        raise _UnfitError(f"It runs with the settings {value!r}, and this project has {os.environ.get(_SETTINGS)!r}.")


def _management_command(words: list[str]) -> tuple[str, list[str]]:
    """Return name and arguments of the management command that the words call."""
    if words and _PYTHON.fullmatch(os.path.basename(words[0])):
        words = words[1:]
        while words and words[0] in _PYTHON_OPTIONS:
            words = words[1:]
        if words[:2] == ["-m", "django"]:
            words = ["django-admin", *words[2:]]
    if len(words) < 2 or os.path.basename(words[0]) not in ("manage.py", "django-admin"):
        raise _UnfitError(_advice("It runs no management command"))
    return words[1], list(_without_settings(words[2:]))


def _without_settings(args: Sequence[str]) -> Iterator[str]:
    """Yield the arguments but those that name the settings, which have to be those of this project."""
    rest = iter(args)
    for word in rest:
        name, equals, value = word.partition("=")
        if name == "--settings":
            _check_variable(_SETTINGS, value if equals else next(rest, ""))
        elif name == "--pythonpath":
            raise _UnfitError("It adds to the path of Python (--pythonpath).")
        else:
            yield word


def _check(name: str, args: Sequence[str]) -> None:
    """Refuse a command that this project does not have, or that does not take these arguments."""
    if name == "runscheduler":
        raise _UnfitError("It is this scheduler itself, which runs without cron.")
    app = get_commands().get(name)
    if app is None:
        raise _UnfitError(f"This project has no management command {name!r}.")
    command: Any = app if isinstance(app, BaseCommand) else load_command_class(app, name)
    try:
        command.create_parser("manage.py", name).parse_args(list(args))
    except CommandError as error:
        raise _UnfitError(f"The management command {name!r} refuses its arguments: {error}") from error


def _notes(line: Line) -> Iterator[str]:
    if line.user:
        yield f"It ran as the user {line.user!r}; here it runs as the one that runs the scheduler."
    if line.variables.get("MAILTO"):
        yield f"Its output was mailed to {line.variables['MAILTO']}; here nothing is mailed."
    others = [f"{name}={value}" for name, value in line.variables.items() if name not in _OF_CRON]
    if others:
        yield f"It ran with {', '.join(others)}; set that for the scheduler if it is needed."
