"""A cron rule in plain English."""

from __future__ import annotations

from .fields import FIELDS, LAST, POSITIONS, values_of
from .rule import Rule, table

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAMES = {"month": _MONTHS, "day_of_week": _WEEKDAYS}
_UNITS = {"week": "ISO week"}
_WHOLES = {"second": "minute", "minute": "hour", "hour": "day"}

#: More times a day than these are not listed one by one.
_LISTED_TIMES = 6
#: More values or runs of values than these are not listed; the field's text is shown instead.
_LISTED_VALUES = 8


def describe(rule: Rule) -> str:
    """Return when `rule` fires, for instance `at 03:30 on Monday to Friday`."""
    times, days, limits = _times(rule), _days(rule), _date_limits(rule)
    if not days and (times.startswith("at ") or limits.startswith("in every")):
        days = "every day"
    return " ".join(filter(None, [times, days, limits]))


def _times(rule: Rule) -> str:
    """Return the times of day in words."""
    hour, minute, second = (rule.fields[name] for name in ("hour", "minute", "second"))
    if hour.mask.bit_count() * minute.mask.bit_count() * second.mask.bit_count() <= _LISTED_TIMES:
        return "at " + _joined([_clock(time) for time in table(rule.times)])
    if second.mask != 1:
        return _with_seconds(rule)
    if minute.mask.bit_count() > 1 and (rhythm := _rhythm(rule, "minute")):
        return rhythm + _hour_limits(rule)
    return _hours(rule)


def _with_seconds(rule: Rule) -> str:
    """Return the times of day in words if the seconds matter."""
    rhythm = _rhythm(rule, "second")
    seconds = rhythm or f"at {_listed(rule, 'second')}"
    minutes = "" if rhythm and _is_every(rule, "minute") else f" of {_listed(rule, 'minute')}"
    return seconds + minutes + _hour_limits(rule)


def _hours(rule: Rule) -> str:
    """Return the times of day in words if the minutes follow no rhythm: that of the hours, and the minutes in each."""
    found = list(values_of(rule.fields["hour"].mask))
    minutes = rule.fields["minute"].mask
    single = minutes.bit_count() == 1
    rhythm = _rhythm(rule, "hour") if len(found) > 1 else ""
    if rhythm:
        return rhythm if minutes == 1 else f"{rhythm} at {_listed(rule, 'minute')}"
    step = found[1] - found[0] if len(found) > 1 else 0
    if single and step and found == list(range(found[0], found[-1] + 1, step)):
        minute = minutes.bit_length() - 1
        return f"{_every(step, 'hour')} from {found[0]:02}:{minute:02} to {found[-1]:02}:{minute:02}"
    return f"at {_listed(rule, 'minute')} of {_listed(rule, 'hour')}"


def _hour_limits(rule: Rule) -> str:
    """Return the hours to which a rhythm is limited, or an empty string."""
    if _is_every(rule, "hour"):
        return ""
    found = list(values_of(rule.fields["hour"].mask))
    if found[-1] - found[0] == len(found) - 1:
        return f" from {found[0]:02}:00 to {found[-1]:02}:59"
    return f" in {_listed(rule, 'hour')}"


def _rhythm(rule: Rule, name: str) -> str:
    """Return `every 5 minutes` if the field steps evenly from its first value on, else an empty string."""
    values = FIELDS[name].high + 1
    found = list(values_of(rule.fields[name].mask))
    step = found[1] - found[0] if len(found) > 1 else values
    if found != list(range(0, values, step)):
        return ""
    return f"every {_ordinal(step)} {name} of the {_WHOLES[name]}" if values % step else _every(step, name)


def _every(step: int, unit: str) -> str:
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _date_limits(rule: Rule) -> str:
    """Return the months, weeks and years to which the days are limited, or an empty string."""
    restricted = [name for name in ("month", "week", "year") if not _is_every(rule, name)]
    if not _is_every(rule, "day") and not rule.dates.days.either:
        restricted = [name for name in restricted if name != "month"]
    return " ".join(f"in {_listed(rule, name)}" for name in restricted)


def _days(rule: Rule) -> str:
    """Return the days of the month and of the week in words."""
    every_day, every_weekday = _is_every(rule, "day"), _is_every(rule, "day_of_week")
    weekdays = f"on {_listed(rule, 'day_of_week')}"
    if rule.dates.days.either:
        return "" if every_day or every_weekday else f"{_days_of_month(rule)} or {weekdays}"
    if every_day:
        return "" if every_weekday else weekdays
    return _days_of_month(rule) + ("" if every_weekday else f" if it is {_listed(rule, 'day_of_week', 'or')}")


def _days_of_month(rule: Rule) -> str:
    """Return `on day 1 of the month`."""
    day = rule.fields["day"]
    found = []
    if _is_step(rule, "day"):
        found.append(f"every {_ordinal(_step(rule, 'day'))} day")
    elif day.mask:
        found.append(_listed(rule, "day"))
    names = {position: name for name, position in POSITIONS.items()}
    for position, weekday in sorted(day.positions, key=lambda item: (item[0] == LAST, item)):
        found.append(f"the {names[position]} {_WEEKDAYS[weekday]}")
    if day.last:
        found.append("the last day")
    months = "the month" if _is_every(rule, "month") else _listed(rule, "month")
    return f"on {_joined(found)} of {months}"


def _is_every(rule: Rule, name: str) -> bool:
    """Return whether the field contains all of its values."""
    field = FIELDS[name]
    return rule.fields[name].mask.bit_count() == field.high - field.low + 1


def _is_step(rule: Rule, name: str) -> bool:
    return rule.fields[name].text.startswith("*/") and "," not in rule.fields[name].text


def _step(rule: Rule, name: str) -> int:
    return int(rule.fields[name].text.removeprefix("*/"))


def _listed(rule: Rule, name: str, conjunction: str = "and") -> str:
    """Return the values of a field: names as they are, numbers after their unit."""
    names, unit = _NAMES.get(name), _UNITS.get(name, name)
    if _is_every(rule, name):
        return f"every {unit}"
    if _is_step(rule, name) and not names:
        return f"every {_ordinal(_step(rule, name))} {unit}"
    values = list(values_of(rule.fields[name].mask))
    runs = _runs(values)
    if len(runs) > _LISTED_VALUES:
        return f"{unit} {rule.fields[name].text}"
    words = _joined([_run(name, run) for run in runs], conjunction)
    return words if names or name == "year" else f"{unit}{'s' if len(values) > 1 else ''} {words}"


def _run(name: str, run: list[int]) -> str:
    """Return `2 to 5` or `Monday to Friday`."""
    ends = run if len(run) == 1 else [run[0], run[-1]]
    names = _NAMES.get(name)
    return " to ".join(names[value - FIELDS[name].low] if names else str(value) for value in ends)


def _runs(values: list[int]) -> list[list[int]]:
    """Split sorted values into runs of at least three neighbours, and single ones."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [part for run in runs for part in ([run] if len(run) > 2 else [[value] for value in run])]


def _clock(time: int) -> str:
    """Return `03:30`, or `03:30:15` where there are seconds."""
    text = f"{time // 3600:02}:{time // 60 % 60:02}"
    return f"{text}:{time % 60:02}" if time % 60 else text


def _joined(words: list[str], conjunction: str = "and") -> str:
    """Return `a, b and c`."""
    return f" {conjunction} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `11th`."""
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
