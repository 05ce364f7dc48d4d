"""The options of a job, and what each of them may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from .exceptions import InvalidJobError, SchedulerError, did_you_mean
from .handover import as_callable
from .refs import callable_ref, load_callable
from .retries import Retry
from .triggers.base import BaseTrigger, as_utc
from .triggers.registry import takes

#: Longest id that every job store can keep.
MAX_ID_LENGTH = 191

#: Longest grace time, in seconds: about 30 years. None has no end.
LONGEST_GRACE = 1_000_000_000

#: Most runs of a job at once: what a column of 32 bits holds.
MOST_INSTANCES = 2**31 - 1

#: What a job does when the node that performs it dies: leave the run abandoned, or run it again.
ABANDON_POLICIES = ("abandon", "rerun")

#: What becomes of a fire time that meets a run of the same job when no instance is free: skip it, let it wait, or cancel that run.
OVERLAP_POLICIES = ("skip", "queue", "replace")

#: Levels of priority, the most urgent one first.
PRIORITIES = ("high", "normal", "low")

#: Longest timeout, in seconds: about a year.
LONGEST_TIMEOUT = 366 * 86_400

#: Options whose values are kept as they are.
PLAIN_OPTIONS = (
    "executor",
    "coalesce",
    "max_instances",
    "misfire_grace_time",
    "on_abandoned",
    "timeout",
    "overlap",
    "queue",
    "priority",
)

#: The attributes that `add_job()` and `modify()` take, `id` aside.
JOB_OPTIONS = (
    "func",
    "args",
    "kwargs",
    "name",
    "trigger",
    "executor",
    "coalesce",
    "max_instances",
    "misfire_grace_time",
    "on_abandoned",
    "timeout",
    "retry",
    "overlap",
    "queue",
    "priority",
    "next_run_time",
)


def checked_id(value: object) -> str:
    """Return `value` if it can be the id of a job."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_ID_LENGTH:
        size = f" of {len(value)} characters" if isinstance(value, str) and len(value) > MAX_ID_LENGTH else ""
        shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
        raise InvalidJobError(
            f"Job id {shown}{size} must be a non-empty string of at most {MAX_ID_LENGTH} characters. Choose another id."
        )
    return _checked_text("Job id", value, "Choose another id.")


def checked_name(value: object) -> str:
    """Return `value` if it can be the name of a job."""
    if not isinstance(value, str) or not value:
        raise InvalidJobError(
            f"Job option 'name' must be a non-empty string, got {value!r}. Leave it out for the callable's name."
        )
    return _checked_text("Job option 'name'", value, "Leave it out for the callable's name.")


def _checked_text(what: str, value: str, advice: str) -> str:
    """Return text that every job store can keep."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidJobError(
            f"{what} {value!r} must have neither NUL nor lone surrogates among its characters. {advice}"
        )
    return value


def _checked_func(value: object) -> tuple[Callable[..., Any], str | None]:
    """Return the callable and its reference; None where it has none, which only stores within the process can keep."""
    if isinstance(value, str):
        return load_callable(value), value
    value = as_callable(value)
    if not callable(value):
        raise InvalidJobError(
            f"Job option 'func' must be a callable or a reference like 'package.module:function', got {value!r}. "
            "Pass the function itself, not its result."
        )
    try:
        return value, callable_ref(value)
    except SchedulerError:
        return value, None


def _checked_args(value: object) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InvalidJobError(
            f"Job option 'args' must be a list or tuple of arguments, got {value!r}. Write args=[{value!r}]."
        )
    return tuple(value)


def _checked_kwargs(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidJobError(
            f"Job option 'kwargs' must be a mapping of argument names to values, got {value!r}. Write kwargs={{'name': value}}."
        )
    return dict(value)


def _checked_trigger(value: object) -> BaseTrigger:
    if not isinstance(value, BaseTrigger):
        raise InvalidJobError(
            f"Job option 'trigger' must be a trigger, got {value!r}. Use reschedule() to name a trigger and its arguments."
        )
    return value


def _checked_grace(value: object) -> float | None:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= LONGEST_GRACE
    ):
        raise InvalidJobError(
            f"Job option 'misfire_grace_time' must be a positive number of seconds or None, got {value!r}. "
            "None lets a run start however late."
        )
    return value


def _checked_instances(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_INSTANCES:
        raise InvalidJobError(
            f"Job option 'max_instances' must be a positive whole number, got {value!r}. Use 1 to forbid overlaps."
        )
    return value


def _checked_coalesce(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidJobError(f"Job option 'coalesce' must be True or False, got {value!r}.")
    return value


def _checked_executor(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidJobError(
            f"Job option 'executor' must be the alias of an executor, got {value!r}. 'default' always exists."
        )
    return value


def _one_of(option: str, choices: tuple[str, ...]) -> Callable[[object], str]:
    """Return the check of an option that is one of a few words."""
    *others, last = map(repr, choices)
    expected = f"{', '.join(others)} or {last}"

    def checked(value: object) -> str:
        if value not in choices:
            raise InvalidJobError(
                f"Job option {option!r} must be {expected}, got {value!r}.{did_you_mean(value, choices)}"
            )
        return str(value)

    return checked


def _checked_timeout(value: object) -> float | None:
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if number is not None and (
        isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number <= LONGEST_TIMEOUT
    ):
        raise InvalidJobError(
            f"Job option 'timeout' must be a positive number of seconds or None, got {value!r}. "
            "None lets a run take as long as it takes."
        )
    return number


def checked_queue(value: object) -> str:
    """Return `value` if it can be the name of a queue."""
    if not isinstance(value, str) or not re.fullmatch(r"[\w.:-]{1,100}", value):
        raise InvalidJobError(
            f"Job option 'queue' must be 1 to 100 letters, digits, '_', '.', ':' or '-', got {value!r}. "
            "Leave it out for 'default'."
        )
    return value


def _checked_moment(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidJobError(
            f"Job option 'next_run_time' must be an aware datetime or None, got {value!r}. Give it a time zone."
        )
    return as_utc(value)


_CHECKS: dict[str, Callable[[object], Any]] = {
    "func": _checked_func,
    "args": _checked_args,
    "kwargs": _checked_kwargs,
    "name": checked_name,
    "trigger": _checked_trigger,
    "executor": _checked_executor,
    "coalesce": _checked_coalesce,
    "max_instances": _checked_instances,
    "misfire_grace_time": _checked_grace,
    "on_abandoned": _one_of("on_abandoned", ABANDON_POLICIES),
    "timeout": _checked_timeout,
    "retry": Retry.checked,
    "overlap": _one_of("overlap", OVERLAP_POLICIES),
    "queue": checked_queue,
    "priority": _one_of("priority", PRIORITIES),
    "next_run_time": _checked_moment,
}


#: Keywords of `add_job()` that a typo may turn into an argument of the trigger.
_KEYWORDS = (
    "id",
    "jobstore",
    "replace_existing",
    *(option for option in JOB_OPTIONS if option not in ("func", "trigger")),
)


def refuse_misspelt(trigger: object, names: Iterable[str]) -> None:
    """Raise if a name that came as an argument of `trigger`, which does not take it, is nearly that of a job's option.

    Raises:
        InvalidJobError: it names the option that was meant.
    """
    for name in names:
        known = isinstance(trigger, str) and takes(trigger, name)
        if not known and (guess := did_you_mean(name, _KEYWORDS)):
            raise InvalidJobError(f"Unknown option {name!r}.{guess}")


def checked_option(name: str, value: object) -> Any:
    """Return the value of option `name` in the form a job keeps; for `func` a pair of callable and reference.

    Raises:
        InvalidJobError: there is no such option, or the value is impossible.
    """
    if name == "id":
        raise InvalidJobError("Job option 'id' cannot be changed. Remove the job and add it again under its new id.")
    if name not in _CHECKS:
        raise InvalidJobError(
            f"Unknown job option {name!r}.{did_you_mean(name, JOB_OPTIONS)} The options are {', '.join(JOB_OPTIONS)}."
        )
    return _CHECKS[name](value)
