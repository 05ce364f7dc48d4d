"""The decision: from the facts about a job to what became of one of its fire times. Pure: no query, no clock.

The ledger of runs is asked first: its row of the fire time is what happened. Only where there is none do the journal and the trigger
say why not; and where they are not kept far enough back, that is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..models import JobLogEntry, JobRun
from ..runs import RunStatus
from ..triggers.base import BaseTrigger
from .definition import Definition, definition_at
from .facts import Facts
from .firetimes import at_or_after, before
from .grids import fires, rule_at


class Fate(StrEnum):
    """What became of a fire time, or why there was none."""

    #: It has a run of its own, however that stands.
    RUN = "run"
    MISSED = "missed"
    SKIPPED = "skipped"
    #: A later fire time stood for it.
    COALESCED = "coalesced"
    #: It is due, and no node has claimed it.
    DUE = "due"
    AHEAD = "ahead"
    PAUSED = "paused"
    RETIRED = "retired"
    BROKEN = "broken"
    #: Somebody changed the job before a node claimed it.
    OVERTAKEN = "overtaken"
    FINISHED = "finished"
    #: The job was added later.
    NOT_ADDED = "not added"
    #: The job does not, or did not, fire at that moment.
    NO_FIRE_TIME = "no fire time"
    #: What would tell is not kept any more.
    PRUNED = "pruned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of a moment, and the facts that decide."""

    moment: datetime
    fate: Fate
    #: The job at that moment; None where that is not kept.
    definition: Definition | None = None
    #: The row of the moment, or the summary that covers it.
    run: JobRun | None = None
    #: What somebody or something did to the job that decides.
    entry: JobLogEntry | None = None
    #: What ended that.
    until: JobLogEntry | None = None
    #: The fire times nearest to a moment that is none.
    earlier: datetime | None = None
    later: datetime | None = None


def decide(moment: datetime, facts: Facts) -> Decision:
    """Return what became of the fire time `moment` (aware, UTC) of the job."""
    run = _row_of(moment, facts)
    if run is not None and run.slot is not None:
        return _of_row(moment, run, facts)
    if moment > facts.now:
        return _ahead(moment, facts)
    if moment < facts.job.created_at and run is None:
        return Decision(moment=moment, fate=Fate.NOT_ADDED, entry=_added(facts))
    definition = definition_at(moment, facts)
    if definition is None:
        return Decision(moment=moment, fate=Fate.PRUNED) if run is None else _of_row(moment, run, facts)
    rule = rule_at(moment, definition, facts)
    if not fires(moment, definition, rule, facts):
        return _no_fire_time(moment, definition, rule, facts)
    return _of_row(moment, run, facts) if run is not None else _unclaimed(moment, definition, facts)


def _row_of(moment: datetime, facts: Facts) -> JobRun | None:
    """Return the last attempt at a fire time, or the summary that covers it."""
    own = [run for run in facts.runs if run.slot == moment]
    if own:
        return max(own, key=lambda run: run.attempt)
    return next((run for run in facts.runs if run.slot is None and _covers(run, moment)), None)


def _covers(run: JobRun, moment: datetime) -> bool:
    return (
        run.covers_from is not None and run.covers_until is not None and run.covers_from <= moment <= run.covers_until
    )


_FATES = {RunStatus.MISSED: Fate.MISSED, RunStatus.SKIPPED: Fate.SKIPPED, RunStatus.COALESCED: Fate.COALESCED}


def _of_row(moment: datetime, run: JobRun, facts: Facts) -> Decision:
    fate = _FATES.get(RunStatus(run.status), Fate.RUN)
    return Decision(moment=moment, fate=fate, run=run, definition=definition_at(moment, facts))


def _added(facts: Facts) -> JobLogEntry | None:
    return facts.entries[0] if facts.journal_is_whole else None


def _ahead(moment: datetime, facts: Facts) -> Decision:
    definition = definition_at(facts.now, facts)
    rule = None if definition is None else rule_at(moment, definition, facts)
    if facts.job.finished_at is not None:
        return Decision(moment=moment, fate=Fate.FINISHED, definition=definition)
    if definition is not None and not fires(moment, definition, rule, facts):
        return _no_fire_time(moment, definition, rule, facts)
    return Decision(moment=moment, fate=Fate.AHEAD, definition=definition)


def _no_fire_time(moment: datetime, definition: Definition, rule: BaseTrigger | None, facts: Facts) -> Decision:
    """Return that the job did not fire then: it had no fire time there, or none that can be calculated."""
    if facts.job.finished_at is not None and moment > facts.job.finished_at:
        return Decision(moment=moment, fate=Fate.FINISHED, definition=definition)
    if rule is None:
        if resting := _at_rest(moment, definition):
            return resting
        return Decision(moment=moment, fate=Fate.UNKNOWN, definition=definition)
    floor = min(facts.job.created_at, moment)
    return Decision(
        moment=moment,
        fate=Fate.NO_FIRE_TIME,
        definition=definition,
        entry=definition.rescheduled_by,
        earlier=before(rule, moment, floor),
        later=at_or_after(rule, moment),
    )


def _unclaimed(moment: datetime, definition: Definition, facts: Facts) -> Decision:
    """Return why a fire time has no row."""
    if resting := _at_rest(moment, definition):
        return resting
    if _is_open(moment, facts):
        return Decision(moment=moment, fate=Fate.DUE, definition=definition)
    change = definition.replanned_by
    if _may_be_pruned(moment, change, facts):
        return Decision(moment=moment, fate=Fate.PRUNED, definition=definition)
    if definition.broken_by is not None:
        return Decision(
            moment=moment, fate=Fate.BROKEN, definition=definition, entry=definition.broken_by, until=change
        )
    if change is not None:
        return Decision(moment=moment, fate=Fate.OVERTAKEN, definition=definition, entry=change)
    return Decision(moment=moment, fate=Fate.UNKNOWN, definition=definition)


def _at_rest(moment: datetime, definition: Definition) -> Decision | None:
    if definition.retired_by is not None:
        return Decision(
            moment=moment,
            fate=Fate.RETIRED,
            definition=definition,
            entry=definition.retired_by,
            until=definition.returned_by,
        )
    if definition.paused:
        return Decision(
            moment=moment,
            fate=Fate.PAUSED,
            definition=definition,
            entry=definition.paused_by,
            until=definition.resumed_by,
        )
    return None


def _is_open(moment: datetime, facts: Facts) -> bool:
    """Return whether a node may still claim the fire time."""
    job = facts.job
    if job.finished_at is not None or job.paused or job.retired_at is not None or job.next_fire_time is None:
        return False
    closed = job.claimed_through is not None and moment <= job.claimed_through
    return not closed and job.next_fire_time <= moment


def _may_be_pruned(moment: datetime, change: JobLogEntry | None, facts: Facts) -> bool:
    """Return whether a row of the fire time may have been deleted. They are deleted from the oldest on."""
    if facts.job.claimed_through is None or moment > facts.job.claimed_through:
        return False
    first = facts.first_run
    if first is not None and _begins(first) <= moment:
        return False
    if change is None or not facts.journal_is_whole or facts.crowded:
        return True
    return first is not None and _begins(first) < change.at


def _begins(run: JobRun) -> datetime:
    """Return the earliest fire time that a row is about."""
    moment: datetime = run.covers_from or run.slot or run.due_at
    return moment
