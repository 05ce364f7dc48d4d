"""How each kind of value in the settings is read: converted, checked, or refused with advice.

A reader takes a value and the dotted name of its option. It raises an `OptionError`, or a group of them where the value
has parts.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from .exceptions import InvalidTriggerError, did_you_mean
from .schedulers.components import ComponentKind
from .schedulers.options import (
    OptionError,
    as_int,
    as_mapping,
    as_queue,
    as_seconds,
    as_text,
    is_none,
    unknown_options,
    wrong_value,
)
from .triggers.zones import as_zone

#: Longest environment label and namespace, in characters.
MAX_LABEL_LENGTH = 100

_T = TypeVar("_T")
#: What turns the value of an option, with its dotted name for messages, into what the program uses.
Reader = Callable[[object, str], _T]

#: Reads a number of seconds above 0.
as_positive = partial(as_seconds, positive=True)

#: Reads a whole number above 0.
as_count = partial(as_int, minimum=1)

#: Reads a label or namespace.
as_label = partial(as_text, limit=MAX_LABEL_LENGTH)


def or_none(read: Reader[_T]) -> Reader[_T | None]:
    """Return a reader that also takes None."""
    return lambda value, name: None if is_none(value) else read(value, name)


@contextmanager
def collect(errors: list[OptionError]) -> Iterator[None]:
    """Add what the block raises, one error or a group of them, to `errors` and go on."""
    try:
        yield
    except OptionError as error:
        errors.append(error)
    except ExceptionGroup as group:
        errors.extend(cast("Iterable[OptionError]", group.exceptions))


def _raise_all(errors: list[OptionError]) -> None:
    if errors:
        raise ExceptionGroup("Several options cannot be used.", errors)


def read_section(section: type[_T], value: object, name: str) -> _T:
    """Return the dataclass `section` filled from a dict; every mistake in it is raised, in a group."""
    readers = {option.name: option.metadata["read"] for option in fields(cast("Any", section))}
    given = as_mapping(value, name, f"{{{next(iter(readers))!r}: ...}}")
    errors = unknown_options(given, readers, name)
    read: dict[str, Any] = {}
    for key in filter(given.__contains__, readers):
        with collect(errors):
            read[key] = readers[key](given[key], f"{name}.{key}" if name else key)
    _raise_all(errors)
    return section(**read)


def read_components(kind: ComponentKind, value: object, name: str) -> Mapping[str, Mapping[str, Any]]:
    """Return job stores or executors by alias: the given ones, and those there are anyway."""
    given = as_mapping(value, name, f"{{'default': {dict(DEFAULTS[name]['default'])!r}}}")
    errors: list[OptionError] = []
    read = {**DEFAULTS[name]}
    for alias, options in given.items():
        if isinstance(options, Mapping) and alias in read and not {"type", "class"} & options.keys():
            options = {**read[alias], **options}
        wrong = kind.errors(alias, options)
        errors += wrong
        if not wrong:
            with collect(errors):
                read[alias] = _typed(options, f"{name}.{alias}")
    _raise_all(errors)
    return _fixed(read)


def _typed(options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the options of one component with the values this module knows about converted."""
    typed = dict(options)
    if is_none(typed.get("max_workers")):
        typed.pop("max_workers", None)
    else:
        typed["max_workers"] = as_count(typed["max_workers"], f"{where}.max_workers")
    if typed.get("type") == "django":
        typed["using"] = or_none(_database)(typed.get("using"), f"{where}.using")
        typed["namespace"] = as_label(typed.get("namespace", where.rpartition(".")[2]), f"{where}.namespace")
    return typed


def _database(value: object, name: str) -> str:
    """Return the alias of a database there is."""
    if value not in settings.DATABASES:
        advice = did_you_mean(value, settings.DATABASES).lstrip() or "Write one of the keys of DATABASES."
        raise wrong_value(value, name, "the alias of a database", advice)
    return str(value)


def as_zone_setting(value: object, name: str) -> ZoneInfo:
    """Return the zone of an IANA name or zone object."""
    try:
        return as_zone(value)
    except InvalidTriggerError:
        advice = did_you_mean(value, available_timezones()).lstrip() or "Write a name such as 'Europe/Berlin' or 'UTC'."
        raise wrong_value(value, name, "an IANA time zone name", advice) from None


def project_zone() -> ZoneInfo:
    """Return the zone that the setting `TIME_ZONE` names."""
    try:
        return as_zone_setting(settings.TIME_ZONE, "timezone")
    except OptionError as error:
        expected = "which must be an IANA time zone name"
        raise OptionError(
            f"Option 'timezone' is taken from TIME_ZONE, {expected}, got {settings.TIME_ZONE!r}.", error.advice
        ) from None


def as_module_name(value: object, name: str) -> str | None:
    """Return the name of a module, or None for False."""
    if value is True or value is False:
        return "jobs" if value else None
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return as_module_name(value.lower() == "true", name)
    if not isinstance(value, str) or not all(map(str.isidentifier, value.split("."))):
        raise wrong_value(value, name, "the name of a module in each app, or False", "Write it as 'jobs'.")
    return value


def as_level(value: object, name: str) -> int:
    """Return the level of logging of a name or number."""
    levels = logging.getLevelNamesMapping()
    if isinstance(value, str) and value.strip().upper() in levels:
        return levels[value.strip().upper()]
    try:
        return as_int(value, name)
    except OptionError:
        advice = did_you_mean(str(value).upper(), levels).lstrip() or "Write it as 'INFO' or 20."
        raise wrong_value(value, name, "the name or number of a level of logging", advice) from None


def as_patterns(value: object, name: str) -> tuple[str, ...]:
    """Return patterns of callable references; text is split at commas."""
    found = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(found, Iterable) or isinstance(found, bytes | Mapping):
        raise wrong_value(value, name, "a list of patterns", "Write it as ['shop.tasks:*'].")
    for pattern in (patterns := tuple(found)):
        if not isinstance(pattern, str) or ":" not in pattern:
            raise wrong_value(
                pattern, name, "patterns like 'package.module:function'", "Write 'shop.tasks:*' for a module."
            )
    return patterns


def as_reference(value: object, name: str) -> str:
    """Return the reference of a callable, or empty text."""
    if value in ("", None):
        return ""
    if not isinstance(value, str) or not all(value.partition(":")):
        raise wrong_value(
            value, name, "a reference like 'package.module:function'", "Write it as 'shop.access:visible_jobs'."
        )
    return value


def as_queues(value: object, name: str) -> tuple[str, ...]:
    """Return names of queues, each once; text is split at commas."""
    found = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(found, Iterable) or isinstance(found, bytes | Mapping):
        raise wrong_value(value, name, "a list of queues", "Write it as ['default', 'mail'].")
    return tuple(dict.fromkeys(as_queue(queue, name) for queue in found))


def _fixed(components: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Return the same mapping, closed against changes."""
    return MappingProxyType({alias: MappingProxyType(dict(options)) for alias, options in components.items()})


#: The components there are when none is given.
DEFAULTS = {
    "jobstores": _fixed({"default": {"type": "django", "using": None, "namespace": "default"}}),
    "executors": _fixed(
        {
            "default": {"type": "threadpool", "max_workers": 10},
            "processpool": {"type": "processpool", "max_workers": os.cpu_count() or 1},
            "asyncio": {"type": "asyncio"},
        }
    ),
}
