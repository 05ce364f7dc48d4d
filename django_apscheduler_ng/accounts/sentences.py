"""The words: a decision as one sentence, two where it has to be said why something came late."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from ..planning import due_at
from ..words import clock_words, schedule_words
from .deciding import Decision, Fate
from .facts import Facts
from .rowwords import coalesced_words, missed_words, of_run_words, skipped_words
from .teller import Teller


def sentence(decision: Decision, facts: Facts) -> str:
    """Return what became of a fire time, in the zone of its trigger."""
    return _TOLD[decision.fate](Teller(decision, facts))


def _span(tell: Teller) -> str:
    """Return since when and until when something held that an entry began."""
    entry, until = tell.decision.entry, tell.decision.until
    since = "" if entry is None else _(" since %(when)s") % {"when": tell.when(entry.at)}
    if until is None:
        return since
    by = _(" by %(who)s") % {"who": tell.who(until)} if tell.who(until) else ""
    return since + _(", until it was %(action)s%(by)s at %(when)s") % {
        "action": action_words(until.action),
        "by": by,
        "when": tell.when(until.at),
    }


def _paused(tell: Teller) -> str:
    entry = tell.decision.entry
    by = _("paused by %(who)s") % {"who": tell.who(entry)} if tell.who(entry) else _("paused")
    reason = (
        _(" Reason of the pause: %(reason)s") % {"reason": entry.reason} if entry is not None and entry.reason else ""
    )
    return _("It did not run: the job was %(paused)s%(span)s.") % {"paused": by, "span": _span(tell)} + reason


def _retired(tell: Teller) -> str:
    return _("It did not run: no running scheduler declared the job in code any more, and it was retired%(span)s.") % {
        "span": _span(tell)
    }


def _broken(tell: Teller) -> str:
    entry = tell.decision.entry
    reason = entry.reason if entry is not None else ""
    return _("It did not run: the job was broken%(span)s. Reason: %(reason)s") % {"span": _span(tell), "reason": reason}


def _overtaken(tell: Teller) -> str:
    entry = tell.decision.entry
    by = _(" by %(who)s") % {"who": tell.who(entry)} if tell.who(entry) else ""
    return _(
        "It did not run: no scheduler had claimed it when the job was %(action)s%(by)s at %(when)s, and it was planned from then on."
    ) % {
        "action": action_words(entry.action) if entry is not None else "?",
        "by": by,
        "when": tell.when(entry.at if entry is not None else None),
    }


def _due(tell: Teller) -> str:
    told = _("It is due, and no scheduler has claimed it yet.")
    return f"{told} {tell.facts.sentence}" if tell.facts.sentence else told


def _future(tell: Teller) -> str:
    job, moment = tell.facts.job, tell.decision.moment
    if tell.facts.sentence:
        return _("It lies ahead. As things stand it will not run: %(sentence)s") % {"sentence": tell.facts.sentence}
    trigger = tell.definition.trigger if tell.definition is not None else None
    if trigger is not None and trigger.jitter:
        planned = due_at(job.job_id, trigger, moment)
        return _("It lies ahead, and is planned with its jitter for %(when)s.") % {
            "when": clock_words(planned, tell.zone, seconds=True)
        }
    return _("It lies ahead.")


def _finished(tell: Teller) -> str:
    return _("The schedule of the job ended at %(when)s.") % {"when": tell.when(tell.facts.job.finished_at)}


def _not_added(tell: Teller) -> str:
    by = _(" by %(who)s") % {"who": tell.who(tell.decision.entry)} if tell.who(tell.decision.entry) else ""
    return _("The job did not exist yet: it was added%(by)s at %(when)s.") % {
        "by": by,
        "when": tell.when(tell.facts.job.created_at),
    }


def _no_fire_time(tell: Teller) -> str:
    decision, entry = tell.decision, tell.decision.entry
    near = [tell.when(moment) for moment in (decision.earlier, decision.later) if moment is not None]
    nearest = _(" and ").join(near) if near else _("there are none")
    if entry is None or tell.definition is None:
        return _("It is no fire time of the job. The nearest: %(nearest)s.") % {"nearest": nearest}
    by = _(" by %(who)s") % {"who": tell.who(entry)} if tell.who(entry) else ""
    return _(
        "It was no fire time of the job, whose schedule was “%(schedule)s” until it was %(action)s%(by)s at %(when)s. "
        "The nearest: %(nearest)s."
    ) % {
        "schedule": schedule_words(tell.definition.trigger),
        "action": action_words(entry.action),
        "by": by,
        "when": tell.when(entry.at),
        "nearest": nearest,
    }


def _pruned(tell: Teller) -> str:
    facts = tell.facts
    kept = [moment for moment in (facts.first_run and facts.first_run.due_at,) if moment]
    since = _(" What is kept of its runs begins at %(when)s.") % {"when": tell.when(kept[0])} if kept else ""
    return _("What became of it is not known: old history has been deleted.") + since


def _unknown(tell: Teller) -> str:
    return _("What became of it is not known: nothing that is kept tells.")


def action_words(action: str) -> str:
    """Return what happened to a job as a participle."""
    known = {
        "added": _("added"),
        "modified": _("modified"),
        "paused": _("paused"),
        "resumed": _("resumed"),
        "rescheduled": _("rescheduled"),
        "removed": _("removed"),
        "retired": _("retired"),
        "repaired": _("repaired"),
        "declared again": _("declared again"),
        "updated from code": _("updated from code"),
    }
    return known.get(action, action)


_TOLD: dict[Fate, Callable[[Teller], str]] = {
    Fate.RUN: of_run_words,
    Fate.MISSED: missed_words,
    Fate.SKIPPED: skipped_words,
    Fate.COALESCED: coalesced_words,
    Fate.DUE: _due,
    Fate.AHEAD: _future,
    Fate.PAUSED: _paused,
    Fate.RETIRED: _retired,
    Fate.BROKEN: _broken,
    Fate.OVERTAKEN: _overtaken,
    Fate.FINISHED: _finished,
    Fate.NOT_ADDED: _not_added,
    Fate.NO_FIRE_TIME: _no_fire_time,
    Fate.PRUNED: _pruned,
    Fate.UNKNOWN: _unknown,
}
