"""Many jobs that are due at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ..measuring import Stopwatch
from . import project


def burst(parameters: dict[str, Any]) -> dict[str, Any]:
    """Perform due one-shots, from the moment at which the node may begin until the last end is in the ledger."""
    project.prepare(parameters)
    from ..statements import Statements
    from .node import Node

    count = parameters["jobs"]
    project.add_one_shots(count, datetime.now(UTC) - timedelta(seconds=1))
    statements = Statements() if parameters.get("count") else None
    with Node(paused=True) as node:
        node.expect(count)
        before = statements.total if statements else 0
        watch = Stopwatch()
        node.scheduler.resume()
        node.wait()
        figures: dict[str, Any] = watch.figures(count)
    if statements:
        figures["statements_per_run"] = (statements.total - before) / count
    return figures | {"complete": _complete(count)}


def _complete(count: int) -> float:
    """Return the share of the jobs that have a run in the ledger that succeeded, and are finished."""
    from django_apscheduler_ng.models import JobRun, ScheduledJob

    succeeded = JobRun.objects.filter(status="succeeded").exclude(finished_at=None).count()
    assert not ScheduledJob.objects.filter(finished_at=None).exists(), "jobs are left that have not finished"
    return succeeded / count
