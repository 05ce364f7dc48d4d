"""`scheduler logs`: what is recorded of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..models import JobRun, ScheduledJob, SchedulerNode
from ..runs import OPEN_STATUSES
from ..storetime import store_now
from .base import Subcommand
from .named import stores
from .output import late, print_json, read_json, took, when
from .reading import project_zone
from .runrows import fire_time, progress_words, run_json
from .tables import lines_of, print_facts


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
