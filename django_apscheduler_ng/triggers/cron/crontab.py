"""Expressions of five fields, as `crontab(5)` describes them."""

from __future__ import annotations

from dataclasses import replace

from ...exceptions import InvalidTriggerError, did_you_mean
from .fields import FIELDS, WEEKDAYS, Field, FieldValues, parse

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_DAY_OF_WEEK = Field(
    name="day_of_week",
    low=0,
    high=7,
    labels=("sun", *WEEKDAYS[:-1]),
    expected="must be within 0-7 (0 and 7 are Sunday) or sun-sat",
)
_ORDER: tuple[Field, ...] = (
    FIELDS["minute"],
    FIELDS["hour"],
    replace(FIELDS["day"], positions=False, expected="must be within 1-31"),
    FIELDS["month"],
    _DAY_OF_WEEK,
)


def parse_crontab(expression: object) -> dict[str, FieldValues]:
    """Return what the five fields of `expression`, or its nickname, say; weekdays with Monday = 0.

    Raises:
        InvalidTriggerError: It is neither.
    """
    if not isinstance(expression, str):
        raise InvalidTriggerError(
            f"Crontab expression must be text, got {expression!r}. Write five fields such as '30 3 * * *'."
        )
    parts = _expanded(expression).split()
    if len(parts) != len(_ORDER):
        hint = " Seconds need the argument 'second' of CronTrigger." if len(parts) == len(_ORDER) + 1 else ""
        raise InvalidTriggerError(
            "Crontab expression must have 5 fields (minute, hour, day, month, day of week), "
            f"got {len(parts)} in {expression!r}.{hint}"
        )
    found = _parse(parts, expression)
    found["day_of_week"] = _from_monday(found["day_of_week"])
    return found


def _expanded(expression: str) -> str:
    """Return the expression that a nickname stands for; anything else as it is."""
    nickname = expression.strip().lower()
    if not nickname.startswith("@"):
        return expression
    if nickname == "@reboot":
        raise InvalidTriggerError(
            f"Crontab expression must be one with fire times, got {expression!r}. "
            "Call the function where the process starts instead."
        )
    if nickname not in NICKNAMES:
        hint = did_you_mean(nickname, NICKNAMES) or f" Choose among {', '.join(NICKNAMES)}."
        raise InvalidTriggerError(f"Crontab nickname must be a known one, got {expression!r}.{hint}")
    return NICKNAMES[nickname]


def _parse(parts: list[str], expression: str) -> dict[str, FieldValues]:
    """Return what the fields say; the message of a mistake quotes the whole expression."""
    try:
        return {field.name: parse(field, part) for field, part in zip(_ORDER, parts, strict=True)}
    except InvalidTriggerError:
        pass
    return {field.name: parse(field, part, expression) for field, part in zip(_ORDER, parts, strict=True)}


def _from_monday(values: FieldValues) -> FieldValues:
    """Return the weekdays counted from Monday = 0 instead of Sunday = 0 and 7."""
    sunday = (values.mask | values.mask >> 7) & 1
    return FieldValues(values.text, values.mask >> 1 & 0b0111111 | sunday << 6)
