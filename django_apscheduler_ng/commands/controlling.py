"""`scheduler cancel` and `scheduler retry`: what can be done with runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..bootstrap import get_scheduler
from ..exceptions import SchedulerError
from ..runs import RunStatus
from .base import Subcommand
from .named import by_operator
from .recorded import named_run
from .running import FAILED, OPEN, check_patience, follow


class Cancel(Subcommand):
    """Cancels runs."""

    name = "cancel"
    summary = "cancel runs that have not ended"
    description = (
        "Cancels runs. One that has not begun is cancelled at once. One that is under way is asked to end, wherever it runs: its "
        "process is killed, its task is cancelled, its thread is told. A thread that takes no notice goes on, and its run is cancelled "
        "after some seconds.",
        "The job goes on at its next fire time; pause it to prevent that.",
    )
    examples = {
        "cancel 4711": "Cancel a run.",
        "cancel 4711 4712 --reason 'wrong customer'": "Cancel two, and say why.",
    }
    exit_codes = {
        0: "all of them are cancelled, or asked to end",
        1: "some are not, because they had ended or are unknown; a message for each says why",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the runs, and why."""
        parser.add_argument("runs", nargs="+", type=int, metavar="RUN", help="ids of the runs, as `runs` lists them")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, for those who look at the run later")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Cancel one after the other. What is wrong with one keeps nothing from the others."""
        failed = 0
        for run_id in dict.fromkeys(options["runs"]):
            try:
                self.out.write(f"Run {run_id}: {self._cancel(run_id, options['reason'])}")
            except (SchedulerError, CommandError) as error:
                self.err.write(str(error))
                failed += 1
        return 1 if failed else 0

    def _cancel(self, run_id: int, reason: str) -> str:
        """Cancel one run, and return what became of it."""
        alias = get_scheduler().alias_of(named_run(run_id).namespace)
        with by_operator(reason):
            status = get_scheduler().cancel_run(run_id, alias, reason=reason)
        if status is RunStatus.CANCELLED:
            return "cancelled."
        return (
            f"asked to end; it is {status.value} until then. `manage.py scheduler logs {run_id}` shows how it goes on."
        )


class Retry(Subcommand):
    """Asks for a further attempt."""

    name = "retry"
    summary = "ask for a further attempt of a run that has ended"
    description = (
        "Asks for a further attempt of a run, with the callable and the arguments that it had, however it ended and whatever its job "
        "says about retries. A node performs it; the id of the attempt is printed, by which `logs` shows it.",
        "With --wait the command waits for the end of the attempt, and its exit code says how it ended.",
    )
    examples = {
        "retry 4711": "Try a run again, and return at once.",
        "retry 4711 --wait 600": "Wait for its end, ten minutes at most.",
    }
    exit_codes = {
        0: "the attempt was asked for; with --wait: it succeeded",
        1: "it was not asked for; the message says why",
        FAILED: "with --wait: it ended, and did not succeed",
        OPEN: "with --wait: it has not ended within that time",
    }

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the run and patience."""
        parser.add_argument("run", type=int, metavar="RUN", help="id of the run, as `runs` lists it")
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait so long for the end of the attempt")
        parser.add_argument("--json", action="store_true", help="print the attempt as a JSON object")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Ask, and wait where that is wanted."""
        check_patience(options["wait"])
        run = named_run(options["run"])
        scheduler = get_scheduler()
        with by_operator():
            attempt = scheduler.retry_run(run.pk, scheduler.alias_of(run.namespace))
        told = f"{run.job_id}: run {attempt} is asked for, a further attempt of run {run.pk}."
        return follow(self, run._state.db or "default", int(attempt), told, options, run.namespace)
