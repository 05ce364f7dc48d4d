"""An executor that performs runs in any pool that has the interface of `concurrent.futures`.

What a pool of threads performs is called as it is. Where a pool sends its work to other processes or machines, a run is pickled as the
reference of its callable with its arguments, and its outcome comes back in a form that always gets through.
"""

from __future__ import annotations

import inspect
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import replace
from functools import partial
from typing import Any

from django_apscheduler_ng.capture import LogCapture
from django_apscheduler_ng.clock import Clock, Timing
from django_apscheduler_ng.exceptions import ConfigurationError, SchedulerError
from django_apscheduler_ng.refs import load_callable
from django_apscheduler_ng.runs import Outcome, Run

from .base import ExecutorHost, Ticket
from .body import end_worker
from .early import Stop
from .slots import SlotExecutor, perform_as_guest
from .worker import Request, pack, perform_request, request_of, unpack

logger = logging.getLogger(__name__)

_EXAMPLE = "Write it as 'concurrent.futures:ThreadPoolExecutor'."


class FuturesExecutor(SlotExecutor):
    """Performs runs in a `concurrent.futures.Executor`: of the standard library, Dask, MPI, or one's own.

    At most `max_workers` runs are in the pool at once, so give it as many workers. A pool that this executor made is shut down with it,
    and replaced when it breaks; one that it was given is left alone.
    """

    def __init__(
        self,
        pool: Executor | Callable[..., Executor] | str,
        max_workers: int | str | None = 10,
        pool_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare for `max_workers` runs at once (10 for None).

        Args:
            pool: the pool itself; or what makes it, a class or function or the reference of one (`package.module:name`), called when
                the executor starts.
            max_workers: how many runs at once. What makes the pool gets it too where it has a parameter of this name.
            pool_kwargs: other arguments for what makes the pool.

        Raises:
            ConfigurationError: there is neither a pool nor what makes one.
        """
        super().__init__(10 if max_workers is None else max_workers)
        self._given = pool if isinstance(pool, Executor) else None
        self._make = _made_by(pool, self.capacity, pool_kwargs or {})

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Make the pool, and begin to accept runs.

        Raises:
            ConfigurationError: what was to make the pool raised, or made something else.
        """
        self._pool = self._given or self._new_pool(alias)
        self._futures: dict[Ticket, Future[Parcel]] = {}
        self._waited_for = False
        #: What is to be done about runs that have ended. A pool tells of the end with its locks held, and must not be called then.
        self._errands: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._courier: threading.Thread | None = None
        super().start(host, alias)

    def _new_pool(self, alias: str) -> Executor:
        try:
            made = self._make()
        except Exception as error:
            raise ConfigurationError(
                f"The pool of executor {alias!r} could not be made: {type(error).__name__}: {error}. "
                "Correct the options 'pool' and 'pool_kwargs'."
            ) from error
        if not isinstance(made, Executor):
            raise ConfigurationError(
                f"The pool of executor {alias!r} must be a concurrent.futures.Executor, got {made!r}. Correct the option 'pool'."
            )
        return made

    def _hand_over(self, ticket: Ticket) -> None:
        if not self._begin(ticket):
            return self._give_back(ticket)
        self._start_courier()
        timing = Timing(self._host.clock)
        future = self._submit(Body(ticket.run, self._host.clock, self._host.around_run, self._host.log_capture))
        self._futures[ticket] = future
        return future.add_done_callback(lambda future: self._errands.put(partial(self._ended, ticket, timing, future)))

    def _interrupt(self, ticket: Ticket, stop: Stop) -> float:
        """Take the run out of the pool, where it has not begun there; a body in threads sees the flag, one elsewhere goes on."""
        future = self._futures.get(ticket)
        if future is not None and future.cancel():
            return self.cancel_patience
        return super()._interrupt(ticket, stop)

    def _start_courier(self) -> None:
        if self._courier is None:
            self._courier = threading.Thread(
                target=_do_errands, args=[self._errands], name=f"{self.alias}_ends", daemon=True
            )
            self._courier.start()

    def _submit(self, body: Body) -> Future[Parcel]:
        """Submit to the pool, or to a new one where it is broken."""
        try:
            return self._pool.submit(body)
        except BrokenExecutor as error:
            if self._given is not None:
                raise
            logger.warning("The pool of executor %r is broken (%s) and is replaced by a new one.", self.alias, error)
            self._pool.shutdown(wait=False)
            self._pool = self._new_pool(self.alias)
            return self._pool.submit(body)

    def _ended(self, ticket: Ticket, timing: Timing, future: Future[Parcel]) -> None:
        self._futures.pop(ticket, None)
        self._settle(ticket, self._outcome_of(ticket, timing, future))

    def _outcome_of(self, ticket: Ticket, timing: Timing, future: Future[Parcel]) -> Outcome:
        if future.cancelled():
            return self._interrupted(ticket)
        if (error := future.exception()) is not None:
            return self._failed(ticket, error)
        parcel = future.result()
        if parcel.travelled:  # the clock there is not ours
            return replace(parcel.outcome, started_at=timing.started_at, finished_at=timing.finished_at)
        return parcel.outcome

    def shutdown(self, wait: bool = True) -> None:
        """Accept no more runs, and shut down the pool that was made here once every accepted run has ended."""
        self._waited_for = wait and self._may_wait()
        super().shutdown(wait)

    def _kill(self) -> None:
        self._waited_for = False
        for future in list(self._futures.values()):
            future.cancel()

    def _release(self) -> None:
        if self._given is None and not self._waited_for:  # a pool of processes cannot be waited for after that
            self._errands.put(partial(self._pool.shutdown, wait=False))
        self._start_courier()
        self._errands.put(None)

    def _join(self) -> None:
        if self._killed:
            return
        if self._courier is not None and self._courier is not threading.current_thread():
            self._courier.join()
        if self._given is None:
            self._pool.shutdown(wait=self._load is None or not self._load.left())


def _do_errands(errands: queue.SimpleQueue[Callable[[], object] | None]) -> None:
    """Do what comes, until there is no more. The main function of the courier."""
    while (errand := errands.get()) is not None:
        errand()
        del errand


class Body:
    """The body of a run, for a pool to call. Pickled, it becomes one that finds the callable by its reference."""

    def __init__(self, run: Run, clock: Clock, around: str | None, capture: LogCapture | None) -> None:
        """Prepare to perform `run` with the surroundings that `around` refers to; `capture` is for other processes."""
        self._run = run
        self._clock = clock
        self._around = around
        self._capture = capture

    def __call__(self) -> Parcel:
        """Perform the run in this thread."""
        return Parcel(perform_as_guest(self._run, self._clock, self._around))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the reference of the callable instead of the callable."""
        return partial, (perform_elsewhere, request_of(self._run, self._around, self._capture))


class Parcel:
    """An outcome on its way back. Pickled, it loses what does not get through, and says so."""

    def __init__(self, outcome: Outcome, *, travelled: bool = False) -> None:
        """Hold `outcome`, which may have come from another process."""
        self.outcome = outcome
        self.travelled = travelled

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what always gets through."""
        return _opened, (pack(self.outcome),)


def perform_elsewhere(request: Request) -> Parcel:
    """Perform a run in the process or on the machine that it was sent to."""
    outcome = perform_request(request)
    end_worker(request.around)
    return Parcel(outcome)


def _opened(data: bytes) -> Parcel:
    return Parcel(unpack(data), travelled=True)


def _made_by(pool: object, capacity: int, options: Mapping[str, Any]) -> Callable[[], object]:
    """Return what makes the pool, with all of its arguments."""
    if isinstance(pool, str):
        try:
            pool = load_callable(pool)
        except SchedulerError as error:
            raise ConfigurationError(f"Option 'pool' of FuturesExecutor cannot be used: {error} {_EXAMPLE}") from error
    if isinstance(pool, Executor):
        if options:
            raise ConfigurationError(
                f"Option 'pool_kwargs' of FuturesExecutor is for what makes the pool, and {pool!r} was made already. Leave it out."
            )
        return lambda: pool
    if not callable(pool):
        raise ConfigurationError(
            f"Option 'pool' of FuturesExecutor must be a concurrent.futures.Executor or what makes one, got {pool!r}. {_EXAMPLE}"
        )
    return partial(pool, **{**_with_workers(pool, capacity), **options})


def _with_workers(make: Callable[..., object], capacity: int) -> dict[str, int]:
    try:
        wanted = "max_workers" in inspect.signature(make).parameters
    except ValueError:  # written in C, without a signature
        wanted = False
    return {"max_workers": capacity} if wanted else {}
