"""What the job stores have in common that keep their jobs outside of the process, for one scheduler.

A claim is decided in memory, written with one call, and only then are its runs started. While it cannot be written, it is *owed*: the
store keeps it, writes it before it does anything else, and its runs start then. Since nobody else serves these jobs, writing the same
once more does no harm, so it does not matter whether an answer or the call was lost.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import inf
from typing import Any

from ..exceptions import ConfigurationError, in_a_series
from ..job import Job
from .base import BaseJobStore, Claim
from .keeping import Change, StoreHost, apply_change
from .records import Record, changed_record, microseconds, moment_of, new_record, read_job, run_at, runtime_text

#: Due jobs that are read at once: as many as may be claimed and a few more, between these.
_SMALLEST_PAGE, _LARGEST_PAGE = 50, 1_000

#: What a claim has changed of a job: the next run time as a number and the runtime; None = its schedule has ended.
Advance = tuple[int | None, str] | None


class PersistentJobStore(BaseJobStore):
    """Base class of job stores that keep records somewhere outside, and belong to one scheduler.

    A subclass implements the methods that begin with an underscore; they are called by one thread at a time, between `_open()` and
    `_close()`, and may raise whatever their driver raises.
    """

    def __init__(self) -> None:
        """Serve nobody yet."""
        super().__init__()
        self._serving = False
        #: How many calls are using a connection that was opened for them, because the store serves nobody.
        self._visitors = 0
        self._claiming = False
        self._page_size = _LARGEST_PAGE
        self._owed: Claim | None = None
        self._unwritten: dict[str, Advance] = {}
        self._arrivals = 0

    # -- what a subclass implements ---------------------------------------------------------------------------------

    @abstractmethod
    def _open(self) -> None:
        """Connect, and make ready the place where the records are kept."""

    @abstractmethod
    def _close(self) -> None:
        """Close what `_open()` opened, also where it failed halfway. `_open()` may be called again."""

    @abstractmethod
    def _get(self, job_id: str) -> Record | None:
        """Return a record, or None."""

    @abstractmethod
    def _due(self, until: int, skip: int, limit: int) -> Sequence[Record]:
        """Return the records whose `run_at` is at most `until`, in its order: `limit` of them after the first `skip`."""

    @abstractmethod
    def _page(self, mark: Any) -> tuple[Sequence[Record], Any]:
        """Return some of all records in any order, and a mark that leads to more; it is None at first, and when there are no more."""

    @abstractmethod
    def _earliest(self, after: int | None) -> int | None:
        """Return the least `run_at` that is greater than `after` (of all, where that is None); None when there is none."""

    @abstractmethod
    def _insert(self, records: Sequence[Record]) -> str | None:
        """Add new records, all or none; returns an id that is taken where one is, else None."""

    @abstractmethod
    def _replace(self, record: Record) -> bool:
        """Replace the record of the same id; returns whether there was one."""

    @abstractmethod
    def _remove(self, job_id: str) -> bool:
        """Remove a record; returns whether there was one."""

    @abstractmethod
    def _clear(self) -> None:
        """Remove all records."""

    @abstractmethod
    def _write(self, advances: Mapping[str, Advance]) -> None:
        """Write what a claim has changed, by job id; may be called with the same again. Records that are not there are left out."""

    # -- life cycle -------------------------------------------------------------------------------------------------

    def start(self, host: StoreHost, alias: str) -> None:
        """Connect, and serve `host`. Raises what the driver raises where that is impossible."""
        super().start(host, alias)
        with self._lock:
            self._connect()
            self._serving = True

    def shutdown(self) -> None:
        """Close the connections. What could not be written by then is due again when the jobs are served the next time."""
        with self._lock:
            serving, self._serving = self._serving, False
            self._unwritten.clear()
            if self._owed is not None:
                for run in self._owed.runs:
                    self._live.release(run)
                self._owed = None
            if serving:
                self._close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Hold the store for the calling thread, with a connection, and with everything written."""
        with self._lock:
            visit = not self._serving
            if visit and not self._visitors:
                self._connect()
            self._visitors += visit
            try:
                if not self._claiming:
                    self._write_unwritten()
                yield
            finally:
                self._visitors -= visit
                if visit and not self._visitors:
                    self._close()

    def _connect(self) -> None:
        try:
            self._open()
        except BaseException:
            self._close()
            raise

    # -- keeping jobs -----------------------------------------------------------------------------------------------

    def lookup_job(self, job_id: str) -> Job | None:
        """Return the job, or None when it is not here."""
        with self._at_work():
            record = self._get(job_id)
        return None if record is None else read_job(record)

    def get_due_jobs(self, now: datetime) -> Iterator[Job]:
        """Yield the due jobs in the order of their next run times."""
        skip = 0
        while True:
            with self._at_work():
                page = self._due(microseconds(now), skip, self._page_size)
            # jobs that are due at the same moment may change their places between two pages
            yield from (read_job(record) for record in page if record.job_id not in self._unwritten)
            skip += len(page)
            if len(page) < self._page_size:
                return

    def get_next_run_time(self) -> datetime | None:
        """Return the earliest next run time, or None."""
        with self._at_work():
            return moment_of(self._earliest(None))

    def get_all_jobs(self) -> list[Job]:
        """Return all jobs in the order of their next run times, paused ones last."""
        return sorted(self.iter_all_jobs(), key=_place)

    def iter_all_jobs(self) -> Iterator[Job]:
        """Yield all jobs in any order, holding a page of them in memory at once."""
        mark = None
        while True:
            with self._at_work():
                page, mark = self._page(mark)
            yield from map(read_job, page)
            if mark is None:
                return

    def add_job(self, job: Job) -> None:
        """Add a new job.

        Raises:
            ConflictingIdError: the id is taken.
            SchedulerError: the job cannot be stored; the message says which part of it.
        """
        with self._at_work():
            if self._insert([self._numbered(job)]) is not None:
                self.refuse(job.id)

    def add_jobs(self, jobs: Sequence[Job]) -> None:
        """Add new jobs, all or none, at once."""
        with self._at_work():
            records = [in_a_series(index, job.id, self._numbered, job) for index, job in enumerate(jobs)]
            taken = self._insert(records) if records else None
        for index, job in enumerate(jobs):
            if job.id == taken:
                in_a_series(index, job.id, self.refuse, job.id)

    def _numbered(self, job: Job) -> Record:
        """Return the record of a job that comes now."""
        self._arrivals = job.arrival = max(self._arrivals + 1, microseconds(self.clock.now()))
        return new_record(job)

    def update_job(self, job: Job) -> None:
        """Replace the stored job of the same id; it keeps its place among jobs with the same next run time."""
        with self._at_work():
            stored = self._get(job.id)
            if stored is None:
                raise self.missing(job.id)
            job.arrival = read_job(stored).arrival
            if not self._replace(new_record(job)):
                raise self.missing(job.id)

    def modify_job(self, job_id: str, change: Change) -> Job:
        """Apply `change` to the job and return the result; options that it does not name stay as they are stored, readable or not."""
        with self._at_work():
            record = self._get(job_id)
            if record is None:
                raise self.missing(job_id)
            job = read_job(record)
            changes = change(job)
            apply_change(job, changes, self.clock.now())
            record = changed_record(record, job, changes)
            if not self._replace(record):
                raise self.missing(job_id)
        return read_job(record)

    def remove_job(self, job_id: str) -> None:
        """Remove the job."""
        with self._at_work():
            if not self._remove(job_id):
                raise self.missing(job_id)

    def remove_all_jobs(self) -> None:
        """Remove every job."""
        with self._at_work():
            self._clear()

    # -- the pass ---------------------------------------------------------------------------------------------------

    def claim(self, now: datetime, free: Mapping[str, int]) -> Claim:
        """Claim what is due at `now`, and write that down; or write down what is still owed, and return that.

        Raises whatever the driver raises. Nothing is lost by that: the next call goes on from there.
        """
        with self._lock:
            claim = self._owed
            if claim is None:
                claim = Claim()
                self._decide(claim, now, free)
            else:
                claim.next_look = now
            self._write_unwritten()
            self._owed = None
        return claim

    def _decide(self, claim: Claim, now: datetime, free: Mapping[str, int]) -> None:
        """Fill `claim` without writing anything; from the first decision on it is owed, whatever happens."""
        slots = dict(free)
        self._page_size = min(max(sum(slots.values()) + 10, _SMALLEST_PAGE), _LARGEST_PAGE)
        self._claiming = True
        try:
            self._fill(claim, now, slots)
        finally:
            self._claiming = False
            if claim.runs or self._unwritten:
                self._owed = claim

    def _save_runtime(self, job: Job) -> None:
        self._unwritten[job.id] = (run_at(job), runtime_text(job))

    def _remove_ended(self, job: Job) -> None:
        self._unwritten[job.id] = None

    def _write_unwritten(self) -> None:
        if self._unwritten:
            self._write(self._unwritten)
            self._unwritten = {}

    def _next_look(self, now: datetime) -> datetime | None:
        """Return when the next job becomes due that is not due yet."""
        after = microseconds(now)
        moments = [advance[0] for advance in self._unwritten.values() if advance is not None]
        moments.append(self._earliest(after))
        return moment_of(min((moment for moment in moments if moment is not None and moment > after), default=None))


def _place(job: Job) -> tuple[float, int]:
    moment = run_at(job)
    return inf if moment is None else moment, job.arrival


def refuse_pickling(pickle_protocol: object) -> None:
    """Refuse an option of APScheduler's job stores that would mean nothing here."""
    if pickle_protocol is not None:
        raise ConfigurationError(
            f"Option 'pickle_protocol' must be left out, got {pickle_protocol!r}: nothing is pickled here. Remove it."
        )
