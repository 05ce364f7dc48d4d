"""How long the runs of a job take, beside how close its fire times are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.utils.translation import gettext, ngettext

from ..models import JobRun, Overlap
from ..preview import preview
from ..triggers.base import BaseTrigger
from .shown import duration, rough_words, span_words

#: So many of the latest runs are measured.
_MEASURED = 20
#: So many fire times are looked at.
_LOOKED_AT = 50


@dataclass(frozen=True, kw_only=True)
class Durations:
    """What the latest runs of a job took."""

    count: int
    #: The one in the middle.
    typical: timedelta
    longest: timedelta


def durations_of(using: str, job_key: int) -> Durations | None:
    """Return what the latest runs of a job took; None where none has ended."""
    runs = JobRun.objects.using(using).filter(job_key=job_key, started_at__isnull=False, finished_at__isnull=False)
    latest = runs.order_by("-pk").only("started_at", "finished_at", "due_at")[:_MEASURED]
    spans = [span.total_seconds() for run in latest if (span := duration(run, run.due_at)) is not None]
    if not spans:
        return None
    typical, longest = timedelta(seconds=median(spans)), timedelta(seconds=max(spans))
    return Durations(count=len(spans), typical=typical, longest=longest)


def closest(trigger: BaseTrigger, now: datetime) -> timedelta | None:
    """Return the shortest time between two of the next fire times; None where there is only one."""
    moments: Sequence[datetime] = preview(trigger, now, _LOOKED_AT)
    return min((later - earlier for earlier, later in pairwise(moments)), default=None)


@dataclass(frozen=True, kw_only=True)
class OverlapNote:
    """What the durations say about a schedule."""

    words: str
    #: End of a CSS class: `warn`, `info` or `quiet`.
    tone: str


def overlap_note(
    durations: Durations, gap: timedelta, max_instances: int = 1, overlap: str = Overlap.SKIP
) -> OverlapNote:
    """Return whether runs will overlap, and what becomes of them then.

    Args:
        durations: what the runs take.
        gap: the shortest time between two fire times.
        max_instances: so many runs may be under way at once.
        overlap: what becomes of a fire time that finds none free.
    """
    words = [_facts(durations, gap)]
    at_once = math.ceil(durations.typical / gap)
    tone = "info"
    if at_once > max(1, max_instances):
        tone = "warn"
        words += [gettext("Runs will overlap."), _consequence(max_instances, overlap)]
    elif at_once > 1:
        many = gettext("About %(count)d runs will be under way at once, as they may.")
        words.append(many % {"count": at_once})
    elif durations.longest / gap > max(1, max_instances):
        longest = gettext("The longest took %(span)s: some runs may overlap.")
        words += [longest % {"span": span_words(durations.longest)}, _consequence(max_instances, overlap)]
    else:
        tone = "quiet"
        words.append(gettext("Runs will not overlap."))
    return OverlapNote(words=" ".join(words), tone=tone)


def overlap_with_runs(
    trigger: BaseTrigger, now: datetime, using: str, job_key: int, max_instances: int, overlap: str
) -> OverlapNote | None:
    """Return what the latest runs of a job say about a trigger; None where there is nothing to say."""
    durations = durations_of(using, job_key)
    try:
        gap = closest(trigger, now) if durations else None
    except Exception:  # a broken trigger, or one of another package; the preview says so
        return None
    return overlap_note(durations, gap, max_instances, overlap) if durations and gap else None


def _gap_words(gap: timedelta) -> str:
    return span_words(gap) if gap < timedelta(days=2) else rough_words(gap)


def _facts(durations: Durations, gap: timedelta) -> str:
    return ngettext(
        "Fire times are as close as %(gap)s; the last run took %(typical)s.",
        "Fire times are as close as %(gap)s; a run takes %(typical)s, the middle of the last %(count)d.",
        durations.count,
    ) % {"gap": _gap_words(gap), "typical": span_words(durations.typical), "count": durations.count}


def _consequence(max_instances: int, overlap: str) -> str:
    """Return what becomes of a fire time that finds no free run."""
    if overlap == Overlap.QUEUE:
        words = ngettext(
            "A fire time that meets %(count)d run waits for its end.",
            "A fire time that meets %(count)d runs waits for the end of one.",
            max_instances,
        )
    elif overlap == Overlap.REPLACE:
        words = ngettext(
            "A fire time that meets %(count)d run cancels it.",
            "A fire time that meets %(count)d runs cancels the oldest.",
            max_instances,
        )
    else:
        words = ngettext(
            "A fire time that meets %(count)d run is skipped.",
            "A fire time that meets %(count)d runs is skipped.",
            max_instances,
        )
    return words % {"count": max_instances}
