"""Many new jobs at once: what they share is made and planned only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import FunctionType
from typing import Any

from ..exceptions import ConflictingIdError, InvalidTriggerError
from ..job import Job
from ..planning import Plan, first_plan
from ..triggers.base import BaseTrigger

#: Types whose equal values are the same in every respect; moments, for one, may be equal in different zones.
_PLAIN = (str, int, float, bool, type(None))

#: Options that each job has for itself.
_OWN = ("id", "args", "kwargs")


class Series:
    """What the jobs that are added together have in common: triggers, callables and policies."""

    def __init__(self, make: Callable[[Any, Mapping[str, Any]], BaseTrigger]) -> None:
        """Make them with `make(name, arguments)`."""
        self._make = make
        self._made: dict[Any, BaseTrigger] = {}
        self._jobs: dict[Any, Job] = {}
        self._plans: dict[int, Plan] = {}

    def trigger(self, named: BaseTrigger | str | None, arguments: Mapping[str, Any]) -> BaseTrigger:
        """Return the trigger that is described; descriptions that are the same give the same one."""
        if not isinstance(named, str) or not all(type(value) in _PLAIN for value in arguments.values()):
            return self._make(named, arguments)
        key = (named, tuple((name, type(value), value) for name, value in arguments.items()))
        if key not in self._made:
            self._made[key] = self._make(named, arguments)
        return self._made[key]

    def job(
        self,
        func: Callable[..., Any] | str,
        trigger: BaseTrigger,
        options: Mapping[str, Any],
        make: Callable[..., Job],
    ) -> Job:
        """Return `make(func, trigger, **options)`; of jobs with one callable and the same policies only the first is really made."""
        if "next_run_time" in options or not isinstance(func, (str, FunctionType)):
            return make(func, trigger, **options)
        shared = [(name, type(value), value) for name, value in options.items() if name not in _OWN]
        if not all(kind in _PLAIN for _, kind, _ in shared):
            return make(func, trigger, **options)
        key = (func, *shared)
        if key not in self._jobs:
            self._jobs[key] = make(func, trigger, **options)
            return self._jobs[key]
        own = (options.get("id"), options.get("args", ()), options.get("kwargs"))
        return self._jobs[key].sibling(id=own[0], trigger=trigger, args=own[1], kwargs=own[2])

    def plan(self, job: Job, now: datetime) -> None:
        """Give the job its first run time. Only jitter makes that depend on the job."""
        planned = plan_first(job, now, self._plans.get(id(job.trigger)))
        if planned is not None and not job.trigger.jitter:
            self._plans[id(job.trigger)] = planned


def plan_first(job: Job, now: datetime, known: Plan | None = None) -> Plan | None:
    """Give a job its first run time, where it was not chosen by hand; returns the plan that it comes from.

    Args:
        job: the new job.
        now: the time of its store.
        known: its plan, where that is known.

    Raises:
        InvalidTriggerError: its trigger never fires.
    """
    if job.run_time_chosen:
        return None
    first = known or first_plan(job.id, job.trigger, now)
    if first.next_fire_time is None:
        raise InvalidTriggerError(
            f"Trigger {job.trigger} of job {job.id!r} never fires after now. Give it a fire time in the future."
        )
    job.next_fire_time, job.next_run_time = first.next_fire_time, first.next_run_time
    return first


def refuse_doubles(jobs: Iterable[Job]) -> None:
    """Refuse jobs of which two have the same id.

    Raises:
        ConflictingIdError: naming the second one.
    """
    seen: set[str] = set()
    for index, job in enumerate(jobs):
        if job.id in seen:
            raise ConflictingIdError(
                f"Job {index} of the series ({job.id!r}) has the id of one before it. Give each an id of its own; none was added."
            )
        seen.add(job.id)
