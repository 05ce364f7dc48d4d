"""`scheduler why`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ..accounts import Account, account_for, last_accounts
from ..rows import read_trigger
from ..storetime import store_now
from ..why import why
from ..words import zone_of
from .base import Subcommand
from .named import Named, add_jobstore_option, named_job
from .output import iso, plain, print_json, when, when_and_far
from .reading import read_moment
from .tables import lines_of, printable

#: Fire times that are accounted for unless something else is asked for.
_LAST = 5

_WITHOUT_SECONDS = re.compile(r".*[T ]\d{1,2}:\d{2}([+-]\d{2}:?\d{2}|Z)?\s*")
_WITHOUT_FRACTION = re.compile(r".*:\d{2}([+-]\d{2}:?\d{2}|Z)?\s*")


class Why(Subcommand):
    """Says why a job does not run, or did not."""

    name = "why"
    summary = "say why a job does not run, or did not run at a certain time"
    description = (
        "Says in one sentence what keeps a job from running now, and what became of its last fire times: that they ran, when, where "
        "and how it ended, or why they did not.",
        "With a moment it says what became of the fire time at that moment. The moment may be the planned start of a job with a "
        "jitter; written without seconds it stands for the whole minute. What is not kept any more is said to be so.",
        "Times are in the zone of the trigger.",
    )
    examples = {
        "why nightly": "Why does it not run, and what became of its last fire times?",
        "why nightly '2026-11-26 03:00'": "What happened at three?",
        "why nightly --last 50": "What became of its last fifty fire times?",
    }
    exit_codes = {0: "it was said", 1: "there is no such job, or the moment cannot be read"}

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the job and the moment."""
        parser.add_argument("job", metavar="JOB", help="id of the job")
        parser.add_argument("moment", nargs="?", metavar="WHEN", help="the fire time: a moment, or 90m, 12h, 3d ago")
        add_jobstore_option(parser)
        parser.add_argument(
            "--last", type=int, default=_LAST, metavar="N", help=f"account for the last N fire times ({_LAST})"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, options: Mapping[str, Any]) -> int:
        """Say it."""
        if options["last"] < 0:
            raise CommandError(f"Option --last must be a whole number of at least 0, got {options['last']}.")
        named = named_job(options["job"], options["jobstore"])
        now = store_now(named.store.using)
        accounts = _accounts(named, options, now)
        sentence = why([named.row], now)[named.row.pk]
        if options["json"]:
            print_json(self.out, {"job": named.id, "now": sentence, "fire_times": list(map(_as_json, accounts))})
        else:
            self._print(named, accounts, sentence, now, asked=options["moment"] is not None)
        return 0

    def _print(self, named: Named, accounts: list[Account], sentence: str, now: datetime, *, asked: bool) -> None:
        zone = zone_of(read_trigger(named.row))
        if not asked:
            coming = when_and_far(named.row.next_run_time, now, zone)
            self.out.write(printable(sentence) or f"Nothing is in its way: it runs next {coming}.")
            self.out.write("\nLast fire times:" if accounts else "\nNo fire time yet.")
        for account in accounts:
            self.out.write(f"{'' if asked else '  '}{when(account.moment, zone)} {zone}")
            for line in lines_of(plain(account.sentence), "  " if asked else "    "):
                self.out.write(line)


def _accounts(named: Named, options: Mapping[str, Any], now: datetime) -> list[Account]:
    if options["moment"] is None:
        return last_accounts(named.row, options["last"]) if options["last"] else []
    text = options["moment"]
    moment = read_moment("WHEN", text, now, ago=True)
    return [account_for(named.row, moment, _precision(text))]


def _precision(text: str) -> timedelta:
    """Return how much later a fire time may lie that is meant by a moment: what was not written."""
    instant = timedelta(microseconds=1)
    if _WITHOUT_SECONDS.fullmatch(text):
        return timedelta(minutes=1) - instant
    return timedelta(seconds=1) - instant if _WITHOUT_FRACTION.fullmatch(text) else timedelta(0)


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "fire_time": iso(account.moment),
        "fate": account.fate.value,
        "sentence": plain(account.sentence),
        "run": account.run,
    }
