"""Ending runs before their bodies end: because their time is up, or because somebody asked for it.

A run that waits in the executor ends at once. One that is under way is interrupted in the way that its executor has: the body sees a
flag, gets an exception thrown into it, or loses its process. What has not ended after some patience is left: its run is over, its
body goes on unheard, and takes up its worker as long as it does.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from django_apscheduler_ng.runs import Outcome, RunCancelled, RunStatus, cancelled_words

from .deadlines import Deadline, Deadlines
from .stacks import stack_of_thread, thread_name

if TYPE_CHECKING:
    from .base import ExecutorHost, Ticket
    from .load import Load

logger = logging.getLogger(__name__)

#: Seconds that a body may take to end once it was told to; then its run ends without it.
CANCEL_PATIENCE = 5.0


class Stop(NamedTuple):
    """Why a run ends early."""

    #: Timed out or cancelled.
    status: RunStatus
    #: The same for people, as a sentence.
    message: str


@dataclass(eq=False, slots=True)
class Early:
    """What an executor knows about a run that ends early, or may."""

    #: The next thing to do about it.
    deadline: Deadline | None = None
    stop: Stop | None = None
    #: Where the body was, as text; empty = nobody knows.
    where: str = ""


def timed_out(seconds: float) -> Stop:
    """Return that the time of a run is up."""
    return Stop(RunStatus.TIMED_OUT, f"The run took longer than its timeout of {seconds:g} s.")


def cancelled(by: str = "", reason: str = "") -> Stop:
    """Return that somebody wants a run to end, and why."""
    return Stop(RunStatus.CANCELLED, cancelled_words(by, reason))


class EarlyEnds(ABC):
    """The part of an executor that ends runs early. Subclasses say how a body is interrupted."""

    _host: ExecutorHost
    _load: Load[Ticket] | None
    _lock: threading.Lock
    alias: str

    #: Seconds that a body may take to end once it was told to.
    cancel_patience = CANCEL_PATIENCE

    def cancel(self, jobstore: str, run_id: str, *, by: str = "", reason: str = "") -> RunStatus | None:
        """End a run early. Returns at once; may be called from any thread, and again.

        Args:
            jobstore: alias of the job store that the run was claimed from.
            run_id: the run.
            by: name of who wants that; empty = nobody in particular.
            reason: why, in their words.

        Returns:
            Whether the run is cancelled, or goes on running for some seconds at most; None where this executor does not have it.
        """
        ticket = self._find(jobstore, run_id)
        return None if ticket is None else self._stop(ticket, cancelled(by, reason))

    def _find(self, jobstore: str, run_id: str) -> Ticket | None:
        tickets = [] if self._load is None else self._load.runs()
        return next((t for t in tickets if t.run.id == run_id and t.run.jobstore == jobstore), None)

    # -- what subclasses have to say ------------------------------------------------------------------------------------

    def _interrupt(self, ticket: Ticket, stop: Stop) -> float:
        """Make the body end; returns how many seconds to wait for that until its run ends without it.

        The flag of the run is set already. A body that can do no more than look at it is not waited for when its time is up.
        """
        return self.cancel_patience if stop.status is RunStatus.CANCELLED else 0.0

    def _where(self, ticket: Ticket) -> str:
        """Return where the body is that does not end, as text; empty where that cannot be known."""
        return stack_of_thread(ticket.thread) if ticket.thread else ""

    @abstractmethod
    def _tell(self, ticket: Ticket, outcome: Outcome) -> None:
        """Tell how the run ended."""

    @abstractmethod
    def _forget(self) -> None:
        """Note that one more run was told about."""

    # -- deadlines ------------------------------------------------------------------------------------------------------

    def _prepare_deadlines(self, host: ExecutorHost) -> None:
        self._deadlines = Deadlines(host.clock, f"{self.alias} deadlines")

    def _watch(self, ticket: Ticket) -> None:
        """Begin to count the time of a run that has a timeout."""
        seconds = ticket.run.timeout
        if seconds is not None:
            expire = partial(self._stop, ticket, timed_out(seconds))
            ticket.early = Early(self._deadlines.call_after(seconds, expire))

    def _stop(self, ticket: Ticket, stop: Stop) -> RunStatus:
        """End a run early, unless that is under way already; returns how it stands now."""
        assert self._load is not None
        with self._lock:
            early = ticket.early = ticket.early or Early()
            if early.stop is not None:
                return RunStatus.RUNNING
            early.stop = stop
        ticket.run.cancellation.request(stop.message)
        if self._load.end_waiting(ticket):
            self._tell(ticket, self._ended_early(ticket, Stop(stop.status, f"{stop.message} Its body had not begun.")))
            self._forget()
            return stop.status
        self._discard(early)
        patience = self._interrupt(ticket, stop)
        if patience:
            early.deadline = self._deadlines.call_after(patience, partial(self._leave, ticket, stop))
        else:
            self._leave(ticket, stop)
        return RunStatus.RUNNING

    def _leave(self, ticket: Ticket, stop: Stop) -> None:
        """End the run without its body, which goes on, unless that has ended."""
        assert self._load is not None
        assert ticket.early is not None
        where = ticket.early.where = self._where(ticket) or ticket.early.where
        if not self._load.leave(ticket):
            return
        name = thread_name(ticket.thread)
        place = f"in thread {name}" if name else "unheard"
        left = len(self._load.left())
        logger.warning(
            "Run %s of job %r has ended as %s, but its body goes on %s. %d of the %d workers of executor %r are taken up so.",
            ticket.run.id,
            ticket.run.job_id,
            stop.status,
            place,
            left,
            self._load.capacity,
            self.alias,
            extra={"job_id": ticket.run.job_id, "run_id": ticket.run.id},
        )
        outcome = self._ended_early(ticket, Stop(stop.status, f"{stop.message} Its body goes on {place}."))
        self._tell(ticket, replace(outcome, worker=name, traceback=where))
        self._forget()

    def _discard(self, early: Early) -> None:
        if early.deadline is not None:
            self._deadlines.discard(early.deadline)

    # -- outcomes -------------------------------------------------------------------------------------------------------

    def _ended_early(self, ticket: Ticket, stop: Stop) -> Outcome:
        """Return the outcome of a run that ends early."""
        now = self._host.clock.now()
        is_late = stop.status is RunStatus.TIMED_OUT
        return Outcome(
            status=stop.status,
            started_at=ticket.started_at or now,
            finished_at=now,
            exception=TimeoutError(stop.message) if is_late else RunCancelled(stop.message),
            exception_type="TimeoutError" if is_late else "",
            exception_message=stop.message,
        )

    def _judged(self, ticket: Ticket, outcome: Outcome) -> Outcome:
        """Return how the run ended whose body ended as `outcome` says.

        A body that never came to know that it should end has ended as it has; it was just as fast.
        """
        early = ticket.early
        if early is None or early.stop is None or not self._has_felt_it(ticket, outcome):
            return outcome
        known = self._ended_early(ticket, early.stop)
        return replace(
            known,
            started_at=outcome.started_at,
            finished_at=outcome.finished_at,
            worker=outcome.worker,
            result=outcome.result,
            traceback=early.where,
        )

    def _has_felt_it(self, ticket: Ticket, outcome: Outcome) -> bool:
        """Return whether the body ended because it was told to."""
        if ticket.run.cancellation.seen or outcome.status is RunStatus.INTERRUPTED:
            return True
        return isinstance(outcome.exception, RunCancelled)

    def _came_too_late(self, ticket: Ticket, outcome: Outcome) -> None:
        """Take note that the body of a run has ended which was left, or taken from it."""
        assert self._load is not None
        if self._load.return_left(ticket):
            logger.debug(
                "The body of run %s of job %r has ended at last, as %s; that is dropped.",
                ticket.run.id,
                ticket.run.job_id,
                outcome.status,
                extra={"job_id": ticket.run.job_id, "run_id": ticket.run.id},
            )
