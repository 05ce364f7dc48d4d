"""`scheduler runs`: the history of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..jobstores.django import DjangoJobStore
from ..models import JobLogEntry, JobRun
from ..querysets import JobRunQuerySet
from ..runs import RunStatus
from ..storetime import store_now
from .base import Subcommand
from .named import add_jobstore_option, named_job, stores
from .output import print_json_list
from .reading import project_zone, read_moment
from .runrows import RUN_COLUMNS, run_cells, run_json
from .tables import Column, print_table

#: Rows that are read at once.
_PAGE = 200

#: Runs that are listed unless something else is asked for.
_LIMIT = 20


class Runs(Subcommand):
    """Lists runs."""

    name = "runs"
    summary = "list the history of runs, the latest first"
    description = (
        "Lists runs, and the summaries of fire times that got none, the latest first. Where there are more than are listed, the last "
        "line says how to go on.",
        "The history of a job that was removed stays, and is found by the id that it had.",
    )
    examples = {
        "runs": "The latest runs of all jobs.",
        "runs --job nightly --status failed --status abandoned": "What went wrong with a job.",
        "runs --since 12h --limit 200": "What the last twelve hours brought.",
        "runs --json --since '2026-11-26 00:00' --limit 100000": "A day's runs for a program.",
    }
    exit_codes = {0: "the runs were listed, or there are none", 1: "they were not; the message says why"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the filters."""
        statuses = [status.value for status in RunStatus]
        parser.add_argument("--job", metavar="JOB", help="only runs of the job with this id")
        add_jobstore_option(parser, "only runs of this job store")
        parser.add_argument(
            "--status",
            action="append",
            choices=statuses,
            metavar="STATUS",
            help=f"only runs with this status; may be given several times: {', '.join(statuses)}",
        )
        parser.add_argument(
            "--since", metavar="WHEN", help="only runs that were claimed since then: a moment, or 90m, 12h, 3d"
        )
        parser.add_argument("--before", type=int, metavar="RUN", help="only runs older than this one")
        parser.add_argument("--limit", type=int, default=_LIMIT, metavar="N", help=f"at most so many ({_LIMIT})")
        parser.add_argument("--json", action="store_true", help="print a JSON list, a run a line")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print the runs as they are read."""
        limit = options["limit"]
        if limit < 1:
            raise CommandError(f"Option --limit must be a whole number of at least 1, got {limit}.")
        runs = _chosen_runs(options)
        if options["json"]:
            print_json_list(self.out, (run_json(run) for run in islice(runs, limit)))
            return 0
        shown: list[int] = []
        zone = project_zone()
        columns = [RUN_COLUMNS[0], Column(title="JOB"), *RUN_COLUMNS[1:]]
        now = store_now(next(iter(stores(options["jobstore"]).values())).using)

        def rows() -> Iterator[list[str]]:
            for run in islice(runs, limit):
                shown[:] = [run.pk]
                first, *rest = run_cells(run, now, zone)
                yield [first, run.job_id, *rest]

        if not print_table(self.out, columns, rows()):
            self.out.write("No runs.")
            return 0
        more = next(runs, None) is not None
        self.out.write(f"\nTimes are in {zone}." + (f" There are more: --before {shown[0]}" if more else ""))
        return 0


def _chosen_runs(options: Mapping[str, Any]) -> Iterator[JobRun]:
    """Yield the runs that the filters let through, the latest first; job stores in other databases come one after the other."""
    there = stores(options["jobstore"])
    by_database: dict[str, list[DjangoJobStore]] = {}
    for store in there.values():
        by_database.setdefault(store.using, []).append(store)
    keys = _keys(options["job"], options["jobstore"]) if options["job"] else None
    for using, within in by_database.items():
        runs = JobRun.objects.using(using).defer("result", "traceback", "args", "kwargs", "log")
        since = (
            read_moment("Option --since", options["since"], store_now(using), ago=True) if options["since"] else None
        )
        namespaces = {store.namespace for store in within}
        if keys is not None:
            runs = runs.filter(job_key__in=keys.get(using, []))
        elif options["status"] or options["jobstore"]:
            runs = runs.filter(namespace__in=namespaces)
        if options["status"]:
            runs = runs.filter(status__in=options["status"])
        # Not asked of the database where all are wanted: SQLite would take an index for it, and sort the whole history.
        yield from (run for run in newest_first(runs, since, options["before"]) if run.namespace in namespaces)


def _keys(job_id: str, jobstore: str | None) -> dict[str, list[int]]:
    """Return the keys of the jobs that have or had this id, by database.

    Raises:
        JobLookupError: there are none.
    """
    found: dict[str, list[int]] = {}
    for store in stores(jobstore).values():
        row = store.row(job_id)
        removed = JobLogEntry.objects.using(store.using).filter(
            namespace=store.namespace, job_id=job_id, action="removed"
        )
        keys = [*([row.pk] if row is not None else []), *removed.values_list("job_key", flat=True)]
        if keys:
            found.setdefault(store.using, []).extend(keys)
    if not found:
        named_job(job_id, jobstore)
    return found


def newest_first(runs: JobRunQuerySet, since: datetime | None, before: int | None) -> Iterator[JobRun]:
    """Yield runs by descending keys, page by page; each page begins where the last one ended, and none is counted.

    Keys grow with the time of the claim: a whole page from before `since` ends it.
    """
    while True:
        page = list((runs if before is None else runs.filter(pk__lt=before)).order_by("-pk")[:_PAGE])
        young = [run for run in page if since is None or _came(run) >= since]
        yield from young
        if len(page) < _PAGE or not young:
            return
        before = page[-1].pk


def _came(run: JobRun) -> datetime:
    """Return when a row was claimed or recorded."""
    moment: datetime = run.claimed_at or run.finished_at or run.due_at
    return moment
