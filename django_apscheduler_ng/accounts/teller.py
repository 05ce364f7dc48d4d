"""What every sentence about a fire time needs: moments in the zone of the trigger, and names."""

from __future__ import annotations

from datetime import datetime, tzinfo

from ..models import JobLogEntry
from ..rows import read_trigger
from ..words import clock_words, zone_of
from .deciding import Decision
from .facts import Facts


class Teller:
    """Puts one decision into words."""

    def __init__(self, decision: Decision, facts: Facts) -> None:
        """Tell of one decision."""
        self.decision = decision
        self.facts = facts
        self.run = decision.run
        self.definition = decision.definition

    @property
    def zone(self) -> tzinfo:
        """The zone in which moments are told."""
        return zone_of(self.definition.trigger) if self.definition is not None else zone_of_job(self.facts)

    def when(self, moment: datetime | None) -> str:
        """Return a moment in words."""
        return "?" if moment is None else clock_words(moment, self.zone)

    def who(self, entry: JobLogEntry | None) -> str:
        """Return who did what an entry tells; empty where it was no person."""
        return entry.actor_name if entry is not None and entry.actor_name else ""

    @property
    def executor(self) -> str:
        """Alias of the executor of the run, or of the job."""
        alias: str = self.facts.job.executor if self.run is None else self.run.executor
        return alias


def zone_of_job(facts: Facts) -> tzinfo:
    """Return the zone of the trigger that the job has now."""
    return zone_of(read_trigger(facts.job))
