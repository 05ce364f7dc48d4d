"""Jobs of other schedulers on their way here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..documents import Reader
from ..exceptions import SchedulerError
from ..job import Job
from ..serialization import dump_trigger, dump_value
from ..triggers.base import BaseTrigger

#: How many fire times are compared.
COMPARED = 100

#: Returns the next so many fire times of the old scheduler from a moment on.
OldTimes = Callable[[datetime, int], list[datetime]]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A job of another scheduler, and what becomes of it."""

    #: How messages call it: its id, or the line that it stands in.
    label: str
    #: The job as it will be here; None = it cannot be imported.
    job: Job | None = None
    #: Why it cannot.
    refusal: str = ""
    #: What is different here, and what is to be known.
    notes: Sequence[str] = ()
    #: None = they cannot be computed; `not_compared` says why.
    old_times: OldTimes | None = field(default=None, repr=False)

    not_compared: str = ""

    def refused(self, reason: object) -> Candidate:
        """Return the same without the job."""
        return replace(self, job=None, refusal=str(reason))


def describe(
    *, job_id: str, func: str, args: Iterable[Any], kwargs: dict[str, Any], trigger: BaseTrigger, **more: Any
) -> dict[str, Any]:
    """Return a job as a document of jobs would describe it; `more` are fields of that.

    Raises:
        SchedulerError: an argument cannot be stored.
    """
    return {
        "id": job_id,
        "func": func,
        "args": json.loads(dump_value(list(args), where="args")),
        "kwargs": json.loads(dump_value(kwargs, where="kwargs")),
        "trigger": json.loads(dump_trigger(trigger)),
        **more,
    }


def with_job(candidate: Candidate, reader: Reader, described: Callable[[], dict[str, Any]]) -> Candidate:
    """Return the candidate with the job that `described()` describes, or with the reason why there is none."""
    try:
        return replace(candidate, job=reader.job(described()))
    except SchedulerError as error:
        return candidate.refused(str(error).lstrip(",: "))
