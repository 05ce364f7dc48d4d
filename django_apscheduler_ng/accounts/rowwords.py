"""The words for fire times that the ledger has a row of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from ..models import JobRun
from ..reasons import reason_words
from ..runs import RunStatus
from ..words import span_words
from .teller import Teller


def of_run_words(tell: Teller) -> str:
    """Return what became of a fire time that has a run of its own."""
    run = tell.run
    assert run is not None
    told = _STANDING.get(RunStatus(run.status), _ended)(tell, run)
    if run.attempt > 1:
        told += " " + _("That was attempt %(number)d.") % {"number": run.attempt}
    reason = _why_late(tell, run)
    return f"{told} {reason}" if reason else told


def _ended(tell: Teller, run: JobRun) -> str:
    """Return the words for a run that has ended: where, how late, how, after how long."""
    late = max(timedelta(0), (run.started_at or run.due_at) - run.due_at)
    took = (run.finished_at or tell.facts.now) - (run.started_at or run.due_at)
    error = ": ".join(filter(None, [run.exception_type, run.exception_message.strip().partition("\n")[0][:200]]))
    why = reason_words(error or run.reason)
    facts = {
        "node": _place(tell, run),
        "late": span_words(late),
        "took": span_words(took),
        "status": run.get_status_display(),
        "run": run.pk,
        "why": f": {why}" if why else ".",
    }
    if run.started_at is None:
        return _("It did not start: %(status)s (run %(run)d)%(why)s") % facts
    return _("It ran on %(node)s, %(late)s late: %(status)s after %(took)s (run %(run)d)%(why)s") % facts


def _place(tell: Teller, run: JobRun) -> str:
    """Return who performs a run, or did: a node, or a worker of a cluster."""
    return run.worker if run.on_cluster else tell.facts.node_name(run.node)


def _pending(tell: Teller, run: JobRun) -> str:
    return _("It waits to be claimed by a scheduler (run %(run)d).") % {"run": run.pk}


def _claimed(tell: Teller, run: JobRun) -> str:
    if run.on_cluster:
        return _("It was handed to executor %(executor)r, and no worker has started it yet (run %(run)d).") % {
            "executor": run.executor,
            "run": run.pk,
        }
    return _("%(node)s has claimed it, and has not started it yet (run %(run)d).") % {
        "node": tell.facts.node_name(run.node),
        "run": run.pk,
    }


def _running(tell: Teller, run: JobRun) -> str:
    return _("It has been running on %(node)s since %(when)s, started %(late)s late (run %(run)d).") % {
        "node": _place(tell, run),
        "when": tell.when(run.started_at),
        "late": span_words((run.started_at or run.due_at) - run.due_at),
        "run": run.pk,
    }


def _abandoned(tell: Teller, run: JobRun) -> str:
    told = _("It started on %(node)s at %(when)s, and that node died: how far it got is not known (run %(run)d).")
    if run.on_cluster:
        told = _("It started on %(node)s at %(when)s, and that worker died: how far it got is not known (run %(run)d).")
    return told % {
        "node": _place(tell, run),
        "when": tell.when(run.started_at),
        "run": run.pk,
    }


_STANDING: dict[RunStatus, Callable[[Teller, JobRun], str]] = {
    RunStatus.PENDING: _pending,
    RunStatus.CLAIMED: _claimed,
    RunStatus.RUNNING: _running,
    RunStatus.ABANDONED: _abandoned,
}


def _why_late(tell: Teller, run: JobRun) -> str:
    """Return why a run was claimed or started late; empty where it was not."""
    patience = tell.facts.patience
    if run.attempt > 1 or run.claimed_at is None or run.slot is None:
        return ""
    if run.claimed_at - run.due_at > patience:
        return _why_unclaimed(tell, run.due_at, run.claimed_at)
    if run.started_at is not None and run.started_at - run.claimed_at > patience:
        if run.on_cluster:
            return _("It was claimed at once, and waited for a worker of executor %(executor)r.") % {
                "executor": run.executor
            }
        return _("It was claimed at once, and waited for a free slot of executor %(executor)r.") % {
            "executor": run.executor
        }
    return ""


def _why_unclaimed(tell: Teller, due: datetime, until: datetime) -> str:
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


def _among(tell: Teller) -> str:
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


def missed_words(tell: Teller) -> str:
    """Return why a fire time was missed."""
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


def _grace(tell: Teller) -> str:
    if tell.definition is None or tell.definition.grace is None:
        return ""
    return _(" of %(span)s") % {"span": span_words(timedelta(seconds=tell.definition.grace))}


def skipped_words(tell: Teller) -> str:
    """Return which runs held the slot of a skipped fire time."""
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


def coalesced_words(tell: Teller) -> str:
    """Return which fire time stands for a coalesced one."""
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
