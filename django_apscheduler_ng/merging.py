"""What code declares and what the database holds, brought together when a node starts.

Merged column by column: new in code is added; changed in code and not by people is updated; changed by both stays as people left
it. Next run times, pauses and history stay wherever the trigger does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import IntegrityError

from .actors import acting
from .declarations import Declaration
from .job import Job
from .jobstores.django import DjangoJobStore
from .models import Origin, ScheduledJob
from .planning import first_plan
from .retiring import revive
from .rows import definition
from .schedulers.api import Undefined

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What merging one declared job comes to."""

    job_id: str
    #: `added`, `updated`, `unchanged` or `differs`: changed by people, so that the code's change is not taken over.
    outcome: str
    #: Columns that are updated, or that differ.
    columns: tuple[str, ...] = ()
    #: Columns that differ and are left as they are, because people changed them.
    left: tuple[str, ...] = ()


def merge(store: DjangoJobStore, declarations: Iterable[Declaration], defaults: Mapping[str, Any]) -> list[Merge]:
    """Bring the jobs of `store` in line with the declarations for it; safe to do on several nodes at once."""
    declared = list(declarations)
    with acting(origin=Origin.CODE, reason="declared in code"):
        revive(store, [declaration.id for declaration in declared])
        merges = [_merge_job(store, declaration, defaults) for declaration in declared]
    for done in merges:
        if done.outcome in ("added", "updated"):
            logger.info("Job %r was %s from code.", done.job_id, done.outcome, extra={"job_id": done.job_id})
    return merges


def declared_job(declaration: Declaration, defaults: Mapping[str, Any]) -> Job:
    """Return the job that a declaration describes, with the default policies where it leaves them open."""
    policies = {
        name: default if isinstance(getattr(declaration, name), Undefined) else getattr(declaration, name)
        for name, default in defaults.items()
    }
    return Job(
        id=declaration.id,
        func=declaration.func,
        trigger=declaration.trigger,
        args=declaration.args,
        kwargs=declaration.kwargs,
        name=declaration.name,
        executor=declaration.executor,
        **policies,
    )


def declared_columns(job: Job) -> str:
    """Return the declared columns of a job as they are remembered."""
    return json.dumps(definition(job), sort_keys=True)


def _merge_job(store: DjangoJobStore, declaration: Declaration, defaults: Mapping[str, Any]) -> Merge:
    job = declared_job(declaration, defaults)
    now = store.clock.now()
    first = first_plan(job.id, job.trigger, now)
    job.next_fire_time, job.next_run_time = first.next_fire_time, first.next_run_time
    declared = declared_columns(job)
    try:
        return cast("Merge", store.merge_declared(job, declared, decide))
    except IntegrityError:  # another node added it at the same moment
        return cast("Merge", store.merge_declared(job, declared, decide))


def decide(row: ScheduledJob, declared: str) -> Merge:
    """Return which columns of `row` code may set: those that are as it last declared them. What people changed stays theirs."""
    now, before = json.loads(declared), json.loads(row.declared or "{}")
    different = [name for name in now if getattr(row, name) != now[name]]
    ours = [name for name in different if name in before and getattr(row, name) == before[name]]
    if "trigger" in different and "trigger" not in ours and "trigger_type" in ours:
        ours.remove("trigger_type")  # it says of what type the trigger is, and that is people's
    theirs = tuple(name for name in different if name not in ours)
    if ours:
        return Merge(job_id=row.job_id, outcome="updated", columns=tuple(ours), left=theirs)
    return Merge(job_id=row.job_id, outcome="differs" if theirs else "unchanged", columns=theirs, left=theirs)
