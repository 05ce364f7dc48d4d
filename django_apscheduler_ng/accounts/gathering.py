"""The queries: what there is to know about a job and some of its fire times. Each walks along an index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from ..conf import get_config
from ..models import JobLogEntry, JobRun, ScheduledJob, SchedulerNode
from ..querysets import JobRunQuerySet
from ..rows import read_trigger
from ..runs import RunStatus
from ..storetime import store_now
from ..why import gather, sentence
from .facts import Facts

#: Changes of a job that are read, the latest. A job with more of them is known only so far back.
_ENTRIES = 2_000

#: Fire times that are read to count intervals from.
_SLOTS = 200

#: Rows that tell nothing of a fire time but that it got no run.
_SUMMARIES = (RunStatus.MISSED, RunStatus.SKIPPED, RunStatus.COALESCED)

#: How far before a moment the fire time may lie that was planned for it, at most: the jitter.
_LONG = timedelta(days=366)


def gather_facts(job: ScheduledJob, start: datetime | None = None, end: datetime | None = None) -> Facts:
    """Return what there is to know about a job and its fire times from `start` to `end`; without them, about its last ones.

    Args:
        job: its row.
        start: no fire time before it is in question, except one that jitter moved there.
        end: no fire time after it is.
    """
    using = job._state.db or "default"
    now = store_now(using)
    mine = JobRun.objects.using(using).filter(job_key=job.pk)
    slots = _slots(mine, start)
    if start is None:
        start, end = (slots[0] if slots else job.created_at), now
    runs = _runs(mine, start - _jitter(job), end or now)
    config = get_config()
    known = gather([job], now)
    return Facts(
        now=now,
        job=job,
        sentence=sentence(job, known),
        entries=_entries(job, using),
        runs=runs,
        stand_ins=_stand_ins(mine, runs),
        holders=_holders(mine, runs, job),
        slots=slots,
        first_run=_light(mine).order_by("pk").first(),
        crowded=_is_crowded(mine, config.retention.max_runs_per_job),
        nodes=_nodes(using, job.namespace),
        patience=known.patience,
    )


def _light(runs: JobRunQuerySet) -> Any:
    return runs.defer("result", "traceback", "args", "kwargs", "log")


def _jitter(job: ScheduledJob) -> timedelta:
    return min(timedelta(seconds=read_trigger(job).jitter or 0), _LONG)


def _slots(mine: JobRunQuerySet, start: datetime | None) -> list[datetime]:
    """Return known fire times, in order: the last ones before `start` and the first ones after it; without it, the last ones."""
    slots: Any = mine.filter(slot__isnull=False).values_list("slot", flat=True)
    if start is None:
        return sorted(set(slots.order_by("-slot")[:_SLOTS]))
    earlier = slots.filter(slot__lt=start).order_by("-slot")[:_SLOTS]
    return sorted({*earlier, *slots.filter(slot__gte=start).order_by("slot")[:_SLOTS]})


def _runs(mine: JobRunQuerySet, start: datetime, end: datetime) -> list[JobRun]:
    """Return the runs of fire times within the two moments, and the summaries that reach into that."""
    own = Q(slot__gte=start, slot__lte=end)
    reaching = Q(slot=None, covers_from__lte=end, covers_until__gte=start)
    return [*_light(mine).filter(own).order_by("slot", "attempt"), *_light(mine).filter(reaching).order_by("pk")]


def _stand_ins(mine: JobRunQuerySet, runs: Sequence[JobRun]) -> dict[int, JobRun]:
    """Return for each summary of coalesced fire times the row of the one that stood for them: the next, planned at that moment."""
    found: dict[int, JobRun] = {}
    for summary in runs:
        if summary.status == RunStatus.COALESCED and summary.covers_until is not None:
            following = _light(mine).filter(slot__gt=summary.covers_until).order_by("slot", "attempt").first()
            if following is not None and (following.claimed_at or following.finished_at) == summary.finished_at:
                found[summary.pk] = following
    return found


def _holders(mine: JobRunQuerySet, runs: Sequence[JobRun], job: ScheduledJob) -> dict[int, list[JobRun]]:
    """Return for each skipped fire time the runs that were under way when it was looked at."""
    found: dict[int, list[JobRun]] = {}
    for skipped in runs:
        if skipped.status == RunStatus.SKIPPED and skipped.finished_at is not None:
            at = skipped.finished_at
            others = _light(mine).exclude(status__in=_SUMMARIES).filter(claimed_at__lte=at)
            others = others.filter(Q(finished_at=None) | Q(finished_at__gte=at)).order_by("-pk")
            found[skipped.pk] = list(others[: job.max_instances])
    return found


def _entries(job: ScheduledJob, using: str) -> list[JobLogEntry]:
    entries = JobLogEntry.objects.using(using).filter(job_key=job.pk).exclude(action="run requested")
    return list(entries.order_by("-pk")[:_ENTRIES])[::-1]


def _is_crowded(mine: JobRunQuerySet, most: int | None) -> bool:
    """Return whether the job has so many runs that some may have been deleted for that."""
    return most is not None and mine.order_by("-pk").values_list("pk")[most - 1 : most].exists()


def _nodes(using: str, namespace: str) -> list[SchedulerNode]:
    nodes = SchedulerNode.objects.using(using).filter(namespace=namespace)
    return list(nodes.defer("declares").order_by("-seen_at")[:_SLOTS])
