"""One performance of a job: what is to be run, how it ended, and which run the calling code is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


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

#: Not ended yet.
OPEN_STATUSES = (RunStatus.PENDING, *LIVE_STATUSES)


class RunCancelled(BaseException):
    """The run is to end early; raised in its body.

    It is no `Exception`, as `asyncio.CancelledError` is none: a body that goes on after whatever fails in it shall end all the same.
    """


class Cancellation:
    """Whether a run is to end early. Asked for in one thread, and seen in another."""

    #: Whether it is, and why, as a sentence.
    requested = False
    message = ""
    #: Whether the body has come to know.
    seen = False

    def request(self, message: str) -> None:
        """Ask the body to end; the first message stays."""
        if not self.requested:
            self.message = message
            self.requested = True


def cancelled_words(by: str, reason: str) -> str:
    """Return the sentence that says a run was cancelled, by whom (empty = nobody in particular) and why."""
    text = f"The run was cancelled by {by}" if by else "The run was cancelled"
    reason = reason.strip().rstrip(".")
    return f"{text}: {reason}." if reason else f"{text}."


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What the code of a job may know about the run it is part of."""

    id: str
    job_id: str
    #: The nominal fire time, aware, in UTC; None for a run that was asked for by hand.
    fire_time: datetime | None
    #: 1 for the first try.
    attempt: int = 1
    #: Set from outside when the run is to end early.
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False, repr=False)

    @property
    def cancelled(self) -> bool:
        """Whether the run is to end early: it was cancelled, or its time is up. A body that sees that should clean up and return."""
        cancellation = self.cancellation
        if cancellation.requested:
            cancellation.seen = True
        return cancellation.requested

    def check(self) -> None:
        """Raise if the run is to end early; for loops that may be left at any turn.

        Raises:
            RunCancelled: it was cancelled, or its time is up.
        """
        if self.cancelled:
            raise RunCancelled(self.cancellation.message)


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
    #: How long the body may take, in seconds; None = as long as it takes.
    timeout: float | None = None
    #: How the body comes to know that it is to end early.
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False, repr=False)

    @property
    def context(self) -> RunContext:
        """The part of this run that its own code may see."""
        return RunContext(
            id=self.id,
            job_id=self.job_id,
            fire_time=self.fire_time,
            attempt=self.attempt,
            cancellation=self.cancellation,
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. The exception is kept in two forms, because only text survives a process or a database."""

    status: RunStatus
    started_at: datetime
    finished_at: datetime
    result: Any = None
    exception: BaseException | None = None
    exception_type: str = ""
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
