"""`scheduler list`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from ..jobstores.django import DjangoJobStore
from ..latest import last_runs
from ..models import JobRun, ScheduledJob
from ..querysets import ScheduledJobQuerySet
from ..rows import read_trigger
from ..states import State, in_state, states_of
from ..storetime import store_now
from ..why import gather, sentence
from ..words import schedule_words
from .base import Subcommand
from .named import Named, add_jobstore_option, stores
from .output import counted, iso, outcome, print_json_list, when
from .reading import project_zone
from .tables import Column, print_table

#: Jobs that are read at once.
PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A job and what is known about it."""

    alias: str
    row: ScheduledJob
    states: list[State]
    #: Why it does not run; empty where nothing is in its way.
    sentence: str
    last: JobRun | None
    now: datetime

    @property
    def next_run_time(self) -> datetime | None:
        """When it runs next; None where that is not known, or where it does not run."""
        row = self.row
        rests = row.paused or row.retired_at is not None or row.finished_at is not None or row.broken_reason
        moment: datetime | None = row.next_run_time
        return None if rests or row.trigger != row.planned_trigger else moment

    @property
    def state(self) -> str:
        """Its states, the most telling first."""
        return ", ".join(state.value for state in self.states)


class List(Subcommand):
    """Lists jobs."""

    name = "list"
    summary = "list jobs: state, next run, last outcome, schedule"
    description = (
        "Lists the jobs of the job stores in the database in the order of their next runs, those without one last. Jobs whose "
        "schedule has ended are left out, unless --state finished is given.",
        "Where something keeps a job from running, the last column says what. Times are in the zone of the project. On a terminal, "
        "long texts are cut; ids never are, and a file or a pipe gets everything.",
        "Jobs are printed as they are read, however many there are.",
    )
    examples = {
        "list": "All jobs.",
        "list report --state paused": "Paused jobs with “report” in their id, name or callable.",
        "list --json | jq -r '.[].id'": "Only the ids.",
    }
    exit_codes = {0: "the jobs were listed, or there are none", 1: "they were not; the message says why"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the filters."""
        parser.add_argument("text", nargs="?", metavar="TEXT", help="only jobs with this in id, name or callable")
        parser.add_argument(
            "--state", choices=State.values, metavar="STATE", help=f"only jobs that are {_or(State.values)}"
        )
        parser.add_argument("--executor", metavar="ALIAS", help="only jobs of this executor")
        parser.add_argument("--callable", metavar="TEXT", help="only jobs whose callable contains this")
        add_jobstore_option(parser, "only jobs of this job store")
        parser.add_argument("--json", action="store_true", help="print a JSON list, a job a line")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print the jobs as they are read."""
        there = stores(options["jobstore"])
        listed = (one for store in there.values() for one in listing(store, chosen_jobs(store, options)))
        if options["json"]:
            print_json_list(self.out, (as_json(one) for one in listed))
            return 0
        self._print(listed, several=len(there) > 1)
        return 0

    def _print(self, listed: Iterable[Listed], *, several: bool) -> None:
        """Print a table; what keeps every job from running is said once, below it."""
        general: dict[str, None] = {}

        def rows() -> Iterator[list[str]]:
            for one in listed:
                remark = one.sentence
                if remark.startswith(("No scheduler is running", "The scheduler is paused")):
                    general[remark] = None
                    remark = ""
                yield [*([one.alias] if several else []), *_cells(one, remark)]

        count = print_table(self.out, [*([Column(title="STORE")] if several else []), *_COLUMNS], rows())
        if not count:
            self.out.write("No jobs.")
            return
        self.out.write(f"\n{counted(count, 'job')}. Times are in {project_zone()}.")
        for remark in general:
            self.out.write(remark)


_COLUMNS = (
    Column(title="ID"),
    Column(title="STATE"),
    Column(title="NEXT RUN"),
    Column(title="LAST RUN"),
    Column(title="SCHEDULE", cut=True),
    Column(title="REMARK", cut=True, optional=True),
)


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}"


def _cells(one: Listed, remark: str) -> list[str]:
    return [
        one.row.job_id,
        one.state,
        when(one.next_run_time),
        outcome(one.last, one.now),
        schedule_words(read_trigger(one.row)),
        remark,
    ]


def chosen_jobs(store: DjangoJobStore, options: Mapping[str, Any]) -> ScheduledJobQuerySet:
    """Return the jobs of a job store that the filters let through."""
    jobs = ScheduledJob.objects.using(store.using).of(store.namespace)
    jobs = in_state(jobs, options["state"]) if options["state"] else jobs.unfinished()
    if options["executor"]:
        jobs = jobs.filter(executor=options["executor"])
    if options["callable"]:
        jobs = jobs.filter(func_ref__icontains=options["callable"])
    if text := options["text"]:
        jobs = jobs.filter(Q(job_id__icontains=text) | Q(name__icontains=text) | Q(func_ref__icontains=text))
    return jobs


def listing(store: DjangoJobStore, jobs: ScheduledJobQuerySet) -> Iterator[Listed]:
    """Yield jobs with what is known about them, page by page; each page takes the same number of queries."""
    for rows in pages(jobs):
        now = store_now(store.using)
        known, last = gather(rows, now), last_runs(rows)
        for row in rows:
            yield Listed(
                alias=store.alias,
                row=row,
                states=states_of(row, row.pk in known.live),
                sentence=sentence(row, known),
                last=last.get(row.pk),
                now=now,
            )


def listed(named: Named) -> Listed:
    """Return one job with what is known about it."""
    return next(listing(named.store, ScheduledJob.objects.using(named.store.using).filter(pk=named.row.pk)))


def pages(jobs: ScheduledJobQuerySet) -> Iterator[list[ScheduledJob]]:
    """Yield jobs in the order of their next run times, those without one last, so many at a time.

    Each page begins behind the last job of the one before, so that the database counts none off.
    """
    timed = jobs.filter(next_run_time__isnull=False).order_by("next_run_time", "pk")
    page = list(timed[:PAGE])
    while page:
        yield page
        last = page[-1]
        beyond = Q(next_run_time__gt=last.next_run_time) | Q(pk__gt=last.pk)
        page = list(timed.filter(beyond, next_run_time__gte=last.next_run_time)[:PAGE]) if len(page) == PAGE else []
    untimed = jobs.filter(next_run_time=None).order_by("pk")
    page = list(untimed[:PAGE])
    while page:
        yield page
        page = list(untimed.filter(pk__gt=page[-1].pk)[:PAGE]) if len(page) == PAGE else []


def as_json(one: Listed) -> dict[str, Any]:
    """Return what `--json` tells of a job in a list."""
    row, last = one.row, one.last
    return {
        "id": row.job_id,
        "jobstore": one.alias,
        "name": row.name,
        "callable": row.func_ref,
        "executor": row.executor,
        "states": [state.value for state in one.states],
        "schedule": schedule_words(read_trigger(row)),
        "next_run_time": iso(one.next_run_time),
        "why": one.sentence,
        "last_run": None
        if last is None
        else {"run": last.pk, "status": last.status, "finished_at": iso(last.finished_at)},
    }
