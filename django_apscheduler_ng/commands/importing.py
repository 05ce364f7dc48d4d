"""`scheduler import-from`: jobs of other schedulers."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import DEFAULT_DB_ALIAS

from ..bootstrap import get_scheduler
from ..clock import SYSTEM_CLOCK
from ..conf import get_config
from ..documents import Reader
from ..importers.candidates import Candidate
from ..importers.cronjobs import read_crontab
from ..importers.oldjobs import read_table
from ..importers.proof import prove
from ..triggers.zones import as_zone
from .base import Subcommand
from .export import add_import_options, tell_imported
from .named import by_operator

_EXIT_CODES = {
    0: "every job was imported",
    1: "none was; the message says why",
    3: "some cannot be imported, each is listed with its reason; the others were",
}

_PROOF = (
    "Each job is printed with its new schedule in words, and with a proof: the next 100 fire times of the old scheduler and of the new "
    "one are compared, and those that differ are listed with the reason. --dry-run prints all this and writes nothing.",
)


class _Source(Subcommand):
    """Another scheduler."""

    exit_codes = _EXIT_CODES

    @abstractmethod
    def candidates(self, options: Mapping[str, Any], reader: Reader) -> Iterable[Candidate]:
        """Return its jobs."""

    @abstractmethod
    def reason(self, options: Mapping[str, Any]) -> str:
        """Return what the events of the imported jobs say."""

    def handle(self, options: Mapping[str, Any]) -> int:
        """Print each job with its proof, and import those that can be."""
        scheduler = get_scheduler()
        found = list(self.candidates(options, scheduler.reader(options["source"], options["jobstore"])))
        self._tell(found)
        jobs = [candidate.job for candidate in found if candidate.job is not None]
        with by_operator(self.reason(options)):
            done = scheduler.add_moved(
                jobs, options["jobstore"], replace_existing=options["replace"], dry_run=options["dry_run"]
            )
        tell_imported(self.out, done, dry_run=options["dry_run"], listed=False)
        refused = len(found) - len(jobs)
        if refused:
            self.out.write(f"{refused} cannot be imported; see above.")
        return 3 if refused else 0

    def _tell(self, candidates: Sequence[Candidate]) -> None:
        now = SYSTEM_CLOCK.now()
        for candidate in candidates:
            if candidate.job is None:
                self.out.write(f"- {candidate.label}  cannot be imported: {candidate.refusal}")
                continue
            named = "" if candidate.label == candidate.job.id else f" as {candidate.job.id}"
            self.out.write(f"+ {candidate.label}{named}  {candidate.job.trigger.describe()}")
            for line in (*prove(candidate, now).lines(), *candidate.notes):
                self.out.write(f"    {line}")


class FromDjangoApscheduler(_Source):
    """Imports the jobs of django-apscheduler."""

    name = "django-apscheduler"
    summary = "import the jobs of django-apscheduler"
    description = (
        "Reads the table django_apscheduler_djangojob and adds its jobs to a job store, with the next run time, pause and policies "
        "that they had. The table stays as it is. Stop the old scheduler first, or both run them.",
        "Jobs are pickled in that table. The pickles are read without being trusted: they may name triggers and plain values and "
        "nothing else. A job with other arguments, such as model instances, cannot be imported.",
        *_PROOF,
        "The old fire times come from APScheduler itself, which has to be installed for that.",
    )
    examples = {
        "import-from django-apscheduler --dry-run": "See what would come, and what would fire differently.",
        "import-from django-apscheduler": "Import the jobs.",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the database of the table."""
        parser.add_argument(
            "--database", default=DEFAULT_DB_ALIAS, metavar="ALIAS", help="the database with the table (default)"
        )
        add_import_options(parser)

    def candidates(self, options: Mapping[str, Any], reader: Reader) -> Iterable[Candidate]:
        """Return the jobs of the table."""
        return read_table(options["database"], reader)

    def reason(self, options: Mapping[str, Any]) -> str:
        """Name the source."""
        return "imported from django-apscheduler"


class FromCrontab(_Source):
    """Imports the lines of a crontab."""

    name = "crontab"
    summary = "import the lines of a crontab that run management commands"
    description = (
        "Reads a crontab as crontab(5) describes it and adds a job for each line that runs a management command of this project: "
        "`… manage.py COMMAND ARGUMENTS`. The job calls django.core.management.call_command(), which the setting allowed_callables "
        "has to allow. The crontab stays as it is; remove the lines when you start the scheduler.",
        "Lines that run something else are listed with the reason and not imported: there is no job that runs a shell.",
        *_PROOF,
        "The old fire times are cron's by the letter of its manual: with both a day of the month and a weekday, one of them is enough; "
        "CRON_TZ sets the zone of the lines below it.",
    )
    examples = {
        "import-from crontab - --dry-run < <(crontab -l)": "See what would come of the crontab of this user.",
        "import-from crontab /etc/cron.d/shop --system --timezone Europe/Berlin": "Import a file with a column for the user.",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the file and how it is to be read."""
        parser.add_argument("file", metavar="FILE", help="the crontab; - is standard input")
        parser.add_argument("--system", action="store_true", help="there is a column for the user, as in /etc/crontab")
        parser.add_argument(
            "--timezone", metavar="NAME", help="the zone that cron works in; left out, that of the settings"
        )
        add_import_options(parser)

    def candidates(self, options: Mapping[str, Any], reader: Reader) -> Iterable[Candidate]:
        """Return the lines of the file."""
        zone = as_zone(options["timezone"] or get_config().timezone)
        self.out.write(f"Times are read as those of {zone.key}, unless CRON_TZ says otherwise.")
        file = options["file"]
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8", errors="surrogateescape")
        return read_crontab(text, zone.key, reader, system=options["system"])

    def reason(self, options: Mapping[str, Any]) -> str:
        """Name the file."""
        return f"imported from the crontab {options['file']}"


class ImportFrom(Subcommand):
    """Imports jobs of other schedulers."""

    name = "import-from"
    summary = "import the jobs of another scheduler, with a proof"
    description = ("Imports the jobs of another scheduler. `import-from SOURCE --help` describes a source.",)
    children = (FromDjangoApscheduler, FromCrontab)

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add nothing: the sources have arguments."""

    def handle(self, options: Mapping[str, Any]) -> int:
        """Be never called: the sources are."""
        raise NotImplementedError
