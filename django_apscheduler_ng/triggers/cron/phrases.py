"""The names and phrases that a cron rule is told in, in the language that is active."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..wording import gettext, gettext_noop, joined, ngettext
from .fields import FIELDS, LAST

_MONTHS = (
    gettext_noop("January"),
    gettext_noop("February"),
    gettext_noop("March"),
    gettext_noop("April"),
    gettext_noop("May"),
    gettext_noop("June"),
    gettext_noop("July"),
    gettext_noop("August"),
    gettext_noop("September"),
    gettext_noop("October"),
    gettext_noop("November"),
    gettext_noop("December"),
)
_WEEKDAYS = (
    gettext_noop("Monday"),
    gettext_noop("Tuesday"),
    gettext_noop("Wednesday"),
    gettext_noop("Thursday"),
    gettext_noop("Friday"),
    gettext_noop("Saturday"),
    gettext_noop("Sunday"),
)
#: Fields whose values have names.
NAMES = {"month": _MONTHS, "day_of_week": _WEEKDAYS}

#: Steps that do not divide the whole evenly.
_UNEVEN = {
    "second": gettext_noop("every %(nth)s second of the minute"),
    "minute": gettext_noop("every %(nth)s minute of the hour"),
    "hour": gettext_noop("every %(nth)s hour of the day"),
}
_STEPS = {
    "second": gettext_noop("every %(nth)s second"),
    "minute": gettext_noop("every %(nth)s minute"),
    "hour": gettext_noop("every %(nth)s hour"),
    "day": gettext_noop("every %(nth)s day"),
    "week": gettext_noop("every %(nth)s ISO week"),
    "year": gettext_noop("every %(nth)s year"),
}
_VALUES: Mapping[str, Callable[[int], str]] = {
    "second": lambda number: ngettext("second %(values)s", "seconds %(values)s", number),
    "minute": lambda number: ngettext("minute %(values)s", "minutes %(values)s", number),
    "hour": lambda number: ngettext("hour %(values)s", "hours %(values)s", number),
    "day": lambda number: ngettext("day %(values)s", "days %(values)s", number),
    "week": lambda number: ngettext("ISO week %(values)s", "ISO weeks %(values)s", number),
}
_LIMITS = {
    "month": gettext_noop("in %(months)s"),
    "week": gettext_noop("in %(weeks)s"),
    "year": gettext_noop("in %(years)s"),
}


def all_of(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return joined(words, gettext(", "), gettext("%(first)s and %(last)s"))


def one_of(words: Sequence[str]) -> str:
    """Return `a, b or c`."""
    return joined(words, gettext(", "), gettext("%(first)s or %(last)s"))


def uneven(name: str, step: int) -> str:
    """Return `every 7th minute of the hour`."""
    return gettext(_UNEVEN[name]) % {"nth": _ordinal(step)}


def stepping(name: str, step: int) -> str:
    """Return `every 2nd ISO week`."""
    return gettext(_STEPS[name]) % {"nth": _ordinal(step)}


def numbered(name: str, values: str, count: int) -> str:
    """Return `minutes 5 and 10` for the values of a field; those of the year speak for themselves."""
    return _VALUES[name](count) % {"values": values} if name in _VALUES else values


def limited(name: str, values: str) -> str:
    """Return `in June`."""
    return gettext(_LIMITS[name]) % {f"{name}s": values}


def value_word(name: str, value: int) -> str:
    """Return the name of a value, or its number."""
    names = NAMES.get(name)
    return gettext(names[value - FIELDS[name].low]) if names else str(value)


def positioned(position: int, weekday: int) -> str:
    """Return `the 2nd Tuesday`."""
    day = gettext(_WEEKDAYS[weekday])
    if position == LAST:
        return gettext("the last %(weekday)s") % {"weekday": day}
    return gettext("the %(nth)s %(weekday)s") % {"nth": _ordinal(position), "weekday": day}


def _ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `11th`."""
    digit = 0 if 10 < number % 100 < 14 else number % 10
    ordinals = {1: gettext("%(number)dst"), 2: gettext("%(number)dnd"), 3: gettext("%(number)drd")}
    return ordinals.get(digit, gettext("%(number)dth")) % {"number": number}
