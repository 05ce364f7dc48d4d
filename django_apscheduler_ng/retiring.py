"""Jobs that code has ceased to declare.

A job that comes from code is retired when no live node declares it any more: it rests, and everything else of it stays. It goes
on when a node declares it again. A node looks when it starts, when others have come or gone (with the last code that declared a job,
perhaps), and now and then. Each node has written down what it declares before it looks, so that none is overlooked.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from .actors import acting
from .conf import get_config
from .declarations import declared
from .edits import end_if_over, write_runtime
from .journal import Journal
from .models import Origin, ScheduledJob, SchedulerNode
from .planning import first_plan
from .rows import to_job

if TYPE_CHECKING:
    from .jobstores.django import DjangoJobStore

logger = logging.getLogger(__name__)

#: How often a node looks whether jobs are to be retired while no other one comes or goes, in seconds.
INTERVAL = 600.0

#: Ids that one statement asks for.
_PART = 500

_BY_NOBODY = "declared by no running scheduler"


def declared_elsewhere(store: DjangoJobStore) -> set[str]:
    """Return the ids of the jobs that live nodes have written down to declare."""
    nodes = SchedulerNode.objects.using(store.using).alive().filter(namespace=store.namespace)
    return {job_id for declares in nodes.values_list("declares", flat=True) for job_id in json.loads(declares)}


def undeclared(store: DjangoJobStore, ids: Collection[str]) -> list[ScheduledJob]:
    """Return the jobs that come from code, are not retired, and whose ids are not among `ids`."""
    jobs = ScheduledJob.objects.using(store.using).of(store.namespace).retirable(get_config().environment)
    gone = [pk for pk, job_id in jobs.values_list("pk", "job_id") if job_id not in ids]
    return list(jobs.filter(pk__in=gone).order_by("pk"))


def retired_among(store: DjangoJobStore, ids: Collection[str]) -> list[int]:
    """Return the keys of the retired jobs with one of these ids, in order."""
    jobs = ScheduledJob.objects.using(store.using).of(store.namespace).filter(retired_at__isnull=False)
    wanted = sorted(ids)
    parts = (wanted[begin : begin + _PART] for begin in range(0, len(wanted), _PART))
    return sorted(pk for part in parts for pk in jobs.filter(job_id__in=part).values_list("pk", flat=True))


def retire(store: DjangoJobStore) -> list[str]:
    """Retire the jobs that no live node declares, and return their ids. Where this process has imported no declaration at all, none."""
    if not declared():
        return []
    gone = undeclared(store, declared_elsewhere(store) | set(store.declares))
    if not gone:
        return []
    with acting(origin=Origin.CODE, reason=_BY_NOBODY), store.as_one():
        retired = list(_retire(store, gone))
    for job_id in retired:
        logger.warning(
            "Job %r is retired: no running scheduler declares it any more. It goes on when one does.",
            job_id,
            extra={"job_id": job_id},
        )
    return retired


def _retire(store: DjangoJobStore, rows: Collection[ScheduledJob]) -> Iterator[str]:
    """Retire each of the jobs, unless another node was faster; yields the ids."""
    journal, now = Journal(store.using, store.clock), store.clock.now()
    jobs = ScheduledJob.objects.using(store.using)
    for row in rows:
        if jobs.filter(pk=row.pk, origin=Origin.CODE, retired_at=None).update(retired_at=now):
            journal.write(row, "retired", {}, {})
            yield row.job_id


def revive(store: DjangoJobStore, ids: Collection[str]) -> list[str]:
    """Let retired jobs with these ids go on, and return which there were: paused ones paused, others at their next fire time.

    What was due meanwhile is not made up for.
    """
    keys = retired_among(store, ids)
    if not keys:
        return []
    with acting(origin=Origin.CODE, reason="declared in code"), store.as_one():
        jobs = ScheduledJob.objects.using(store.using).select_for_update()
        rows = list(jobs.filter(pk__in=keys, retired_at__isnull=False).order_by("pk"))
        for row in rows:
            _revive(store, row)
    for row in rows:
        logger.info("Job %r is declared again, and goes on.", row.job_id, extra={"job_id": row.job_id})
    return [row.job_id for row in rows]


def _revive(store: DjangoJobStore, row: ScheduledJob) -> None:
    """Let one job go on whose row is locked."""
    now = store.clock.now()
    row.retired_at, row.revision, row.updated_at = None, row.revision + 1, now
    if not row.paused and row.finished_at is None and (row.next_run_time is None or row.next_run_time < now):
        _plan_from_now(store, row)
    row.save(using=store.using)
    Journal(store.using, store.clock).write(row, "declared again", {}, {})


def _plan_from_now(store: DjangoJobStore, row: ScheduledJob) -> None:
    """Give a job the next fire time from now on; one whose trigger has none any more has finished."""
    now, job = store.clock.now(), to_job(row)
    try:
        first = first_plan(row.job_id, job.trigger, now)
    except ValueError:  # a trigger that cannot be read, or asked: a pass finds it broken
        row.planned_trigger = ""
        return
    over = first.next_fire_time is None or first.next_fire_time < now
    job.next_fire_time, job.next_run_time = (None, None) if over else (first.next_fire_time, first.next_run_time)
    write_runtime(row, job, now)
    end_if_over(row, job)


class Watch:
    """What a node does about retired jobs after its start."""

    def __init__(self, store: DjangoJobStore) -> None:
        """Look after `store`."""
        self._store = store
        self._next = 0.0
        self._others: frozenset[str] = frozenset()

    def __call__(self, others: Collection[str]) -> None:
        """Look, if there are other living nodes than the last time, or that is long enough ago."""
        now, there = self._store.clock.monotonic(), frozenset(others)
        if there != self._others or now >= self._next:
            self.look()
            self._others, self._next = there, now + INTERVAL

    def look(self) -> None:
        """Let jobs go on that this node declares, and retire those that no node does."""
        revive(self._store, self._store.declares)
        retire(self._store)
