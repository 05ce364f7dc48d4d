"""Reading what people write on the command line: moments, arguments of callables, triggers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..conf import get_config
from ..exceptions import SchedulerError
from ..storable import decoded
from ..triggers.base import BaseTrigger
from ..triggers.cron import CronTrigger
from ..triggers.walltime import moments

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.IGNORECASE)


def project_zone() -> tzinfo:
    """Return the zone in which times are read and shown."""
    return get_config().timezone


def read_span(text: str) -> timedelta | None:
    """Return the duration that `90s`, `15m`, `12h`, `3d` or `2w` stands for, or several of them in one; None for another text."""
    if not text.strip() or _SPAN.sub("", text).strip():
        return None
    try:
        return sum((timedelta(**{_UNITS[unit.lower()]: float(n)}) for n, unit in _SPAN.findall(text)), timedelta(0))
    except OverflowError:
        return None


def read_moment(option: str, text: str, now: datetime, *, ago: bool) -> datetime:
    """Return the moment that a text stands for, aware.

    Args:
        option: what it was given to, for the message.
        text: ISO 8601, in the zone of the project where it has no offset; or a duration from now.
        now: the present.
        ago: whether a duration leads into the past.

    Raises:
        CommandError: it is something else.
    """
    span = read_span(text)
    try:
        if span is not None:
            return now - span if ago else now + span
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo is not None else moments(moment, project_zone())[0]
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} must be a moment like '2026-12-24 18:00' or '2026-12-24T18:00:00+01:00', or a duration like '90m', '12h' "
            f"or '3d', got {text!r}."
        ) from None


def add_argument_options(parser: CommandParser, of_what: str) -> None:
    """Add the options that are the arguments of the callable. Django keeps the name `args` for itself."""
    parser.add_argument(
        "--args", dest="call_args", metavar="JSON", help=f"positional arguments {of_what}, as a JSON list"
    )
    parser.add_argument(
        "--kwargs", dest="call_kwargs", metavar="JSON", help=f"keyword arguments {of_what}, as a JSON object"
    )


def read_argument_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the callable that were given, as `args` and `kwargs`.

    Raises:
        CommandError: they are no JSON, or not of the shape.
    """
    found = {}
    if options["call_args"] is not None:
        found["args"] = _read_json("--args", options["call_args"], list, "a JSON list like '[1, \"two\"]'")
    if options["call_kwargs"] is not None:
        found["kwargs"] = _read_json("--kwargs", options["call_kwargs"], dict, "a JSON object like '{\"name\": 1}'")
    return found


def _read_json(option: str, text: str, kind: type[Any], shape: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandError(f"Option {option} must be {shape}, got {text!r}: {error}.") from None
    if not isinstance(value, kind):
        raise CommandError(f"Option {option} must be {shape}, got {text!r}.")
    try:
        return decoded(value)
    except (SchedulerError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise CommandError(f"Option {option} has a value that cannot be read, got {text!r}: {error}") from None


def read_trigger(words: Sequence[str]) -> tuple[BaseTrigger | str | None, dict[str, Any]]:
    """Return the trigger, or its name and its arguments, that words like `cron hour=3` describe; None where there are no words.

    Numbers, `true`, `false` and `null` are read as such. A single word without a name is the expression of a `cron` trigger as in a
    crontab, or the moment of a `date` trigger.

    Raises:
        CommandError: a word is no argument.
        InvalidTriggerError: the expression is impossible.
    """
    if not words:
        return None, {}
    name, *arguments = words
    if len(arguments) == 1 and "=" not in arguments[0]:
        if name == "cron":
            return CronTrigger.from_crontab(arguments[0], timezone=project_zone()), {}
        if name == "date":
            return name, {"run_date": arguments[0]}
    return name, dict(_trigger_argument(name, word) for word in arguments)


def _trigger_argument(trigger: str, word: str) -> tuple[str, Any]:
    name, sign, value = word.partition("=")
    if not sign or not name:
        raise CommandError(
            f"Argument {word!r} of trigger {trigger!r} must be written as NAME=VALUE, like hour=3. "
            "A crontab expression goes in quotes: cron '*/5 * * * *'."
        )
    return name, _scalar(value)


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, (str, list, dict)) else value
