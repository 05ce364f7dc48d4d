"""What people ask of runs, written to the ledger in whatever process they ask: end this one, try that one again.

A run that waits, for a node or for a worker of a cluster, is cancelled by whoever asks, with an update that is fenced by its status.
One that a node or a worker has is only marked: the node notices (`obeying`), or the worker does (`cluster.lease`), and ends it.
Everything happens inside the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from .actors import current_actor
from .clock import Clock
from .connections import begin_with_a_write
from .exceptions import RunLookupError, RunStateError
from .jobstores.base import CancelledRun
from .journal import JobOf, Journal
from .ledger import next_attempt
from .models import JobRun, RunOrigin, ScheduledJob
from .notifications import telling, telling_of_cancellation
from .querysets import JobRunQuerySet
from .runs import LIVE_STATUSES, OPEN_STATUSES, RunStatus, cancelled_words

#: How often to look again where a run goes from one status to the other while it is being cancelled.
_LOOKS = 5

#: Longest key that the databases know.
_LAST_KEY = 2**63 - 1


class RunControl:
    """Cancels and retries the runs of one job store."""

    def __init__(self, using: str, namespace: str, alias: str, clock: Clock) -> None:
        """Work on the database `using`; messages call the job store `alias`."""
        self._using = using
        self._namespace = namespace
        self._alias = alias
        self._clock = clock

    def cancel(self, run_id: str, reason: str) -> CancelledRun:
        """Cancel a run that waits, or ask the node that has it to end it. Who asks a second time changes nothing.

        Raises:
            RunLookupError: there is no such run.
            RunStateError: it has ended.
        """
        runs = self._runs(run_id)
        with transaction.atomic(using=self._using):
            begin_with_a_write(self._using)
            for _ in range(_LOOKS):
                if action := self._try_to_cancel(runs, reason):
                    run = telling_of_cancellation(runs, self._namespace).get()
                    self._journal.write(JobOf.run(run), action, {}, {"run": run.pk}, reason)
                    return _answer(run, reason)
                found = runs.first()
                if found is None:
                    raise RunLookupError(run_id, self._alias)
                if found.status not in OPEN_STATUSES:
                    raise _ended(found)
                if found.cancel_requested_at is not None:
                    return _answer(found, reason)
        raise RunStateError(f"Run {run_id} went from one node to the next while it was being cancelled. Try again.")

    def _try_to_cancel(self, runs: JobRunQuerySet, reason: str) -> str:
        """Return what was done, as the journal calls it; empty where the run is in no status for either."""
        now = self._clock.now()
        wish = {
            "cancel_requested_at": now,
            "cancel_requested_by": current_actor().name[:255],
            "cancel_reason": reason or current_actor().reason,
        }
        cancelled = {"status": RunStatus.CANCELLED, "finished_at": now, "reason": "it was cancelled before it began"}
        waits = Q(status=RunStatus.PENDING) | Q(status=RunStatus.CLAIMED, on_cluster=True)
        if runs.filter(waits).update(**cancelled, **wish):
            return "run cancelled"
        marked = runs.filter(status__in=LIVE_STATUSES, cancel_requested_at=None).update(**wish)
        return "cancellation requested" if marked else ""

    def retry(self, run_id: str) -> str:
        """Write a further attempt of a run that has ended, due now; returns its id.

        Raises:
            RunLookupError: there is no such run.
            RunStateError: it has not ended, has a later attempt, stands for several fire times, or its job was removed.
        """
        with transaction.atomic(using=self._using):
            begin_with_a_write(self._using)
            run = self._runs(run_id).select_for_update().first()  # two people who retry at once make one attempt
            if run is None:
                raise RunLookupError(run_id, self._alias)
            self._refuse_retry(run)
            attempt = next_attempt(run, self._clock.now())
            for name, value in _of_a_person(current_actor().name).items():
                setattr(attempt, name, value)
            attempt.save(using=self._using, force_insert=True)
            self._journal.write(
                JobOf.run(run), "retry requested", {"run": run.pk}, {"run": attempt.pk, "attempt": attempt.attempt}
            )
        return str(attempt.pk)

    def _refuse_retry(self, run: JobRun) -> None:
        """Raise where there can be no further attempt of this run; tell the nodes of it where there can."""
        what = f"Run {run.pk} of job {run.job_id!r}"
        if run.status in OPEN_STATUSES:
            raise RunStateError(
                f"{what} is {_status_word(run)}; only a run that has ended can be retried. cancel_run() ends it."
            )
        if run.count > 1:
            raise RunStateError(
                f"{what} stands for {run.count} fire times that were {_status_word(run)}; only a run of its own can be retried. "
                "run_job() runs the job now."
            )
        if (later := self._later_attempt(run)) is not None:
            raise RunStateError(
                f"{what} was tried again already: run {later.pk} is attempt {later.attempt}, and {_status_word(later)}. "
                f"Retry run {later.pk}."
            )
        jobs = ScheduledJob.objects.using(self._using).filter(pk=run.job_key)
        if telling(jobs, self._namespace).first() is None:
            raise RunStateError(f"{what} cannot be retried: its job was removed. Add the job again, and run it.")

    def _later_attempt(self, run: JobRun) -> JobRun | None:
        runs = JobRun.objects.using(self._using).filter(job_key=run.job_key, attempt__gt=run.attempt)
        same = runs.filter(first_attempt=run.first_attempt or run.pk)
        if run.slot is not None:
            same = runs.filter(slot=run.slot)
        return same.order_by("-attempt").first()

    def _runs(self, run_id: str) -> JobRunQuerySet:
        """Return the run with this id, where there is one."""
        runs = JobRun.objects.using(self._using).filter(namespace=self._namespace)
        is_key = run_id.isascii() and run_id.isdigit() and int(run_id) <= _LAST_KEY
        return runs.filter(pk=int(run_id)) if is_key else runs.none()

    @property
    def _journal(self) -> Journal:
        return Journal(self._using, self._clock)


def _of_a_person(name: str) -> dict[str, Any]:
    """Return the columns of an attempt that somebody wants now, however late it is."""
    return {
        "origin": RunOrigin.MANUAL,
        "requested_by": name[:255],
        "start_until": None,
        "covers_from": None,
        "covers_until": None,
    }


def _answer(run: JobRun, reason: str) -> CancelledRun:
    """Return what became of the wish to cancel this run."""
    return CancelledRun(
        status=RunStatus(run.status),
        job_id=run.job_id,
        fire_time=run.slot or run.due_at,
        message=cancelled_words(current_actor().name, reason),
    )


def _ended(run: JobRun) -> RunStateError:
    """Return the error that says it is too late to cancel this run."""
    ended = "" if run.finished_at is None else f" at {_shown(run.finished_at)}"
    return RunStateError(
        f"Run {run.pk} of job {run.job_id!r} has ended already: {_status_word(run)}{ended}. "
        "Only a run that has not ended can be cancelled; retry_run() runs it again."
    )


def _status_word(run: JobRun) -> str:
    return run.status.replace("_", " ")


def _shown(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
