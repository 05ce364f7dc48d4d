"""`scheduler runs` and `scheduler logs`: the history of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..jobstores.django import DjangoJobStore
from ..models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from ..querysets import JobRunQuerySet
from ..runs import OPEN_STATUSES, RunStatus
from ..storetime import store_now
from .base import Subcommand
from .named import add_jobstore_option, named_job, project_zone, read_moment, stores
from .output import late, print_json, print_json_list, read_json, took, when
from .runrows import RUN_COLUMNS, fire_time, progress_words, run_cells, run_json
from .tables import Column, lines_of, print_facts, print_table

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


class Logs(Subcommand):
    """Shows what is recorded of a run."""

    name = "logs"
    summary = "show everything that is recorded of a run"
    description = (
        "Shows what is recorded of a run: when and where it ran and how it ended, its arguments, how far it has come, "
        "what it logged, and its result or its exception with the traceback.",
    )
    examples = {"logs 4711": "What became of run 4711.", "logs 4711 --json | jq -r .traceback": "Only the traceback."}
    exit_codes = {0: "the run was shown", 1: "there is no such run"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the run."""
        parser.add_argument("run", type=int, metavar="RUN", help="id of the run, as `runs` lists it")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print it."""
        run = named_run(options["run"])
        if options["json"]:
            print_json(self.out, _whole(run))
            return 0
        print_facts(self.out, _facts(run))
        for title, text in _texts(run):
            if text:
                self.out.write(f"\n{title}:")
                for line in lines_of(text):
                    self.out.write(line)
        return 0


def named_run(run_id: int) -> JobRun:
    """Return the run with this id.

    Raises:
        CommandError: there is none.
    """
    databases = dict.fromkeys(store.using for store in stores().values())
    for using in databases:
        run: JobRun | None = JobRun.objects.using(using).filter(pk=run_id).first()
        if run is not None:
            return run
    raise CommandError(
        f"Run {run_id} is not recorded. It may have been pruned; `manage.py scheduler runs` lists what is there."
    )


def _facts(run: JobRun) -> Iterator[tuple[str, str]]:
    using = run._state.db or "default"
    zone, now = project_zone(), store_now(using)
    node = SchedulerNode.objects.using(using).filter(pk=run.node).only("host", "pid").first() if run.node else None
    gone = not ScheduledJob.objects.using(using).filter(pk=run.job_key).exists()
    yield "run", str(run.pk)
    yield "job", run.job_id + (" (removed)" if gone else "")
    yield "name", run.job_name
    yield "status", str(run.get_status_display())
    yield "why", run.reason
    yield "fire time", fire_time(run, zone)
    yield "attempt", str(run.attempt) if run.attempt > 1 else ""
    yield "progress", progress_words(run)
    yield "cancellation", _cancellation(run, zone)
    for name in ("due_at", "claimed_at", "started_at", "finished_at"):
        moment = getattr(run, name)
        yield name.removesuffix("_at"), _exact(moment, zone)
    yield "late", late(run) if run.started_at is not None else ""
    yield "took", took(run, now) if run.started_at is not None else ""
    yield "node", f"{node} ({run.node})" if node is not None else run.node
    yield "worker", run.worker
    yield "executor", run.executor
    yield "callable", run.func_ref
    yield "arguments", f"{run.args}  {run.kwargs}"


def _exact(moment: datetime | None, zone: tzinfo) -> str:
    """Return a moment with its milliseconds."""
    return "" if moment is None else f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {zone}"


def _cancellation(run: JobRun, zone: tzinfo) -> str:
    """Return who asked for the cancellation of a run, when and why."""
    if run.cancel_requested_at is None:
        return ""
    by = f" by {run.cancel_requested_by}" if run.cancel_requested_by else ""
    return (
        f"asked for{by} at {when(run.cancel_requested_at, zone)}{f': {run.cancel_reason}' if run.cancel_reason else ''}"
    )


def _texts(run: JobRun) -> Iterator[tuple[str, str]]:
    yield "Log", run.log
    yield "Result", run.result
    yield "Exception", ": ".join(filter(None, [run.exception_type, run.exception_message]))
    yield "Traceback", run.traceback
    if run.status in OPEN_STATUSES:
        yield "Not ended", "There is no result yet."


def _whole(run: JobRun) -> dict[str, Any]:
    return {
        **run_json(run),
        "callable": run.func_ref,
        "args": read_json(run.args),
        "kwargs": read_json(run.kwargs),
        "result": read_json(run.result),
        "log": run.log,
        "traceback": run.traceback,
    }
