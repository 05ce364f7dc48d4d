"""`scheduler add`."""

from __future__ import annotations

import json
from argparse import BooleanOptionalAction
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..bootstrap import get_scheduler
from ..policies import ABANDON_POLICIES, OVERLAP_POLICIES, PRIORITIES
from ..rows import read_trigger as read_row_trigger
from ..storetime import store_now
from ..words import schedule_words
from .base import Subcommand
from .listing import as_json, listed
from .named import Named, by_operator, named_job
from .output import print_json, when_and_far
from .reading import add_argument_options, project_zone, read_argument_options, read_moment, read_trigger
from .showing import fire_times

#: Options that have the name of an option of `add_job()` and are passed on as they are.
_AS_THEY_ARE = (
    *("id", "name", "executor", "jobstore", "max_instances", "coalesce", "on_abandoned"),
    *("overlap", "queue", "priority"),
)

_NONE = "none"

#: Fire times that are told.
_TOLD = 3


class Add(Subcommand):
    """Adds a job."""

    name = "add"
    summary = "add a job"
    description = (
        "Adds a job to a job store; a running node performs it from its next fire time on. Nothing is performed here.",
        "CALLABLE is the reference of a function, `package.module:function`. It has to be known to the nodes: decorated with @job, "
        "in a module of an installed app, or allowed by the setting allowed_callables.",
        "TRIGGER is cron, interval, date or calendarinterval, followed by its arguments as NAME=VALUE. A crontab expression in quotes "
        "can stand in place of cron's. Times are in the zone of the project unless timezone=… says otherwise. Without a trigger the "
        "job runs once, now. Put options behind the arguments of the trigger.",
        "An option that is left out has the default of APSCHEDULER['job_defaults'].",
    )
    examples = {
        "add shop.jobs:report cron hour=3 minute=0 --id nightly": "Each night at three.",
        "add shop.jobs:report cron '0 3 * * mon-fri' --id workdays": "The same on workdays, written as in a crontab.",
        "add shop.jobs:sync interval minutes=5 jitter=30 --kwargs '{\"full\": false}'": (
            "Each five minutes, up to half a minute later, with an argument."
        ),
        "add shop.jobs:close date '2026-12-31 23:59' --id close": "Once.",
    }
    exit_codes = {0: "the job was added", 1: "it was not; the message says why"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add callable, trigger and options."""
        parser.add_argument("callable", metavar="CALLABLE", help="the function, as package.module:function")
        parser.add_argument(
            "trigger",
            nargs="*",
            metavar="TRIGGER",
            help="when it runs: a trigger and its arguments; left out: once, now",
        )
        parser.add_argument("--id", metavar="ID", help="id of the job; a random one when left out")
        parser.add_argument("--name", metavar="TEXT", help="name for people; that of the callable when left out")
        add_argument_options(parser, "of each call")
        parser.add_argument("--executor", metavar="ALIAS", help="the executor that performs it (default)")
        parser.add_argument("--max-instances", type=int, metavar="N", help="how many runs may be under way at once")
        parser.add_argument(
            "--misfire-grace-time", metavar="SECONDS", help="how late a run may start; none = however late"
        )
        parser.add_argument(
            "--coalesce", action=BooleanOptionalAction, help="whether several fire times that are due become one run"
        )
        parser.add_argument("--on-abandoned", choices=ABANDON_POLICIES, help="what becomes of a run whose node died")
        parser.add_argument("--timeout", metavar="SECONDS", help="how long a run may take; none = as long as it takes")
        parser.add_argument(
            "--retry",
            metavar="N|JSON",
            help='attempts in all, or a JSON object like {"attempts": 3, "delay": 10}; none = one',
        )
        parser.add_argument(
            "--overlap", choices=OVERLAP_POLICIES, help="what becomes of a fire time that finds no instance free"
        )
        parser.add_argument("--queue", metavar="NAME", help="the queue (default)")
        parser.add_argument("--priority", choices=PRIORITIES, help="who goes first where executors are full")
        parser.add_argument(
            "--next-run-time", metavar="WHEN", help="when it runs first, instead of when the trigger says"
        )
        parser.add_argument("--paused", action="store_true", help="add it paused")
        parser.add_argument("--jobstore", metavar="ALIAS", help="the job store (default)")
        parser.add_argument("--replace", action="store_true", help="replace a job with the same id")
        parser.add_argument("--json", action="store_true", help="print the job as a JSON object")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Add it, and tell when it runs first."""
        trigger, arguments = read_trigger(options["trigger"])
        described = {name: options[name] for name in _AS_THEY_ARE if options[name] is not None}
        described |= _read(options)
        with by_operator():
            job = get_scheduler().add_job(
                options["callable"], trigger, replace_existing=options["replace"], **described, **arguments
            )
        named = named_job(job.id, options["jobstore"] or "default")
        if options["json"]:
            print_json(self.out, as_json(listed(named)))
        else:
            self._tell(named)
        return 0

    def _tell(self, named: Named) -> None:
        now = store_now(named.store.using)
        self.out.write(f"Added {named.id}: {schedule_words(read_row_trigger(named.row))}.")
        if named.row.paused:
            self.out.write("It is paused. Resumed, it would fire at:")
        for moment in fire_times(named.row, now, _TOLD):
            self.out.write(f"  {when_and_far(moment, now, project_zone())}")


def _read(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the job that are written otherwise than their values."""
    found = read_argument_options(options)
    for name in ("misfire_grace_time", "timeout"):
        if options[name] is not None:
            found[name] = _seconds(f"--{name.replace('_', '-')}", options[name])
    if options["retry"] is not None:
        found["retry"] = _retry(options["retry"])
    if options["paused"] and options["next_run_time"]:
        raise CommandError("Options --paused and --next-run-time exclude each other: a paused job has no next run.")
    if options["paused"]:
        found["next_run_time"] = None
    elif options["next_run_time"]:
        now = store_now(get_scheduler().database)
        found["next_run_time"] = read_moment("Option --next-run-time", options["next_run_time"], now, ago=False)
    return found


def _seconds(option: str, text: str) -> float | None:
    """Return a number of seconds, None for the word none."""
    if text.lower() == _NONE:
        return None
    try:
        return float(text)
    except ValueError:
        raise CommandError(f"Option {option} must be a number of seconds or none, got {text!r}.") from None


def _retry(text: str) -> Any:
    """Return what `add_job(retry=…)` takes; it checks the rest."""
    if text.lower() == _NONE:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise CommandError(
            f"Option --retry must be a number of attempts, a JSON object or none, got {text!r}. Write --retry 3."
        ) from None
