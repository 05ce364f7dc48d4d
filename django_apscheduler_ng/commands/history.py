"""`scheduler prune`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..conf import get_config
from ..retention import prune
from .base import Subcommand


class Prune(Subcommand):
    """Deletes old history."""

    name = "prune"
    summary = "delete old history"
    description = (
        "Deletes ended runs that are too old or too many, and events, finished jobs and stopped nodes that are too old, in small "
        "batches. Without options the limits are those of APSCHEDULER['retention'], by which the nodes do the same on their own.",
    )
    examples = {"prune --days 7 --keep 100": "Keep a week, and of each job no more than its latest 100 runs."}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the limits."""
        parser.add_argument("--days", type=int, metavar="N", help="delete what ended more than N days ago")
        parser.add_argument("--keep", type=int, metavar="N", help="keep the latest N ended runs of each job")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Delete, and tell how much."""
        limits = get_config().retention
        days = limits.max_age_days if options["days"] is None else options["days"]
        keep = limits.max_runs_per_job if options["keep"] is None else options["keep"]
        for name, value in (("--days", days), ("--keep", keep)):
            if value is not None and value < 1:
                raise CommandError(f"Option {name} must be a whole number of at least 1, got {value}.")
        for using in get_scheduler().databases():
            pruned = prune(using, SYSTEM_CLOCK.now(), max_age_days=days, max_runs_per_job=keep)
            self.out.write(
                f"Database {using!r}: deleted {pruned.runs} run(s), {pruned.entries} event(s), "
                f"{pruned.jobs} finished job(s), {pruned.nodes} node(s)."
            )
        return 0
