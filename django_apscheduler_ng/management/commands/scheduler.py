"""`manage.py scheduler`: look after the scheduler from the command line."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...bootstrap import get_scheduler
from ...clock import SYSTEM_CLOCK
from ...conf import get_config
from ...health import Finding, Level, Limits, examine, worst
from ...retention import prune

#: What `scheduler doctor` exits with.
DOCTOR_EXIT_CODES = {0: "nothing has failed; there may be warnings", 1: "something has failed"}


class Command(BaseCommand):
    """One subcommand for each thing to do."""

    help = "Looks after the scheduler. `manage.py scheduler SUBCOMMAND --help` describes a subcommand."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        doctor = subcommands.add_parser(
            "doctor",
            help="say whether the scheduler does its work",
            description="Looks at what the nodes wrote to the database, and prints a line for each thing: ok, warning or failure. "
            f"Exit codes: {'; '.join(f'{code} = {meaning}' for code, meaning in DOCTOR_EXIT_CODES.items())}.",
        )
        doctor.add_argument(
            "--max-pass-age", type=float, metavar="SECONDS", help="how long ago the last pass of a node may be"
        )
        doctor.add_argument(
            "--max-lateness", type=float, metavar="SECONDS", help="for how long a job may have been due"
        )
        doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
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

    def _doctor(self, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in ("max_pass_age", "max_lateness") if options[name] is not None}
        findings = examine(replace(Limits(), **given))
        level = worst(findings)
        if options["json"]:
            self.stdout.write(json.dumps({"status": level, "findings": [asdict(finding) for finding in findings]}))
        else:
            for finding in findings:
                self.stdout.write(_line(finding))
        if level is Level.FAILURE:
            raise SystemExit(1)

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


def _line(finding: Finding) -> str:
    """Return what there is to read of a finding."""
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.level:<8} {finding.name}: {finding.message}{detail}"
