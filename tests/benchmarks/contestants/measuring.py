"""Reads what a contestant consumed, and prints what it found."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

#: What the line with the figures begins with.
FIGURES = "FIGURES "

#: How long it takes to store a job, in bulk, on a slow machine, in seconds.
SLOW_LOAD = 1 / 800


def main(benchmarks: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """Perform the benchmark that the one argument, a JSON object, asks for, and print its figures."""
    parameters = json.loads(sys.argv[1])
    figures = benchmarks[parameters["benchmark"]](parameters)
    peak = {"peak_rss_mb": peak_rss() / 2**20}
    print(FIGURES + json.dumps(peak | figures), flush=True)


def cpu_seconds() -> float:
    """Return the processor time of this process and of the children that have ended, user and system."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_rss() -> int:
    """Return the most memory that this process has had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def rss(process: int | str = "self") -> int:
    """Return the memory that a process has now, in bytes; the peak where the system does not tell."""
    statm = Path(f"/proc/{process}/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else peak_rss()


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        """Start."""
        self.cpu, self.wall = cpu_seconds(), time.perf_counter()

    def figures(self, runs: int) -> dict[str, float]:
        """Return what was consumed so far, for so many runs."""
        wall, cpu = time.perf_counter() - self.wall, cpu_seconds() - self.cpu
        return {
            "runs": runs,
            "seconds": wall,
            "rate": runs / wall,
            "cpu_seconds": cpu,
            "cpu_us_per_run": cpu / max(runs, 1) * 1e6,
        }


def spread(values: Sequence[float], *, scale: float = 1000.0) -> dict[str, float]:
    """Return median, 99th percentile and maximum; of seconds, in milliseconds."""
    if not values:
        return {}
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"p50": median(ordered) * scale, "p99": p99 * scale, "max": ordered[-1] * scale}


def lateness(begun: Iterable[tuple[str, float, float]], base: float, seconds: int, jobs: int) -> dict[str, float]:
    """Return what share of the fire times within the window was run, and how late.

    Args:
        begun: job, fire time and begin of each run.
        base: when the window begins, in seconds since the epoch.
        seconds: length of the window; each job fires once a second.
        jobs: how many there are.
    """
    inside = {(job, round(due, 4)): start - due for job, due, start in begun if base <= due < base + seconds - 1e-6}
    late = {f"late_{name}": value for name, value in spread(list(inside.values())).items()}
    return {"fired": 100 * len(inside) / (jobs * seconds), **late}
