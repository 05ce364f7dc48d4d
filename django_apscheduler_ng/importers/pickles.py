"""Pickles of APScheduler 3, read without trusting them.

A pickle is a program. This reader lets it name what is listed here and nothing else, and gives it a stand-in for each name: plain
holders for triggers and their parts, and makers of plain values. None of them is a class of another module, and none can be changed by
what is read; nothing is imported. Whatever else a pickle wants refuses it as a whole.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar, NoReturn
from uuid import UUID

from ..exceptions import StoredDataError
from ..triggers.zones import as_zone

#: What reading damaged data may raise, besides errors of pickle itself.
_DAMAGE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)

#: Opcodes that reach names by other ways than `find_class()`.
_DETOURS = ("EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID")


class Held:
    """An object of a class that is not imported: its kind, and its state."""

    kind: ClassVar[str] = ""
    __slots__ = ("state",)
    state: dict[str, Any]

    def __new__(cls) -> Held:
        """Make one without state."""
        held = super().__new__(cls)
        object.__setattr__(held, "state", {})
        return held

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: only the state can be set, as a whole."""
        raise TypeError(f"{self.kind} has no attribute {name!r} to set")

    def __setstate__(self, state: Any) -> None:
        """Take the state that the pickle brings; what `__slots__` of the class hold comes as the second of two."""
        if isinstance(state, tuple) and len(state) == 2:
            state = {**(state[0] or {}), **(state[1] or {})}
        if not isinstance(state, dict):
            raise TypeError(f"the state of {self.kind} must be a dict")
        object.__setattr__(self, "state", state)


class _Maker:
    """Makes a plain value. Unlike a function or a class, it can be called and nothing else."""

    __slots__ = ("_make",)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]) -> None:
        object.__setattr__(self, "_make", make)

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise TypeError(f"nothing can be set here, not even {name!r}")

    def __setstate__(self, state: Any) -> NoReturn:
        raise TypeError("nothing here has a state")


def _encode(text: str, encoding: str) -> bytes:
    """Make bytes, as pickles of old protocols do."""
    if encoding != "latin1":
        raise ValueError(f"unknown encoding {encoding!r}")
    return text.encode("latin1")


_ZONE_CLASS = _Maker(as_zone)
_UNPICKLE_ZONE = _Maker(lambda key, *rest: as_zone(key))


def _attribute(owner: object, name: str) -> _Maker:
    """Return the only attribute that pickles of time zones ask for."""
    if owner is _ZONE_CLASS and name == "_unpickle":
        return _UNPICKLE_ZONE
    raise ValueError(f"it asks for the attribute {name!r}, which is no part of a job")


_TRIGGERS = "apscheduler.triggers"
_HOLDERS = {
    f"{_TRIGGERS}.date": ("DateTrigger",),
    f"{_TRIGGERS}.interval": ("IntervalTrigger",),
    f"{_TRIGGERS}.calendarinterval": ("CalendarIntervalTrigger",),
    f"{_TRIGGERS}.combining": ("AndTrigger", "OrTrigger"),
    f"{_TRIGGERS}.cron": ("CronTrigger",),
    f"{_TRIGGERS}.cron.fields": ("BaseField", "WeekField", "DayOfMonthField", "DayOfWeekField", "MonthField"),
    f"{_TRIGGERS}.cron.expressions": (
        "AllExpression",
        "RangeExpression",
        "MonthRangeExpression",
        "WeekdayRangeExpression",
        "WeekdayPositionExpression",
        "LastDayOfMonthExpression",
    ),
    "uuid": ("UUID",),
}

#: Module and name → stand-in.
_KNOWN: dict[tuple[str, str], Any] = {
    **{
        (module, name): type(name, (Held,), {"kind": name, "__slots__": ()})
        for module, names in _HOLDERS.items()
        for name in names
    },
    **{("datetime", kind.__name__): _Maker(kind) for kind in (date, datetime, time, timedelta, timezone)},
    **{
        (place, kind.__name__): _Maker(kind)
        for kind in (bytes, frozenset, set)
        for place in ("builtins", "__builtin__")
    },
    **{(place, "getattr"): _Maker(_attribute) for place in ("builtins", "__builtin__")},
    ("_codecs", "encode"): _Maker(_encode),
    ("decimal", "Decimal"): _Maker(Decimal),
    ("zoneinfo", "ZoneInfo"): _ZONE_CLASS,
    ("backports.zoneinfo", "ZoneInfo"): _ZONE_CLASS,
    ("pytz", "_UTC"): _Maker(lambda: as_zone("UTC")),
    ("pytz", "_p"): _UNPICKLE_ZONE,
}


class _Reader(pickle.Unpickler):
    """Finds stand-ins only."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name; the name itself is never looked up."""
        found = _KNOWN.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which is no plain value and no part of a job")
        return found


def read_pickle(data: bytes) -> Any:
    """Return what a pickle holds, made of plain values and `Held` objects; UUIDs among them are still held.

    Raises:
        StoredDataError: it is damaged, or refers to anything that is not listed in this module.
    """
    try:
        for opcode, _, position in pickletools.genops(data):
            if opcode.name in _DETOURS:
                raise pickle.UnpicklingError(f"it has the opcode {opcode.name} at {position}")
        return _Reader(io.BytesIO(data)).load()
    except _DAMAGE as error:
        raise StoredDataError(
            f"The pickle was refused, and nothing in it was run: {error or type(error).__name__}."
        ) from error


def plain(value: Any) -> Any:
    """Return a value of a job's arguments without anything held.

    Raises:
        StoredDataError: a trigger, or a part of one, is among it.
    """
    if isinstance(value, Held):
        if value.kind == "UUID" and isinstance(value.state.get("int"), int):
            return UUID(int=value.state["int"])
        raise StoredDataError(f"The arguments hold a {value.kind}, which is no plain value.")
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    return value
