"""The decision: from a job and the current moment to what runs, what is passed over, and when to look again.

Pure: no I/O, no clock, no log. A *slot* is a fire time of a job that a run is (or would have been) made for. Every slot that is due
ends in exactly one place of the plan: in `slots` (a run is to be claimed), or inside one of the `summaries`, or it stays due.

The values are named tuples: several are made for each run, and a frozen dataclass takes several times as long to make.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from .runs import RunStatus
from .triggers.base import BaseTrigger, FireSpan, as_utc

_INSTANT = timedelta(microseconds=1)

#: How many due fire times inside the jitter window are visited one by one.
_WINDOW = 1_000


class JobView(NamedTuple):
    """What the planner has to know about a job."""

    job_id: str
    trigger: BaseTrigger
    #: The nominal fire time planned last; None = none was planned yet.
    next_fire_time: datetime | None
    #: When the job is to be looked at; differs from the planned start where somebody set it by hand.
    next_run_time: datetime | None
    coalesce: bool = True
    max_instances: int = 1
    #: How late a run may start; None = however late.
    grace: timedelta | None = None
    #: Slots up to and including this one are closed for ever.
    claimed_through: datetime | None = None
    #: Runs of this job that are claimed or running, on any node.
    live: int = 0
    #: The job waits with a backlog for one of its own runs to end.
    parked: bool = False
    #: What becomes of a fire time that meets as many runs as there may be: it is skipped, or it waits (`queue`, `replace`).
    overlap: str = "skip"
    #: Whether a fire time of this job waits already.
    waiting: bool = False

    @property
    def full(self) -> bool:
        """Whether there are as many runs as there may be."""
        return self.live >= self.max_instances

    @property
    def may_wait(self) -> bool:
        """Whether a fire time may wait for one of these runs to end: one at a time."""
        return self.full and self.overlap != "skip" and not self.waiting

    def due_at(self, fire_time: datetime) -> datetime:
        """Return the planned start for a nominal fire time."""
        return fire_time if not self.trigger.jitter else due_at(self.job_id, self.trigger, fire_time)

    def starts_at(self, fire_time: datetime, after: datetime | None) -> datetime:
        """Return when the slot can start at the earliest: as planned, and not before the slot `after` which it comes.

        A jitter wider than the distance of two fire times may plan the later one first; it waits, and must not count as late for that.
        """
        planned = self.due_at(fire_time)
        return planned if after is None or not self.trigger.jitter else max(planned, self.due_at(after))

    def span(self, first: datetime, until: datetime) -> FireSpan:
        """Return the fire times from `first` up to `until`, in UTC: in its own zone a moment of an overlap equals no other."""
        span = self.trigger.span(first, until)
        return FireSpan(first=first, last=as_utc(span.last), count=span.count, exact=span.exact)

    def following(self, fire_time: datetime, now: datetime) -> datetime | None:
        """Return the first fire time after `fire_time`, in UTC."""
        found = self.trigger.get_next_fire_time(fire_time, now)
        if found is None:
            return None
        found = as_utc(found)
        if found <= fire_time:
            raise ValueError(
                f"Trigger {self.trigger!r} gave {found.isoformat()} as the fire time after {fire_time.isoformat()}: "
                "fire times must increase. Correct the trigger's get_next_fire_time()."
            )
        return found


class Slot(NamedTuple):
    """A fire time that a run is to be claimed for."""

    fire_time: datetime
    due_at: datetime


class Summary(NamedTuple):
    """Fire times that get no run, and which of missed, skipped or coalesced they are."""

    status: RunStatus
    span: FireSpan


class Plan(NamedTuple):
    """What to do with a job now."""

    #: First slot this plan leaves open; None = the schedule has ended.
    next_fire_time: datetime | None
    #: Its planned start.
    next_run_time: datetime | None
    #: Runs to claim, oldest first.
    slots: tuple[Slot, ...] = ()
    summaries: tuple[Summary, ...] = ()
    #: A fire time that waits, as a pending run, for one of the job's runs to end.
    waits: Slot | None = None
    #: Due slots wait for a run of the same job to end; looking earlier is of no use.
    parked: bool = False

    @property
    def closed_through(self) -> datetime | None:
        """The last slot that this plan closes; None where it closes none."""
        if len(self.slots) == 1 and not self.summaries:
            return self.slots[0].fire_time
        ends = [slot.fire_time for slot in self.slots] + [summary.span.last for summary in self.summaries]
        if self.waits is not None:
            ends.append(self.waits.fire_time)
        return max(ends, default=None)


def due_at(job_id: str, trigger: BaseTrigger, fire_time: datetime) -> datetime:
    """Return the planned start: `fire_time` plus an offset within [0, jitter], never beyond the trigger's end date.

    The offset depends on nothing but job id and fire time, so that every node and every retry agrees on it.
    """
    if not trigger.jitter:
        return fire_time
    digest = blake2b(
        f"{job_id}\0{as_utc(fire_time).isoformat()}".encode(errors="surrogatepass"), digest_size=8
    ).digest()
    planned = fire_time + timedelta(seconds=trigger.jitter * int.from_bytes(digest) / (2**64 - 1))
    return planned if trigger.end_date is None else max(fire_time, min(planned, as_utc(trigger.end_date)))


def first_plan(job_id: str, trigger: BaseTrigger, now: datetime) -> Plan:
    """Return the plan of a job that was never planned, or whose trigger changed: from `now` on, without firing the past."""
    found = trigger.get_next_fire_time(None, now)
    return _ahead(job_id, trigger, None if found is None else as_utc(found))


def plan(view: JobView, now: datetime, limit: int) -> Plan:
    """Return what to do with the job at `now` (aware, UTC) when at most `limit` of its runs can be started."""
    first = _open_slot(view, now)
    if first is None or view.due_at(first) > now:
        return _ahead(view.job_id, view.trigger, first)
    if view.coalesce:
        return _plan_latest(view, first, now)
    return _plan_each(view, first, now, limit)


def _ahead(job_id: str, trigger: BaseTrigger, fire_time: datetime | None) -> Plan:
    """Return a plan that only waits."""
    planned = None if fire_time is None else due_at(job_id, trigger, fire_time)
    return Plan(next_fire_time=fire_time, next_run_time=planned)


def _open_slot(view: JobView, now: datetime) -> datetime | None:
    """Return the first slot that is still open: the planned one, or the moment that somebody chose by hand."""
    fire_time, run_time = view.next_fire_time, view.next_run_time
    if run_time is None:
        return first_plan(view.job_id, view.trigger, now).next_fire_time
    if fire_time is None or view.due_at(fire_time) != run_time:
        fire_time = run_time
    if view.claimed_through is not None and fire_time <= view.claimed_through:
        return view.following(view.claimed_through, now)
    return fire_time


def _due_span(view: JobView, first: datetime, now: datetime) -> FireSpan:
    """Return the slots from `first` (which is due) on that are due at `now`, in the order of their fire times."""
    sure = now - timedelta(seconds=view.trigger.jitter or 0)
    span = view.span(first, sure) if first <= sure else FireSpan(first=first, last=first, count=1)
    last, count = span.last, span.count
    for _ in range(_WINDOW):
        following = view.following(last, now)
        if following is None or view.due_at(following) > now:
            break
        last, count = following, count + 1
    return FireSpan(first=first, last=last, count=count, exact=span.exact)


def _plan_latest(view: JobView, first: datetime, now: datetime) -> Plan:
    """Plan a job that coalesces: the latest due slot stands for all."""
    last, following, summaries = first, view.following(first, now), []
    next_run_time = None if following is None else view.due_at(following)
    if next_run_time is not None and next_run_time <= now:
        last = _due_span(view, first, now).last
        earlier = view.span(first, last - _INSTANT)
        earlier = replace(earlier, first=as_utc(earlier.first), last=as_utc(earlier.last))
        summaries.append(Summary(status=RunStatus.COALESCED, span=earlier))
        following = view.following(last, now)
        next_run_time = None if following is None else view.due_at(following)
    latest = Slot(last, max(view.starts_at(first, view.claimed_through), view.due_at(last)))
    refusal = _refusal(view, latest.due_at, now)
    if refusal is RunStatus.SKIPPED and view.may_wait:
        return Plan(following, next_run_time, (), tuple(summaries), latest)
    if refusal:
        summaries.append(Summary(status=refusal, span=FireSpan(first=last, last=last, count=1)))
    return Plan(following, next_run_time, () if refusal else (latest,), tuple(summaries))


def _refusal(view: JobView, planned: datetime, now: datetime) -> RunStatus | None:
    """Return why the slot planned for `planned` gets no run, or None if it may run. Exactly as late as the grace time still runs."""
    if view.grace is not None and now - planned > view.grace:
        return RunStatus.MISSED
    if view.full:
        return RunStatus.SKIPPED
    return None


def _plan_each(view: JobView, first: datetime, now: datetime, limit: int) -> Plan:
    """Plan a job that catches up: each due slot for itself, oldest first.

    A backlog is not an overlap: what no instance is free for waits (the job is parked). Only slots that become due while there is no
    backlog and meet a live run are skipped; the first of them waits where the job asks for that.
    """
    summaries: list[Summary] = []
    slots: list[Slot] = []
    cursor: datetime | None = first
    planned = view.starts_at(first, view.claimed_through)
    if view.grace is not None and planned < now - view.grace:
        missed = _due_span(view, first, now - view.grace - _INSTANT)
        summaries.append(Summary(status=RunStatus.MISSED, span=missed))
        cursor = view.following(missed.last, now)

    free = view.max_instances - view.live
    waits: Slot | None = None
    if view.may_wait and not view.parked and cursor is not None and view.due_at(cursor) <= now:
        waits = Slot(cursor, max(planned, view.due_at(cursor)))
        cursor = view.following(cursor, now)
    if view.full and not view.parked and cursor is not None and view.due_at(cursor) <= now:
        skipped = _due_span(view, cursor, now)
        summaries.append(Summary(status=RunStatus.SKIPPED, span=skipped))
        cursor = view.following(skipped.last, now)
    while cursor is not None and len(slots) < min(free, limit) and view.due_at(cursor) <= now:
        planned = max(planned, view.due_at(cursor))
        slots.append(Slot(fire_time=cursor, due_at=planned))
        cursor = view.following(cursor, now)

    ahead = _ahead(view.job_id, view.trigger, cursor)
    backlog = ahead.next_run_time is not None and ahead.next_run_time <= now
    return Plan(
        slots=tuple(slots),
        summaries=tuple(summaries),
        waits=waits,
        next_fire_time=ahead.next_fire_time,
        next_run_time=ahead.next_run_time,
        parked=backlog and len(slots) >= free,
    )
