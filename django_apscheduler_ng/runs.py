"""One performance of a job: what is to be run, how it ended, and which run the calling code is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .retries import Retry, class_names


class RunStatus(StrEnum):
    """Where a run stands; everything from `SUCCEEDED` on is final."""

    PENDING = "pending"
    CLAIMED = "claimed"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    ABANDONED = "abandoned"
    HANDED_OVER = "handed_over"
    MISSED = "missed"
    SKIPPED = "skipped"
    COALESCED = "coalesced"


#: Promised or under way: these count against `max_instances`.
LIVE_STATUSES = (RunStatus.CLAIMED, RunStatus.RUNNING)

#: Ends after which a run may be tried again.
RETRIED_STATUSES = (RunStatus.FAILED, RunStatus.TIMED_OUT)

#: Not ended yet.
OPEN_STATUSES = (RunStatus.PENDING, *LIVE_STATUSES)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What the code of a job may know about the run it is part of."""

    id: str
    job_id: str
    #: The nominal fire time, aware, in UTC; None for a run that was asked for by hand.
    fire_time: datetime | None
    #: 1 for the first try.
    attempt: int = 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """One claimed run on its way to an executor."""

    id: str
    job_id: str
    #: Name of the job, for people.
    name: str
    #: Alias of the job store the run was claimed from.
    jobstore: str
    #: Alias of the executor that is to perform it.
    executor: str
    func: Callable[..., Any]
    #: The callable's reference, where it has one; executors that leave the process need it.
    func_ref: str | None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    #: Nominal fire time, aware; None for a run that was asked for by hand.
    fire_time: datetime | None
    #: When it should start, which is the fire time with its jitter.
    due_at: datetime
    #: Latest moment at which the body may still start; None = no limit.
    start_until: datetime | None = None
    attempt: int = 1
    #: When it is tried again where it fails, as its job said when it was claimed; None = never.
    retry: Retry | None = None

    def retry_after(self, outcome: Outcome) -> timedelta | None:
        """Return how long after this end the next attempt is due; None = there is none. A timeout counts as a `TimeoutError`."""
        if self.retry is None or outcome.status not in RETRIED_STATUSES:
            return None
        names = outcome.exception_names
        if outcome.status is RunStatus.TIMED_OUT:
            names = (*names, *class_names(TimeoutError))
        return self.retry.delay_after(self.attempt) if self.retry.allows(self.attempt, names) else None

    @property
    def context(self) -> RunContext:
        """The part of this run that its own code may see."""
        return RunContext(id=self.id, job_id=self.job_id, fire_time=self.fire_time, attempt=self.attempt)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. The exception is kept in two forms, because only text survives a process or a database."""

    status: RunStatus
    started_at: datetime
    finished_at: datetime
    result: Any = None
    exception: BaseException | None = None
    exception_type: str = ""
    #: Names of the exception's class and of its bases.
    exception_names: tuple[str, ...] = ()
    exception_message: str = ""
    traceback: str = ""
    #: Name of the thread or process that ran the body.
    worker: str = ""


_current_run: ContextVar[RunContext | None] = ContextVar("django_apscheduler_ng.current_run", default=None)


def current_run() -> RunContext | None:
    """Return the run that the calling code is part of; None outside of a job."""
    return _current_run.get()


def enter_run(context: RunContext) -> None:
    """Make `current_run()` return `context` from now on; for a context of variables that ends with the run."""
    _current_run.set(context)


@contextmanager
def run_context(context: RunContext) -> Iterator[None]:
    """Make `current_run()` return `context` inside the `with` block."""
    token = _current_run.set(context)
    try:
        yield
    finally:
        _current_run.reset(token)
