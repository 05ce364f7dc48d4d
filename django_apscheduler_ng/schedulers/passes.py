"""The pass: one round of the loop. Look for what is due, claim it, start it, say when to look again.

Everything that decides is elsewhere: what runs is the planner's business, who may run it the job store's. The pass survives any
exception of one job store: it is logged once, and the store is asked again after a growing pause.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

from ..events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_REMOVED,
    EVENT_JOB_SUBMITTED,
    JobEvent,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from ..executors.base import BaseExecutor
from ..jobstores.base import BaseJobStore, Claim, Passed
from ..runs import SUCCESSES, Outcome, Run, RunStatus
from .listeners import Listeners

logger = logging.getLogger(__name__)

#: First pause after a failure of a job store, in seconds; it doubles up to the scheduler's `jobstore_retry_interval`.
_FIRST_RETRY = 0.1


class PassHost(Protocol):
    """What the pass works on."""

    jobstore_retry_interval: float
    poll_interval: float
    listeners: Listeners

    def wakeup(self) -> None:
        """Make another pass soon."""
        ...


class Pass:
    """Serves the job stores in turn. `run()` belongs to one thread; runs may end on any."""

    def __init__(
        self, host: PassHost, jobstores: Mapping[str, BaseJobStore], executors: Mapping[str, BaseExecutor]
    ) -> None:
        """Work on the given (live) mappings of aliases to job stores and executors."""
        self._host = host
        self._jobstores = jobstores
        self._executors = executors
        self._failures: dict[str, int] = {}
        self._starved = False
        #: Whether there are slots after the latest pass that were not there when it looked, and something due for them.
        self.urgent = False
        #: Executors in which runs have ended since the pass began.
        self._relieved: set[str] = set()

    def run(self) -> float:
        """Make one pass, and return after how many seconds the next one is due at the latest."""
        self._starved = False
        self._relieved.clear()
        wait = self._host.poll_interval
        for alias, store in list(self._jobstores.items()):
            wait = min(wait, self._serve_safely(alias, store))
        self.urgent = self._starved and any(map(self._has_room, tuple(self._relieved)))
        return 0.0 if self.urgent else max(wait, 0.0)

    def _serve_safely(self, alias: str, store: BaseJobStore) -> float:
        try:
            claim = self._serve(store)
        except Exception as error:
            failures = self._failures[alias] = self._failures.get(alias, 0) + 1
            if failures == 1:
                logger.exception("Job store %r failed (%s); it is asked again until it answers.", alias, error)
            return min(_FIRST_RETRY * 2.0 ** min(failures - 1, 20), self._host.jobstore_retry_interval)
        if claim.asked and self._failures.pop(alias, 0):
            logger.info("Job store %r answers again.", alias)
        return self._until_next_look(store, claim)

    def _serve(self, store: BaseJobStore) -> Claim:
        """Claim and start what is due in one job store."""
        free = {alias: executor.free() for alias, executor in list(self._executors.items())}
        claim = store.claim(store.clock.now(), free)
        self._starved |= claim.starved
        self._start(store, claim.runs)
        for run in claim.replaced:
            self._cancel(run)
        self._announce(store, claim)
        return claim

    def _until_next_look(self, store: BaseJobStore, claim: Claim) -> float:
        """Return in how many seconds to look again."""
        if claim.next_look is None:
            return self._host.poll_interval
        return (claim.next_look - store.clock.now()).total_seconds()

    def _start(self, store: BaseJobStore, runs: Sequence[Run]) -> None:
        """Start what may start, and hand it to the executors."""
        if not runs:
            return
        started, late = store.start_runs(runs, store.clock.now())
        for run in late:
            self._missed(run.job_id, store, run)
        if self._host.listeners.want(EVENT_JOB_SUBMITTED):
            for job_id, group in groupby(started, key=lambda run: run.job_id):
                together = list(group)
                times = [run.fire_time or run.due_at for run in together]
                ids = [run.id for run in together]
                self._host.listeners.dispatch(JobSubmissionEvent(EVENT_JOB_SUBMITTED, job_id, store.alias, times, ids))
        for run in started:
            self._submit(run)

    def _submit(self, run: Run) -> None:
        executor = self._executors.get(run.executor)
        if executor is not None:
            executor.submit(run, self._ended)
            return
        now = self._jobstores[run.jobstore].clock.now()
        message = f"Executor {run.executor!r} was removed before the run could start. Add it again with add_executor()."
        self._ended(
            run,
            Outcome(
                status=RunStatus.FAILED,
                started_at=now,
                finished_at=now,
                exception_type="LookupError",
                exception_message=message,
                exception=LookupError(message),
            ),
        )

    def _ended(self, run: Run, outcome: Outcome) -> None:
        """Record the end of a run and tell about it; called by executors, on any thread."""
        store = self._jobstores.get(run.jobstore)
        if store is not None:
            store.finish(run, outcome)
        self._say_how(run, outcome)
        code = _code_of(outcome)
        if self._host.listeners.want(code):
            self._host.listeners.dispatch(end_of(run, outcome))
        self._relieved.add(run.executor)
        if self._starved and self._has_room(run.executor):
            self._host.wakeup()

    def _cancel(self, run: Run) -> None:
        """Have the executor cancel a run whose place a fire time waits for; where it has it no more, that waits for its end."""
        executor = self._executors.get(run.executor)
        if executor is not None:
            executor.cancel(run.jobstore, run.id, reason="the next fire time of its job takes its place")

    def _has_room(self, alias: str) -> bool:
        executor = self._executors.get(alias)
        return executor is None or executor.free() > 0

    def _say_how(self, run: Run, outcome: Outcome) -> None:
        """Log the end of a run."""
        if outcome.status in SUCCESSES:
            if logger.isEnabledFor(logging.INFO):
                took = outcome.finished_at - outcome.started_at
                logger.info("Job %r ran in %s (run %s).", run.job_id, took, run.id, extra={"job_id": run.job_id})
            return
        if outcome.status is RunStatus.CANCELLED:
            logger.warning(
                "Job %r was cancelled in run %s: %s",
                run.job_id,
                run.id,
                outcome.exception_message,
                extra={"job_id": run.job_id, "run_id": run.id},
            )
            return
        delay = run.retry_after(outcome)
        logger.log(
            logging.ERROR if delay is None else logging.WARNING,
            "Job %r failed in run %s%s: %s: %s",
            run.job_id,
            run.id,
            _how_often(run, delay),
            outcome.exception_type or outcome.status,
            outcome.exception_message,
            extra={"job_id": run.job_id, "run_id": run.id},
        )

    def _announce(self, store: BaseJobStore, claim: Claim) -> None:
        """Tell about fire times without a run, and schedules that have ended."""
        for passed in claim.passed:
            if passed.summary.status is RunStatus.MISSED:
                self._missed(passed.job_id, store, passed)
            elif passed.summary.status is RunStatus.SKIPPED:
                self._skipped(store, passed)
        for job_id in claim.ended if self._host.listeners.want(EVENT_JOB_REMOVED) else ():
            self._host.listeners.dispatch(JobEvent(EVENT_JOB_REMOVED, job_id, store.alias))

    def _missed(self, job_id: str, store: BaseJobStore, what: Run | Passed) -> None:
        count = 1 if isinstance(what, Run) else what.summary.span.count
        last = (what.fire_time or what.due_at) if isinstance(what, Run) else what.summary.span.last
        logger.warning(
            "Job %r missed %d fire time(s), the last at %s, because they are older than its grace time.",
            job_id,
            count,
            last.isoformat(),
            extra={"job_id": job_id},
        )
        run_id = what.id if isinstance(what, Run) else None
        self._host.listeners.dispatch(
            JobExecutionEvent(EVENT_JOB_MISSED, job_id, store.alias, last, run_id=run_id, count=count)
        )

    def _skipped(self, store: BaseJobStore, passed: Passed) -> None:
        span = passed.summary.span
        logger.warning(
            "Job %r skipped %d fire time(s), the last at %s, because it already has all its instances running%s.",
            passed.job_id,
            span.count,
            span.last.isoformat(),
            f": {passed.reason}" if passed.reason else "",
            extra={"job_id": passed.job_id},
        )
        times = [span.first] if span.count == 1 else [span.first, span.last]
        self._host.listeners.dispatch(JobSubmissionEvent(EVENT_JOB_MAX_INSTANCES, passed.job_id, store.alias, times))


def _code_of(outcome: Outcome) -> int:
    return EVENT_JOB_EXECUTED if outcome.status in SUCCESSES else EVENT_JOB_ERROR


def _how_often(run: Run, delay: timedelta | None) -> str:
    """Return which attempt has failed and what comes next, where there may be several."""
    if run.retry is None:
        return ""
    again = "it was the last" if delay is None else f"tried again in {delay.total_seconds():g} s"
    return f" (attempt {run.attempt} of {run.retry.attempts}, {again})"


def end_of(run: Run, outcome: Outcome, finished_at: datetime | None = None) -> JobExecutionEvent:
    """Return the event that tells of the end of a run; `finished_at` where the job store has dated that by another clock."""
    delay = run.retry_after(outcome)
    return JobExecutionEvent(
        _code_of(outcome),
        run.job_id,
        run.jobstore,
        run.fire_time or run.due_at,
        retval=outcome.result,
        exception=outcome.exception,
        traceback=outcome.traceback or None,
        run_id=run.id,
        attempt=run.attempt,
        retry_at=None if delay is None else (finished_at or outcome.finished_at) + delay,
    )
