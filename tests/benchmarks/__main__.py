"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from example_project.virtualenvs import Hint

from . import databases, tables
from .environments import CHECKOUT, Environments, default_directory, make, usable_databases
from .measure import Measuring
from .results import Results
from .suites import BENCHMARKS, CONTESTANTS


def main() -> int:
    """Measure what was asked for, print tables, and write the documentation if that was asked for, too."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)
    if not options.here and Path(sys.prefix) != (options.environments / "harness"):
        _again_in(make("harness", options.environments))
    results = Results(options.results or options.environments / ("quick.json" if options.quick else "results.json"))
    environments = Environments(options.environments, here=options.here)
    failures = 0
    for name in options.benchmarks:
        failures += _measure(name, environments, results, options)
        if found := results.of(name):
            print(
                f"\n{BENCHMARKS[name].title}\n{tables.as_text(tables.rows_of(BENCHMARKS[name], found))}\n", flush=True
            )
    if options.write_docs:
        from .page import write

        write(results, CHECKOUT / "docs")
    return 1 if failures else 0


def _stop(number: int, frame: object) -> None:
    """End in an orderly way, so that no process and no database is left behind."""
    print(f"stopped by {signal.Signals(number).name}; --fresh goes on later", file=sys.stderr)
    sys.exit(128 + number)


def _measure(name: str, environments: Environments, results: Results, options: argparse.Namespace) -> int:
    """Measure one benchmark on each database that was asked for; return how many turns failed."""
    failures = 0
    since = datetime.now(UTC) - timedelta(hours=options.fresh)
    for database in options.database:
        if database not in BENCHMARKS[name].databases or options.show:
            continue
        if results.is_fresh(name, database, since):
            print(f"{name} on {database} was measured within the last {options.fresh:g} h", file=sys.stderr)
            continue
        databases.drop_leftovers(database)
        measured = Measuring(name, database, environments, results, options).measure()
        failures += sum(len(cell.failures) for cell in measured.cells)
    return failures


def _again_in(python: str) -> None:
    """Go on with the interpreter that has the drivers and what draws charts."""
    arguments = [python, "-m", "tests.benchmarks", *sys.argv[1:]]
    os.chdir(CHECKOUT)
    os.execv(python, arguments)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"{', '.join(BENCHMARKS)}, or all (default)")
    parser.add_argument(
        "--database", metavar="NAMES", help="of sqlite, postgres, mariadb, memory, none, separated by commas"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each contestant takes its turn")
    parser.add_argument("--only", metavar="NAMES", help=f"of {', '.join(CONTESTANTS)}, separated by commas")
    parser.add_argument("--quick", action="store_true", help="few jobs, one round: to see that everything works")
    parser.add_argument(
        "--fresh", type=float, default=0.0, metavar="H", help="keep what was measured in the last H hours"
    )
    parser.add_argument("--show", action="store_true", help="measure nothing: show what was measured before")
    parser.add_argument("--write-docs", action="store_true", help="write tables and charts into docs/")
    parser.add_argument("--here", action="store_true", help="make no environments: only this project, this interpreter")
    parser.add_argument(
        "--environments", type=Path, default=default_directory(), metavar="DIR", help="where they are kept"
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="where the figures are kept (default: beside them)"
    )
    options = parser.parse_args()
    options.environments = options.environments.absolute()
    _complete(parser, options)
    return options


def _complete(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if not options.benchmarks or options.benchmarks == ["all"]:
        options.benchmarks = list(BENCHMARKS)
    usable = [*usable_databases(), "memory", "none"]
    options.database = options.database.split(",") if options.database else usable
    options.only = (
        options.only.split(",") if options.only else ["this", "this-memory", "this-cron"] if options.here else None
    )
    options.rounds = 1 if options.quick else options.rounds
    if options.write_docs and (options.quick or options.here):
        parser.error("--write-docs shows what was measured in full: leave out --quick and --here")
    for asked, known in (
        (options.benchmarks, list(BENCHMARKS)),
        (options.database, usable),
        (options.only or [], list(CONTESTANTS)),
    ):
        for unknown in sorted(set(asked) - set(known)):
            parser.error(f"{unknown!r} is unknown, or cannot be used here; there are: {', '.join(known)}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Hint as hint:
        sys.exit(f"{hint}")
