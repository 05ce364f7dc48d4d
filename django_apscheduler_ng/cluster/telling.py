"""Whom a worker tells what became of a run: the job that waits for it, the nodes that may have room now, and receivers of signals."""

from __future__ import annotations

import logging
from dataclasses import replace

from django.db import close_old_connections

from ..bootstrap import get_scheduler
from ..connections import own_connection
from ..events import EVENT_JOB_MISSED, JobExecutionEvent, SchedulerEvent
from ..exceptions import SchedulerError
from ..models import JobRun
from ..notifications import tell
from ..parking import Parking
from ..relay import send_now
from ..runs import Outcome, Run
from ..schedulers.passes import end_of

logger = logging.getLogger(__name__)


def tell_end(row: JobRun, run: Run, outcome: Outcome) -> None:
    """Tell that a run has ended; what fails on the way is logged."""
    logger.info("Run %s of job %r has ended as %s.", run.id, run.job_id, outcome.status)
    _tell(row, end_of(replace(run, jobstore=_alias_of(row.namespace)), outcome))


def tell_missed(row: JobRun) -> None:
    """Tell that a run came too late."""
    logger.warning("Run %d of job %r is later than the grace time of the job allows.", row.pk, row.job_id)
    alias, moment = _alias_of(row.namespace), row.slot or row.due_at
    _tell(row, JobExecutionEvent(EVENT_JOB_MISSED, row.job_id, alias, moment, run_id=str(row.pk), count=1))


def _tell(row: JobRun, event: SchedulerEvent) -> None:
    using = str(row._state.db)
    try:
        with own_connection(using):
            Parking(using, lambda: None).wake([row.job_key])
            tell(using, row.namespace)
        close_old_connections()
        send_now(event)
    except Exception:
        logger.exception("Telling what became of run %d of job %r failed; going on.", row.pk, row.job_id)
    finally:
        close_old_connections()


def _alias_of(namespace: str) -> str:
    """Return how schedulers with these settings call the job store."""
    try:
        return get_scheduler().alias_of(namespace)
    except SchedulerError:
        return namespace
