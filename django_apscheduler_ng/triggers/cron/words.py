"""A cron rule in plain words."""

from __future__ import annotations

from typing import NamedTuple

from ..wording import every, gettext, pgettext
from .fields import FIELDS, LAST, values_of
from .phrases import NAMES, all_of, limited, numbered, one_of, positioned, stepping, uneven, value_word
from .rule import Rule, table

#: More times a day than these are not listed one by one.
_LISTED_TIMES = 6
#: More values or runs of values than these are not listed; the field's text is shown instead.
_LISTED_VALUES = 8


class _Times(NamedTuple):
    """The times of day in words."""

    words: str
    #: Whether they are told as a rhythm, `every 5 minutes`, which need not be said to go on every day.
    rhythm: bool


def describe(rule: Rule) -> str:
    """Return when `rule` fires, for instance `at 03:30 on Monday to Friday`."""
    (words, rhythm), days, limits = _times(rule), _days(rule), _limiting(rule)
    if not days and (not rhythm or (limits and _is_step(rule, limits[0]) and limits[0] not in NAMES)):
        days = gettext("every day")
    if days:
        words = gettext("%(times)s %(days)s") % {"times": words, "days": days}
    for name in limits:
        words = gettext("%(rule)s %(limit)s") % {"rule": words, "limit": limited(name, _listed(rule, name))}
    return words


def _times(rule: Rule) -> _Times:
    """Return the times of day in words."""
    hour, minute, second = (rule.fields[name] for name in ("hour", "minute", "second"))
    if hour.mask.bit_count() * minute.mask.bit_count() * second.mask.bit_count() <= _LISTED_TIMES:
        return _at(all_of([_clock(time) for time in table(rule.times)]))
    if second.mask != 1:
        return _with_seconds(rule)
    if minute.mask.bit_count() > 1 and (rhythm := _rhythm(rule, "minute")):
        return _Times(_within_hours(rule, rhythm), True)
    return _hours(rule)


def _at(times: str) -> _Times:
    return _Times(gettext("at %(times)s") % {"times": times}, False)


def _with_seconds(rule: Rule) -> _Times:
    """Return the times of day in words if the seconds matter."""
    rhythm = _rhythm(rule, "second")
    words = rhythm or _at(_listed(rule, "second")).words
    if not rhythm or not _is_every(rule, "minute"):
        words = gettext("%(seconds)s of %(minutes)s") % {"seconds": words, "minutes": _listed(rule, "minute")}
    return _Times(_within_hours(rule, words), bool(rhythm))


def _hours(rule: Rule) -> _Times:
    """Return the times of day in words if the minutes follow no rhythm: that of the hours, and the minutes in each."""
    found = list(values_of(rule.fields["hour"].mask))
    minutes = rule.fields["minute"].mask
    single = minutes.bit_count() == 1
    rhythm = _rhythm(rule, "hour") if len(found) > 1 else ""
    if rhythm:
        at = gettext("%(rhythm)s at %(time)s") % {"rhythm": rhythm, "time": _listed(rule, "minute")}
        return _Times(rhythm if minutes == 1 else at, True)
    step = found[1] - found[0] if len(found) > 1 else 0
    if single and step and found == list(range(found[0], found[-1] + 1, step)):
        minute = minutes.bit_length() - 1
        return _Times(
            _from_to(every({"hours": step}), f"{found[0]:02}:{minute:02}", f"{found[-1]:02}:{minute:02}"), True
        )
    return _at(
        gettext("%(minutes)s of %(hours)s") % {"minutes": _listed(rule, "minute"), "hours": _listed(rule, "hour")}
    )


def _within_hours(rule: Rule, times: str) -> str:
    """Return the times with the hours to which they are limited."""
    if _is_every(rule, "hour"):
        return times
    found = list(values_of(rule.fields["hour"].mask))
    if found[-1] - found[0] == len(found) - 1:
        return _from_to(times, f"{found[0]:02}:00", f"{found[-1]:02}:59")
    return gettext("%(times)s in %(hours)s") % {"times": times, "hours": _listed(rule, "hour")}


def _from_to(times: str, start: str, end: str) -> str:
    return gettext("%(times)s from %(start)s to %(end)s") % {"times": times, "start": start, "end": end}


def _rhythm(rule: Rule, name: str) -> str:
    """Return `every 5 minutes` if the field steps evenly from its first value on, else an empty string."""
    values = FIELDS[name].high + 1
    found = list(values_of(rule.fields[name].mask))
    step = found[1] - found[0] if len(found) > 1 else values
    if found != list(range(0, values, step)):
        return ""
    return uneven(name, step) if values % step else every({f"{name}s": step})


def _limiting(rule: Rule) -> list[str]:
    """Return the fields that limit the days to some months, weeks or years."""
    restricted = [name for name in ("month", "week", "year") if not _is_every(rule, name)]
    if not _is_every(rule, "day") and not rule.dates.days.either:
        restricted = [name for name in restricted if name != "month"]
    return restricted


def _days(rule: Rule) -> str:
    """Return the days of the month and of the week in words."""
    every_day, every_weekday = _is_every(rule, "day"), _is_every(rule, "day_of_week")
    if every_weekday or (every_day and rule.dates.days.either):
        return "" if every_day or rule.dates.days.either else _days_of_month(rule)
    weekdays = gettext("on %(weekdays)s") % {"weekdays": _listed(rule, "day_of_week")}
    if every_day:
        return weekdays
    if rule.dates.days.either:
        return gettext("%(days)s or %(weekdays)s") % {"days": _days_of_month(rule), "weekdays": weekdays}
    weekdays = one_of(_runs_of_values(rule, "day_of_week"))
    return gettext("%(days)s if it is %(weekdays)s") % {"days": _days_of_month(rule), "weekdays": weekdays}


def _days_of_month(rule: Rule) -> str:
    """Return `on day 1 of the month`."""
    day = rule.fields["day"]
    found = [_listed(rule, "day")] if day.mask else []
    for position, weekday in sorted(day.positions, key=lambda item: (item[0] == LAST, item)):
        found.append(positioned(position, weekday))
    if day.last:
        found.append(gettext("the last day"))
    if _is_every(rule, "month"):
        return gettext("on %(days)s of the month") % {"days": all_of(found)}
    return gettext("on %(days)s of %(months)s") % {"days": all_of(found), "months": _listed(rule, "month")}


def _is_every(rule: Rule, name: str) -> bool:
    """Return whether the field contains all of its values."""
    field = FIELDS[name]
    return rule.fields[name].mask.bit_count() == field.high - field.low + 1


def _is_step(rule: Rule, name: str) -> bool:
    return rule.fields[name].text.startswith("*/") and "," not in rule.fields[name].text


def _listed(rule: Rule, name: str) -> str:
    """Return the values of a field: names as they are, numbers after their unit."""
    if name not in NAMES and _is_every(rule, name):
        return every({f"{name}s": 1})
    if name not in NAMES and _is_step(rule, name):
        return stepping(name, int(rule.fields[name].text.removeprefix("*/")))
    runs = _runs_of_values(rule, name)
    if len(runs) > _LISTED_VALUES:
        return numbered(name, rule.fields[name].text, 1)
    words = all_of(runs)
    return words if name in NAMES else numbered(name, words, rule.fields[name].mask.bit_count())


def _runs_of_values(rule: Rule, name: str) -> list[str]:
    """Return the values of a field in words, neighbours as `2 to 5` or `Monday to Friday`."""
    return [_run(name, run) for run in _runs(list(values_of(rule.fields[name].mask)))]


def _run(name: str, run: list[int]) -> str:
    """Return `2 to 5` or `Monday to Friday`."""
    first, last = value_word(name, run[0]), value_word(name, run[-1])
    if len(run) == 1:
        return first
    span = gettext("%(first)s to %(last)s") if name in NAMES else pgettext("numbers", "%(first)s to %(last)s")
    return span % {"first": first, "last": last}


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
