"""What became of a fire time: for each one of the past, one sentence with the fact that decides.

`why.py` says why a job does not run now; this says why it did not run then, or how it did. Pages and commands ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..models import ScheduledJob
from .deciding import Fate, decide
from .facts import Facts
from .gathering import gather_facts
from .grids import latest_fire_times, meant
from .sentences import sentence

__all__ = ["Account", "Facts", "Fate", "account_for", "decide", "gather_facts", "last_accounts"]


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of a fire time."""

    #: The fire time, aware, in UTC.
    moment: datetime
    fate: Fate
    sentence: str
    #: Key of the run that decides: of the fire time, or of the summary that covers it. None where there is none.
    run: int | None


def account_for(job: ScheduledJob, moment: datetime, precision: timedelta = timedelta(0)) -> Account:
    """Return what became of one fire time of a job.

    Args:
        job: its row.
        moment: the fire time, aware; or the planned start, where the job has a jitter.
        precision: how much later the fire time may lie, for a moment that was written without its seconds.
    """
    facts = gather_facts(job, moment, moment + precision)
    return tell(meant(moment, precision, facts), facts)


def last_accounts(job: ScheduledJob, count: int) -> list[Account]:
    """Return what became of the last `count` fire times of a job up to now, the last first."""
    facts = gather_facts(job)
    moments = latest_fire_times(count, facts)
    if moments and moments[-1] < min(facts.slots, default=job.created_at):
        facts = gather_facts(job, moments[-1], facts.now)
    return [tell(moment, facts) for moment in moments]


def tell(moment: datetime, facts: Facts) -> Account:
    """Return what the facts say of a fire time."""
    decision = decide(moment, facts)
    return Account(
        moment=moment,
        fate=decision.fate,
        sentence=sentence(decision, facts),
        run=None if decision.run is None else decision.run.pk,
    )
