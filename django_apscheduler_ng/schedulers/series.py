"""Many new jobs at once: what they share is made and planned only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ..exceptions import ConflictingIdError, InvalidTriggerError
from ..job import Job
from ..planning import Plan, first_plan
from ..triggers.base import BaseTrigger

#: Types whose equal values are the same in every respect; moments, for one, may be equal in different zones.
_PLAIN = (str, int, float, bool, type(None))


class Series:
    """The triggers of the jobs that are added together."""

    def __init__(self, make: Callable[[Any, Mapping[str, Any]], BaseTrigger]) -> None:
        """Make them with `make(name, arguments)`."""
        self._make = make
        self._made: dict[Any, BaseTrigger] = {}
        self._plans: dict[int, Plan] = {}

    def trigger(self, named: BaseTrigger | str | None, arguments: Mapping[str, Any]) -> BaseTrigger:
        """Return the trigger that is described; descriptions that are the same give the same one."""
        if not isinstance(named, str) or not all(type(value) in _PLAIN for value in arguments.values()):
            return self._make(named, arguments)
        key = (named, tuple((name, type(value), value) for name, value in arguments.items()))
        if key not in self._made:
            self._made[key] = self._make(named, arguments)
        return self._made[key]

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
