"""Options as people write them, nested or dotted, typed or as strings, made into one nested dict of typed values.

Names in messages are dotted paths (`executors.default.max_workers`), whichever way the option was written.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django_apscheduler_ng.exceptions import ConfigurationError, InvalidJobError, did_you_mean
from django_apscheduler_ng.policies import checked_queue
from django_apscheduler_ng.retries import Retry

#: Prefixes that dotted keys may have; one configuration uses one of them.
PREFIXES = ("apscheduler.", "django_apscheduler_ng.")

_WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


class OptionError(ConfigurationError):
    """An option that cannot be used. The message keeps its parts, for reports that show advice on its own."""

    def __init__(self, problem: str, advice: str = "") -> None:
        """Join what is wrong and what is expected (`problem`) with what to do (`advice`)."""
        super().__init__(f"{problem} {advice}".rstrip())
        self.problem = problem
        self.advice = advice


def normalise_options(config: Mapping[str, Any], prefixes: Sequence[str] = PREFIXES) -> dict[str, Any]:
    """Return `config` as a new nested dict.

    Keys of `config` itself may be dotted (`executors.default.max_workers`) and may carry one of the `prefixes`; keys
    further inside are taken as they are. Parts of one option that come from several keys are merged. Values are not
    converted.

    Raises:
        OptionError: two prefixes are mixed, or an option is given twice.
    """
    _check_prefixes(config, prefixes)
    nested: dict[str, Any] = {}
    for key, value in config.items():
        _merge(nested, _without_prefix(key, prefixes).split("."), value)
    return nested


def _check_prefixes(config: Mapping[str, Any], prefixes: Sequence[str]) -> None:
    """Refuse keys that are no strings, and two prefixes side by side."""
    first: dict[str, str] = {}
    for key in config:
        if not isinstance(key, str):
            raise OptionError(f"Option name {key!r} must be a string.", "Write it in quotes.")
        for prefix in prefixes:
            if key.startswith(prefix):
                first.setdefault(prefix, key)
    if len(first) > 1:
        one, other = first.values()
        raise OptionError(
            f"Options {one!r} and {other!r} have different prefixes; one configuration has one prefix.",
            f"Begin all of them with {prefixes[0]!r}.",
        )


def _without_prefix(key: str, prefixes: Sequence[str]) -> str:
    return next((key.removeprefix(prefix) for prefix in prefixes if key.startswith(prefix)), key)


def _merge(node: dict[Any, Any], path: Sequence[Any], value: Any, above: tuple[Any, ...] = ()) -> None:
    """Put `value` at `path` below `node`, entry by entry where it is a mapping."""
    part, *rest = path
    above = (*above, part)
    if not rest and not isinstance(value, Mapping):
        if part in node:
            raise _given_twice(above)
        node[part] = value
        return
    inner = node.setdefault(part, {})
    if not isinstance(inner, dict):
        raise _given_twice(above)
    for key, item in [(rest, value)] if rest else [([key], item) for key, item in value.items()]:
        _merge(inner, key, item, above)


def _given_twice(path: Sequence[Any]) -> OptionError:
    return OptionError(
        f"Option {'.'.join(map(str, path))!r} is given twice; one value is expected.",
        "Keep either the nested or the dotted key.",
    )


def unknown_options(given: Iterable[object], known: Collection[str], where: str = "") -> list[OptionError]:
    """Return one error for each name in `given` that is not `known`.

    Args:
        given: the names as they were written, or a mapping with them as keys.
        known: the names there are.
        where: dotted path of the options that have these names; empty at the top.
    """
    return [_unknown(name, known, where) for name in given if name not in known]


def check_keys(given: Iterable[object], known: Collection[str], where: str = "") -> None:
    """Refuse the first name in `given` that is not `known`; the arguments are those of `unknown_options`."""
    for error in unknown_options(given, known, where):
        raise error


def _unknown(name: object, known: Collection[str], where: str) -> OptionError:
    shown = f"{where}.{name}" if where else str(name)
    return OptionError(f"Unknown option {shown!r}.", suggest(name, known))


def suggest(value: object, known: Collection[str]) -> str:
    """Return the sentence that leads from a wrong name to a right one; upper and lower case are the same."""
    guess = did_you_mean(str(value).lower(), known).lstrip()
    return guess or (f"Expected one of: {', '.join(sorted(known))}." if known else "No options are expected here.")


def as_int(value: object, name: str, *, minimum: int = 0) -> int:
    """Return a whole number, also from text such as `'20'`; at least `minimum`."""
    number = _number(value)
    if number is None or number != int(number) or number < minimum:
        raise wrong_value(value, name, f"a whole number, at least {minimum}", "Write it as 20 or '20'.")
    return int(number)


def as_bool(value: object, name: str) -> bool:
    """Return a truth value, also from text such as `'false'`, `'no'`, `'off'` and `'0'`."""
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, bool):
        return word
    if isinstance(word, str) and word in _WORDS:
        return _WORDS[word]
    raise wrong_value(value, name, "true or false", "Write it as True, False, 'true' or 'false'.")


def as_seconds(value: object, name: str, *, positive: bool = False) -> float:
    """Return a duration in seconds from a number, text such as `'1.5'` or a timedelta; not negative."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else _number(value)
    if seconds is None or seconds < 0 or (positive and seconds == 0):
        expected = "a number of seconds above 0" if positive else "a number of seconds, at least 0"
        raise wrong_value(value, name, expected, "Write it as 30, 1.5, '30' or a timedelta.")
    return float(seconds)


def is_none(value: object) -> bool:
    """Return whether the value says that there is none: None itself, or the text for it."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("none", "null"))


def as_mapping(value: object, name: str, example: str) -> Mapping[str, Any]:
    """Return `value` if it is a mapping with text as keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong_value(value, name, "a dict with text as keys", f"Write it as {example}.")
    return value


def as_text(value: object, name: str, *, limit: int) -> str:
    """Return `value` if it is text of at most `limit` characters."""
    if not isinstance(value, str) or len(value) > limit:
        raise wrong_value(value, name, f"text of at most {limit} characters", "Write it in quotes.")
    return value


def as_choice(value: object, name: str, *, choices: Collection[str]) -> str:
    """Return `value` if it is one of the `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise wrong_value(value, name, f"one of: {', '.join(choices)}", did_you_mean(value, choices).lstrip())
    return value


def as_retry(value: object, name: str) -> Retry | None:
    """Return the retry policy of a number of attempts or a mapping."""
    number = _number(value) if isinstance(value, str) else None
    try:
        return Retry.checked(int(number) if number is not None and number.is_integer() else value)
    except InvalidJobError as error:
        raise OptionError(f"Option {name!r}: {error}") from error


def as_queue(value: object, name: str) -> str:
    """Return the name of a queue."""
    try:
        return checked_queue(value)
    except InvalidJobError as error:
        raise OptionError(f"Option {name!r}: {error}") from error


def _number(value: object) -> float | None:
    """Return a finite number from a number or text; None when there is none in it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def wrong_value(value: object, name: str, expected: str, advice: str) -> OptionError:
    """Return the error for an option whose value is not what is `expected`."""
    return OptionError(f"Option {name!r} must be {expected}, got {value!r}.", advice)
