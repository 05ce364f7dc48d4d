"""Why nothing runs: one sentence for each job, with the fact that decides. Lists, pages and commands all ask here."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from .conf import get_config
from .models import JobRun, ScheduledJob, SchedulerNode
from .queues import hint, is_served
from .runs import RunStatus
from .storetime import living, living_now, store_now


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What decides, apart from the jobs themselves."""

    now: datetime
    #: How late a job may be before that is worth a word.
    patience: timedelta
    #: Nodes that are alive.
    nodes: Collection[SchedulerNode]
    #: Oldest live run of each job.
    live: Mapping[int, JobRun]
    #: How many runs of each job are live.
    counts: Mapping[int, int]


def why(rows: Iterable[ScheduledJob], now: datetime | None = None) -> dict[int, str]:
    """Return for each job why it does not run, by primary key; an empty string where nothing is in its way.

    Two queries, however many jobs there are, one to ask the database for its time, and one for each further job store. All rows are of
    one database.

    Args:
        rows: the jobs.
        now: the current moment by the clock of the database; None = ask it.
    """
    jobs = list(rows)
    if not jobs:
        return {}
    facts = gather(jobs, now)
    return {job.pk: sentence(job, facts) for job in jobs}


def gather(jobs: Collection[ScheduledJob], now: datetime | None = None) -> Facts:
    """Return the facts about these jobs, at `now` by the clock of the database; None = ask it."""
    using = next(iter(jobs))._state.db or "default"
    now = now or store_now(using)
    config = get_config()
    live = _live_runs(using, {job.namespace for job in jobs}, {job.pk for job in jobs})
    return Facts(
        now=now,
        patience=timedelta(seconds=2 * config.poll_interval),
        nodes=living_nodes(using, now),
        live={key: runs[0] for key, runs in live.items()},
        counts={key: len(runs) for key, runs in live.items()},
    )


def _live_runs(using: str, namespaces: Collection[str], keys: Collection[int]) -> dict[int, list[JobRun]]:
    """Return the live runs of these jobs, the oldest first, by the keys of the jobs; one query for each job store.

    All live runs are read, which are few: asked for those of some jobs, SQLite would read the whole history of these.
    """
    found: dict[int, list[JobRun]] = {}
    for name in sorted(namespaces):
        runs = JobRun.objects.using(using).live_in(name).defer("result", "traceback", "log", "args", "kwargs")
        for run in sorted(runs, key=lambda run: run.pk):
            if run.job_key in keys:
                found.setdefault(run.job_key, []).append(run)
    return found


def living_nodes(using: str, now: datetime | None = None) -> list[SchedulerNode]:
    """Return the nodes that gave a sign of life within the lease; `now` is the time of the database, None = ask it."""
    return living_now(using) if now is None else list(living(using, now))


def sentence(job: ScheduledJob, facts: Facts) -> str:
    """Return why the job does not run; empty where nothing is in its way."""
    nodes = [node for node in facts.nodes if node.namespace == job.namespace]
    if job.finished_at is not None:
        return _("Its schedule has ended: there is no further fire time.")
    if job.retired_at is not None:
        return _retired(job)
    if job.paused:
        return _paused(job)
    if not nodes:
        return _("No scheduler is running: start `manage.py runscheduler`.")
    if job.environment and all(node.environment not in ("", job.environment) for node in nodes):
        return _("Its environment is %(job)r, that of the scheduler is %(node)r: it is left alone.") % {
            "job": job.environment,
            "node": nodes[0].environment,
        }
    if not is_served(job.queue, nodes):
        return _unserved(job, nodes)
    if job.broken_reason:
        return _("Broken: %(reason)s") % {"reason": job.broken_reason}
    if all(node.state == "paused" for node in nodes):
        return _("The scheduler is paused.")
    return _held_up(job, facts)


def _unserved(job: ScheduledJob, nodes: Collection[SchedulerNode]) -> str:
    """Return what to say of a queue that no living node serves."""
    others = {queue for node in nodes for queue in json.loads(node.queues)}
    return (
        _("No scheduler serves queue %(queue)r: start `manage.py runscheduler --queues %(name)s`.")
        % {"queue": job.queue, "name": job.queue}
    ) + hint(job.queue, others)


def _retired(job: ScheduledJob) -> str:
    return _(
        "Retired since %(when)s: no running scheduler declares it in code any more. Resume it to keep it all the same, or remove it."
    ) % {"when": _moment(job.retired_at)}


def _paused(job: ScheduledJob) -> str:
    by = _("Paused by %(who)s") % {"who": job.paused_by} if job.paused_by else _("Paused")
    since = _(" since %(when)s") % {"when": _moment(job.paused_at)} if job.paused_at else ""
    reason = f": {job.pause_reason}" if job.pause_reason else "."
    return f"{by}{since}{reason}"


def _held_up(job: ScheduledJob, facts: Facts) -> str:
    """Return what holds up a job that could run."""
    run = facts.live.get(job.pk)
    late = job.next_run_time is not None and facts.now - job.next_run_time > facts.patience
    if run is not None and (late or job.parked) and facts.counts[job.pk] >= job.max_instances:
        started = run.started_at if run.status == RunStatus.RUNNING else run.claimed_at
        return _("Still running since %(when)s (run %(run)d), with max. %(most)d instance(s).") % {
            "when": _moment(started),
            "run": run.pk,
            "most": job.max_instances,
        }
    if late:
        return _("Due since %(when)s, waiting for a slot of executor %(executor)r.") % {
            "when": _moment(job.next_run_time),
            "executor": job.executor,
        }
    return ""


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else date_format(localtime(moment), "D Y-m-d H:i")
