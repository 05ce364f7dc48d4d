"""The triggers that can be asked for by name: those of this package and those that others provide by entry points."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from ..exceptions import InvalidTriggerError, did_you_mean
from .base import BaseTrigger

#: Entry-point group of triggers from other packages: alias = "package.module:Class". The class has the same `alias`.
ENTRY_POINTS = "django_apscheduler_ng.triggers"

_BUILTIN = {
    "and": "combining:AndTrigger",
    "calendarinterval": "calendarinterval:CalendarIntervalTrigger",
    "cron": "cron:CronTrigger",
    "date": "date:DateTrigger",
    "interval": "interval:IntervalTrigger",
    "or": "combining:OrTrigger",
}


def trigger_names() -> list[str]:
    """Return the aliases of all triggers, sorted."""
    return sorted(_BUILTIN.keys() | entry_points(group=ENTRY_POINTS).names)


def trigger_class(name: str) -> type[BaseTrigger]:
    """Return the class of the trigger called `name`; nobody can replace one of this package.

    Raises:
        InvalidTriggerError: No trigger has this name, or the one that has it cannot be imported.
    """
    if name in _BUILTIN:
        return _builtin(name)
    for entry_point in entry_points(group=ENTRY_POINTS, name=name):
        return _provided(name, entry_point.value, entry_point.load)
    raise InvalidTriggerError(f"Unknown trigger {name!r}.{_instead(name, trigger_names())}")


@cache
def _builtin(name: str) -> type[BaseTrigger]:
    module, _, attribute = _BUILTIN[name].partition(":")
    found: type[BaseTrigger] = getattr(import_module(f"{__package__}.{module}"), attribute)
    return found


def _provided(name: str, reference: str, load: Any) -> type[BaseTrigger]:
    """Return the class that another package provides under `name`."""
    try:
        found = load()
    except (ImportError, AttributeError) as error:
        raise InvalidTriggerError(
            f"Trigger {name!r} is provided by {reference!r}, which must be importable, "
            f"got {type(error).__name__}: {error}. Repair or uninstall the package that provides it."
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseTrigger)):
        raise InvalidTriggerError(
            f"Trigger {name!r} is provided by {reference!r}, which must be a subclass of BaseTrigger, got {found!r}. "
            "Repair or uninstall the package that provides it."
        )
    return found


def create_trigger(
    trigger: BaseTrigger | str | None,
    kwargs: Mapping[str, Any],
    *,
    timezone: tzinfo | str | None = None,
    now: datetime | None = None,
) -> BaseTrigger:
    """Return the trigger that the caller of `add_job()` described.

    Args:
        trigger: a name, a finished trigger, or None for the date trigger.
        kwargs: the arguments of the named trigger.
        timezone: its zone, where it has one and `kwargs` does not say.
        now: its date, where it is a date trigger and `kwargs` does not say; None = read the system's clock.

    Raises:
        InvalidTriggerError: The name or an argument is unknown, missing or impossible.
    """
    if isinstance(trigger, BaseTrigger):
        return _finished(trigger, kwargs)
    name = "date" if trigger is None else trigger
    if not isinstance(name, str):
        raise InvalidTriggerError(
            f"Argument 'trigger' must be the name of a trigger or an instance of one, got {trigger!r}. "
            "Pass a name such as 'cron', or call the class."
        )
    cls = trigger_class(name)
    parameters = _parameters(cls)
    _check_names(name, kwargs, parameters)
    arguments = {key: value for key, value in kwargs.items() if not (key == "timezone" and value is None)}
    if timezone is not None and "timezone" in parameters:
        arguments.setdefault("timezone", timezone)
    if name == "date" and arguments.get("run_date") is None:
        arguments["run_date"] = now
    return cls(**arguments)


def takes(name: str, argument: str) -> bool:
    """Return whether the trigger of this name has an argument of that name.

    Raises:
        InvalidTriggerError: there is no such trigger.
    """
    return argument in _parameters(trigger_class(name))


@cache
def _parameters(cls: type[BaseTrigger]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


def _finished(trigger: BaseTrigger, kwargs: Mapping[str, Any]) -> BaseTrigger:
    if kwargs:
        given = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
        raise InvalidTriggerError(
            f"Trigger '{trigger}' is finished and takes no more arguments, got {given}. "
            "Pass them where the trigger is made, or pass the trigger's name."
        )
    return trigger


def _check_names(name: str, kwargs: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> None:
    """Refuse arguments that the trigger does not have, and the lack of those that it needs."""
    kinds = {parameter.kind for parameter in parameters.values()}
    for given in kwargs:
        if given not in parameters and inspect.Parameter.VAR_KEYWORD not in kinds:
            raise InvalidTriggerError(f"Trigger {name!r} has no argument {given!r}.{_instead(given, parameters)}")
    for parameter in parameters.values():
        optional = parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if not optional and parameter.name not in kwargs:
            raise InvalidTriggerError(
                f"Trigger {name!r} needs the argument {parameter.name!r}, got none. Pass {parameter.name}=…."
            )


def _instead(given: object, known: Iterable[str]) -> str:
    """Return the closest choice, or all of them where none is close."""
    return did_you_mean(given, known) or f" Known are {', '.join(known)}."
