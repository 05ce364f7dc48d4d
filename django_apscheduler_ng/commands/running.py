"""`scheduler run`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..models import JobRun
from ..runs import OPEN_STATUSES, RunStatus
from ..storetime import living_now
from .base import Subcommand
from .named import add_jobstore_option, by_operator, named_job
from .output import error_line, print_json, took
from .reading import add_argument_options, read_argument_options
from .runrows import run_json

#: Exit codes of a run that was waited for.
FAILED, OPEN = 4, 5

#: How often a run is looked at that is waited for, in seconds.
_LOOK = 0.2


class RunNow(Subcommand):
    """Asks for a run now."""

    name = "run"
    summary = "ask for a run of a job now, beside its schedule"
    description = (
        "Asks for one run of a job now. A node performs it; the schedule stays as it is, and a paused job can be run, too. The id of "
        "the run is printed, by which `logs` shows it.",
        "With --wait the command waits for the end of the run, and its exit code says how it ended. The run goes on when the command "
        "is interrupted.",
    )
    examples = {
        "run nightly": "Ask for a run, and return at once.",
        "run nightly --wait 600": "Wait for its end, ten minutes at most.",
        "run import --args '[\"eu\"]'": "With other arguments than the job has.",
    }
    exit_codes = {
        0: "the run was asked for; with --wait: it succeeded",
        1: "it was not asked for; the message says why",
        FAILED: "with --wait: it ended, and did not succeed",
        OPEN: "with --wait: it has not ended within that time",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add job, arguments and patience."""
        parser.add_argument("job", metavar="JOB", help="id of the job")
        add_jobstore_option(parser)
        add_argument_options(parser, "of this run, instead of those of the job")
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait so long for the end of the run")
        parser.add_argument("--json", action="store_true", help="print the run as a JSON object")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Ask, and wait where that is wanted."""
        arguments = read_argument_options(options)
        check_patience(options["wait"])
        named = named_job(options["job"], options["jobstore"])
        with by_operator():
            run_id = get_scheduler().run_job(named.id, named.alias, **arguments)
        return follow(
            self,
            named.store.using,
            int(run_id),
            f"{named.id}: run {run_id} is asked for.",
            options,
            named.store.namespace,
        )


def check_patience(seconds: float | None) -> None:
    """Refuse a time to wait that is none.

    Raises:
        CommandError: it is negative, or has no end.
    """
    if seconds is not None and not 0 <= seconds < timedelta.max.total_seconds():
        raise CommandError(f"Option --wait must be a number of seconds of at least 0, got {seconds}.")


def follow(command: Subcommand, using: str, run_id: int, told: str, options: Mapping[str, Any], namespace: str) -> int:
    """Tell that a run was asked for, wait for its end where that is wanted, and return the exit code.

    Args:
        command: writes.
        using: alias of the database.
        run_id: the run.
        told: the words for it.
        options: `wait` and `json` among them.
        namespace: of the job store, whose nodes may perform the run.
    """
    if not options["json"]:
        command.out.write(told)
    if not any(node.namespace == namespace for node in living_now(using)):
        command.err.write("No scheduler is running: the run waits until one does. Start `manage.py runscheduler`.")
    run = wait_for(using, run_id, options["wait"] or 0)
    if options["json"]:
        print_json(command.out, run_json(run))
    elif options["wait"] is not None:
        command.out.write(_ended(run))
    return 0 if options["wait"] is None else exit_code(run)


def wait_for(using: str, run_id: int, seconds: float) -> JobRun:
    """Return the run as it is when it has ended, or when so many seconds have passed.

    Raises:
        CommandError: it is not there any more.
    """
    until = SYSTEM_CLOCK.monotonic() + seconds
    while True:
        run = JobRun.objects.using(using).defer("result").filter(pk=run_id).first()
        if run is None:
            raise CommandError(f"Run {run_id} is not there any more. It was deleted while it was waited for.")
        left = until - SYSTEM_CLOCK.monotonic()
        if run.status not in OPEN_STATUSES or left <= 0:
            return run
        time.sleep(min(_LOOK, left))


def exit_code(run: JobRun) -> int:
    """Return what a command exits with that has waited for a run."""
    if run.status in OPEN_STATUSES:
        return OPEN
    return 0 if run.status == RunStatus.SUCCEEDED else FAILED


def _ended(run: JobRun) -> str:
    status = str(run.get_status_display())
    if run.status in OPEN_STATUSES:
        return f"Run {run.pk} has not ended: it is {status}. `manage.py scheduler logs {run.pk}` shows how it goes on."
    why = error_line(run)
    after = f" after {took(run, SYSTEM_CLOCK.now())}" if run.started_at is not None else ""
    return f"Run {run.pk} {status}{after}{f': {why}' if why else '.'}"
