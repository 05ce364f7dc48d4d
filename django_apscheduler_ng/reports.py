"""How runs are getting on, on its way to the ledger: one statement a second at most, for all runs of a node together.

What a run has said at its end is written with its end, by the recorder; this is for those that are still under way.
"""

from __future__ import annotations

import logging
from collections import deque
from threading import RLock

from django.db import DatabaseError, InterfaceError, connections

from .connections import PASSING_ERRORS, own_connection, turn
from .hotsql import HotSQL
from .ledger import Said
from .recorder import said
from .reporting import DELAY, INTERVAL, Reporter
from .runs import RunContext

logger = logging.getLogger(__name__)

#: Characters of logs in one statement at most, after the first; what is over waits for the next one.
BATCH_TEXT = 1_000_000


class Reports:
    """Writes what running runs say. `note()` may be called from any thread and returns at once."""

    def __init__(self, *, using: str, node: str, sql: HotSQL, delay: float = DELAY, interval: float = INTERVAL) -> None:
        """Write to the database `using` in the name of `node`; for `delay` and `interval` see `Reporter`."""
        self._using = using
        self._node = node
        self._sql = sql
        #: Runs with something new; each is here once until its output is taken.
        self._changed: deque[RunContext] = deque()
        self._writing = RLock()
        self._failing = False
        self._reporter = Reporter(
            self._write_safely, self._rest, name="django_apscheduler_ng reports", delay=delay, interval=interval
        )

    def note(self, run: RunContext) -> None:
        """Take note that a run has said something."""
        self._changed.append(run)
        self._reporter.note()

    def stop(self, timeout: float) -> None:
        """Write what is left, for at most `timeout` seconds."""
        self._reporter.stop(timeout)

    def write(self) -> None:
        """Write what is new, in the calling thread and with one statement; raises what the database raises, and loses nothing then."""
        with self._writing:
            batch = self._take()
            if not batch:
                return
            try:
                with turn(self._using), own_connection(self._using), connections[self._using].cursor() as cursor:
                    self._sql.report(cursor, [row for _, row in batch], self._node)
            except PASSING_ERRORS:
                self._changed.extend(run for run, _ in batch)
                raise
            if self._changed:
                self._reporter.note()

    def _take(self) -> list[tuple[RunContext, Said]]:
        """Return runs with what they have said, as many as fit into one statement; those that have ended are left out."""
        batch: dict[str, tuple[RunContext, Said]] = {}
        text = 0
        for _ in range(len(self._changed)):  # those that say more meanwhile come again, with the next one
            if text >= BATCH_TEXT:
                break
            run = self._changed.popleft()
            report = run.output.take()
            if report is not None:
                batch[run.id] = run, said(run.id, report)
                text += len(report.log)
        return list(batch.values())

    def _write_safely(self) -> None:
        """Write what is new; where that fails, the next round tries again, and the ends of the runs bring it anyway."""
        try:
            self.write()
        except (DatabaseError, InterfaceError) as error:
            if not self._failing:
                logger.warning(
                    "What runs have said so far cannot be written (%s); it is tried again, and written with their ends.",
                    error,
                )
            self._failing = True
            self._reporter.note()
        else:
            self._failing = False

    def _rest(self) -> None:
        """Hold no session on the server while there is nothing to write."""
        if not connections[self._using].in_atomic_block:
            connections[self._using].close()
