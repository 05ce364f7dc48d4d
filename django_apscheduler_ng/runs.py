"""One performance of a job: what is to be run, how it ended, and which run the calling code is part of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from .output import Output, Report, checked_progress
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

#: Ends with which the job has done what it is there for.
SUCCESSES = (RunStatus.SUCCEEDED, RunStatus.HANDED_OVER)

#: Ends after which a run may be tried again.
RETRIED_STATUSES = (RunStatus.FAILED, RunStatus.TIMED_OUT)

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
    #: Name of the job, for people.
    name: str = ""
    #: The nominal fire time, aware, in UTC; None for a run that was asked for by hand.
    fire_time: datetime | None
    #: 1 for the first try.
    attempt: int = 1
    #: What the job store calls its jobs' namespace, the same on every node.
    namespace: str = "default"
    #: Id of the first attempt; empty = this is the first.
    first_id: str = ""
    #: Where this run says how it is getting on; for executors.
    output: Output = field(default_factory=Output, compare=False, repr=False)
    #: Set from outside when the run is to end early.
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False, repr=False)

    @property
    def key(self) -> str:
        """Text that is the same for every attempt of this run on every node, and for no other run: a UUID.

        Systems that are called with it as their idempotency key can tell a second attempt from a second run.
        """
        return idempotency_key(self.namespace, self.job_id, self.fire_time, self.first_id or self.id)

    def progress(self, done: float, total: float | None = None, text: str = "") -> None:
        """Say how far the run has come. Cheap enough for every step of a loop: it is stored at most once a second.

        Args:
            done: steps that are done, of whatever the run counts.
            total: how many there are; None where the run does not know.
            text: what it is doing; the first 255 characters are kept.

        Raises:
            ProgressError: a number is none, negative or not finite.
        """
        self.output.set_progress(checked_progress(done, total, text))

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


@dataclass(kw_only=True, slots=True)
class Run:
    """One claimed run on its way to an executor. Nobody changes it; to freeze it would make it four times as slow to make."""

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
    #: Alias of the database whose ledger has a row of the run that workers of a cluster can find; None = there is none.
    ledger: str | None = None
    #: The job store's name for what it keeps its jobs under, the same on every node; empty = the alias.
    namespace: str = ""
    #: Id of the first attempt; empty = this is the first.
    first_id: str = ""
    #: How long the body may take, in seconds; None = as long as it takes.
    timeout: float | None = None
    #: How the body comes to know that it is to end early.
    cancellation: Cancellation = field(default_factory=Cancellation, compare=False, repr=False)
    #: When it is tried again where it fails, as its job said when it was claimed; None = never.
    retry: Retry | None = None
    #: The part of this run that its own code may see, and that knows what this code says.
    context: RunContext = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make the context."""
        self.context = RunContext(
            id=self.id,
            job_id=self.job_id,
            name=self.name,
            fire_time=self.fire_time,
            attempt=self.attempt,
            namespace=self.namespace or self.jobstore,
            first_id=self.first_id,
            cancellation=self.cancellation,
        )

    def retry_after(self, outcome: Outcome) -> timedelta | None:
        """Return how long after this end the next attempt is due; None = there is none. A timeout counts as a `TimeoutError`."""
        if self.retry is None or outcome.status not in RETRIED_STATUSES:
            return None
        names = outcome.exception_names
        if outcome.status is RunStatus.TIMED_OUT:
            names = (*names, *class_names(TimeoutError))
        return self.retry.delay_after(self.attempt) if self.retry.allows(self.attempt, names) else None


@dataclass(kw_only=True, slots=True)
class Outcome:
    """How a run ended; nobody changes it. The exception is in two forms, because only text survives a process or a database."""

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
    #: What the body said while it ran; None = nothing.
    report: Report | None = None


#: What the keys of runs are made in.
_KEYS = UUID("6d1f0a52-8f0e-4a52-9c53-0b6b8f6f3a10")


def idempotency_key(namespace: str, job_id: str, fire_time: datetime | None, first_id: str) -> str:
    """Return the key of a run: of its job and fire time, or of its first attempt where it was asked for by hand."""
    which = f"run {first_id}" if fire_time is None else fire_time.astimezone(UTC).isoformat()
    return str(uuid5(_KEYS, json.dumps([namespace, job_id, which])))


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
