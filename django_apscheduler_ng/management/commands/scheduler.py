"""`manage.py scheduler`: look after the scheduler from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...bootstrap import get_scheduler
from ...clock import SYSTEM_CLOCK
from ...conf import get_config
from ...retention import prune


class Command(BaseCommand):
    """One subcommand for each thing to do."""

    help = "Looks after the scheduler. `manage.py scheduler prune --help` describes the subcommand."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        pruning = subcommands.add_parser(
            "prune",
            help="delete old history",
            description="Deletes ended runs that are too old or too many, and events, finished jobs and stopped nodes that are too "
            "old, in small batches. Without options the limits are those of APSCHEDULER['retention'].",
        )
        pruning.add_argument("--days", type=int, metavar="N", help="delete what ended more than N days ago")
        pruning.add_argument("--keep", type=int, metavar="N", help="keep the latest N ended runs of each job")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the subcommand says."""
        getattr(self, f"_{options['subcommand']}")(options)

    def _prune(self, options: dict[str, Any]) -> None:
        limits = get_config().retention
        days = limits.max_age_days if options["days"] is None else options["days"]
        keep = limits.max_runs_per_job if options["keep"] is None else options["keep"]
        for name, value in (("--days", days), ("--keep", keep)):
            if value is not None and value < 1:
                raise CommandError(f"Option {name} must be a whole number of at least 1, got {value}.")
        for using in get_scheduler().databases():
            pruned = prune(using, SYSTEM_CLOCK.now(), max_age_days=days, max_runs_per_job=keep)
            self.stdout.write(
                f"Database {using!r}: deleted {pruned.runs} run(s), {pruned.entries} event(s), "
                f"{pruned.jobs} finished job(s), {pruned.nodes} node(s)."
            )
