"""`manage.py runscheduler`: a node."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandParser

from ...conf_readers import as_queues
from ...exceptions import ConfigurationError
from ...serving import EXIT_CODES, Options, serve
from ...stopping import StopRequests


def _queues(text: str) -> tuple[str, ...]:
    """Return the queues that the command line names."""
    try:
        return as_queues(text, "--queues")
    except ConfigurationError as error:
        raise ArgumentTypeError(str(error)) from error


class Command(BaseCommand):
    """Run the scheduler: look for due jobs, perform them, record what became of them."""

    help = (
        "Runs a scheduler node until SIGTERM or SIGINT (Ctrl-C): it looks for due jobs in the job store, performs them and records "
        "how they ended. Start as many nodes as you like, on as many hosts as you like; each fire time is claimed by one of them. "
        "On the first signal it claims nothing more and waits for what is running; on the second it stops at once. "
        f"Exit codes: {'; '.join(f'{code} = {meaning}' for code, meaning in EXIT_CODES.items())}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--grace", type=float, metavar="SECONDS", help="how long to wait for running jobs when stopping"
        )
        parser.add_argument("--threads", type=int, metavar="N", help="threads of the executor 'default'")
        parser.add_argument("--processes", type=int, metavar="N", help="processes of the executor 'processpool'")
        parser.add_argument(
            "--queues",
            type=_queues,
            metavar="A,B",
            help="claim only jobs of these queues, separated by commas; left out, those of the settings",
        )
        parser.add_argument(
            "--paused", action="store_true", help="start without claiming anything; resume is up to a restart"
        )
        parser.add_argument("--once", action="store_true", help="perform what is due now, wait for it, and exit")
        parser.add_argument(
            "--plan", action="store_true", help="print what starting would change in the job store, and exit"
        )
        parser.add_argument(
            "--check", action="store_true", help="the same, and exit with 5 where code and database differ (for CI)"
        )
        parser.add_argument("--reload", action="store_true", help="restart when code changes (for development)")
        parser.add_argument(
            "--no-wait", action="store_true", help="exit with 3 while migrations are unapplied, instead of waiting"
        )

    def execute(self, *args: Any, **options: Any) -> Any:
        """Take note of OS signals, before Django's checks already; then run the command."""
        self._requests = StopRequests().install()
        try:
            return super().execute(*args, **options)
        finally:
            self._requests.close(ignore=getattr(self, "_called_from_command_line", False))

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, and exit with the code that says how it ended."""
        names = Options.__dataclass_fields__
        chosen = Options(**{name: options[name] for name in names})
        code = serve(chosen, cast("TextIO", self.stdout), self._requests)
        if code:
            raise SystemExit(code)
