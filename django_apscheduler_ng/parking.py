"""Jobs that wait for one of their runs to end, because all of their instances are running: parked ones."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection
from threading import Lock

from django.db import DatabaseError, InterfaceError

from .connections import PASSING_ERRORS, begin_with_a_write, transaction_of_its_own
from .models import JobRun, ScheduledJob

logger = logging.getLogger(__name__)


class Parking:
    """Wakes parked jobs when their runs have ended. May be used from any thread; never raises what the database raises.

    Who cannot be woken is woken later: by the next end, or with the next heartbeat. Where this node dies before that, the job is
    looked at again after a while all the same: its row says when.
    """

    def __init__(self, using: str, wakeup: Callable[[], None]) -> None:
        """Wake jobs in this database, and call `wakeup()` where that makes one due."""
        self._using = using
        self._wakeup = wakeup
        self._lock = Lock()
        self._left: set[int] = set()

    def wake(self, job_keys: Collection[int] = ()) -> None:
        """Wake the jobs with these keys, and those that could not be woken before."""
        if not job_keys and not self._left:
            return
        with self._lock:
            self._left.update(job_keys)
            keys = frozenset(self._left)
        try:
            woken = self._wake_twice(keys)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Jobs that wait for a run to end could not be woken (%s); it is tried again.", error)
            return
        with self._lock:
            self._left -= keys
        if woken:
            self._wakeup()

    def _wake_twice(self, job_keys: Collection[int]) -> int:
        """Wake them, at once again where the connection was lost since the last time."""
        try:
            return wake_parked(self._using, job_keys)
        except PASSING_ERRORS:
            return wake_parked(self._using, job_keys)


def wake_parked(using: str, job_keys: Collection[int]) -> int:
    """Wake those of the jobs that are parked and have an instance free; returns how many.

    The locks, taken in the order of the keys, wait for a claim that is just about to park one of them. A job woken while all of its
    instances are live would skip its whole backlog.
    """
    jobs = ScheduledJob.objects.using(using).filter(pk__in=job_keys, parked=True)
    with transaction_of_its_own(using):
        begin_with_a_write(using)
        parked = list(jobs.order_by("pk").select_for_update())
        runs = JobRun.objects.using(using)
        live: Counter[int] = Counter()
        for namespace in {row.namespace for row in parked}:
            live.update(runs.live_in(namespace).values_list("job_key", flat=True))
        free = [row.pk for row in parked if live[row.pk] < row.max_instances]
        return ScheduledJob.objects.using(using).filter(pk__in=free).update(parked=False) if free else 0
