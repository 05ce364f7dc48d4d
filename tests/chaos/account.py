"""The full account at the end: fire times against rows, rows against side effects, and what the nodes logged.

Each function returns what is wrong, a line each, with the evidence in it; nothing at all when all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.runs import OPEN_STATUSES, RunStatus
from tests.acceptance.harness import side_effects, slots_of

from .workload import BY_HAND, Load, Workload

#: What may become of a fire time here, besides failures of those bodies that are to fail.
POSSIBLE = {
    RunStatus.SUCCEEDED,
    RunStatus.ABANDONED,
    RunStatus.INTERRUPTED,
    RunStatus.SKIPPED,
    RunStatus.COALESCED,
}
#: Runs of which nobody knows whether they did their work.
UNSURE = (RunStatus.ABANDONED, RunStatus.INTERRUPTED)


@dataclass
class Account:
    """What was counted, and what is wrong with it."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def account_of(workload: Workload) -> Account:
    """Check everything that the ledger and the side effects can tell."""
    account = Account()
    for load in workload.loads:
        _add_job(account, load, workload)
    _add_requests(account, workload)
    left = JobRun.objects.filter(status__in=OPEN_STATUSES).values_list("job_id", "slot", "attempt", "status", "node")
    account.wrong += [f"left open: {row}" for row in left]
    return account


def _add_job(account: Account, load: Load, workload: Workload) -> None:
    step = timedelta(seconds=load.step)
    row = ScheduledJob.objects.get(job_id=load.id)
    runs = list(JobRun.objects.filter(job_id=load.id))
    effects = side_effects(workload.effects).get(load.id, Counter())
    slots = slots_of(load.id, step)
    account.wrong += [
        f"{load.id}: {problem}" for problem in _fire_times(slots, workload.first, step, row.claimed_through)
    ]
    if slots and slots[-1] <= workload.until - step:
        account.wrong.append(f"{load.id}: the last fire time is {slots[-1]}, although it was {workload.until} already")
    account.wrong += [f"{load.id}: {problem}" for problem in (*_effects(runs, effects), *_attempts(runs, load))]
    statuses = Counter(run.status for run in runs)
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    account.lines.append(f"{load.id}: {len(slots)} fire times = {counts}; {sum(effects.values())} side effects")


def _fire_times(slots: list[datetime], first: datetime, step: timedelta, through: datetime | None) -> Iterator[str]:
    """Compare what the ledger accounts for with every fire time from the first one to the last that was claimed."""
    if not slots or through is None:
        yield "no fire time was ever claimed"
        return
    expected = {first + index * step for index in range(round((through - first) / step) + 1)}
    counts = Counter(slots)
    for slot in sorted(expected - set(counts)):
        yield f"the fire time {slot.isoformat()} is in no row"
    for slot in sorted(set(counts) - expected):
        yield f"{slot.isoformat()} is in a row, and is no fire time up to {through.isoformat()}"
    for slot, count in sorted(counts.items()):
        if count > 1:
            yield f"the fire time {slot.isoformat()} is in {count} rows"


def _effects(runs: Iterable[JobRun], effects: Counter[tuple[str, int]]) -> Iterator[str]:
    """Compare the ends of runs with the side effects outside of the database."""
    of = {(run.slot.isoformat() if run.slot else f"run-{run.pk}", run.attempt): run.status for run in runs}
    for key, count in sorted(effects.items()):
        if count > 1:
            yield f"the body of {key} began {count} times (its row: {of.get(key)})"
        if of.get(key) not in (RunStatus.SUCCEEDED, RunStatus.FAILED, *UNSURE):
            yield f"the body of {key} began, but its row says {of.get(key)}"
    for key, status in sorted(of.items()):
        if status in (RunStatus.SUCCEEDED, RunStatus.FAILED) and key not in effects:
            yield f"{key} {status} without its side effect"


def _attempts(runs: Iterable[JobRun], load: Load) -> Iterator[str]:
    """Check that abandoned runs and failed ones have a further attempt where the job asks for it, and no others."""
    again = {RunStatus.ABANDONED} if load.reruns else set()
    most = load.options["retry"]["attempts"] if load.fails else 0
    attempts = {(run.slot, run.attempt): run.status for run in runs if run.slot is not None}
    for run in runs:
        if run.status not in POSSIBLE and not (run.status == RunStatus.FAILED and run.attempt <= load.fails):
            yield f"{run.slot} (attempt {run.attempt}) {run.status}: {run.reason} {run.exception_type} {run.exception_message}"
        before = attempts.get((run.slot, run.attempt - 1))
        if run.attempt > 1 and before not in {*again, *([RunStatus.FAILED] if load.fails else [])}:
            yield f"{run.slot} has attempt {run.attempt}, although the one before is {before}"
        tried_again = run.status in again or (run.status == RunStatus.FAILED and run.attempt < most)
        if tried_again and run.slot is not None and (run.slot, run.attempt + 1) not in attempts:
            yield f"{run.slot} (attempt {run.attempt}) is {run.status}, and was not run again"


def _add_requests(account: Account, workload: Workload) -> None:
    """Check the runs that were asked for by hand."""
    runs = list(JobRun.objects.filter(job_id=BY_HAND))
    effects = side_effects(workload.effects).get(BY_HAND, Counter())
    asked = workload.requester
    if not asked.granted <= len(runs) <= asked.granted + asked.refused:
        account.wrong.append(
            f"{BY_HAND}: {asked.granted} requests were granted and {asked.refused} failed, but there are {len(runs)} runs"
        )
    account.wrong += [
        f"{BY_HAND}: {problem}" for problem in (*_effects(runs, effects), *_attempts(runs, Load(id=BY_HAND, step=0)))
    ]
    counts = ", ".join(f"{count} {status}" for status, count in Counter(run.status for run in runs).most_common())
    account.lines.append(
        f"{BY_HAND}: {asked.granted} requests granted, {asked.refused} failed with the database; {counts}; "
        f"{sum(effects.values())} side effects"
    )
