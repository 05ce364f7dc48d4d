"""The recorder: ends of runs on their way to the ledger, batched, and fenced by the node that ran them.

One thread writes what has come in every 20 ms; a claim writes it sooner, so that it counts no run as live that has ended here.
An end that the database refuses is separated from the others by halving the batch, and written without its payload.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Lock, RLock, Thread
from typing import NamedTuple

from django.db import DatabaseError, connections

from .attempts import finish_and_retry
from .connections import PASSING_ERRORS, own_connection, turn
from .hotsql import HotSQL
from .ledger import End, Said
from .output import Report
from .recordable import result_json, storable, storable_text
from .runs import Outcome, Run

logger = logging.getLogger(__name__)

#: How long ends are collected before they are written, in seconds.
BATCH_WINDOW = 0.02

#: Ends in one statement at most.
BATCH_SIZE = 500

#: Characters of log and traceback in one statement at most; a single end may have more.
BATCH_TEXT = 1_000_000

#: Unwritten ends at which no new runs are claimed.
CAPACITY = 10_000


class Ended(NamedTuple):
    """The end of one run."""

    run: Run
    outcome: Outcome
    #: By the clock of the store, which may be another one than that of the outcome.
    started_at: datetime
    finished_at: datetime

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to keep but when and where the run ended, as with most runs."""
        said = self.outcome
        return (
            said.result is None
            and said.report is None
            and not (said.exception_type or said.exception_message or said.traceback)
        )

    @property
    def retry_at(self) -> datetime | None:
        """When the next attempt is due; None = there is none."""
        delay = None if self.run.retry is None else self.run.retry_after(self.outcome)
        return None if delay is None else self.finished_at + delay


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a run's output is kept, in characters."""

    result: int = 10_000
    traceback: int = 50_000
    message: int = 2_000


class Recorder:
    """Writes ends. `put()` may be called from any thread and returns at once."""

    def __init__(
        self, *, using: str, node: str, sql: HotSQL, limits: Limits, recorded: Callable[[Sequence[Ended]], None]
    ) -> None:
        """Write to the database `using` in the name of `node`, and call `recorded` with what was committed."""
        self._using = using
        self._node = node
        self._sql = sql
        self._limits = limits
        self._recorded = recorded
        self._queue: deque[Ended] = deque()
        self._writing = RLock()
        self._lock = Lock()
        self._arrived = Event()
        self._stopping = False
        self._failing = False
        self._thread = Thread(target=self._loop, name="django_apscheduler_ng recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, ended: Ended) -> None:
        """Take an end."""
        self._queue.append(ended)
        if not self._arrived.is_set():  # setting it takes a lock
            self._arrived.set()

    @property
    def full(self) -> bool:
        """Whether so much is unwritten that nothing new should be started."""
        return len(self._queue) >= CAPACITY

    def stop(self, timeout: float) -> int:
        """Write what is left, for at most `timeout` seconds; returns how many ends could not be written."""
        self._stopping = True
        self._arrived.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return len(self._queue)

    def flush(self) -> None:
        """Write what has come in, in the calling thread, and see to it that what others are writing is done, too.

        Raises what the database raises; nothing is lost then.
        """
        while True:
            with self._writing:
                batch = self._next_batch()
                if not batch:
                    return
                self._write(batch)
                for _ in batch:
                    self._queue.popleft()
                self._recorded(batch)

    def _next_batch(self) -> list[Ended]:
        """Return the ends that are written next, as many as fit into one statement; they stay in the queue."""
        batch: list[Ended] = []
        text = 0
        for index in range(min(len(self._queue), BATCH_SIZE)):
            ended = self._queue[index]
            if not ended.says_nothing:
                text += len(ended.outcome.traceback) + len(ended.outcome.report.log if ended.outcome.report else "")
                if batch and text > BATCH_TEXT:
                    break
            batch.append(ended)
        return batch

    def _loop(self) -> None:
        """Write until told to stop; survives every error, and closes its connection at the end."""
        pause = BATCH_WINDOW
        while True:
            self._arrived.wait()
            self._arrived.clear()
            if not self._stopping:
                time.sleep(BATCH_WINDOW)
            pause = self._flush_safely(pause)
            if self._stopping and not self._queue:
                break
        connections[self._using].close()

    def _flush_safely(self, pause: float) -> float:
        """Write what has come in; after an error wait and see to it that there is another try. Returns the pause to make next."""
        try:
            self._flush_twice()
        except Exception as error:
            if not self._failing:
                logger.exception("The ends of runs cannot be written (%s); they are kept and tried again.", error)
            self._failing = True
            time.sleep(pause)
            self._arrived.set()
            return min(pause * 2, 1.0)
        if self._failing:
            logger.info("The ends of runs are written again.")
        self._failing = False
        return BATCH_WINDOW

    def _flush_twice(self) -> None:
        """Write what has come in, at once again where the connection was lost since the last time."""
        try:
            self.flush()
        except PASSING_ERRORS:
            self.flush()

    def _write(self, batch: Sequence[Ended]) -> None:
        """Write a batch; halve it where the database refuses it, until the refused end stands alone."""
        try:
            written = self._finish(batch, [self._row(ended) for ended in batch])
        except PASSING_ERRORS:
            raise
        except DatabaseError as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._write(batch[:middle])
                self._write(batch[middle:])
            else:
                self._write_bare(batch[0], error)
            return
        if written != len(batch):
            logger.debug(
                "%d of %d ends belonged to runs that this node no longer held.", len(batch) - written, len(batch)
            )

    def _write_bare(self, ended: Ended, error: DatabaseError) -> None:
        """Write an end without the payload that the database refused."""
        logger.error("The output of run %s was refused by the database and is left out: %s", ended.run.id, error)
        row = self._row(ended)._replace(
            log="", result="", traceback="", exception_message=f"(not recorded: {type(error).__name__})"
        )
        self._finish([ended], [row])

    def _finish(self, batch: Sequence[Ended], rows: Sequence[End]) -> int:
        retry_at = {int(ended.run.id): moment for ended in batch if (moment := ended.retry_at) is not None}
        if retry_at:
            return finish_and_retry(self._using, self._sql, self._node, rows, retry_at)
        with turn(self._using), own_connection(self._using), connections[self._using].cursor() as cursor:
            return self._sql.finish(cursor, rows, self._node)

    def _row(self, ended: Ended) -> End:
        outcome, limits = ended.outcome, self._limits
        worker = storable_text(outcome.worker, 255)
        if ended.says_nothing:
            return End(int(ended.run.id), outcome.status, ended.started_at, ended.finished_at, worker)
        result, is_repr = result_json(outcome.result)
        row = End(
            id=int(ended.run.id),
            status=outcome.status,
            started_at=ended.started_at,
            finished_at=ended.finished_at,
            worker=worker,
            result=storable_text(result, limits.result),
            result_is_repr=is_repr,
            exception_type=storable_text(outcome.exception_type, 255),
            exception_message=storable_text(outcome.exception_message, limits.message),
            traceback=storable_text(outcome.traceback, limits.traceback, keep_end=True),
        )
        return row if outcome.report is None else row._replace(**said(ended.run.id, outcome.report)._asdict())


def said(run_id: str, report: Report) -> Said:
    """Return the columns that hold what a run has said."""
    done, total, text = report.progress or (None, None, "")
    return Said(int(run_id), done, total, storable(text), storable(report.log))
