"""Errors that callers may want to catch, and the words they are made of.

Every message has three parts: the value and the name as the user wrote it, what is expected, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class SchedulerError(Exception):
    """Base class of every error that this package raises on purpose."""

    def __str__(self) -> str:
        """Return the message as it was written (a `KeyError` would show it in quotes)."""
        return str(self.args[0]) if self.args else ""


class ConfigurationError(SchedulerError, ValueError):
    """An option, alias or setting is unknown or has an impossible value."""


class InvalidTriggerError(SchedulerError, ValueError):
    """A trigger was described in a way that cannot work."""


class InvalidJobError(SchedulerError, ValueError):
    """A job's definition cannot work: its arguments, policies or id."""


class CallableReferenceError(SchedulerError, LookupError):
    """A callable cannot be named, or a name does not lead to a callable."""


class UnstorableError(SchedulerError, TypeError):
    """A value has no place in a job store that outlives the process."""


class StoredDataError(SchedulerError, ValueError):
    """Stored text cannot be read back: it is damaged, foreign or newer than this version."""


class JobLookupError(SchedulerError, KeyError):
    """The job is not in the job store."""


class ConflictingIdError(SchedulerError, KeyError):
    """A job with this id is already in the job store."""


class SchedulerAlreadyRunningError(SchedulerError, RuntimeError):
    """The scheduler was started or configured while it was running."""


class RunLookupError(SchedulerError, KeyError):
    """There is no run with this id."""

    def __init__(
        self,
        run_id: object,
        jobstore: str,
        advice: str = "It may have been pruned; `manage.py scheduler runs` lists what is there.",
    ) -> None:
        """Name the id and the job store, and say what to make of it."""
        super().__init__(run_id)
        self._message = f"Run {run_id!r} is not in job store {jobstore!r}. {advice}"

    def __str__(self) -> str:
        """Return the message as it is, where a KeyError shows it in quotes."""
        return self._message


class RunStateError(SchedulerError, ValueError):
    """A run is not in a state in which this can be done to it."""


class ProgressError(SchedulerError, ValueError):
    """A run reported a progress that is none."""


class SchedulerNotRunningError(SchedulerError, RuntimeError):
    """The scheduler was asked to stop, pause or resume while it was not running."""


class MissingExtraError(SchedulerError, ImportError):
    """A part of this package needs another one that is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        """Say that `what` needs `package`, and which extra brings it."""
        super().__init__(
            f"{what} needs the package {package}, which is not installed. "
            f'Install it with: pip install "django-apscheduler-ng[{extra}]"'
        )


class WorkerError(SchedulerError, RuntimeError):
    """A run did not cross the border to a worker process or back, or the process ended under it."""


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Say what to install where the `with` block imports a package that is not installed.

    Args:
        what: name of what needs the package.
        extra: name of the extra of this package that brings it.

    Raises:
        MissingExtraError: the package is not installed. Other errors, of a package that is damaged for one, are left as they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, str(error.name).partition(".")[0], extra) from error


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the choice closest to `value`, or an empty string when none is close."""
    close = difflib.get_close_matches(str(value), list(choices), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def in_a_series(
    index: int,
    job_id: object,
    make: Callable[_Arguments, _Result],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Result:
    """Return `make(*args, **kwargs)`, which is done for one job of a series; an error says for which.

    Args:
        index: of the job in the series, from 0.
        job_id: its id, where it has one.
        make: what is done.
        *args: of `make`.
        **kwargs: of `make`.
    """
    try:
        return make(*args, **kwargs)
    except SchedulerError as error:
        named = "" if job_id is None else f" ({job_id!r})"
        raise type(error)(f"Job {index} of the series{named} cannot be added, so none was: {error}") from error
