"""Taking jobs from one job store to another, by way of a JSON document."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..clock import SYSTEM_CLOCK
from ..documents import Reader, dump_jobs, parse_document
from ..events import EVENT_JOB_ADDED, EVENT_JOB_MODIFIED, JobEvent
from ..exceptions import ConfigurationError, ConflictingIdError, StoredDataError
from ..job import Job
from ..jobstores.arriving import take_in, taken_ids
from .access import StoreAccess
from .series import plan_first

logger = logging.getLogger(__name__)

#: Where a document is: a path, or a file that is open for text.
JobsFile = str | os.PathLike[str] | TextIO


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import came to."""

    #: The jobs that were added, in the order of the document.
    added: Sequence[Job]
    #: The jobs that took the place of others.
    replaced: Sequence[Job]

    @property
    def jobs(self) -> list[Job]:
        """All of them."""
        return [*self.added, *self.replaced]

    @property
    def broken(self) -> list[Job]:
        """Those that cannot run here; the `broken_reason` of each says why."""
        return [job for job in self.jobs if job.broken_reason]


class MoveJobs(StoreAccess):
    """`export_jobs()` and `import_jobs()`."""

    def export_jobs(self, outfile: JobsFile, jobstore: str | None = None) -> int:
        """Write jobs to a JSON document, from which `import_jobs()` makes them again; returns how many.

        Definition, next run time, pause and reason come along; runs and events do not. Nothing is removed.

        Args:
            outfile: a path, or a file that is open for writing text.
            jobstore: alias of the job store; None = all of them.

        Raises:
            StoredDataError: jobs have callables or arguments that no document can hold, or cannot be read; they are named, and nothing
                was written.
        """
        _check_file(outfile)
        text, count = dump_jobs(sorted(self._with_places(jobstore), key=_by_place), SYSTEM_CLOCK.now())
        if isinstance(outfile, (str, os.PathLike)):
            Path(outfile).write_text(text, encoding="utf-8", newline="\n")
        else:
            outfile.write(text)
        return count

    def _with_places(self, jobstore: str | None) -> Iterator[tuple[str, Job]]:
        """Yield the jobs, each with the alias of the job store that it is in, or waits for."""
        for job, alias, _ in list(self._tentative() or ()):
            if jobstore in (None, alias):
                yield alias, job
        for alias in self._aliases(jobstore):
            for job in self._jobstores[alias].iter_all_jobs():
                yield alias, self._attach(job, alias)

    def import_jobs(
        self, infile: JobsFile, jobstore: str = "default", *, replace_existing: bool = False, dry_run: bool = False
    ) -> Imported:
        """Add the jobs of a document that `export_jobs()` wrote, all or none.

        A job that cannot run here, because its callable or executor is not there, is added all the same, and logged: it is broken until
        that is repaired, like any other job.

        Args:
            infile: a path, or a file that is open for reading text.
            jobstore: alias of the job store that they are added to, wherever they have been.
            replace_existing: let them take the place of jobs with their ids instead of failing.
            dry_run: only check, and return what would be done.

        Raises:
            StoredDataError: the document is damaged or foreign; every place is named, and nothing was imported.
            ConflictingIdError: ids are taken and `replace_existing` is False; they are listed, and nothing was imported.
        """
        source, text = _read(infile)
        jobs = self._reader(source, jobstore).jobs(parse_document(text, source))
        return self._add_moved(jobs, jobstore, replace_existing=replace_existing, dry_run=dry_run)

    def _reader(self, source: str, jobstore: str = "default") -> Reader:
        """Return what makes jobs for a job store of descriptions; messages call these `source`."""
        check = self._store(jobstore).check_callable if self._tentative() is None else _allow
        return Reader(source, self._job_defaults, check, self._executor_names() or ())

    def _add_moved(
        self, jobs: Sequence[Job], jobstore: str = "default", *, replace_existing: bool = False, dry_run: bool = False
    ) -> Imported:
        """Add jobs that have been elsewhere, all or none; see `import_jobs()`. Each has an id of its own."""
        tentative = self._tentative()
        if tentative is not None:
            known = _known(tentative, jobstore, jobs, replace_existing)
            if not dry_run:
                tentative[:] = [entry for entry in tentative if entry[1] != jobstore or entry[0].id not in known]
                tentative.extend((self._attach(job, None), jobstore, replace_existing) for job in jobs)
        else:
            known = self._take_in(jobs, jobstore, replace_existing, dry_run)
        done = Imported(
            added=[job for job in jobs if job.id not in known], replaced=[job for job in jobs if job.id in known]
        )
        if not dry_run:
            self._tell(done, jobstore if tentative is None else None)
        return done

    def _take_in(self, jobs: Sequence[Job], alias: str, replace: bool, dry_run: bool) -> set[str]:
        """Plan the jobs that were never planned, and add all; returns the ids of those that replaced one."""
        store = self._store(alias)
        for job in jobs:
            plan_first(job, store.clock.now())
        if dry_run:
            return taken_ids(store, jobs, replace=replace)
        return take_in(store, jobs, replace=replace)

    def _tell(self, done: Imported, alias: str | None) -> None:
        """Say which jobs are broken; and tell whoever listens about all, where they are in a store already."""
        for job in done.broken:
            logger.error("Job %r was imported and is broken: %s", job.id, job.broken_reason, extra={"job_id": job.id})
        if alias is None:
            return
        for job in done.jobs:
            self._attach(job, alias)
        for code, jobs in ((EVENT_JOB_ADDED, done.added), (EVENT_JOB_MODIFIED, done.replaced)):
            for job in jobs:
                self._dispatch(JobEvent(code, job.id, alias))
        self._jobs_changed()


def _by_place(placed: tuple[str, Job]) -> tuple[str, str]:
    return placed[0], placed[1].id


def _allow(ref: str) -> None:
    """Leave it to the job store, which is asked when the scheduler starts."""


def _known(tentative: Sequence[tuple[Job, str, bool]], alias: str, jobs: Sequence[Job], replace: bool) -> set[str]:
    """Return the ids of jobs that wait for the start under an id of these.

    Raises:
        ConflictingIdError: there are some, and they are not to be replaced.
    """
    known = {job.id for job, place, _ in tentative if place == alias} & {job.id for job in jobs}
    if known and not replace:
        raise ConflictingIdError(
            f"{len(known)} of {len(jobs)} job(s) already wait for the start of the scheduler, so none was added: "
            f"{', '.join(map(repr, sorted(known)))}. Pass replace_existing=True to replace them."
        )
    return known


def _check_file(file: object) -> None:
    """Refuse what is neither a path nor open for text."""
    binary = isinstance(file, (io.RawIOBase, io.BufferedIOBase))
    if binary or not (isinstance(file, (str, os.PathLike)) or hasattr(file, "read") or hasattr(file, "write")):
        raise ConfigurationError(
            f"File of jobs must be a path or a file that is open for text, got {file!r}. Pass the path, and it is opened here."
        )


def _read(infile: JobsFile) -> tuple[str, str]:
    """Return how messages call the file, and its text."""
    _check_file(infile)
    name = os.fspath(infile) if isinstance(infile, (str, os.PathLike)) else getattr(infile, "name", None) or "the file"
    source = repr(name)
    try:
        text = Path(infile).read_text("utf-8-sig") if isinstance(infile, (str, os.PathLike)) else infile.read()
    except UnicodeDecodeError as error:
        raise StoredDataError(
            f"Cannot import {source}, so nothing was: it must be text in UTF-8, got the byte {error.object[error.start]:#04x} "
            f"at position {error.start}."
        ) from error
    return source, text
