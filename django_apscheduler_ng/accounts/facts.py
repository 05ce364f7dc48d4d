"""What is known about the past of a job: the rows that tell what became of its fire times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode

#: Columns that plan a job anew when they change: what was due and unclaimed until then is not made up for.
_PLANNED_BY = ("trigger", "paused", "next_run_time")

#: What does the same without changing one of them.
_PLAN_ANEW = ("added", "retired", "declared again")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the database tells about one job, at one moment."""

    now: datetime
    job: ScheduledJob
    #: Why it does not run now; empty where nothing is in its way.
    sentence: str
    #: What happened to the job outside its runs, the first first, as far as it is kept.
    entries: Sequence[JobLogEntry] = ()
    #: Runs of the fire times in question, and summaries that cover some of them.
    runs: Sequence[JobRun] = ()
    #: For a summary of coalesced fire times, by its key: the row of the fire time that stood for them.
    stand_ins: Mapping[int, JobRun]
    #: For a skipped fire time, by the key of its row: the runs that were under way then.
    holders: Mapping[int, Sequence[JobRun]]
    #: Fire times of the job that are known from runs, in order: intervals count from them.
    slots: Sequence[datetime] = ()
    #: First row of the job that is kept of its history of runs.
    first_run: JobRun | None = None
    #: Whether the job has as many runs as are kept of each job.
    crowded: bool = False
    #: Nodes of the job store that are still known.
    nodes: Sequence[SchedulerNode] = ()
    #: How late a run may start before that is worth a reason.
    patience: timedelta

    def node_name(self, node_id: str) -> str:
        """Return `host:pid` of a node; the beginning of its id where nothing else is known any more."""
        return next((str(node) for node in self.nodes if node.pk == node_id), node_id[:8])

    @property
    def journal_is_whole(self) -> bool:
        """Whether the entries go back to the addition of the job."""
        return bool(self.entries) and self.entries[0].action == "added"


def values(text: str) -> dict[str, Any]:
    """Return the values before or after an entry; damaged ones are empty."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def plans_anew(entry: JobLogEntry) -> bool:
    """Return whether the job was planned from then on, whatever was due before."""
    changed = values(entry.before).keys() | values(entry.after).keys()
    return entry.action in _PLAN_ANEW or not changed.isdisjoint(_PLANNED_BY)
