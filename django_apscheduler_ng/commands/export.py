"""`scheduler export` and `scheduler import`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from django.core.management.base import CommandParser

from ..bootstrap import get_scheduler
from ..schedulers.api import Imported
from .base import Subcommand
from .named import by_operator

#: Stands for standard input or output.
_STREAM = "-"


class Export(Subcommand):
    """Writes jobs to a file."""

    name = "export"
    summary = "write jobs to a file, from which `import` makes them again"
    description = (
        "Writes the jobs of the job stores in the database to a JSON file that people can read: definition, next run time, pause and "
        "its reason. Runs and events stay where they are, and nothing is removed.",
        "Where a job cannot be read, all of these are named and no file is written.",
    )
    examples = {
        "export jobs.json": "Keep a copy.",
        "export --jobstore reports | ssh other app/manage.py scheduler import -": "Copy jobs to another project.",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add file and job store."""
        parser.add_argument("file", nargs="?", default=_STREAM, metavar="FILE", help="where to; - is standard output")
        parser.add_argument("--jobstore", metavar="ALIAS", help="export this job store only")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Write, and tell how many."""
        file = options["file"]
        count = get_scheduler().export_jobs(self.out if file == _STREAM else file, options["jobstore"])
        told = f"{count} job(s) exported."
        if file == _STREAM:
            self.err.write(told, str)  # it is no error
        else:
            self.out.write(told)
        return 0


class Import(Subcommand):
    """Adds the jobs of a file."""

    name = "import"
    summary = "add the jobs of a file that `export` wrote"
    description = (
        "Adds the jobs of a file to a job store, all or none, with the next run time, pause and reason that they had. What was due "
        "since the export is due now; each job's own policies say what becomes of it, as after a downtime.",
        "A file that is damaged or foreign is refused with every place that is wrong in it. So are ids that are taken, unless "
        "--replace is given, and callables that nodes are not allowed to run.",
        "A job that is allowed but cannot run here, because its callable or executor is not there or its arguments do not fit, is "
        "imported and named: it is broken until that is repaired.",
    )
    examples = {
        "import jobs.json --dry-run": "See what would be done.",
        "import jobs.json --replace": "Put jobs back to what they were when the file was written.",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add file, job store, and what may happen."""
        parser.add_argument("file", metavar="FILE", help="where from; - is standard input")
        add_import_options(parser)

    def handle(self, options: Mapping[str, Any]) -> int:
        """Add, and tell what was done."""
        file: str | TextIO = sys.stdin if options["file"] == _STREAM else options["file"]
        with by_operator(f"imported from {options['file']}"):
            done = get_scheduler().import_jobs(
                file, options["jobstore"], replace_existing=options["replace"], dry_run=options["dry_run"]
            )
        tell_imported(self.out, done, dry_run=options["dry_run"])
        return 0


def add_import_options(parser: CommandParser) -> None:
    """Add what every import can be told."""
    parser.add_argument("--jobstore", default="default", metavar="ALIAS", help="where to add the jobs (default)")
    parser.add_argument("--replace", action="store_true", help="replace jobs that have the same ids")
    parser.add_argument("--dry-run", action="store_true", help="check, print what would be done, and do nothing")


def tell_imported(out: TextIO, done: Imported, *, dry_run: bool, listed: bool = True) -> None:
    """Print what an import did, or would do; `listed` = with each job that would come."""
    if dry_run and listed:
        for sign, word, jobs in (("+", "added", done.added), ("~", "replaced", done.replaced)):
            for job in jobs:
                out.write(f"  {sign} {job.id}  would be {word}: {job.trigger.describe()}")
    for job in done.broken:
        out.write(f"  ! {job.id}  {'would be' if dry_run else 'is'} broken: {job.broken_reason}")
    would = "would be " if dry_run else ""
    out.write(f"{len(done.added)} job(s) {would}added, {len(done.replaced)} {would}replaced.")
