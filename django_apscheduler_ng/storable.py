"""Values ↔ JSON's own types, with a closed registry of types.

Types are taken exactly: a subclass would come back as something else, so it is refused. What JSON has no type for
becomes an object with the key `$type`.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from .exceptions import InvalidTriggerError, UnstorableError
from .triggers.zones import as_zone, zone_name

#: The key that marks a JSON object as something else than a dict.
TAG = "$type"

#: How deep containers may lie in each other.
_MAX_DEPTH = 100

#: Ints from here on are written in hexadecimal: Python refuses to read more than 4300 decimal digits.
_MAX_INT = 2**63

#: Two lone surrogates in a row, which JSON could not tell from the character that they would encode together.
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

_ACCEPTED = (
    "None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict, datetime, date, time, timedelta, "
    "Decimal and UUID"
)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical_text(data: Any) -> str:
    """Return JSON's own types as text in ASCII, the same text for equal data."""
    return _CANONICAL.encode(data)


def check_depth(where: str, depth: int) -> None:
    """Refuse containers that lie too deep, for instance in themselves."""
    if depth > _MAX_DEPTH:
        raise UnstorableError(
            f"Cannot store {where[:80]}…: it must not contain itself, nor more than {_MAX_DEPTH} containers "
            "in each other. Pass a flatter value."
        )


def encoded(value: Any, where: str, depth: int = 0) -> Any:
    """Return `value` as JSON's own types.

    Args:
        value: what to encode.
        where: what the value is, for messages.
        depth: how many containers it lies in.

    Raises:
        UnstorableError: A part of the value has a type that is not accepted, contains itself, or lies too deep.
    """
    check_depth(where, depth)
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise UnstorableError(_refusal(type(value), where))
    return encode(value, where, depth)


def _refusal(kind: type, where: str) -> str:
    """Return why values of type `kind` are refused; without their `repr()`, which may be long, or query a database."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if hasattr(kind, "_meta") and hasattr(kind, "pk"):
        return (
            f"Cannot store {where}, an instance of {name}: a model instance may have changed by the time it is used. "
            "Pass obj.pk and read the object inside of the job."
        )
    base = next((accepted for accepted in kind.__mro__[1:] if accepted in _ENCODERS), None)
    if base is not None:
        expected = f"it would come back as {base.__name__}"
        return f"Cannot store {where}, an instance of {name}: {expected}. Convert it to {base.__name__} first."
    return f"Cannot store {where}, an instance of {name}: accepted are {_ACCEPTED}. Convert it to one of these."


def _tagged(tag: str, value: Any, **more: Any) -> dict[str, Any]:
    return {TAG: tag, "value": value} | more


def _itself(value: Any, where: str, depth: int) -> Any:
    return value


def _encoded_int(value: int, where: str, depth: int) -> Any:
    return value if abs(value) < _MAX_INT else _tagged("int", hex(value))


def _encoded_float(value: float, where: str, depth: int) -> Any:
    return value if math.isfinite(value) else _tagged("float", repr(value))


def _encoded_str(value: str, where: str, depth: int) -> Any:
    if not _SURROGATE_PAIR.search(value):
        return value
    return _tagged("str", re.split("(?<=[\ud800-\udbff])(?=[\udc00-\udfff])", value))


def _encoded_bytes(value: bytes, where: str, depth: int) -> Any:
    return _tagged("bytes", base64.b64encode(value).decode("ascii"))


def _encoded_list(value: list[Any] | tuple[Any, ...], where: str, depth: int) -> Any:
    return [encoded(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]


def _encoded_tuple(value: tuple[Any, ...], where: str, depth: int) -> Any:
    return _tagged("tuple", _encoded_list(value, where, depth))


def _encoded_set(value: set[Any] | frozenset[Any], where: str, depth: int) -> Any:
    items = [encoded(item, f"an element of {where}", depth + 1) for item in value]
    return _tagged(type(value).__name__, sorted(items, key=canonical_text))


def _encoded_dict(value: dict[Any, Any], where: str, depth: int) -> Any:
    items = [
        (encoded(key, f"a key of {where}", depth + 1), encoded(item, f"{where}[{_shown(key)}]", depth + 1))
        for key, item in value.items()
    ]
    if TAG not in value and all(type(key) is str for key, _ in items):
        return dict(items)
    return _tagged("dict", sorted(([key, item] for key, item in items), key=lambda pair: canonical_text(pair[0])))


def _shown(key: Any) -> str:
    """Return a key for messages; Python refuses to write ints of more than 4300 digits."""
    return hex(key) if type(key) is int and abs(key) >= _MAX_INT else repr(key)


def _encoded_datetime(value: datetime | time, where: str, depth: int) -> Any:
    more: dict[str, Any] = {"fold": 1} if value.fold else {}
    zone = value.tzinfo
    if zone is not None and type(zone) is not timezone:
        try:
            more["zone"] = zone_name(zone)
        except InvalidTriggerError:
            raise UnstorableError(
                f"Cannot store {where}, {value!r}: its time zone must have an IANA name or be a fixed offset. "
                "Convert it, for instance with astimezone(datetime.UTC)."
            ) from None
    return _tagged(type(value).__name__, value.isoformat(), **more)


def _encoded_timedelta(value: timedelta, where: str, depth: int) -> Any:
    return _tagged("timedelta", [value.days, value.seconds, value.microseconds])


_ENCODERS: dict[type, Callable[[Any, str, int], Any]] = {
    type(None): _itself,
    bool: _itself,
    int: _encoded_int,
    float: _encoded_float,
    str: _encoded_str,
    bytes: _encoded_bytes,
    list: _encoded_list,
    tuple: _encoded_tuple,
    set: _encoded_set,
    frozenset: _encoded_set,
    dict: _encoded_dict,
    datetime: _encoded_datetime,
    date: lambda value, where, depth: _tagged("date", value.isoformat()),
    time: _encoded_datetime,
    timedelta: _encoded_timedelta,
    Decimal: lambda value, where, depth: _tagged("decimal", str(value)),
    UUID: lambda value, where, depth: _tagged("uuid", str(value)),
}


def decoded(data: Any) -> Any:
    """Return the value that `encoded()` made `data` of; damaged data raises whatever it happens to raise."""
    if isinstance(data, list):
        return [decoded(item) for item in data]
    if not isinstance(data, dict):
        return data
    if TAG not in data:
        return {key: decoded(item) for key, item in data.items()}
    decode = _DECODERS.get(data[TAG]) if isinstance(data[TAG], str) else None
    if decode is None:
        raise ValueError(f"unknown type {data[TAG]!r}")
    return decode(data)


def _decoded_bytes(data: dict[str, Any]) -> bytes:
    return base64.b64decode(data["value"], validate=True)


def _decoded_dict(data: dict[str, Any]) -> dict[Any, Any]:
    return {decoded(key): decoded(item) for key, item in data["value"]}


def _decoded_datetime(data: dict[str, Any]) -> datetime:
    """Return the same wall-clock time in the same zone; the same moment where the zone's rules changed since."""
    value = datetime.fromisoformat(data["value"]).replace(fold=data.get("fold", 0))
    if "zone" not in data:
        return value
    there = value.replace(tzinfo=as_zone(data["zone"]))
    return there if there.utcoffset() == value.utcoffset() else value.astimezone(there.tzinfo)


def _decoded_time(data: dict[str, Any]) -> time:
    value = time.fromisoformat(data["value"]).replace(fold=data.get("fold", 0))
    return value.replace(tzinfo=as_zone(data["zone"])) if "zone" in data else value


def _decoded_timedelta(data: dict[str, Any]) -> timedelta:
    days, seconds, microseconds = data["value"]
    return timedelta(days, seconds, microseconds)


_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "int": lambda data: int(data["value"], 16),
    "float": lambda data: float(data["value"]),
    "str": lambda data: "".join(data["value"]),
    "bytes": _decoded_bytes,
    "tuple": lambda data: tuple(map(decoded, data["value"])),
    "set": lambda data: set(map(decoded, data["value"])),
    "frozenset": lambda data: frozenset(map(decoded, data["value"])),
    "dict": _decoded_dict,
    "datetime": _decoded_datetime,
    "date": lambda data: date.fromisoformat(data["value"]),
    "time": _decoded_time,
    "timedelta": _decoded_timedelta,
    "decimal": lambda data: Decimal(data["value"]),
    "uuid": lambda data: UUID(data["value"]),
}
