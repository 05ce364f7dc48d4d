"""Jobs that come from another job store, or from a file: they bring a state that they have reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..exceptions import ConflictingIdError
from ..job import Job
from ..planning import due_at
from ..triggers.base import as_utc
from .keeping import JobKeeper

#: Ids in one message.
_MOST_IDS = 20


def take_in(store: JobKeeper, jobs: Sequence[Job], *, replace: bool) -> set[str]:
    """Add jobs that have been elsewhere, all or none, and return the ids of those that took the place of a job in `store`.

    They keep the run times that they bring. Where a job that is there has gone beyond that already, it goes on from where it is: no
    fire time is run twice.

    Args:
        store: the job store.
        jobs: each with an id of its own.
        replace: let them take the place of jobs with their ids.

    Raises:
        ConflictingIdError: ids are taken and `replace` is False; they are listed.
        SchedulerError: a job cannot be stored.
    """
    with store.as_one():
        known = taken_ids(store, jobs, replace=replace)
        replaced: list[Job] = []
        try:
            for job in jobs:
                if job.id in known and (existing := store.lookup_job(job.id)) is not None:
                    _catch_up(job, existing, store.clock.now())
                    store.replace_job(job)
                    replaced.append(existing)
            store.add_jobs([job for job in jobs if job.id not in known])
        except BaseException:
            for existing in [] if store.transactional else replaced:
                store.update_job(existing)
            raise
    return known


def taken_ids(store: JobKeeper, jobs: Sequence[Job], *, replace: bool) -> set[str]:
    """Return the ids of these jobs that jobs in `store` have.

    Raises:
        ConflictingIdError: there are some, and `replace` is False.
    """
    known = store.known_ids(job.id for job in jobs)
    if known and not replace:
        ids = sorted(known)
        more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
        raise ConflictingIdError(
            f"{len(ids)} of {len(jobs)} job(s) already exist in job store {store.alias!r}, so none was added: "
            f"{', '.join(map(repr, ids[:_MOST_IDS]))}{more}. Pass replace_existing=True to replace them."
        )
    return known


def _catch_up(job: Job, existing: Job, now: datetime) -> None:
    """Let `job` go on after the last fire time that `existing` has dealt with, where it is behind."""
    through, fire_time = existing.claimed_through, job.next_fire_time
    if not job.run_time_chosen or through is None or fire_time is None or fire_time > through:
        return
    following = job.trigger.get_next_fire_time(through, now)
    if following is None:
        job.next_fire_time, job.next_run_time = existing.next_fire_time, existing.next_run_time
    else:
        job.next_fire_time = as_utc(following)
        job.next_run_time = due_at(job.id, job.trigger, job.next_fire_time)
