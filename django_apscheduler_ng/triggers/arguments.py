"""What the constructors of triggers accept, checked the same way everywhere and refused in the same words."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from ..exceptions import InvalidTriggerError, did_you_mean
from .base import BaseTrigger, as_utc
from .walltime import moments


def moment_argument(alias: str, name: str, value: object, zone: tzinfo) -> datetime | None:
    """Return the moment that `value` stands for, aware and in `zone`; None stays None.

    Args:
        alias: the trigger, for the message.
        name: the argument, for the message.
        value: a datetime, a date (its midnight) or an ISO 8601 string. Without an offset it is wall-clock time in
            `zone`: inside a gap it is the first instant after it, inside an overlap the first of the two.
        zone: the zone of the trigger.

    Raises:
        InvalidTriggerError: It is something else, or no such time exists.
    """
    if value is None:
        return None
    try:
        given = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(given, date) and not isinstance(given, datetime):
            given = datetime.combine(given, time())
        if isinstance(given, datetime):
            return _resolved(given, zone)
    except (ValueError, OverflowError):
        pass
    raise InvalidTriggerError(
        f"Argument {name!r} of trigger {alias!r} must be a datetime, a date or an ISO 8601 string "
        f"of a time that exists, got {value!r}. Write it like '2026-12-24 18:00' or '2026-12-24T18:00:00+01:00'."
    )


def _resolved(given: datetime, zone: tzinfo) -> datetime:
    """Return the moment in `zone`; UTC on the way, because arithmetic within one zone ignores its changes."""
    moment = moments(given.replace(tzinfo=None), zone)[0] if given.utcoffset() is None else given.astimezone(UTC)
    return moment.astimezone(zone)


def day_argument(alias: str, name: str, value: object) -> date | None:
    """Return the date that `value`, a date or an ISO 8601 string of one, stands for; None stays None.

    Raises:
        InvalidTriggerError: It is something else (a datetime, too), or no such date exists.
    """
    if value is None:
        return None
    try:
        given = date.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(given, date) and not isinstance(given, datetime):
            return given
    except ValueError:
        pass
    raise InvalidTriggerError(
        f"Argument {name!r} of trigger {alias!r} must be a date or an ISO 8601 string of a date that exists, "
        f"got {value!r}. Write it like '2026-12-24'; the time of day has arguments of its own."
    )


def check_order(alias: str, start: date | None, end: date | None) -> None:
    """Refuse an end before the start; both may be the same, or None. Both are dates or both are aware datetimes."""
    if start is None or end is None:
        return
    # Within one zone datetimes are compared by what clocks show, not by what comes first.
    wrong = as_utc(end) < as_utc(start) if isinstance(start, datetime) and isinstance(end, datetime) else end < start
    if wrong:
        raise InvalidTriggerError(
            f"Argument 'end_date' of trigger {alias!r} must not lie before its 'start_date', "
            f"got '{end}' and '{start}'. Correct one of them, or leave it out."
        )


def number_argument(alias: str, name: str, value: object) -> int | float:
    """Return `value` if it is a finite number of at least 0; a whole one as an int: equal numbers are stored alike."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return int(value) if value == value // 1 else float(value)
    raise InvalidTriggerError(
        f"Argument {name!r} of trigger {alias!r} must be a number of at least 0, got {value!r}. "
        "Pass a number such as 5 or 0.5."
    )


def whole_argument(alias: str, name: str, value: object, last: int | None = None) -> int:
    """Return `value` if it is an int from 0 to `last` (None = no upper bound)."""
    if type(value) is not int or value < 0 or (last is not None and value > last):
        expected = "a whole number of at least 0" if last is None else f"a whole number within 0-{last}"
        raise InvalidTriggerError(
            f"Argument {name!r} of trigger {alias!r} must be {expected}, got {value!r}. Pass a number such as 1."
        )
    return value


def jitter_argument(alias: str, value: object, period: timedelta | None = None) -> int | float | None:
    """Return the jitter in seconds, None for none; at most `period`, the time between two fire times."""
    if value is None:
        return None
    seconds = number_argument(alias, "jitter", value)
    if seconds > (period or timedelta.max).total_seconds():
        raise InvalidTriggerError(
            f"Argument 'jitter' of trigger {alias!r} must not be wider than the time between two fire times "
            f"({period or timedelta.max}), got {value!r} seconds. Pass a smaller jitter."
        )
    return seconds or None


def choice_argument(alias: str, name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a `value` that is not among the `choices`."""
    if value not in choices:
        expected = " or ".join(repr(choice) for choice in choices)
        advice = did_you_mean(value, choices) or " Pass one of them."
        raise InvalidTriggerError(f"Argument {name!r} of trigger {alias!r} must be {expected}, got {value!r}.{advice}")


def without_defaults(state: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments in `state` that say something: neither None nor 0."""
    return {name: value for name, value in state.items() if value is not None and value != 0}


def call_text(trigger: BaseTrigger) -> str:
    """Return the constructor call that makes an equal trigger, for `repr()`."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in trigger.to_state().items())
    return f"{type(trigger).__name__}({arguments})"
