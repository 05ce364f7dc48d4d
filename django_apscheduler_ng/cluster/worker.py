"""A worker of a cluster: starts the run that a message names, unless somebody else has."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from uuid import uuid4

from ..clock import SYSTEM_CLOCK, AnchoredClock
from ..connections import PASSING_ERRORS, own_connection
from ..models import JobRun
from ..runs import RunStatus
from ..storetime import store_now
from .performance import Performance
from .telling import tell_missed

logger = logging.getLogger(__name__)

#: Pauses between tries to start a run, in seconds.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)


def perform_run(run: int, ledger: str, *, worker: str, own_process: bool) -> None:
    """Perform a claimed run, unless somebody has begun with it or it is to be performed no more.

    Args:
        run: key of its row.
        ledger: alias of the database that the row is in.
        worker: what the row is to say about who performed it.
        own_process: whether this process performs nothing else, and is replaced when it is gone.
    """
    clock, token = AnchoredClock(SYSTEM_CLOCK), uuid4().hex
    row = _start_patiently(run, ledger, token, worker[:255], clock)
    if row is None:
        logger.debug("Run %d is not to be started here: somebody else has, or its message came late.", run)
        return
    Performance(row, token, worker, clock, own_process=own_process).do()


def _start_patiently(run: int, ledger: str, token: str, worker: str, clock: AnchoredClock) -> JobRun | None:
    """Start the run; try again for a while where the database is away: the message is used up, and the next one comes late."""
    for pause in (*_PAUSES, None):
        try:
            with own_connection(ledger):
                clock.anchor(store_now(ledger))
                return start(run, ledger, token, worker, clock.now())
        except PASSING_ERRORS as error:
            if pause is None:
                raise
            logger.warning("Run %d cannot be started yet (%s); it is tried again in %g s.", run, error, pause)
            time.sleep(pause)
    return None


def start(run: int, ledger: str, token: str, worker: str, now: datetime) -> JobRun | None:
    """Turn a claimed run into a running one, with the lease `token`; returns its row, or None where it is not to be started."""
    claimed = JobRun.objects.using(ledger).filter(pk=run, status=RunStatus.CLAIMED, on_cluster=True)
    row: JobRun | None = claimed.first()
    if row is None:  # unless the answer to this very start was lost
        return JobRun.objects.using(ledger).filter(pk=run, status=RunStatus.RUNNING, node=token).first()
    if row.cancel_requested_at is not None:
        claimed.update(status=RunStatus.CANCELLED, finished_at=now)
        return None
    if row.start_until is not None and now > row.start_until:
        if claimed.update(
            status=RunStatus.MISSED, finished_at=now, reason="later than the grace time of the job allows"
        ):
            tell_missed(row)
        return None
    started = claimed.update(status=RunStatus.RUNNING, node=token, worker=worker, started_at=now, beat=1)
    return row if started else None
