"""What was measured, kept as JSON, so that single benchmarks can be repeated and all of them shown together."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(kw_only=True)
class Cell:
    """The figures of one contestant under one condition: one mapping a round."""

    database: str
    contestant: str
    case: str
    rounds: list[dict[str, Any]] = field(default_factory=list)
    #: Why there are fewer rounds than asked for.
    failures: list[str] = field(default_factory=list)

    def values(self, figure: str) -> list[float]:
        """Return the values of a figure, a round each."""
        return [each[figure] for each in self.rounds if each.get(figure) is not None]

    def median(self, figure: str) -> float | None:
        """Return the median over the rounds."""
        values = self.values(figure)
        return median(values) if values else None


@dataclass(kw_only=True)
class Measured:
    """One benchmark on one database."""

    benchmark: str
    database: str
    date: str
    machine: str
    #: How busy the machine was with other things: its load average before.
    load: float
    #: Contestant or database → versions.
    versions: dict[str, str]
    quick: bool
    #: Whether every round was attempted.
    complete: bool = False
    cells: list[Cell] = field(default_factory=list)

    def cell(self, contestant: str, case: str) -> Cell:
        """Return the cell, made where it is missing."""
        for each in self.cells:
            if (each.contestant, each.case) == (contestant, case):
                return each
        self.cells.append(Cell(database=self.database, contestant=contestant, case=case))
        return self.cells[-1]


class Results:
    """A file with everything that was measured last."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._told: set[str] = set()
        self._all = self._read()

    def _read(self) -> dict[str, Measured]:
        found = {}
        for name, each in json.loads(self._path.read_text()).items() if self._path.exists() else ():
            try:
                cells = [Cell(**cell) for cell in each.pop("cells")]
                found[name] = Measured(**each, cells=cells)
            except TypeError:
                if name not in self._told:
                    print(f"{self._path}: {name!r} was written by another version, and is left out", file=sys.stderr)
                self._told.add(name)
        return found

    def put(self, measured: Measured) -> None:
        """Keep this instead of what was measured before, and write the file; what others wrote to it meanwhile stays."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._all = self._read() | {f"{measured.benchmark} {measured.database}": measured}
            text = json.dumps({name: asdict(each) for name, each in self._all.items()}, indent=1)
            other = self._path.with_suffix(".new")
            other.write_text(text)
            other.replace(self._path)

    def of(self, benchmark: str) -> list[Measured]:
        """Return what was measured for a benchmark, a database each."""
        return [each for each in self._all.values() if each.benchmark == benchmark]

    def is_fresh(self, benchmark: str, database: str, since: datetime) -> bool:
        """Tell whether it was measured completely after `since`."""
        found = self._all.get(f"{benchmark} {database}")
        return found is not None and found.complete and datetime.fromisoformat(found.date) >= since


def now() -> str:
    """Return the present moment, for `Measured.date`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> str:
    """Return what this machine is, in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{os.cpu_count()} processors ({model}), {platform.system()}, Python {platform.python_version()}"


def ratios(mine: Cell, theirs: Cell, figure: str, *, more_is_better: bool) -> list[float]:
    """Return, a round each, how many times better `mine` is; rounds in which one of them failed are left out."""
    found = []
    for one, other in zip(mine.rounds, theirs.rounds, strict=False):
        a, b = one.get(figure), other.get(figure)
        if a and b:
            found.append(a / b if more_is_better else b / a)
    return found
