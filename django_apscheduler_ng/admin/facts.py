"""What a page of jobs needs to know beyond their rows, read for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ..latest import last_runs
from ..models import JobRun, ScheduledJob, SchedulerNode
from ..rows import read_trigger
from ..triggers.base import BaseTrigger
from ..why import gather, sentence
from .base import Links
from .shown import zone_of


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """What is known about a job at one moment."""

    now: datetime
    trigger: BaseTrigger
    #: Why it does not run; empty where nothing is in its way.
    sentence: str
    #: Its oldest live run.
    live: JobRun | None
    #: Its latest run that has ended; summaries of coalesced fire times do not count.
    last: JobRun | None
    links: Links

    @property
    def zone(self) -> tzinfo:
        """The zone in which its fire times are shown."""
        return zone_of(self.trigger)


def gather_facts(rows: Sequence[ScheduledJob], now: datetime, links: Links) -> dict[int, JobFacts]:
    """Return the facts about each of these jobs, by primary key, in four queries."""
    if not rows:
        return {}
    known = gather(rows)
    last = last_runs(rows)
    return {
        row.pk: JobFacts(
            now=now,
            trigger=read_trigger(row),
            sentence=sentence(row, known),
            live=known.live.get(row.pk),
            last=last.get(row.pk),
            links=links,
        )
        for row in rows
    }


def existing_jobs(using: str, keys: Iterable[int]) -> dict[int, ScheduledJob]:
    """Return the jobs that are still there, by primary key."""
    return ScheduledJob.objects.using(using).in_bulk(set(keys))


def node_names(using: str, ids: Iterable[str]) -> dict[str, str]:
    """Return `host:pid` of the nodes that are still known, by id."""
    nodes = SchedulerNode.objects.using(using).filter(pk__in={node for node in ids if node})
    return {node.pk: str(node) for node in nodes.only("host", "pid")}
