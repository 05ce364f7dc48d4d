"""The retry policy of a job: after which failures a run is tried again, how often, and how long to wait before that."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any, Self

from .exceptions import InvalidJobError, did_you_mean

#: Most attempts of a run.
MOST_ATTEMPTS = 1_000

#: Longest delay before an attempt, in seconds: 30 days.
LONGEST_DELAY = 30 * 86_400


@dataclass(frozen=True, kw_only=True)
class Retry:
    """When a failed run is tried again. Each attempt is a run of its own, with a row of its own."""

    #: Attempts in all, the first one included.
    attempts: int = 3
    #: Seconds from the end of the first attempt to the start of the second.
    delay: float = 10.0
    #: Factor by which the delay grows from attempt to attempt.
    backoff: float = 2.0
    #: Longest delay, in seconds.
    max_delay: float = 3_600.0
    #: Names of the exception classes after which there is another attempt, as tracebacks show them; empty = after any.
    on: tuple[str, ...] = ()
    #: Names of the exception classes after which there is none, whatever `on` says.
    not_on: tuple[str, ...] = ()

    @classmethod
    def checked(cls, value: object) -> Self | None:
        """Return the policy that `value` means: a number of attempts, a mapping of the fields, a policy, or None for no retry.

        Raises:
            InvalidJobError: it means none.
        """
        if value is None or isinstance(value, cls):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            value = {"attempts": value}
        if not isinstance(value, Mapping):
            raise InvalidJobError(
                f"Job option 'retry' must be a number of attempts, a mapping or None, got {value!r}. "
                "Write retry=3 or retry={'attempts': 3, 'delay': 10}."
            )
        names = [field.name for field in fields(cls)]
        for name in value:
            if name not in names:
                raise InvalidJobError(
                    f"Unknown key {name!r} of job option 'retry'.{did_you_mean(name, names)} The keys are {', '.join(names)}."
                )
        return cls(**{name: _CHECKS[name](name, part) for name, part in value.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: list(part) if isinstance(part, tuple) else part for name, part in asdict(self).items()}

    def allows(self, attempt: int, exception_names: Collection[str]) -> bool:
        """Return whether there is another attempt after number `attempt` has failed.

        Args:
            attempt: the number of the attempt that failed; 1 for the first.
            exception_names: names of the exception's class and of all its bases.
        """
        if attempt >= self.attempts or not set(self.not_on).isdisjoint(exception_names):
            return False
        return not self.on or not set(self.on).isdisjoint(exception_names)

    def delay_after(self, attempt: int) -> timedelta:
        """Return how long to wait after the failure of attempt number `attempt`."""
        if not self.delay:
            return timedelta()
        exponent = (attempt - 1) * math.log(max(self.backoff, 1.0)) + math.log(self.delay)
        return timedelta(seconds=min(self.max_delay, math.exp(min(exponent, 40.0))))


def class_name(kind: type) -> str:
    """Return the name of a class as tracebacks show it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def class_names(kind: type[BaseException]) -> tuple[str, ...]:
    """Return the names of an exception class and of all its bases but `object`."""
    return tuple(class_name(base) for base in kind.__mro__ if base is not object)


def _attempts(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ATTEMPTS:
        raise _refused(name, value, f"a whole number from 1 to {MOST_ATTEMPTS}", "1 means no retry.")
    return value


def _seconds(name: str, value: object) -> float:
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= LONGEST_DELAY:
        raise _refused(name, value, f"a number of seconds from 0 to {LONGEST_DELAY}", "0 tries again at once.")
    return number


def _factor(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 100:
        raise _refused(name, value, "a number from 1 to 100", "1 keeps the delay the same.")
    return value


def _names(name: str, value: object) -> tuple[str, ...]:
    parts: Iterable[object] = [value] if isinstance(value, str | type) or not isinstance(value, Iterable) else value
    return tuple(_name(name, part) for part in parts)


def _name(name: str, value: object) -> str:
    if isinstance(value, type) and issubclass(value, BaseException):
        return class_name(value)
    if isinstance(value, str) and value and all(part.isidentifier() for part in value.split(".")):
        return value
    raise _refused(name, value, "exception classes or their names", "Write 'TimeoutError' or 'package.module.Error'.")


def _refused(name: str, value: object, expected: str, advice: str) -> InvalidJobError:
    return InvalidJobError(f"Key {name!r} of job option 'retry' must be {expected}, got {value!r}. {advice}")


_CHECKS: Mapping[str, Callable[[str, object], Any]] = {
    "attempts": _attempts,
    "delay": _seconds,
    "max_delay": _seconds,
    "backoff": _factor,
    "on": _names,
    "not_on": _names,
}
