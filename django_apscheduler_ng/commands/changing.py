"""`scheduler pause`, `resume`, `reschedule` and `remove`: each takes one or several jobs."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..bootstrap import get_scheduler
from ..exceptions import SchedulerError
from ..forgetting import forget
from ..models import ScheduledJob
from ..rows import read_trigger
from ..storetime import store_now
from ..words import schedule_words, zone_of
from .base import Subcommand
from .named import Named, add_jobstore_option, by_operator, named_job
from .output import counted, when, when_and_far
from .reading import read_trigger as read_trigger_words
from .showing import fire_times

_EXIT_CODES = {0: "all of it was done", 1: "a part of it was not; a message for each job says why"}


class _OfJobs(Subcommand):
    """Does something to one job after the other. What is wrong with one keeps nothing from the others."""

    exit_codes = _EXIT_CODES

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the jobs, and why."""
        parser.add_argument("jobs", nargs="+", metavar="JOB", help="ids of the jobs")
        add_jobstore_option(parser)
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, for those who read the events")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Do it to each job."""
        failed = 0
        for job_id in dict.fromkeys(options["jobs"]):
            try:
                named = named_job(job_id, options["jobstore"])
                self.check(named)
                with by_operator(options["reason"]):
                    self.act(named, options)
            except (SchedulerError, CommandError) as error:
                self.err.write(str(error))
                failed += 1
        return 1 if failed else 0

    def check(self, named: Named) -> None:
        """Refuse what cannot be done to this job.

        Raises:
            CommandError: saying why.
        """
        if named.row.finished_at is not None:
            raise CommandError(
                f"The schedule of job {named.id!r} ended at {when(named.row.finished_at)}: it has no further fire time. "
                "Add it again to run it again."
            )

    @abstractmethod
    def act(self, named: Named, options: Mapping[str, Any]) -> None:
        """Do it to one job, and tell what was done."""

    def tell(self, named: Named, text: str) -> None:
        """Print a line about a job."""
        self.out.write(f"{named.id}: {text}")


class Pause(_OfJobs):
    """Pauses jobs."""

    name = "pause"
    summary = "keep jobs from running until they are resumed"
    description = (
        "Pauses jobs. Runs under way go on. What is due during the pause is not made up for.",
        "Who paused a job, when and why is shown wherever the job is: by `show`, `why` and the admin.",
    )
    examples = {
        "pause nightly --reason 'the bank is closed'": "Pause one job, and say why.",
        "pause import-eu import-us": "Pause two jobs.",
    }

    def act(self, named: Named, options: Mapping[str, Any]) -> None:
        """Pause it; one that is paused already gets the new reason, if there is one."""
        if named.row.paused and not options["reason"]:
            self.tell(named, "was paused already, nothing to do.")
            return
        get_scheduler().pause_job(named.id, named.alias, reason=options["reason"])
        self.tell(named, "paused.")


class Resume(_OfJobs):
    """Resumes jobs."""

    name = "resume"
    summary = "let paused or retired jobs run again"
    description = (
        "Lets paused jobs run again, from their next fire time on. What was due meanwhile is not made up for. A retired job, which no "
        "running scheduler declares in code any more, goes on as a job of its own.",
        "The next run time is printed. A job whose schedule ended during the pause is removed.",
    )
    examples = {"resume nightly": "Let a job run again, and see when it does."}

    def act(self, named: Named, options: Mapping[str, Any]) -> None:
        """Resume it, and tell when it runs next."""
        if not named.row.paused and named.row.retired_at is None:
            self.tell(named, "was not paused, nothing to do.")
            return
        job = get_scheduler().resume_job(named.id, named.alias)
        if job is None:
            self.tell(named, "removed: its schedule has ended meanwhile.")
            return
        now = store_now(named.store.using)
        self.tell(named, f"resumed, runs next {when_and_far(job.next_run_time, now, zone_of(job.trigger))}.")


class Reschedule(_OfJobs):
    """Gives jobs another trigger."""

    name = "reschedule"
    summary = "give jobs another trigger"
    description = (
        "Gives jobs another trigger, and plans them from now on. What was due and not started is not made up for; a paused job stays "
        "paused. The next fire times before and after are printed.",
        "The trigger is written as for `add`: its name and its arguments, or a crontab expression in quotes.",
    )
    examples = {
        "reschedule nightly --to cron hour=4 minute=30": "An hour and a half later.",
        "reschedule import-eu import-us --to cron '*/10 * * * *'": "Two jobs, each ten minutes.",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the jobs and the trigger."""
        super().add_arguments(parser)
        parser.add_argument(
            "--to",
            nargs="+",
            required=True,
            metavar=("TRIGGER", "NAME=VALUE"),
            help="the new trigger and its arguments",
        )

    def act(self, named: Named, options: Mapping[str, Any]) -> None:
        """Reschedule it, and tell the fire times before and after."""
        trigger, arguments = read_trigger_words(options["to"])
        now = store_now(named.store.using)
        before = _schedule_line(named.row, now)
        get_scheduler().reschedule_job(named.id, named.alias, trigger, **arguments)
        row = named.store.row(named.id)
        self.tell(named, "rescheduled." if row is None or not row.paused else "rescheduled; it is still paused.")
        self.out.write(f"  before: {before}")
        if row is not None:
            self.out.write(f"  after:  {_schedule_line(row, now)}")


def _schedule_line(row: ScheduledJob, now: datetime) -> str:
    """Return a schedule in words, and its next fire times."""
    trigger = read_trigger(row)
    moments = ", ".join(when(moment, zone_of(trigger)) for moment in fire_times(row, now, 3))
    return f"{schedule_words(trigger)}; next {moments or 'never'}"


class Remove(_OfJobs):
    """Removes jobs."""

    name = "remove"
    summary = "remove jobs; their history stays"
    description = (
        "Removes jobs for good. Runs under way go on, and the history of runs and events stays until it is pruned.",
        "Asks before it does so. Where nobody can be asked, because standard input is no terminal, --yes has to be given.",
        "A job that is declared in code comes back when a node starts; pause it instead.",
    )
    examples = {
        "remove nightly": "Remove a job, after a question.",
        "remove old-1 old-2 --yes --reason 'moved to the warehouse'": "Remove two without a question.",
    }
    exit_codes = {0: "all of them were removed", 1: "some were not, or the answer was no; messages say why"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the jobs and the answer."""
        super().add_arguments(parser)
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Ask, and remove."""
        if not options["yes"] and not self._is_meant(options["jobs"]):
            self.err.write("Nothing was removed.")
            return 1
        return super().handle(options)

    def _is_meant(self, jobs: list[str]) -> bool:
        if not sys.stdin.isatty():
            raise CommandError(
                "Nothing was removed: standard input is no terminal, so nobody can be asked. Add --yes to remove without a question."
            )
        self.out.write(f"Remove {counted(len(jobs), 'job')} for good: {', '.join(jobs)}? [y/N] ", ending="")  # type: ignore[call-arg]
        self.out.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def check(self, named: Named) -> None:
        """Refuse nothing: what is left of a job whose schedule has ended can be removed, too."""

    def act(self, named: Named, options: Mapping[str, Any]) -> None:
        """Remove it."""
        if named.row.finished_at is None:
            get_scheduler().remove_job(named.id, named.alias)
        else:
            forget(named.row)
        declared = " It is declared in code, and comes back when a node starts." if named.row.declared else ""
        self.tell(named, f"removed.{declared}")
