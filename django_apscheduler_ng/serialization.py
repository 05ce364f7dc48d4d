"""Values and triggers ↔ canonical JSON text.

Nothing is pickled, and reading a text imports nothing that is named in it. Dicts and sets are written in the order of
their keys, so that the texts of equal triggers can be compared in SQL.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .exceptions import InvalidTriggerError, SchedulerError, StoredDataError, UnstorableError
from .storable import TAG, canonical_text, check_depth, decoded, encoded
from .triggers.base import BaseTrigger
from .triggers.registry import ENTRY_POINTS, trigger_class
from .triggers.unreadable import UnreadableTrigger

#: Version of the form in which triggers are stored; texts of later versions are refused.
TRIGGER_VERSION = 1

#: What reading damaged text may raise.
_DAMAGE = (
    SchedulerError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

#: Type of a list of triggers in the state of another trigger.
_TRIGGERS = "triggers"


def dump_value(value: Any, *, where: str = "value") -> str:
    """Return `value` as canonical JSON text in ASCII.

    Keys and elements come back equal, but dicts and sets do not remember their order.

    Args:
        value: made of the types listed in `storable`.
        where: what the value is, for messages.

    Raises:
        UnstorableError: A part of the value has another type, contains itself, or lies too deep.
    """
    return canonical_text(encoded(value, where))


def load_value(text: str) -> Any:
    """Return the value that `dump_value()` made `text` of.

    Raises:
        StoredDataError: The text is damaged, or has types that this version does not know.
    """
    return _loaded(text, decoded)


def dump_trigger(trigger: BaseTrigger) -> str:
    """Return `trigger` as canonical JSON text: equal triggers give the same text, on every machine.

    Raises:
        UnstorableError: The trigger is of a class that is not registered, or its state cannot be stored.
    """
    return canonical_text(_trigger_data(trigger, 0) | {"version": TRIGGER_VERSION})


def load_trigger(text: str) -> BaseTrigger:
    """Return the trigger that `dump_trigger()` made `text` of.

    Raises:
        StoredDataError: The text is damaged or of a later version, its type is unknown, or the type refuses the state.
    """
    trigger: BaseTrigger = _loaded(text, lambda data: _trigger(_checked_version(data)))
    return trigger


_cached_trigger = lru_cache(maxsize=4096)(load_trigger)


def trigger_or_stand_in(text: str) -> BaseTrigger:
    """Return the trigger that `dump_trigger()` made `text` of; one that never fires where it cannot be read."""
    try:
        return _cached_trigger(text)
    except SchedulerError as error:
        return UnreadableTrigger(text=text, problem=str(error))


def read_arguments(args: str, kwargs: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a job that two stored texts hold.

    Raises:
        StoredDataError: a text is damaged, or is no list and no mapping of names.
    """
    if args == "[]" and kwargs == "{}":
        return (), {}
    positional, named = load_value(args), load_value(kwargs)
    if not isinstance(positional, (list, tuple)) or not isinstance(named, dict) or not all(map(_is_name, named)):
        raise StoredDataError(
            f"Stored arguments {args!r} and {kwargs!r} must be a JSON list and a JSON object. Correct the row, or add the job again."
        )
    return tuple(positional), named


def _is_name(key: object) -> bool:
    return isinstance(key, str)


def trigger_type(text: str) -> str:
    """Return the alias of the trigger that `dump_trigger()` made `text` of, without making the trigger.

    Raises:
        StoredDataError: The text is damaged or of a later version.
    """
    alias: str = _loaded(text, _checked_version)["type"]
    return alias


#: Types of values that are JSON already; floating point numbers may be none.
_JSON = (str, int, bool, type(None))


def _trigger_data(trigger: BaseTrigger, depth: int) -> dict[str, Any]:
    """Return type and state of `trigger` in one dict of JSON's own types."""
    if depth:
        check_depth(_named(trigger), depth)
    _check_registered(trigger)
    data: dict[str, Any] = {"type": trigger.alias}
    for name, value in trigger.to_state().items():
        if name in (TAG, "type", "version"):
            raise UnstorableError(
                f"Cannot store {_named(trigger)}: its state must not have the key {name!r}. "
                f"Rename that argument of {type(trigger).__qualname__}."
            )
        if type(value) in _JSON:
            data[name] = value
        elif isinstance(value, list) and any(isinstance(item, BaseTrigger) for item in value):
            members = [_trigger_data(item, depth + 1) for item in value]
            data[name] = {TAG: _TRIGGERS, "value": members}
        else:
            data[name] = encoded(value, f"{name} of {_named(trigger)}")
    return data


def _named(trigger: BaseTrigger) -> str:
    """Return how messages call a trigger."""
    return f"trigger '{trigger}'"


def _check_registered(trigger: BaseTrigger) -> None:
    """Refuse a trigger that nobody could read back."""
    kind = type(trigger)
    try:
        if trigger_class(trigger.alias) is kind:
            return
    except InvalidTriggerError:
        pass
    raise UnstorableError(
        f"Cannot store {_named(trigger)}, an instance of {kind.__module__}.{kind.__qualname__}: the class must be registered "
        f"under its alias, which is {trigger.alias!r}. "
        f"Give it an alias of its own, and an entry point of that name in the group {ENTRY_POINTS!r}."
    )


def _checked_version(data: Any) -> dict[str, Any]:
    """Return a stored trigger without its version, if this version of the package can read it."""
    if not (isinstance(data, dict) and isinstance(data.get("type"), str) and type(data.get("version")) is int):
        raise ValueError("this is not a trigger with type and version")
    if data["version"] > TRIGGER_VERSION:
        raise StoredDataError(
            f"Cannot read the stored trigger of type {data['type']!r}: its version must be at most {TRIGGER_VERSION}, "
            f"got {data['version']}. It was written by a later django-apscheduler-ng; upgrade this one."
        )
    return {name: item for name, item in data.items() if name != "version"}


def _trigger(data: dict[str, Any]) -> BaseTrigger:
    """Return the trigger with the type and state in `data`."""
    cls = trigger_class(data["type"])
    state = {name: _state_value(item) for name, item in data.items() if name != "type"}
    try:
        return cls.from_state(state)
    except Exception as error:
        raise ValueError(f"trigger {cls.alias!r} refuses it with {type(error).__name__}: {error}") from error


def _state_value(data: Any) -> Any:
    """Return one value of a trigger's state."""
    if isinstance(data, dict) and data.get(TAG) == _TRIGGERS:
        return [_trigger(member) for member in data["value"]]
    return decoded(data)


def _loaded(text: str, build: Callable[[Any], Any]) -> Any:
    """Return what `build` makes of the JSON in `text`; whatever goes wrong is the fault of the text."""
    try:
        return build(json.loads(text, parse_constant=_no_constant))
    except StoredDataError:
        raise
    except _DAMAGE as error:
        shown = repr(text) if len(text) <= 80 else f"{text[:80]!r}…"
        problem = f"{type(error).__name__}: {error}".removesuffix(".")
        raise StoredDataError(
            f"Cannot read the stored text {shown}: it must be JSON as this version writes it, "
            f"got {problem}. Restore it from a backup, or save the job again."
        ) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
