"""A worker of a cluster: starts the run that a message names, performs it, and writes how it ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import connections

from ..claiming.batch import check_allowed
from ..clock import SYSTEM_CLOCK, AnchoredClock
from ..conf import Config, get_config
from ..connections import PASSING_ERRORS, own_connection
from ..events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from ..executors.body import outcome_of, perform
from ..hotsql import hot_sql
from ..isolation import CLEAN_RUN
from ..models import JobRun
from ..parking import Parking
from ..recorder import Ended, Limits, Recorder
from ..refs import load_callable
from ..relay import send_now
from ..runs import Outcome, Run, RunStatus
from ..serialization import read_arguments
from ..storetime import store_now
from .lease import Lease

logger = logging.getLogger(__name__)

#: Pauses between two tries to write an end, in seconds: the first one, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


def perform_run(run: int, ledger: str, *, worker: str, own_process: bool) -> None:
    """Perform a claimed run, unless somebody has begun with it or it is to be performed no more.

    Args:
        run: key of its row.
        ledger: alias of the database that the row is in.
        worker: what the row is to say about who performed it.
        own_process: whether this process performs nothing else, and is replaced when it is gone.
    """
    with own_connection(ledger):
        clock = AnchoredClock(SYSTEM_CLOCK)
        clock.anchor(store_now(ledger))
        token = uuid4().hex
        row = _start(run, ledger, token, worker, clock.now())
    if row is None:
        logger.debug("Run %d is not to be started here: somebody else has, or its message came late.", run)
        return
    Performance(row, ledger, token, worker, clock).do()


def _start(key: int, ledger: str, token: str, worker: str, now: datetime) -> JobRun | None:
    """Turn a claimed run into a running one, with this worker's lease; returns it, or None where it is not to be started."""
    claimed = JobRun.objects.using(ledger).filter(pk=key, status=RunStatus.CLAIMED, on_cluster=True)
    row: JobRun | None = claimed.first()
    if row is None:
        return None
    if row.cancel_requested_at is not None:
        claimed.update(status=RunStatus.CANCELLED, finished_at=now)
        return None
    if row.start_until is not None and now > row.start_until:
        claimed.update(status=RunStatus.MISSED, finished_at=now, reason="later than the grace time of the job allows")
        return None
    started = claimed.update(status=RunStatus.RUNNING, node=token, worker=worker[:255], started_at=now, beat=1)
    return row if started else None


class Performance:
    """One run in the hands of this worker."""

    def __init__(self, row: JobRun, ledger: str, token: str, worker: str, clock: AnchoredClock) -> None:
        """Prepare to perform the run of `row`, which was started under the lease `token`."""
        config = get_config()
        self._row = row
        self._ledger = ledger
        self._token = token
        self._worker = worker
        self._clock = clock
        self._recorder = Recorder(
            using=ledger,
            node=token,
            sql=hot_sql(connections[ledger]),
            limits=_limits(config),
            recorded=self._after_recording,
        )
        self._lease = Lease(
            using=ledger, run=row.pk, token=token, interval=config.heartbeat_interval, stop_body=self._stop_body
        )

    def do(self) -> None:
        """Perform it, and write how it ended."""
        self._lease.start()
        run, outcome = self._perform()
        self._record(Ended(run, outcome, outcome.started_at, outcome.finished_at))
        self._lease.stop()

    def _perform(self) -> tuple[Run, Outcome]:
        row, started_at = self._row, self._clock.now()
        try:
            func, args, kwargs = call_of(row)
        except Exception as error:
            outcome = outcome_of(None, error, started_at=started_at, finished_at=self._clock.now(), worker=self._worker)
            return self._run(row, _nothing, (), {}), outcome
        run = self._run(row, func, args, kwargs)
        return run, perform(func, args, kwargs, run.context, clock=self._clock, around=CLEAN_RUN, worker=self._worker)

    @staticmethod
    def _run(row: JobRun, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Run:
        return Run(
            id=str(row.pk),
            job_id=row.job_id,
            name=row.job_name,
            jobstore=row.namespace,
            executor=row.executor,
            func=func,
            func_ref=row.func_ref,
            args=args,
            kwargs=kwargs,
            fire_time=row.slot,
            due_at=row.due_at,
            start_until=row.start_until,
            attempt=row.attempt,
        )

    def _record(self, ended: Ended) -> None:
        """Write the end, however often that takes: an end that is not written leaves the run abandoned."""
        self._recorder.put(ended)
        pause = _FIRST_PAUSE
        until = self._clock.monotonic() + get_config().lease * 10
        while True:
            try:
                return self._recorder.flush()
            except PASSING_ERRORS as error:
                if self._clock.monotonic() > until:
                    raise
                logger.warning("The end of run %s cannot be written (%s); it is tried again.", ended.run.id, error)
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _stop_body(self, status: RunStatus) -> None:
        """End the run in the middle of its body."""

    def _after_recording(self, batch: Sequence[Ended]) -> None:
        Parking(self._ledger, lambda: None).wake([self._row.job_key])


def call_of(row: JobRun) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return what the run calls: the callable, its positional and its keyword arguments.

    Raises:
        SchedulerError: the callable is not there or not allowed, or the arguments cannot be read.
    """
    check_allowed(row.func_ref)
    return (load_callable(row.func_ref), *read_arguments(row.args, row.kwargs))


def _nothing() -> None:
    """Stands for a callable that could not be loaded."""


def _limits(config: Config) -> Limits:
    return Limits(result=config.result_limit, traceback=config.traceback_limit)
