"""What all executors share: taking on runs, and telling how each of them ended, once."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from multiprocessing import current_process
from typing import Any, Protocol

from django_apscheduler_ng.capture import LogCapture
from django_apscheduler_ng.clock import Clock
from django_apscheduler_ng.exceptions import ConfigurationError, SchedulerNotRunningError, WorkerError
from django_apscheduler_ng.runs import Outcome, Run, RunStatus, current_run

from .body import outcome_of
from .early import Early, EarlyEnds
from .load import Load

logger = logging.getLogger(__name__)

#: Called with a run and how it ended: once for each submitted run, on any thread.
Done = Callable[[Run, Outcome], None]


class ExecutorHost(Protocol):
    """The scheduler, as executors see it. One that runs in an event loop also has it as `event_loop`."""

    @property
    def clock(self) -> Clock:
        """The clock that dates outcomes."""

    @property
    def around_run(self) -> str | None:
        """Reference of a function that is called with a `RunContext` and returns a context manager for the body.

        It is called in the process that performs the body, and may return a manager that is asynchronous as well. Where
        it has an attribute `end_worker`, that is called in each thread of a pool that performs no more bodies; one called
        `begin_worker` is called in each worker process before its first body.
        """

    @property
    def log_capture(self) -> LogCapture | None:
        """What worker processes keep of what runs log; None = nothing. In its own process the scheduler sees to that."""

    def report(self, run: Run) -> None:
        """Take note that `run` has something new to report, which its output gives; on any thread, and at once."""


@dataclass(eq=False, kw_only=True, slots=True)
class Ticket:
    """A run on its way through an executor."""

    run: Run
    done: Done
    started_at: datetime | None = None
    #: Identity of the thread that performs the body, where there is one that does nothing else; 0 = there is none.
    thread: int = 0
    #: Of a run that has a timeout, or is to end early.
    early: Early | None = None


class BaseExecutor(EarlyEnds):
    """Performs runs, several at once, and tells how each of them ended.

    Every submitted run ends exactly once, whatever happens to it, to the executor, or to those it tells. After
    `shutdown()` or `kill()` an executor can be started again.
    """

    def __init__(self, max_workers: int | str) -> None:
        """Prepare for `max_workers` runs at once; text such as `'20'` is fine."""
        #: How many runs are performed at once.
        self.capacity = as_count(max_workers, "max_workers", type(self).__name__)
        self.alias = ""
        self._lock = threading.Lock()
        self._closing = True
        self._killed = False
        self._untold = 0
        self._released = True
        self._idle = threading.Event()
        self._load: Load[Ticket] | None = None

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs, for the scheduler `host` that calls this executor `alias`. Nothing is started yet.

        Raises:
            WorkerError: this is a worker process, about to import the script that it was started by.
        """
        if getattr(current_process(), "_inheriting", False):
            raise WorkerError(
                f"Executor {alias!r} was started in a worker process that was importing the script of its scheduler; "
                "only that script itself may start one. Do so below `if __name__ == '__main__':`."
            )
        self._host = host
        self.alias = alias
        self._load = Load(self.capacity, host.clock)
        self._idle = threading.Event()
        self._prepare_deadlines(host)
        self._closing = self._killed = self._released = False

    def submit(self, run: Run, done: Done) -> None:
        """Perform `run`, and call `done` with its outcome. May be called from any thread.

        Raises:
            SchedulerNotRunningError: the executor was never started. All else that goes wrong is an outcome.
        """
        if self._load is None:
            raise SchedulerNotRunningError(
                f"{type(self).__name__} was given a run of job {run.job_id!r} before it was started. "
                "Add it to a scheduler, which starts it."
            )
        ticket = Ticket(run=run, done=done)
        run.context.output.listener = partial(self._host.report, run)
        if not self._accept(ticket):
            self._tell(ticket, self._interrupted(ticket))
            return
        try:
            self._dispatch(ticket)
        except Exception as error:
            self._settle(ticket, self._failed(ticket, error))

    def shutdown(self, wait: bool = True) -> None:
        """Accept no more runs and let go of the workers once every accepted run has ended.

        A second call is fine. Runs submitted from now on end as interrupted, without being performed.

        Args:
            wait: return only when all have ended; ignored in the body of one of these runs.
        """
        if self._load is None:
            return
        self._close()
        if wait and self._may_wait():
            self._await_idle()
            self._join()

    def kill(self) -> None:
        """Stop at once: every run that has not ended is interrupted, and worker processes are killed.

        Bodies in threads cannot be stopped; they go on unheard.
        """
        if self._load is None:
            return
        self._killed = True
        self._close()
        ended = [ticket for ticket in self._load.runs() if self._load.end(ticket)]
        self._kill()
        for ticket in ended:
            self._tell(ticket, self._interrupted(ticket))
            self._forget()

    def free(self) -> int:
        """Return how many more runs would begin within about 100 ms, at the rate measured so far."""
        return 0 if self._closing or self._load is None else self._load.free()

    def running(self) -> int:
        """Return how many submitted runs have not ended. The bodies of those that were left may go on."""
        return 0 if self._load is None else len(self._load)

    def _may_wait(self) -> bool:
        """Return whether the caller of `shutdown()` can wait for the runs without keeping them from ending."""
        return not self._is_own_body()

    def _await_idle(self) -> None:
        """Wait until every accepted run was told about."""
        self._idle.wait()

    @abstractmethod
    def _dispatch(self, ticket: Ticket) -> None:
        """Hand the run to a worker, which calls `_begin()` and `_settle()`; what is raised fails the run."""

    def _release(self) -> None:
        """Let the workers end. Called once, when the executor is closed and every run was told about."""

    def _join(self) -> None:
        """Wait for the released workers to end."""

    def _kill(self) -> None:
        """End the workers that can be ended. Their runs have been taken from them."""

    def _begin(self, ticket: Ticket, *, timed: bool = True) -> bool:
        """Note that the body begins; return False where it must not, because the run has ended already.

        The time that it may take begins, too, unless that is not `timed`: then `_watch()` is to be called.
        """
        assert self._load is not None
        now = self._host.clock.now()
        if not self._load.begin(ticket):
            return False
        ticket.started_at = now
        if timed and ticket.run.timeout is not None:
            self._watch(ticket)
        return True

    def _settle(self, ticket: Ticket, outcome: Outcome) -> None:
        """End the run with this outcome of its body, unless it has ended already."""
        assert self._load is not None
        early = ticket.early
        if early is not None:
            self._discard(early)
            outcome = self._judged(ticket, outcome)
        if self._load.end(ticket):
            self._tell(ticket, outcome)
            self._forget()
        elif early is not None:
            self._came_too_late(ticket, outcome)

    def _interrupted(self, ticket: Ticket) -> Outcome:
        """Return the outcome of a run that this executor gave up."""
        now = self._host.clock.now()
        state = "had not begun" if ticket.started_at is None else "was under way"
        return Outcome(
            status=RunStatus.INTERRUPTED,
            started_at=ticket.started_at or now,
            finished_at=now,
            exception_message=f"The run {state} when executor {self.alias!r} was stopped.",
        )

    def _failed(self, ticket: Ticket, error: BaseException) -> Outcome:
        """Return the outcome of a run that the executor itself failed to perform."""
        now = self._host.clock.now()
        worker = threading.current_thread().name
        return outcome_of(None, error, started_at=ticket.started_at or now, finished_at=now, worker=worker)

    def _accept(self, ticket: Ticket) -> bool:
        assert self._load is not None
        with self._lock:
            if self._closing:
                return False
            self._untold += 1
            self._load.add(ticket)
            return True

    def _close(self) -> None:
        with self._lock:
            self._closing = True
        self._release_if_idle()

    def _tell(self, ticket: Ticket, outcome: Outcome) -> None:
        said = ticket.run.context.output.close()
        if said is not None and outcome.report is None:
            outcome = replace(outcome, report=said)
        try:
            ticket.done(ticket.run, outcome)
        except BaseException:
            logger.exception("Telling how run %s of job %r ended failed; going on", ticket.run.id, ticket.run.job_id)

    def _forget(self) -> None:
        with self._lock:
            self._untold -= 1
            if not self._closing:
                return
        self._release_if_idle()

    def _release_if_idle(self) -> None:
        with self._lock:
            if not self._closing or self._untold or self._released:
                return
            self._released = True
        self._deadlines.stop()
        self._release()
        self._idle.set()

    def _is_own_body(self) -> bool:
        """Return whether the calling code is the body of a run of this executor."""
        context = current_run()
        tickets = self._load.runs() if context is not None and self._load is not None else []
        return any(ticket.run.id == context.id for ticket in tickets if context is not None)


def as_count(value: Any, option: str, owner: str) -> int:
    """Return an option that counts something, also from text such as `'20'`; at least 1.

    Raises:
        ConfigurationError: the value is no such number.
    """
    text = value.strip() if isinstance(value, str) else value
    number = int(text) if isinstance(text, str) and text.isdecimal() else text
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigurationError(
            f"Option {option!r} of {owner} must be a whole number, at least 1, got {value!r}. Write it as 20 or '20'."
        )
    return number
