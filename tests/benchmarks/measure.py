"""Lets the contestants take turns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from . import databases
from .environments import Environments
from .process import ContestantFailed, perform
from .results import Measured, Results, machine, now
from .suites import BENCHMARKS, CONTESTANTS, Benchmark, takes_part

_VERSIONS = (
    "from importlib.metadata import distributions; import sys; "
    "names = {'django', 'apscheduler', 'sqlalchemy', 'django-apscheduler', 'psycopg', 'mysqlclient', 'croniter', 'cronsim'}; "
    "found = sorted({f'{d.name} {d.version}' for d in distributions() if d.name.lower() in names}, key=str.lower); "
    "print(', '.join(found))"
)


class Measuring:
    """One benchmark on one database."""

    def __init__(self, name: str, database: str, environments: Environments, results: Results, options: Any) -> None:
        """Prepare.

        Args:
            name: of the benchmark.
            database: its key.
            environments: of the contestants.
            results: where the figures are kept, after each round.
            options: of the command line.
        """
        self.benchmark: Benchmark = BENCHMARKS[name]
        self._name, self._database = name, database
        self._environments, self._results, self._options = environments, results, options
        only = options.only or self.benchmark.contestants
        self._contestants = [each for each in self.benchmark.contestants if each in only and takes_part(each, database)]

    def measure(self) -> Measured:
        """Measure all rounds; what fails is noted, and the others go on."""
        measured = Measured(
            benchmark=self._name, database=self._database, date=now(),
            machine=machine(), load=os.getloadavg()[0], versions=self._versions(), quick=self._options.quick,
        )  # fmt: skip
        rounds = self._options.rounds
        for number in range(rounds):
            for contestant, case in self._turns():
                self._turn(measured, contestant, case, f"round {number + 1} of {rounds}")
            self._results.put(measured)
        if self.benchmark.counts:
            for contestant, case in self._turns():
                self._count(measured, contestant, case)
        measured.complete = True
        self._results.put(measured)
        return measured

    def _turns(self) -> Iterator[tuple[str, str]]:
        for case in self.benchmark.cases:
            for contestant in self._contestants:
                yield contestant, case

    def _versions(self) -> dict[str, str]:
        versions = {databases.TITLES[self._database]: databases.version(self._database)}
        for contestant in self._contestants:
            python = self._environments[CONTESTANTS[contestant].environment]
            found = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
            versions[contestant] = found.stdout.strip()
        return versions

    def _turn(self, measured: Measured, contestant: str, case: str, label: str) -> None:
        cell = measured.cell(contestant, case)
        try:
            figures = self._perform(contestant, case, label)
        except Exception as error:  # a server that is gone for a while, as well: an hour of measuring is not lost to it
            cell.failures.append(str(error))
            cell.rounds.append({})
        else:
            cell.rounds.append(figures)

    def _count(self, measured: Measured, contestant: str, case: str) -> None:
        """Count statements in a round whose time does not count."""
        if contestant.endswith("-memory"):
            return
        try:
            more = self.benchmark.counting.get(contestant, {}) | {"count": True}
            figures = self._perform(contestant, case, "counting", **more)
        except Exception as error:
            measured.cell(contestant, case).failures.append(f"counting: {error}")
            return
        counted = {name: value for name, value in figures.items() if name.startswith("statements")}
        for each in measured.cell(contestant, case).rounds:
            each.update(counted)

    def _perform(self, contestant: str, case: str, label: str, **more: Any) -> dict[str, Any]:
        who, benchmark = CONTESTANTS[contestant], self.benchmark
        begun = time.monotonic()
        with databases.fresh(self._database) as database:
            parameters = self._parameters(contestant, case) | {"database": database} | more
            try:
                figures = perform(
                    self._environments[who.environment], who.module, parameters, seconds=benchmark.seconds
                )
            except ContestantFailed as error:
                self._say(contestant, case, label, f"FAILED: {error}")
                raise
        took = f"{time.monotonic() - begun:.0f} s"
        shown = (
            f"{c.title} {figures[c.figure]:{c.form}}" for c in benchmark.columns if figures.get(c.figure) is not None
        )
        self._say(contestant, case, label, f"{', '.join(shown)} ({took})")
        return figures

    def _parameters(self, contestant: str, case: str) -> dict[str, Any]:
        benchmark = self.benchmark
        parameters = {**benchmark.parameters, **benchmark.special.get(contestant, {}), **benchmark.cases[case]}
        if self._options.quick:  # less of what there is; a case that is about nothing stays that
            parameters |= {name: value for name, value in benchmark.quick.items() if parameters[name]}
        return {"benchmark": self._name, "contestant": contestant, **parameters}

    def _say(self, contestant: str, case: str, label: str, text: str) -> None:
        words = [self._name, case, databases.TITLES[self._database], CONTESTANTS[contestant].title, label]
        print(f"  {' | '.join(word for word in words if word)}: {text}", file=sys.stderr, flush=True)
