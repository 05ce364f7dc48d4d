"""Numbers about runs: percentiles, the usual duration of a job, failures in groups. Pure; reads no database and no clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from heapq import nlargest
from math import ceil
from typing import NamedTuple

from ..runs import RunStatus
from .runrow import RunRow

#: Statuses of runs whose duration says how long the job takes.
_OWN_END = (RunStatus.SUCCEEDED, RunStatus.FAILED)


class Percentiles(NamedTuple):
    """What half, 95 % and 99 % of the values do not exceed; each is a value that occurred."""

    number: int
    p50: timedelta
    p95: timedelta
    p99: timedelta


class Slice(NamedTuple):
    """A stretch of time, its start included, with the values that fell into it."""

    start: datetime
    end: datetime
    #: None where there was no value.
    percentiles: Percentiles | None


class FailureGroup(NamedTuple):
    """Runs that ended in the same way."""

    status: str
    #: Name of the exception's class; empty where there was none.
    exception: str
    number: int
    first: datetime
    last: datetime
    #: Key and name of each job that is concerned, the one that it concerned last first.
    jobs: tuple[tuple[int, str], ...]


class JobNumbers(NamedTuple):
    """What the runs of one job took."""

    job_key: int
    name: str
    took: Percentiles
    late: Percentiles
    #: All of its durations together.
    total: timedelta


def percentiles(values: Iterable[timedelta]) -> Percentiles | None:
    """Return the percentiles by nearest rank; None without a value."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Percentiles(len(ordered), *(ordered[_rank(len(ordered), percent)] for percent in (50, 95, 99)))


def _rank(count: int, percent: int) -> int:
    return max(0, ceil(count * percent / 100) - 1)


def over_time(values: Iterable[tuple[datetime, timedelta]], start: datetime, end: datetime, slices: int) -> list[Slice]:
    """Cut the time from `start` to `end` into equal slices, with the percentiles of each; values outside do not count."""
    width = (end - start) / slices
    found: dict[int, list[timedelta]] = defaultdict(list)
    for moment, value in values:
        if start <= moment <= end:
            found[min(slices - 1, (moment - start) // width)].append(value)
    return [
        Slice(start + width * index, start + width * (index + 1), percentiles(found[index])) for index in range(slices)
    ]


def durations(runs: Iterable[RunRow]) -> list[tuple[datetime, timedelta]]:
    """Return when each run ended and how long it took, for those that ran to their own end."""
    return [
        (run.finished_at, run.took)
        for run in runs
        if run.status in _OWN_END and run.took is not None and run.finished_at is not None
    ]


def latenesses(runs: Iterable[RunRow]) -> list[tuple[datetime, timedelta]]:
    """Return when each run started and how late."""
    return [(run.started_at, run.late) for run in runs if run.late is not None and run.started_at is not None]


def usual_duration(runs: Iterable[RunRow]) -> timedelta | None:
    """Return what half of the succeeded runs do not exceed; None where none of them succeeded."""
    found = percentiles(run.took for run in runs if run.status == RunStatus.SUCCEEDED and run.took is not None)
    return None if found is None else found.p50


def failure_groups(runs: Iterable[RunRow]) -> list[FailureGroup]:
    """Return the runs grouped by the class of the exception and the status, the biggest groups first."""
    groups: dict[tuple[str, str], list[RunRow]] = defaultdict(list)
    for run in runs:
        groups[run.status, run.exception_type].append(run)
    found = [_group(status, exception, group) for (status, exception), group in groups.items()]
    return sorted(found, key=lambda group: (group.number, group.last), reverse=True)


def _group(status: str, exception: str, runs: list[RunRow]) -> FailureGroup:
    latest_first = sorted(runs, key=lambda run: run.due_at, reverse=True)
    jobs = {run.job_key: run.job_name for run in reversed(latest_first)}
    order = dict.fromkeys(run.job_key for run in latest_first)
    return FailureGroup(
        status=status,
        exception=exception,
        number=len(runs),
        first=latest_first[-1].due_at,
        last=latest_first[0].due_at,
        jobs=tuple((key, jobs[key]) for key in order),
    )


def busiest(runs: Iterable[RunRow], most: int) -> list[JobNumbers]:
    """Return the numbers of the jobs that took the most time in all, the busiest first."""
    groups: dict[int, list[RunRow]] = defaultdict(list)
    totals: dict[int, timedelta] = defaultdict(timedelta)
    for run in runs:
        groups[run.job_key].append(run)
        if run.status in _OWN_END and run.took is not None:
            totals[run.job_key] += run.took
    return [_numbers(key, groups[key], totals[key]) for key in nlargest(most, totals, key=totals.__getitem__)]


def _numbers(key: int, runs: Sequence[RunRow], total: timedelta) -> JobNumbers:
    took, late = percentiles(span for _, span in durations(runs)), percentiles(span for _, span in latenesses(runs))
    assert took is not None
    assert late is not None
    return JobNumbers(key, max(runs).job_name, took, late, total)
