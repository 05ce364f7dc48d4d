"""The proof of an import: the next fire times, old and new, and why they differ where they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..job import Job
from ..preview import preview
from ..triggers.base import BaseTrigger, as_utc
from .candidates import COMPARED, Candidate

#: As far from a clock change as it can move a fire time.
_NEAR = timedelta(hours=3)


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """A moment at which only one of the two fires."""

    moment: datetime
    #: Whether it is the old scheduler that fires.
    old: bool
    reason: str

    def __str__(self) -> str:
        """Return a line for people."""
        side = "only the old scheduler" if self.old else "only the new one"
        return f"{self.moment:%Y-%m-%d %H:%M:%S %Z (%z)}: {side} fires; {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What comparing the fire times of one job came to."""

    #: How many old fire times were compared; None = the old ones could not be computed.
    compared: int | None
    deviations: Sequence[Deviation] = ()
    #: Instead of a comparison.
    remark: str = ""

    def lines(self) -> list[str]:
        """Return lines for people."""
        if self.compared is None:
            return [self.remark]
        if not self.deviations:
            return [f"The next {self.compared} fire times are the same, old and new."]
        head = f"Of the next {self.compared} fire times {len(self.deviations)} differ:"
        return [head, *(f"  {deviation}" for deviation in self.deviations)]


def prove(candidate: Candidate, now: datetime) -> Proof:
    """Compare the next fire times of a job that can be imported."""
    if candidate.job is None:
        raise ValueError(f"{candidate.label} cannot be imported, so there is nothing to compare.")
    trigger, first = candidate.job.trigger, candidate.job.next_run_time
    if candidate.old_times is None:
        return Proof(compared=None, remark=_stored_time(candidate.job, candidate.not_compared))
    old = [as_utc(moment) for moment in candidate.old_times(now, COMPARED)]
    start = old[0] if old and first is not None and as_utc(first) == old[0] else None
    new = [as_utc(moment) for moment in preview(trigger, now, COMPARED, first=start)]
    return Proof(compared=len(old), deviations=compare(old, new, zone_of(trigger)))


def _stored_time(job: Job, why: str) -> str:
    """Return what can be said where the old library cannot be asked: it left one fire time that it computed itself."""
    text = f"Not compared: {why}"
    moment = job.next_run_time
    if moment is None or job.trigger.jitter:
        return text
    found = job.trigger.get_next_fire_time(moment - timedelta(microseconds=1), moment)
    agrees = found is not None and as_utc(found) == moment
    return f"{text} The next run time that it stored, {moment:%Y-%m-%d %H:%M:%S %Z}, is {'' if agrees else 'NOT '}a fire time here."


def zone_of(trigger: BaseTrigger) -> ZoneInfo:
    """Return the zone of a trigger, or of the first member that has one."""
    for one in (trigger, *getattr(trigger, "triggers", ())):
        zone = getattr(one, "timezone", None)
        if isinstance(zone, ZoneInfo):
            return zone
    return ZoneInfo("UTC")


def compare(old: Sequence[datetime], new: Sequence[datetime], zone: ZoneInfo) -> list[Deviation]:
    """Return the moments at which only one of the two fires, up to where both lists reach."""
    ends = [times[-1] for times in (old, new) if len(times) >= COMPARED]
    until = min(ends, default=datetime.max.replace(tzinfo=UTC))
    olds, news = ({moment for moment in times if moment <= until} for times in (old, new))
    return [
        Deviation(moment=moment.astimezone(zone), old=moment in olds, reason=_reason(moment, zone))
        for moment in sorted(olds ^ news)
    ]


def _reason(moment: datetime, zone: ZoneInfo) -> str:
    """Return why old and new differ at a moment: a clock change, where one is near."""
    local = moment.astimezone(zone)
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        return "the clocks go back, and this time exists twice: here a fixed time fires the first time only"
    before, after = ((moment + shift).astimezone(zone).utcoffset() for shift in (-_NEAR, _NEAR))
    if before is not None and after is not None and before < after:
        return "the clocks go forward: here a fixed time that does not exist fires at the first instant after the gap"
    if before != after:
        return "the clocks go back within three hours of it"
    return "no clock change is near, the reason is unknown: look at this job before you rely on it"
