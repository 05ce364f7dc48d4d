"""The fields of a cron trigger: what may be written in each, compiled to bit masks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, NoReturn

from ...exceptions import InvalidTriggerError, did_you_mean

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: The words before a weekday: the position in the month that each stands for; LAST is the last one.
LAST = -1
POSITIONS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": LAST}

#: Steps as they are usually written; each field has its own upper bound.
_STEPS = {str(step): step for step in range(1, 61)}

_ITEM = re.compile(r"(\*|[0-9]{1,4}|[a-z]+)(?:-([0-9]{1,4}|[a-z]+))?(?:/([0-9]{1,4}))?")
_POSITION = re.compile(r"(\S+) ([a-z]+|[0-6])")


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """One field: its name, the values it takes and the names they have. Each is a key of caches, by identity."""

    name: str
    low: int
    high: int
    #: What the values are called, the lowest first.
    labels: tuple[str, ...] = ()
    #: What is allowed, for messages.
    expected: str
    #: Whether `last` and `2nd tue` are allowed: days that each month has on another date.
    positions: bool = False

    @cached_property
    def usual(self) -> dict[str, int]:
        """The values by their names and their usual numbers; empty where there are too many, as for years."""
        values = range(self.low, self.high + 1) if self.high < 100 else ()
        names = dict(zip(self.labels, values, strict=False))
        return {f"{value:02}": value for value in values} | {str(value): value for value in values} | names

    def value(self, text: str) -> int | None:
        """Return the value written as `text`, a number or a name; None when it is neither."""
        if text.isdigit():
            return int(text) if self.low <= int(text) <= self.high else None
        return self.low + self.labels.index(text) if text in self.labels else None

    def ends(self, like: str) -> tuple[str, str]:
        """Return the lowest and the highest value, as names if `like` is one."""
        return (str(self.low), str(self.high)) if like.isdigit() else (self.labels[0], self.labels[-1])


class FieldValues(NamedTuple):
    """What one field says. A bit `1 << value` is set in `mask` for each value it contains."""

    #: As written, in lower case and without needless spaces.
    text: str
    mask: int
    #: Whether the last day of the month is meant, whichever it is.
    last: bool = False
    #: Weekdays by their position in the month: (position, weekday), Monday = 0.
    positions: frozenset[tuple[int, int]] = frozenset()

    @property
    def starred(self) -> bool:
        """Whether the text starts with `*`: for `crontab(5)` the field is unrestricted, even with a step."""
        return self.text.startswith("*")


FIELDS = {
    field.name: field
    for field in (
        Field(name="year", low=1970, high=9999, expected="must be within 1970-9999"),
        Field(name="month", low=1, high=12, labels=MONTHS, expected="must be within 1-12 or jan-dec"),
        Field(
            name="day",
            low=1,
            high=31,
            positions=True,
            expected="must be within 1-31, 'last', or a weekday's position such as '2nd tue' or 'last fri'",
        ),
        Field(name="week", low=1, high=53, expected="must be within 1-53"),
        Field(
            name="day_of_week",
            low=0,
            high=6,
            labels=WEEKDAYS,
            expected="must be within 0-6 (0 is Monday) or mon-sun",
        ),
        Field(name="hour", low=0, high=23, expected="must be within 0-23"),
        Field(name="minute", low=0, high=59, expected="must be within 0-59"),
        Field(name="second", low=0, high=59, expected="must be within 0-59"),
    )
}


@lru_cache(maxsize=4096)
def parse(field: Field, written: str, whole: str | None = None) -> FieldValues:
    """Return what the text `written` in `field` says.

    Args:
        field: the field.
        written: a list, separated by commas, of `*`, `a`, `a-b`, each with a step `/c` or without.
        whole: the expression that contains the field, for messages; None = the text itself.

    Raises:
        InvalidTriggerError: The text says nothing that the field can be.
    """
    text = written.lower()
    mask = 0
    for item in text.split(","):
        bits = _usual_mask(field, item)
        if not bits:
            return _parse_with_care(field, written, whole)
        mask |= bits
    return FieldValues(text, mask)


def _usual_mask(field: Field, item: str) -> int:
    """Return the bits of `*`, `a`, `a-b`, with or without a step, if written in the usual way; else 0.

    Nearly all that people write is of this kind, and parsed in a fraction of the time that `_mask()` takes. It never
    contradicts `_mask()`, which also knows the unusual and says what is wrong.
    """
    ends, slash, step_text = item.partition("/")
    step = _STEPS.get(step_text, 0) if slash else 1
    if ends == "*":
        low, high = field.low, field.high
    else:
        first, dash, last = ends.partition("-")
        # What is unknown makes a range that goes down, or beyond the field.
        low = field.usual.get(first, field.high + 1)
        high = field.usual.get(last, -1) if dash else low
        if high < low or high > field.high or (slash and not dash):
            return 0
    return _bits(low, high, step) if 0 < step <= field.high - field.low + 1 else 0


def _parse_with_care(field: Field, written: str, whole: str | None) -> FieldValues:
    """Return what `parse()` returns, however the text is written; refuse mistakes."""
    text = re.sub(r" ?, ?", ",", " ".join(written.split()))
    mask, last, positions = 0, False, set()
    for item in text.split(","):
        context = _Context(item, whole or written)
        if field.positions and item.lower() == "last":
            last = True
        elif field.positions and (match := _POSITION.fullmatch(item.lower())):
            positions.add(_position(field, match[1], match[2], context))
        else:
            mask |= _mask(field, item.lower(), context)
    return FieldValues(text.lower(), mask, last, frozenset(positions))


class _Context(NamedTuple):
    """Where a mistake is."""

    item: str
    whole: str

    def refuse(self, field: Field, expected: str, hint: str = "") -> NoReturn:
        place = f" in {self.whole!r}" if self.whole != self.item else ""
        raise InvalidTriggerError(f"Cron field {field.name!r} {expected}, got {self.item!r}{place}.{hint}")


def _position(field: Field, position: str, weekday: str, context: _Context) -> tuple[int, int]:
    """Return the position and the weekday that `2nd tue` stands for."""
    if position not in POSITIONS:
        hint = did_you_mean(position, POSITIONS)
        context.refuse(field, "must have a position among 1st, 2nd, 3rd, 4th, 5th and last", hint)
    value = FIELDS["day_of_week"].value(weekday)
    if value is None:
        context.refuse(
            field, "must have a weekday within 0-6 (0 is Monday) or mon-sun", did_you_mean(weekday, WEEKDAYS)
        )
    return POSITIONS[position], value


def _mask(field: Field, item: str, context: _Context) -> int:
    """Return the bits of `*`, `a`, `a-b`, with or without a step."""
    match = _ITEM.fullmatch(item)
    if match is None or (match[1] == "*" and match[2]):
        context.refuse(field, f"{field.expected}, as '*', 'a', 'a-b', 'a-b/c' or a list of these")
    first, last, step = match.groups()
    low = field.low if first == "*" else _value(field, first, context)
    high = field.high if first == "*" or (step and not last) else low
    if last:
        high = _range_end(field, first, low, last, context)
    if step and not 1 <= int(step) <= field.high - field.low + 1:
        context.refuse(field, f"must have a step within 1-{field.high - field.low + 1}")
    return _bits(low, high, int(step or 1))


def _value(field: Field, text: str, context: _Context) -> int:
    value = field.value(text)
    if value is None:
        context.refuse(field, field.expected, "" if text.isdigit() else did_you_mean(text, field.labels))
    return value


def _range_end(field: Field, first: str, low: int, last: str, context: _Context) -> int:
    """Return the end of the range; a crontab week may end with Sunday as well as begin with it."""
    high = _value(field, last, context)
    if high < low and field.high == high + len(field.labels):
        high = field.high
    if high < low:
        bottom, top = field.ends(first)
        rest = last if last == bottom else f"{bottom}-{last}"
        context.refuse(field, "must have ranges that go up", f" Write '{first}-{top},{rest}'.")
    return high


def _bits(low: int, high: int, step: int) -> int:
    """Return the bits of each value from `low` on, a `step` apart, up to `high`: a geometric series, moved up."""
    if step == 1:
        return (2 << high) - (1 << low)
    count = (high - low) // step + 1
    return ((1 << step * count) - 1) // ((1 << step) - 1) << low


def lowest(mask: int) -> int:
    """Return the lowest value whose bit is set; there must be one."""
    return (mask & -mask).bit_length() - 1


def highest(mask: int) -> int:
    """Return the highest value whose bit is set; there must be one."""
    return mask.bit_length() - 1


def values_of(mask: int) -> Iterator[int]:
    """Yield the values whose bits are set, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
