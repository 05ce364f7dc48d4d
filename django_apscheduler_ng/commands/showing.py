"""`scheduler show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from ..models import JobRun, ScheduledJob
from ..preview import dst_notes, preview
from ..rows import differing, read_trigger
from ..triggers.unreadable import UnreadableTrigger
from ..words import note_words, schedule_words, zone_of
from .base import Subcommand
from .listing import Listed, as_json, listed
from .named import Named, add_jobstore_option, named_job
from .output import iso, print_json, read_json, when_and_far
from .runrows import RUN_COLUMNS, run_cells, run_json
from .tables import print_facts, print_table

#: Fire times and runs that are shown.
_NEXT, _LAST = 5, 5

#: Columns that are told in other words, or are of no use to people.
_ELSEWHERE = {
    "id",
    "namespace",
    "job_id",
    "name",
    "func_ref",
    "args",
    "kwargs",
    "trigger",
    "trigger_type",
    "planned_trigger",
    "next_fire_time",
    "next_run_time",
    "claimed_through",
    "declined_by",
    "declared",
    "wake_at",
    "revision",
}


class Show(Subcommand):
    """Shows a job."""

    name = "show"
    summary = "show everything about a job"
    description = (
        "Shows a job: its state and what keeps it from running, its definition, its next fire times with the nights on which a clock "
        "change touches them, and its last runs. Fire times are in the zone of the trigger.",
    )
    examples = {
        "show nightly": "Everything about the job with the id “nightly”.",
        "show nightly --json": "The same for a program.",
    }
    exit_codes = {0: "the job was shown", 1: "there is no such job; the message offers the closest ids"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the job."""
        parser.add_argument("job", metavar="JOB", help="id of the job")
        add_jobstore_option(parser)
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print it."""
        named = named_job(options["job"], options["jobstore"])
        one = listed(named)
        if options["json"]:
            print_json(self.out, _whole(one, named))
            return 0
        self._print(one, named)
        return 0

    def _print(self, one: Listed, named: Named) -> None:
        print_facts(self.out, _facts(one))
        moments = fire_times(one.row, one.now, _NEXT)
        zone = zone_of(read_trigger(one.row))
        self.out.write(f"\nNext fire times ({zone}):" if moments else "\nNo further fire time.")
        for moment in moments:
            self.out.write(f"  {when_and_far(moment, one.now, zone)}")
        for words in clock_changes(one.row, one.now):
            self.out.write(f"  {words}")
        self.out.write("\nLast runs:")
        if not print_table(self.out, RUN_COLUMNS, (run_cells(run, one.now, zone) for run in latest_runs(named)), "  "):
            self.out.write("  None.")


def latest_runs(named: Named, count: int = _LAST) -> list[JobRun]:
    """Return the last rows of the job, the last first."""
    runs = JobRun.objects.using(named.store.using).filter(job_key=named.row.pk)
    return list(runs.defer("result", "traceback", "args", "kwargs", "log").order_by("-pk")[:count])


def fire_times(row: ScheduledJob, now: datetime, count: int) -> list[datetime]:
    """Return the next fire times of a job, as if it were not paused."""
    if row.finished_at is not None:
        return []
    planned = None if row.paused or row.trigger != row.planned_trigger else row.next_fire_time
    try:
        return preview(read_trigger(row), now, count, first=planned)
    except Exception:  # a broken trigger, or one of another package
        return []


def clock_changes(row: ScheduledJob, now: datetime, count: int = 3) -> Iterator[str]:
    """Yield what the next clock changes do to fire times of a job."""
    if row.finished_at is not None:
        return
    try:
        notes = dst_notes(read_trigger(row), now)
    except Exception:  # likewise
        return
    for note in notes[:count]:
        yield f"{note.day:%a %Y-%m-%d}: the clocks change, and {note_words(note)}"


def _facts(one: Listed) -> Iterator[tuple[str, str]]:
    row, now = one.row, one.now
    trigger = read_trigger(row)
    yield "id", row.job_id
    yield "name", row.name
    yield "job store", one.alias
    yield "state", one.state
    yield "why it does not run", one.sentence
    yield "next run", when_and_far(one.next_run_time, now, zone_of(trigger))
    yield "schedule", schedule_words(trigger)
    yield "trigger", trigger.problem if isinstance(trigger, UnreadableTrigger) else str(trigger)
    yield "callable", row.func_ref
    yield "arguments", f"{row.args}  {row.kwargs}"
    yield from _policies(row)
    yield "differs from code in", ", ".join(differing(row))
    yield "added", when_and_far(row.created_at, now)
    yield "changed", when_and_far(row.updated_at, now)


def _policies(row: ScheduledJob) -> Iterator[tuple[str, str]]:
    """Yield the columns that hold options, whatever there are."""
    for field in ScheduledJob._meta.concrete_fields:
        if field.name in _ELSEWHERE or field.name.endswith(("_at", "_by")) or field.name in _STATES:
            continue
        value = getattr(row, field.name)
        yield field.name, _option_words(field.name, value)


_STATES = {"paused", "pause_reason", "parked", "broken_reason", "retries"}


def _option_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "misfire_grace_time":
        return "none: it runs however late" if value is None else f"{value:g} s"
    return "" if value is None else str(value)


def _whole(one: Listed, named: Named) -> dict[str, Any]:
    """Return everything as JSON."""
    row = one.row
    options = {
        field.name: getattr(row, field.name)
        for field in ScheduledJob._meta.concrete_fields
        if field.name not in _ELSEWHERE and not field.name.endswith("_at")
    }
    return {
        **as_json(one),
        "trigger": read_json(row.trigger),
        "args": read_json(row.args),
        "kwargs": read_json(row.kwargs),
        **options,
        **{
            name: iso(getattr(row, name))
            for name in ("created_at", "updated_at", "paused_at", "finished_at", "retired_at")
        },
        "next_fire_times": [iso(moment) for moment in fire_times(row, one.now, _NEXT)],
        "clock_changes": list(clock_changes(row, one.now)),
        "last_runs": [run_json(run) for run in latest_runs(named)],
    }
