"""The words: a decision as one sentence, two where it has to be said why something came late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from django.utils.translation import gettext as _

from ..models import JobLogEntry, JobRun
from ..planning import due_at
from ..rows import read_trigger
from ..runs import RunStatus
from ..words import clock_words, schedule_words, span_words, zone_of
from .deciding import Decision, Fate
from .facts import Facts


def sentence(decision: Decision, facts: Facts) -> str:
    """Return what became of a fire time, in the zone of its trigger."""
    return _TOLD[decision.fate](_Teller(decision, facts))


class _Teller:
    """Puts one decision into words."""

    def __init__(self, decision: Decision, facts: Facts) -> None:
        self.decision = decision
        self.facts = facts
        self.run = decision.run
        self.definition = decision.definition

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.definition.trigger) if self.definition is not None else zone_of_job(self.facts)

    def when(self, moment: datetime | None) -> str:
        return "?" if moment is None else clock_words(moment, self.zone)

    def who(self, entry: JobLogEntry | None) -> str:
        return entry.actor_name if entry is not None and entry.actor_name else ""

    @property
    def executor(self) -> str:
        alias: str = self.facts.job.executor if self.run is None else self.run.executor
        return alias


def zone_of_job(facts: Facts) -> tzinfo:
    """Return the zone of the trigger that the job has now."""
    return zone_of(read_trigger(facts.job))


# -- runs -----------------------------------------------------------------------------------------------------------------


def _of_run(tell: _Teller) -> str:
    run = tell.run
    assert run is not None
    told = _STANDING.get(RunStatus(run.status), _ended)(tell, run)
    if run.attempt > 1:
        told += " " + _("That was attempt %(number)d.") % {"number": run.attempt}
    reason = _why_late(tell, run)
    return f"{told} {reason}" if reason else told


def _ended(tell: _Teller, run: JobRun) -> str:
    """Return the words for a run that has ended: where, how late, how, after how long."""
    late = max(timedelta(0), (run.started_at or run.due_at) - run.due_at)
    took = (run.finished_at or tell.facts.now) - (run.started_at or run.due_at)
    error = ": ".join(filter(None, [run.exception_type, run.exception_message.strip().partition("\n")[0][:200]]))
    why = error or run.reason
    facts = {
        "node": tell.facts.node_name(run.node),
        "late": span_words(late),
        "took": span_words(took),
        "status": run.get_status_display(),
        "run": run.pk,
        "why": f": {why}" if why else ".",
    }
    if run.started_at is None:
        return _("It did not start: %(status)s (run %(run)d)%(why)s") % facts
    return _("It ran on %(node)s, %(late)s late: %(status)s after %(took)s (run %(run)d)%(why)s") % facts


def _pending(tell: _Teller, run: JobRun) -> str:
    return _("It waits to be claimed by a scheduler (run %(run)d).") % {"run": run.pk}


def _claimed(tell: _Teller, run: JobRun) -> str:
    return _("%(node)s has claimed it, and has not started it yet (run %(run)d).") % {
        "node": tell.facts.node_name(run.node),
        "run": run.pk,
    }


def _running(tell: _Teller, run: JobRun) -> str:
    return _("It has been running on %(node)s since %(when)s, started %(late)s late (run %(run)d).") % {
        "node": tell.facts.node_name(run.node),
        "when": tell.when(run.started_at),
        "late": span_words((run.started_at or run.due_at) - run.due_at),
        "run": run.pk,
    }


def _abandoned(tell: _Teller, run: JobRun) -> str:
    return _("It started on %(node)s at %(when)s, and that node died: how far it got is not known (run %(run)d).") % {
        "node": tell.facts.node_name(run.node),
        "when": tell.when(run.started_at),
        "run": run.pk,
    }


_STANDING: dict[RunStatus, Callable[[_Teller, JobRun], str]] = {
    RunStatus.PENDING: _pending,
    RunStatus.CLAIMED: _claimed,
    RunStatus.RUNNING: _running,
    RunStatus.ABANDONED: _abandoned,
}


def _why_late(tell: _Teller, run: JobRun) -> str:
    """Return why a run was claimed or started late; empty where it was not."""
    patience = tell.facts.patience
    if run.attempt > 1 or run.claimed_at is None or run.slot is None:
        return ""
    if run.claimed_at - run.due_at > patience:
        return _why_unclaimed(tell, run.due_at, run.claimed_at)
    if run.started_at is not None and run.started_at - run.claimed_at > patience:
        return _("It was claimed at once, and waited for a free slot of executor %(executor)r.") % {
            "executor": run.executor
        }
    return ""


def _why_unclaimed(tell: _Teller, due: datetime, until: datetime) -> str:
    """Return why nobody claimed what was due, as far as the rows of the nodes tell."""
    nodes = tell.facts.nodes
    alive = [node for node in nodes if node.started_at <= due and (node.seen_at >= due or node.seen_at >= until)]
    if alive:
        return _(
            "%(node)s was running then: it waited for a free slot of executor %(executor)r, or for the database."
        ) % {
            "node": alive[0],
            "executor": tell.executor,
        }
    last = max((node for node in nodes if node.seen_at < due), key=lambda node: node.seen_at, default=None)
    first = min((node.started_at for node in nodes if node.started_at > due), default=until)
    if last is None:
        return _("No scheduler was running until %(until)s, as far as is known.") % {"until": tell.when(first)}
    return _("No scheduler was running from %(since)s, when %(node)s gave its last sign of life, until %(until)s.") % {
        "since": tell.when(last.seen_at),
        "node": last,
        "until": tell.when(first),
    }


# -- fire times without a run of their own ----------------------------------------------------------------------------------


def _among(tell: _Teller) -> str:
    """Return what else a summary stands for; empty where it stands for one fire time."""
    run = tell.run
    assert run is not None
    if run.count <= 1 and run.count_is_exact:
        return ""
    count = str(run.count) if run.count_is_exact else _("at least %(count)d") % {"count": run.count}
    return " " + _("So were all %(count)s fire times from %(first)s to %(last)s.") % {
        "count": count,
        "first": tell.when(run.covers_from),
        "last": tell.when(run.covers_until),
    }


def _missed(tell: _Teller) -> str:
    run = tell.run
    assert run is not None
    due = tell.decision.moment if run.slot is None else run.due_at
    looked = run.finished_at or due
    if run.covers_from is None:
        told = _(
            "It was missed: claimed in time, and no slot of executor %(executor)r was free within its grace time%(grace)s."
        )
        return told % {"executor": run.executor, "grace": _grace(tell)} + _among(tell)
    told = _(
        "It was missed: a scheduler looked at it %(late)s late, at %(when)s, later than its grace time%(grace)s allows."
    )
    told %= {"late": span_words(looked - due), "when": tell.when(looked), "grace": _grace(tell)}
    return f"{told} {_why_unclaimed(tell, due, looked)}{_among(tell)}"


def _grace(tell: _Teller) -> str:
    if tell.definition is None or tell.definition.grace is None:
        return ""
    return _(" of %(span)s") % {"span": span_words(timedelta(seconds=tell.definition.grace))}


def _skipped(tell: _Teller) -> str:
    run = tell.run
    assert run is not None
    holders = tell.facts.holders.get(run.pk, ())
    most = tell.definition.max_instances if tell.definition is not None else tell.facts.job.max_instances
    if not holders:
        told = _("It was skipped: the job had its %(most)d instance(s) under way; which runs these were is not kept.")
        return told % {"most": most} + _among(tell)
    told = _("It was skipped: run %(run)s, under way since %(since)s, held the slot (max. %(most)d instance(s)).") % {
        "run": ", ".join(str(holder.pk) for holder in holders),
        "since": tell.when(min(holder.started_at or holder.claimed_at or holder.due_at for holder in holders)),
        "most": most,
    }
    return told + _among(tell)


def _coalesced(tell: _Teller) -> str:
    run = tell.run
    assert run is not None
    other = tell.facts.stand_ins.get(run.pk)
    if other is None:
        told = _("It was coalesced into a later fire time, whose run is not kept.")
    else:
        told = _(
            "It was coalesced into the fire time of %(when)s, the latest that was due then: %(status)s (run %(run)d)."
        ) % {
            "when": tell.when(other.slot),
            "status": other.get_status_display(),
            "run": other.pk,
        }
    looked = run.finished_at or tell.facts.now
    reason = (
        _why_unclaimed(tell, tell.decision.moment, looked)
        if looked - tell.decision.moment > tell.facts.patience
        else ""
    )
    return " ".join(filter(None, [told, reason])) + _among(tell)


# -- fire times without a row -------------------------------------------------------------------------------------------------


def _span(tell: _Teller) -> str:
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


def _paused(tell: _Teller) -> str:
    entry = tell.decision.entry
    by = _("paused by %(who)s") % {"who": tell.who(entry)} if tell.who(entry) else _("paused")
    reason = (
        _(" Reason of the pause: %(reason)s") % {"reason": entry.reason} if entry is not None and entry.reason else ""
    )
    return _("It did not run: the job was %(paused)s%(span)s.") % {"paused": by, "span": _span(tell)} + reason


def _retired(tell: _Teller) -> str:
    return _("It did not run: no running scheduler declared the job in code any more, and it was retired%(span)s.") % {
        "span": _span(tell)
    }


def _broken(tell: _Teller) -> str:
    entry = tell.decision.entry
    reason = entry.reason if entry is not None else ""
    return _("It did not run: the job was broken%(span)s. Reason: %(reason)s") % {"span": _span(tell), "reason": reason}


def _overtaken(tell: _Teller) -> str:
    entry = tell.decision.entry
    by = _(" by %(who)s") % {"who": tell.who(entry)} if tell.who(entry) else ""
    return _(
        "It did not run: no scheduler had claimed it when the job was %(action)s%(by)s at %(when)s, and it was planned from then on."
    ) % {
        "action": action_words(entry.action) if entry is not None else "?",
        "by": by,
        "when": tell.when(entry.at if entry is not None else None),
    }


def _due(tell: _Teller) -> str:
    told = _("It is due, and no scheduler has claimed it yet.")
    return f"{told} {tell.facts.sentence}" if tell.facts.sentence else told


def _future(tell: _Teller) -> str:
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


def _finished(tell: _Teller) -> str:
    return _("The schedule of the job ended at %(when)s.") % {"when": tell.when(tell.facts.job.finished_at)}


def _not_added(tell: _Teller) -> str:
    by = _(" by %(who)s") % {"who": tell.who(tell.decision.entry)} if tell.who(tell.decision.entry) else ""
    return _("The job did not exist yet: it was added%(by)s at %(when)s.") % {
        "by": by,
        "when": tell.when(tell.facts.job.created_at),
    }


def _no_fire_time(tell: _Teller) -> str:
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


def _pruned(tell: _Teller) -> str:
    facts = tell.facts
    kept = [moment for moment in (facts.first_run and facts.first_run.due_at,) if moment]
    since = _(" What is kept of its runs begins at %(when)s.") % {"when": tell.when(kept[0])} if kept else ""
    return _("What became of it is not known: old history has been deleted.") + since


def _unknown(tell: _Teller) -> str:
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


_TOLD: dict[Fate, Callable[[_Teller], str]] = {
    Fate.RUN: _of_run,
    Fate.MISSED: _missed,
    Fate.SKIPPED: _skipped,
    Fate.COALESCED: _coalesced,
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
