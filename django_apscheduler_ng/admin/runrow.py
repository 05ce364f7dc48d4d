"""A run as pictures and statistics see it: the few columns that they need, without a model."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from ..runs import OPEN_STATUSES, RunStatus

#: Ended without having done their work.
FAILED_STATUSES = (RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.ABANDONED, RunStatus.INTERRUPTED)
#: Fire times for which no body was started.
UNSTARTED_STATUSES = (RunStatus.MISSED, RunStatus.SKIPPED)


class RunRow(NamedTuple):
    """The short columns of a run, by the names that they have there."""

    pk: int
    job_key: int
    job_name: str
    executor: str
    status: str
    due_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exception_type: str = ""

    @property
    def took(self) -> timedelta | None:
        """How long the body took; None where it did not start or has not ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(self.finished_at - self.started_at, timedelta(0))

    @property
    def late(self) -> timedelta | None:
        """How long after its due time the body started; None where it did not."""
        return None if self.started_at is None else max(self.started_at - self.due_at, timedelta(0))

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self.status in OPEN_STATUSES
