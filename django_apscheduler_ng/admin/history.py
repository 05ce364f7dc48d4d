"""What pages read of the history for pictures and statistics: always a bounded number of rows, found along an index.

The primary keys of runs rise with time, so that the latest runs, and an even sample of many, are found without a sort.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from ..latest import NO_OUTCOMES, latest_of
from ..querysets import JobRunQuerySet as JobRuns
from ..runs import RunStatus
from .runrow import RunRow

#: So many runs are looked at for statistics, and so many more where these do not reach back far enough.
LATEST = 1500
SAMPLE = 1500
#: So many runs of each status are looked at for failures.
FAILURES = 500


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Runs of a stretch of time."""

    runs: Sequence[RunRow]
    #: Whether these are all there were; else about how many there were.
    complete: bool
    about: int


def rows(runs: Any) -> list[RunRow]:
    """Return the rows of a set of runs."""
    return list(map(RunRow._make, runs.values_list(*RunRow._fields)))


def live_runs(runs: JobRuns, namespaces: Iterable[str], most: int) -> list[RunRow]:
    """Return those of the runs that are claimed or running, the oldest first; one query for each job store."""
    found = [run for name in namespaces for run in rows(runs.live_in(name)[:most])]
    return sorted(found, key=lambda run: run.started_at or run.due_at)


def outcomes(using: str, keys: Collection[int], each: int) -> dict[int, list[RunRow]]:
    """Return the latest outcomes of each of these jobs, the latest first, in two queries; summaries do not count."""
    return _by_job(latest_of(using, keys, each, NO_OUTCOMES))


def latest_runs(using: str, keys: Collection[int], each: int) -> dict[int, list[RunRow]]:
    """Return the latest runs of each of these jobs, whatever became of them, the latest first, in two queries."""
    return _by_job(latest_of(using, keys, each))


def _by_job(runs: Any) -> dict[int, list[RunRow]]:
    found: dict[int, list[RunRow]] = {}
    for run in rows(runs):
        found.setdefault(run.job_key, []).append(run)
    return found


def sample_since(runs: JobRuns, namespaces: Iterable[str], start: datetime) -> Sample:
    """Return those of the runs that became due since `start`: all of them, or the latest ones and an even sample of those before.

    One query where the latest ones reach back far enough, else one more, and one for each job store.
    """
    latest = rows(runs.order_by("-pk")[:LATEST])
    within = [run for run in latest if run.due_at >= start]
    if len(latest) < LATEST or latest[-1].due_at < start:
        return Sample(runs=within, complete=True, about=len(within))
    first = _first_since(runs, namespaces, start)
    before = range(first, latest[-1].pk) if first is not None else range(0)
    earlier = rows(runs.filter(pk__in=_evenly(before, SAMPLE)))
    sampled = [run for run in earlier if run.due_at >= start]
    return Sample(runs=[*within, *sampled], complete=False, about=len(within) + len(before))


def _first_since(runs: JobRuns, namespaces: Iterable[str], start: datetime) -> int | None:
    """Return the key of the first succeeded run that became due since `start`."""
    succeeded = runs.filter(status=RunStatus.SUCCEEDED, due_at__gte=start).order_by("due_at")
    keys = (succeeded.filter(namespace=name).values_list("pk", flat=True).first() for name in namespaces)
    return min((key for key in keys if key is not None), default=None)


def _evenly(keys: range, most: int) -> list[int]:
    """Return at most so many of the keys, one from each equal part at a place that differs from part to part.

    Always the same place would meet a rhythm of the jobs, for instance only the runs of every second job.
    """
    if len(keys) <= most:
        return list(keys)
    width = len(keys) / most
    return [keys[int((part + Random(part).random()) * width)] for part in range(most)]  # noqa: S311 - no secret


def latest_with(
    runs: JobRuns, namespaces: Iterable[str], statuses: Iterable[str], since: datetime
) -> tuple[list[RunRow], bool]:
    """Return the latest of the runs in each of these statuses that became due since then, and whether these are all.

    One query for each status and job store, along the index.
    """
    found: list[RunRow] = []
    complete = True
    for name in namespaces:
        for status in statuses:
            such = runs.filter(namespace=name, status=status, due_at__gte=since)
            some = rows(such.order_by("-due_at")[:FAILURES])
            complete = complete and len(some) < FAILURES
            found += some
    return found, complete
