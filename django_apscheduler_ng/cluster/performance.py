"""One run in the hands of a worker: its body, its lease, and its end, which is written once."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock, get_ident
from typing import Any

from django.db import connections

from ..capture import LogCapture, captured_logs
from ..claiming.batch import check_allowed
from ..clock import AnchoredClock, Timing
from ..conf import get_config
from ..connections import PASSING_ERRORS
from ..exceptions import StoredDataError
from ..executors.body import outcome_of, perform
from ..executors.early import CANCEL_PATIENCE, Stop, cancelled, timed_out
from ..executors.stacks import stack_of_thread
from ..hotsql import hot_sql
from ..isolation import CLEAN_RUN
from ..models import JobRun, ScheduledJob
from ..recorder import Ended, Limits, Recorder
from ..refs import load_callable
from ..reports import Reports
from ..retries import Retry
from ..rows import read_retry
from ..runs import Outcome, Run, RunCancelled, RunStatus
from ..serialization import read_arguments
from .lease import Lease
from .telling import tell_end

logger = logging.getLogger(__name__)

#: How long the last report may take to be written, in seconds; the end of the run brings it anyway.
_LAST_REPORTS = 2.0

#: Pauses between two tries to write an end, in seconds: the first one, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class Performance:
    """One run that this worker has started. The body is performed by the thread that calls `do()`."""

    def __init__(self, row: JobRun, token: str, worker: str, clock: AnchoredClock, *, own_process: bool) -> None:
        """Prepare.

        Args:
            row: the run's row.
            token: this worker's lease.
            worker: what the row is to say about who performed it.
            clock: at the time of the database.
            own_process: whether this process performs nothing else, and is replaced when it is gone.
        """
        config = get_config()
        self._row = row
        self._using = str(row._state.db)
        self._worker = worker
        self._clock = clock
        self._own_process = own_process
        self._run = run_of(row)
        self._timing = Timing(clock)
        self._ending = Lock()
        self._ended = False
        #: Why the run is to end early; None = it is not.
        self._early: Stop | None = None
        #: When to go on without the body then, in monotonic seconds.
        self._leave_at = 0.0
        self._thread = get_ident()
        self._recorder = Recorder(
            using=self._using,
            node=token,
            sql=hot_sql(connections[self._using]),
            limits=Limits(result=config.result_limit, traceback=config.traceback_limit),
            recorded=lambda batch: None,
        )
        self._reports = Reports(using=self._using, node=token, sql=hot_sql(connections[self._using]))
        self._capture = LogCapture(level=config.log_level, limit=config.log_limit)
        self._lease = Lease(
            self, using=self._using, run=row.pk, token=token, interval=config.heartbeat_interval, timeout=row.timeout
        )

    def do(self) -> None:
        """Perform the run, and write how it ended."""
        self._lease.start()
        try:
            self._end(self._judged(self._perform()))
        finally:
            self._lease.stop()
            self._reports.stop(timeout=_LAST_REPORTS)

    def _perform(self) -> Outcome:
        try:
            func, args, kwargs = call_of(self._row)
        except Exception as error:
            return outcome_of(None, error, **self._measured())
        context = self._run.context
        context.output.listener = partial(self._reports.note, context)
        with captured_logs(self._capture):
            return perform(func, args, kwargs, context, clock=self._clock, around=CLEAN_RUN, worker=self._worker)

    def _measured(self) -> dict[str, Any]:
        timing = self._timing
        return {"started_at": timing.started_at, "finished_at": timing.finished_at, "worker": self._worker}

    # -- ends before the body's -------------------------------------------------------------------------------------

    def cancel(self, by: str, reason: str) -> None:
        """End the run, because somebody asked for it: at once with its process, or else when the body has had time to see that."""
        self._stop(cancelled(by, reason), patience=0.0 if self._own_process else CANCEL_PATIENCE)

    def expire(self) -> None:
        """End the run, because its time is up."""
        assert self._row.timeout is not None
        self._stop(timed_out(self._row.timeout), patience=0.0)

    def _stop(self, stop: Stop, *, patience: float) -> None:
        """Tell the body to end, and go on without it once it had some patience."""
        now = self._clock.monotonic()
        if self._early is None:
            self._early, self._leave_at = stop, now + patience
            self._run.cancellation.request(stop.message)
        if now >= self._leave_at:
            self._leave(self._early)

    def lose(self) -> None:
        """Stop, because the run was taken away: its end is written, and another attempt may be under way."""
        with self._ending:
            if self._ended:
                return
            self._ended = True
        logger.error("Run %s of job %r was taken from this worker.", self._run.id, self._run.job_id)
        if self._own_process:
            _end_process()

    def _leave(self, stop: Stop) -> None:
        """End the run without its body, and the body with its process where that is this run's alone."""
        message = stop.message if self._own_process else f"{stop.message} Its body goes on unheard."
        outcome = Outcome(traceback=stack_of_thread(self._thread), **_early(stop, message), **self._measured())
        if self._end(outcome) and self._own_process:
            _end_process()

    def _judged(self, outcome: Outcome) -> Outcome:
        """Return how the run ended whose body has ended; one that never saw that it should end has ended as it has."""
        seen = self._run.cancellation.seen or isinstance(outcome.exception, RunCancelled)
        if self._early is None or not seen:
            return outcome
        return replace(outcome, traceback="", **_early(self._early, self._early.message))

    # -- the end ----------------------------------------------------------------------------------------------------

    def _end(self, outcome: Outcome) -> bool:
        """Write how the run ended, and tell everybody; returns whether this call was the one that did."""
        with self._ending:
            if self._ended:
                return False
            outcome = replace(outcome, report=self._run.context.output.close())
            self._record(Ended(self._run, outcome, outcome.started_at, outcome.finished_at))
            self._ended = True
        self._lease.stop()
        tell_end(self._row, self._run, outcome)
        return True

    def _record(self, ended: Ended) -> None:
        """Write the end, however often that takes: one that is not written leaves the run abandoned."""
        self._recorder.put(ended)
        pause, failing = _FIRST_PAUSE, False
        while True:
            try:
                return self._recorder.flush()
            except PASSING_ERRORS as error:
                if not failing:
                    logger.warning("The end of run %s cannot be written (%s); it is tried again.", self._run.id, error)
                failing = True
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)


def _early(stop: Stop, message: str) -> dict[str, Any]:
    """Return the parts of an outcome that say why a run ended early."""
    is_late = stop.status is RunStatus.TIMED_OUT
    return {
        "status": stop.status,
        "exception": TimeoutError(message) if is_late else RunCancelled(message),
        "exception_type": "TimeoutError" if is_late else "",
        "exception_message": message,
    }


def _end_process() -> None:
    """End this process at once, whatever the body is doing; the pool that it belongs to replaces it."""
    os.kill(os.getpid(), signal.SIGKILL)


def run_of(row: JobRun) -> Run:
    """Return the run of a row, without what it calls."""
    return Run(
        id=str(row.pk),
        job_id=row.job_id,
        name=row.job_name,
        jobstore=row.namespace,
        executor=row.executor,
        func=_unloaded,
        func_ref=row.func_ref,
        fire_time=row.slot,
        due_at=row.due_at,
        start_until=row.start_until,
        attempt=row.attempt,
        namespace=row.namespace,
        first_id=str(row.first_attempt or ""),
        timeout=row.timeout,
        retry=retry_of(row),
    )


def retry_of(row: JobRun) -> Retry | None:
    """Return when the run is tried again where it fails, as its job says now; None = never."""
    jobs = ScheduledJob.objects.using(row._state.db).filter(pk=row.job_key)
    try:
        return read_retry(jobs.values_list("retry", flat=True).first() or "")
    except StoredDataError as error:
        logger.error("Run %d of job %r is not tried again: %s", row.pk, row.job_id, error)
        return None


def call_of(row: JobRun) -> tuple[Callable[..., Any], Sequence[Any], dict[str, Any]]:
    """Return what the run calls: the callable, its positional and its keyword arguments.

    Raises:
        SchedulerError: the callable is not there or not allowed, or the arguments cannot be read.
    """
    check_allowed(row.func_ref)
    return (load_callable(row.func_ref), *read_arguments(row.args, row.kwargs))


def _unloaded() -> None:
    """Stands for the callable of a run, which is loaded last."""
