"""Runs a cluster of nodes on a private database while faults happen at random, and prints the account.

Exit codes: 0 = everything is accounted for; 1 = something is not: the evidence and the seed are printed; 2 = it is impossible here.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .servers import SERVERS, Server, private_server

if TYPE_CHECKING:
    from .faults import Fault

#: What `--kills` chooses from.
KILLS = ("kill", "stop", "long-stop")


def main() -> int:
    """Run one experiment, or one after another where `all` databases are asked for."""
    options = _options()
    if options.database == "all":
        command = [sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
        return max([subprocess.call([*command, "--database", kind]) for kind in SERVERS])
    server = SERVERS[options.database]
    if reason := server.absence():
        print(f"absent: a private server for {options.database} ({reason})")
        return 2
    return _run(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--database", default="sqlite", choices=(*SERVERS, "all"))
    parser.add_argument("--nodes", type=int, default=4, metavar="N", help="how many work at once (default: 4)")
    parser.add_argument("--minutes", type=float, default=1.0, metavar="M", help="how long faults happen (default: 1)")
    parser.add_argument(
        "--kills", type=int, default=0, metavar="N", help="so many kills and stops instead, as fast as nodes recover"
    )
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10_000), help="of the generator that chooses (default: any)"
    )
    parser.add_argument("--faults", default="", metavar="A,B", help="which may happen (default: all that can)")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    with private_server(options.database) as (server, directory):
        _set_up_django(server)
        from .running import Experiment, strike_at_random

        faults = _faults(options, server)
        print(
            f"seed {options.seed}, {options.database}, faults: {', '.join(fault.name for fault in faults)}", flush=True
        )
        experiment = Experiment(server, directory, nodes=options.nodes, seed=options.seed, say=_say)
        try:
            experiment.begin()
            strike_at_random(experiment, faults, kills=options.kills, seconds=options.minutes * 60)
            account = experiment.end()
        finally:
            experiment.destroy()
        evidence = _keep_logs(directory) if account.wrong else None
    print("\n".join(["account:", *(f"  {line}" for line in account.lines)]))
    for line in account.wrong:
        print(f"WRONG: {line}")
    if account.wrong:
        print(f"what the nodes logged: {evidence}")
    print(f"seed {options.seed} on {options.database}: {len(account.wrong) or 'nothing'} wrong", flush=True)
    return 1 if account.wrong else 0


def _keep_logs(directory: Path) -> Path:
    """Move what is worth reading to a directory that stays; returns it."""
    evidence = Path(tempfile.mkdtemp(prefix="chaos-evidence-"))
    for path in (*directory.glob("*.log"), directory / "effects"):
        shutil.move(path, evidence)
    return evidence


def _say(text: str) -> None:
    print(text, flush=True)


def _faults(options: argparse.Namespace, server: Server) -> Sequence[Fault]:
    from .faults import FAULTS

    names = options.faults.split(",") if options.faults else KILLS if options.kills else list(FAULTS)
    chosen = []
    for fault in (FAULTS[name] for name in names):
        if reason := fault.absence(server):
            print(f"absent: {fault.name} ({reason})")
        else:
            chosen.append(fault)
    return chosen


def _set_up_django(server: Server) -> None:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="tests.settings", TEST_DATABASE=server.kind, TEST_DATABASE_URL=server.url()
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
