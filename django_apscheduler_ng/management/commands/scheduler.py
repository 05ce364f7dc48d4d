"""`manage.py scheduler`: look after the scheduler from the command line."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from ...commands import SUBCOMMANDS
from ...commands.base import add_subcommands, chosen
from ...exceptions import SchedulerError


class Command(BaseCommand):
    """One subcommand for each thing to do."""

    help = "Looks after the scheduler. `manage.py scheduler SUBCOMMAND --help` describes a subcommand."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        add_subcommands(parser, SUBCOMMANDS, "subcommand", "SUBCOMMAND")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the subcommand says, and exit with its code."""
        try:
            code = chosen(SUBCOMMANDS, options)(self).handle(options)
        except BrokenPipeError:
            _stop_writing()  # whoever reads has read enough
            return
        except (SchedulerError, OSError) as error:
            raise CommandError(str(error).replace("replace_existing=True", "--replace")) from error
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(f"{error}\nSee that the database runs, and run `manage.py migrate`.") from error
        if code:
            raise SystemExit(code)


def _stop_writing() -> None:
    """Let go of a standard output that nobody reads, or Python complains about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
