"""`scheduler next`."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..jobstores.django import DjangoJobStore
from ..models import ScheduledJob
from ..planning import due_at
from ..preview import dst_notes
from ..rows import read_trigger
from ..storetime import store_now
from ..triggers.base import as_utc
from ..why import why
from ..words import distance_words, note_words
from .base import Subcommand
from .listing import pages
from .named import add_jobstore_option, named_job, stores
from .output import iso, plain, print_json_list, when
from .reading import project_zone, read_moment
from .showing import clock_changes
from .tables import Column, print_table

#: Fire times that are listed unless something else is asked for, and at most where a moment is given instead.
_COUNT, _MOST = 20, 10_000

#: Months in which clock changes are looked for.
_MONTHS = 24


@dataclass(frozen=True, kw_only=True, order=True)
class Ahead:
    """A fire time that lies ahead."""

    #: The planned start: the fire time with its jitter.
    planned: datetime
    job_id: str
    fire_time: datetime
    key: int


class Next(Subcommand):
    """Lists what comes next."""

    name = "next"
    summary = "list the next fire times, of all jobs or of one"
    description = (
        "Lists the fire times that lie ahead, with the planned start where a jitter moves it. Paused, retired, broken and finished "
        "jobs have none, unless such a job is named: then it is listed as if it ran.",
        "Clock changes that shift, skip or double one of the fire times are noted below.",
    )
    examples = {
        "next": f"The next {_COUNT} fire times of all jobs.",
        "next nightly --count 5": "Those of one job.",
        "next --until '2026-11-27 08:00'": "Everything until tomorrow morning.",
        "next --until 30m": "Everything in the next half hour.",
    }
    exit_codes = {0: "the fire times were listed, or there are none", 1: "they were not; the message says why"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the job and the limits."""
        parser.add_argument("job", nargs="?", metavar="JOB", help="id of the job; left out: all")
        add_jobstore_option(parser)
        parser.add_argument("--count", type=int, metavar="N", help=f"how many ({_COUNT}; with --until at most {_MOST})")
        parser.add_argument("--until", metavar="WHEN", help="none later than this: a moment, or 90m, 12h, 3d from now")
        parser.add_argument("--json", action="store_true", help="print a JSON list, a fire time a line")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print them."""
        count = options["count"] if options["count"] is not None else _MOST if options["until"] else _COUNT
        if count < 1:
            raise CommandError(f"Option --count must be a whole number of at least 1, got {count}.")
        if options["job"]:
            named = named_job(options["job"], options["jobstore"])
            there, rows = [named.store], [named.row]
        else:
            there, rows = list(stores(options["jobstore"]).values()), None
        now = store_now(there[0].using) if there else None
        if now is None:
            raise CommandError("No job store in the database is configured. Add one to APSCHEDULER['jobstores'].")
        until = read_moment("Option --until", options["until"], now, ago=False) if options["until"] else None
        found = _ahead(rows, now, until, count) if rows is not None else _all_ahead(there, now, until, count)
        if options["json"]:
            print_json_list(self.out, map(_as_json, found))
            return 0
        self._print(found, now)
        if rows is not None:
            self._tell_about(rows[0], now)
        else:
            self._note_changes(found, there)
        return 0

    def _print(self, found: list[Ahead], now: datetime) -> None:
        zone = project_zone()
        jitters = any(one.planned != one.fire_time for one in found)
        exact = any(one.fire_time.second for one in found)
        columns = [
            Column(title="FIRE TIME"),
            Column(title="IN"),
            *([Column(title="STARTS")] if jitters else []),
            Column(title="JOB"),
        ]
        rows = (
            [
                when(one.fire_time, zone, seconds=exact),
                plain(distance_words(one.planned, now)),
                *([f"{one.planned.astimezone(zone):%H:%M:%S}"] if jitters else []),
                one.job_id,
            ]
            for one in found
        )
        count = print_table(self.out, columns, rows)
        self.out.write(f"\nTimes are in {zone}." if count else "No fire times.")

    def _tell_about(self, row: ScheduledJob, now: datetime) -> None:
        """Tell what keeps the job from running, and what clock changes do to it."""
        if sentence := why([row], now)[row.pk]:
            self.out.write(f"It does not run: {sentence}")
        for words in clock_changes(row, now, 6):
            self.out.write(words)

    def _note_changes(self, found: list[Ahead], there: list[DjangoJobStore]) -> None:
        """Tell of each job that is listed what the clock changes among the listed days do to it."""
        if not found:
            return
        first, last = found[0].fire_time, found[-1].fire_time + timedelta(days=1)
        months = min(_MONTHS, (last - first).days // 30 + 1)
        keys = {one.key for one in found}
        for using in dict.fromkeys(store.using for store in there):
            for row in ScheduledJob.objects.using(using).filter(pk__in=keys).order_by("job_id"):
                for note in dst_notes(read_trigger(row), first, months, first=row.next_fire_time):
                    if note.day <= last.date():
                        self.out.write(
                            f"{row.job_id}: on {note.day:%a %Y-%m-%d} the clocks change, and {note_words(note)}"
                        )


def _all_ahead(there: list[DjangoJobStore], now: datetime, until: datetime | None, count: int) -> list[Ahead]:
    """Return the next fire times of all jobs. Jobs come in the order of their next run times: the first ones decide."""
    found: list[Ahead] = []
    for store in there:
        jobs = ScheduledJob.objects.using(store.using).of(store.namespace).unfinished()
        jobs = jobs.filter(paused=False, retired_at=None, broken_reason="", next_run_time__isnull=False)
        for page in pages(jobs):
            found = _ahead(page, now, until, count, found)
            if len(found) == count and page[-1].next_run_time > found[-1].planned:
                break
    return found


def _ahead(
    rows: list[ScheduledJob], now: datetime, until: datetime | None, count: int, found: list[Ahead] | None = None
) -> list[Ahead]:
    """Return the first `count` of the fire times of these jobs and of those that were found before."""
    found = list(found or ())
    for row in rows:
        with suppress(Exception):  # a broken trigger, or one of another package: its job is found broken by the nodes
            for one in _of_job(row, now):
                if (until is not None and one.fire_time > until) or (len(found) >= count and one > found[count - 1]):
                    break
                insort(found, one)
                del found[count:]
    return found


def _of_job(row: ScheduledJob, now: datetime) -> Iterator[Ahead]:
    """Yield the fire times of a job from now on, as if nothing kept it from running."""
    if row.finished_at is not None:
        return
    trigger = read_trigger(row)
    planned = None if row.paused or row.trigger != row.planned_trigger else row.next_fire_time
    fire_time = planned or trigger.get_next_fire_time(None, now)
    while fire_time is not None:
        fire_time = as_utc(fire_time)
        yield Ahead(planned=due_at(row.job_id, trigger, fire_time), job_id=row.job_id, fire_time=fire_time, key=row.pk)
        fire_time = trigger.get_next_fire_time(fire_time, fire_time)


def _as_json(one: Ahead) -> dict[str, Any]:
    return {"job": one.job_id, "fire_time": iso(one.fire_time), "planned": iso(one.planned)}
