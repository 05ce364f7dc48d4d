"""The half of the ORM job store that keeps jobs: what is asked of it (add, modify, remove, run now, …) in any process.

Everything happens inside the caller's transaction. Nothing here performs a job; the half that does is `jobstores.django`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import connections, transaction
from django.db.models import F

from .actors import current_actor
from .additions import Additions
from .claiming.batch import check_allowed
from .conf import get_config
from .connections import begin_with_a_write
from .edits import action_of, end_if_over, forgive, rest_with_trigger, write_runtime
from .exceptions import in_a_series
from .job import Job
from .jobstores.base import CancelledRun, Change, apply_change, called_with, keep_closed
from .journal import Journal
from .ledger import requested_run
from .models import JobRun, ScheduledJob
from .notifications import telling
from .policies import PLAIN_OPTIONS
from .querysets import by_keys
from .reader import DjangoJobReader
from .rows import WRITTEN, addition, definition, snapshot, to_job
from .runcontrol import RunControl


class DjangoJobKeeper(DjangoJobReader):
    """Keeps jobs in the table of this app, and writes down in the journal what is done to them."""

    @property
    def _journal(self) -> Journal:
        return Journal(self.using, self.clock)

    def add_job(self, job: Job) -> None:
        """Add a new job; the row of one whose schedule has ended makes room for it.

        Raises:
            ConflictingIdError: the id is taken.
            SchedulerError: the job cannot be stored, or its callable is not allowed to run.
        """
        self._check_allowed(job)
        if self._add([addition(job, {})]) is not None:
            self.refuse(job.id)

    def add_jobs(self, jobs: Sequence[Job]) -> None:
        """Add new jobs, all or none; see `JobKeeper.add_jobs()`."""
        allowed: set[str | None] = set()
        triggers: dict[int, dict[str, Any]] = {}

        def row(job: Job) -> dict[str, Any]:
            if job.func_ref is None or job.func_ref not in allowed:
                self._check_allowed(job)
                allowed.add(job.func_ref)
            return addition(job, triggers)

        if rows := [in_a_series(index, job.id, row, job) for index, job in enumerate(jobs)]:
            taken = self._add(rows)
            if taken is not None:
                index = [row["job_id"] for row in rows].index(taken)
                in_a_series(index, taken, self.refuse, taken)

    def _add(self, rows: Sequence[Mapping[str, Any]]) -> str | None:
        return Additions(self.using, self.namespace).add(rows, **self._present(), now=self.clock.now())

    @staticmethod
    def _present() -> dict[str, str]:
        """Return where a job comes from that is added now."""
        return {"environment": get_config().environment, "origin": str(current_actor().origin)}

    def _new_row(self, job: Job) -> ScheduledJob:
        now = self.clock.now()
        row = ScheduledJob(namespace=self.namespace, job_id=job.id, created_at=now, updated_at=now)
        for name, value in {**self._present(), **definition(job)}.items():
            setattr(row, name, value)
        write_runtime(row, job, now)
        return row

    def replace_job(self, job: Job) -> bool:
        """Add the job or change the stored one to it; see `BaseJobStore.replace_job()`.

        A job whose schedule has ended stays so when it comes again with the same trigger.
        """
        self._check_allowed(job)
        with transaction.atomic(using=self.using):
            row = self._locked(job.id)
            if row is None:
                self.add_job(job)
                return False
            before = snapshot(row)
            columns = definition(job)
            same_trigger = columns["trigger"] == row.trigger
            for name, value in columns.items():
                setattr(row, name, value)
            if job.run_time_chosen or not (row.paused or (same_trigger and row.retired_at is None)):
                keep_closed(job, row.claimed_through, self.clock.now())
                write_runtime(row, job, self.clock.now())
                row.finished_at = None
            forgive(row)
            self._save(row, "modified", before)
        stored = to_job(row)
        job.next_run_time, job.next_fire_time = stored.next_run_time, stored.next_fire_time
        return True

    def merge_declared(self, job: Job, declared: str, decide: Callable[[ScheduledJob, str], Any]) -> Any:
        """Add a job that code declares, or let `decide(row, declared)` say which columns of the stored one it may set.

        Args:
            job: the declared job, planned from now on.
            declared: its declared columns as JSON, remembered for the next time.
            decide: returns an object with `columns` to set and the `outcome`; returned as it is.
        """
        with transaction.atomic(using=self.using):
            row = self._locked(job.id)
            if row is None:
                row = self._new_row(job)
                row.declared = declared
                end_if_over(row, job)
                row.save(using=self.using, force_insert=True)
                self._journal.write(row, "added", {}, snapshot(row))
                return replace(decide(row, declared), outcome="added")
            merged = decide(row, declared)
            before, columns = snapshot(row), json.loads(declared)
            if merged.outcome == "updated":
                for name in merged.columns:
                    setattr(row, name, columns[name])
                if "trigger" in merged.columns and not row.paused:
                    keep_closed(job, row.claimed_through, self.clock.now())
                    write_runtime(row, job, self.clock.now())
                    row.finished_at = None
                    end_if_over(row, job)
                forgive(row)
            if merged.outcome == "updated" or row.declared != declared:
                self._jobs.filter(pk=row.pk).update(declared=declared)
                self._save(row, "updated from code", before)
            return merged

    def update_job(self, job: Job) -> None:
        """Replace the definition and the run times of the stored job."""
        self.modify_job(
            job.id,
            lambda stored: {
                **{name: getattr(job, name) for name in ("args", "kwargs", "name", "trigger", "retry", *PLAIN_OPTIONS)},
                "func": job.func_ref or job.func,
                "next_run_time": job.next_run_time,
                "next_fire_time": job.next_fire_time,
            },
        )

    def modify_job(self, job_id: str, change: Change) -> Job:
        """Change the job under its lock; only the columns that the change names are written."""
        with transaction.atomic(using=self.using):
            row = self._locked(job_id)
            if row is None or row.finished_at is not None:
                raise self.missing(job_id)
            before = snapshot(row)
            job = to_job(row)
            changes = change(job)
            apply_change(job, changes, self.clock.now())
            if "func" in changes:
                self._check_allowed(job)
            for name, value in definition(job, changes).items():
                setattr(row, name, value)
            now = self.clock.now()
            if "next_run_time" in changes:
                write_runtime(row, job, now)
            elif "trigger" in changes:
                rest_with_trigger(row)
            row.claimed_through, row.parked = job.claimed_through, job.parked
            forgive(row)
            self._save(row, action_of(changes), before, str(changes.get("pause_reason", "")))
        return to_job(row)

    def remove_job(self, job_id: str) -> None:
        """Remove the job; its history stays."""
        with transaction.atomic(using=self.using):
            row = self._locked(job_id)
            if row is None or row.finished_at is not None:
                raise self.missing(job_id)
            self._journal.write(row, "removed", snapshot(row), {})
            self._jobs.filter(pk=row.pk).delete()

    def remove_all_jobs(self) -> None:
        """Remove every job of this store; their history stays."""
        with transaction.atomic(using=self.using):
            begin_with_a_write(self.using)
            jobs = by_keys(self._jobs)
            self._journal.write_many([(row, "removed", snapshot(row), {}) for row in jobs])
            jobs.delete()

    def request_run(
        self, job_id: str, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> str:
        """Write a pending run; a node performs it."""
        with transaction.atomic(using=self.using):
            begin_with_a_write(self.using)
            row = telling(self._jobs.unfinished().filter(job_id=job_id), self.namespace).first()
            if row is None:
                raise self.missing(job_id)
            run: JobRun = requested_run(row, self.clock.now(), current_actor().name)
            if args is not None or kwargs is not None:
                called = definition(called_with(to_job(row), args, kwargs), ("args", "kwargs"))
                run.args, run.kwargs = called["args"], called["kwargs"]
            run.save(using=self.using, force_insert=True)
            self._journal.write(row, "run requested", {}, {"run": run.pk})
        if self._host is not None:
            self._host.wakeup()
        return str(run.pk)

    def request_cancel(self, run_id: str, reason: str = "") -> CancelledRun:
        """Cancel a run that waits, or ask the node that has it to end it; see `RunControl.cancel()`."""
        return self._runs.cancel(run_id, reason)

    def retry_run(self, run_id: str) -> str:
        """Write a further attempt of a run that has ended, and tell the nodes; see `RunControl.retry()`."""
        attempt = self._runs.retry(run_id)
        if self._host is not None:
            self._host.wakeup()
        return attempt

    @property
    def _runs(self) -> RunControl:
        return RunControl(self.using, self.namespace, self.alias, self.clock)

    def _locked(self, job_id: str) -> ScheduledJob | None:
        """Return the job's row, locked until the transaction ends and with its revision moved on; the nodes are told when it does.

        Beginning with the write locks the row on every database, and spares SQLite a read before it. MariaDB may look the row up by
        an index in which a pass moves it at that moment, and miss it; it never misses a primary key.
        """
        jobs = self._jobs.filter(job_id=job_id)
        if connections[self.using].vendor == "mysql":
            # without the namespace, with which other indexes begin: locked by one of these, the row would be in a deadlock with a pass
            jobs = ScheduledJob.objects.using(self.using).filter(pk=jobs.values_list("pk", flat=True).first())
        if not jobs.update(revision=F("revision") + 1):
            return None
        row: ScheduledJob | None = telling(jobs, self.namespace).first()
        return row

    def _save(self, row: ScheduledJob, action: str, before: dict[str, Any], reason: str = "") -> None:
        row.updated_at = self.clock.now()
        after = snapshot(row)
        row.save(using=self.using, force_update=True, update_fields=WRITTEN)
        if before != after:
            self._journal.write(row, action, before, after, reason)

    def _check_allowed(self, job: Job) -> None:
        check_allowed(definition(job, ["func"])["func_ref"])
