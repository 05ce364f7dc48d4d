"""Executors with a fixed number of workers: threads, or threads that drive a process each."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol
from weakref import WeakSet

from django_apscheduler_ng.clock import Clock
from django_apscheduler_ng.exceptions import ConfigurationError, did_you_mean
from django_apscheduler_ng.runs import Outcome, Run, RunStatus

from .base import BaseExecutor, ExecutorHost, Ticket, as_count
from .body import IDLE, end_worker, perform
from .early import Stop
from .process import WorkerProcess

logger = logging.getLogger(__name__)

#: Seconds that killed worker processes may take to be gone.
_KILL_TIMEOUT = 5.0


class Worker(Protocol):
    """What a thread of a pool performs runs with, one after the other."""

    def perform(self, run: Run, taken: Callable[[], object]) -> Outcome:
        """Perform a run, and call `taken` when the body is about to begin; what is raised fails it."""
        ...

    def rest(self) -> None:
        """Let go of what the worker need not hold while there is nothing to do; called when that is so for a while."""
        ...

    def close(self) -> None:
        """Let go of what the worker holds; called once, at the end."""
        ...


class BasePoolExecutor(BaseExecutor):
    """Performs runs in threads that take them from one queue. A thread is started when there is a run for it.

    The threads are daemons, so that a body that never ends cannot keep the process alive after `kill()`. Without that
    call, runs that were accepted are ended before the interpreter exits.
    """

    def __init__(self, max_workers: int | str | None = 10, pool_kwargs: Mapping[str, Any] | None = None) -> None:
        """Prepare for `max_workers` runs at once (10 for None), with options of the concrete pool."""
        super().__init__(10 if max_workers is None else max_workers)
        self._options = _checked(pool_kwargs or {}, self._known_options, type(self).__name__)

    #: Names that may stand in `pool_kwargs`.
    _known_options: tuple[str, ...] = ()

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs."""
        super().start(host, alias)
        self._crew_lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._queue: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        _started.add(self)

    @abstractmethod
    def _make_worker(self, name: str) -> Worker:
        """Return a worker for the thread of this name."""

    def _dispatch(self, ticket: Ticket) -> None:
        if len(self._threads) < self.capacity:  # never fewer again, so that no lock is needed once all are there
            with self._crew_lock:
                if len(self._threads) < min(self.capacity, self._occupied()):
                    self._start_thread()
        self._queue.put(ticket)

    def _occupied(self) -> int:
        return 0 if self._load is None else self._load.occupied()

    def _start_thread(self) -> None:
        """Start one more thread; where the system refuses, those that are there have to do."""
        name = f"{self._options.get('thread_name_prefix') or self.alias}_{len(self._threads) + 1}"
        args = (self._make_worker(name), self._queue)
        thread = threading.Thread(target=self._work, args=args, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
            logger.warning(
                "Executor %r cannot start thread %d; going on with fewer", self.alias, len(self._threads) + 1
            )
            return
        self._threads.append(thread)

    def _work(self, worker: Worker, tickets: queue.SimpleQueue[Ticket | None]) -> None:
        """Perform runs until the queue says that there are no more."""
        ident = threading.get_ident()
        while (ticket := _next(tickets, worker)) is not None:
            if self._begin(ticket, timed=False):
                ticket.thread = ident
                taken = _nothing if ticket.run.timeout is None else partial(self._watch, ticket)
                try:
                    outcome = worker.perform(ticket.run, taken)
                except BaseException as error:
                    outcome = self._failed(ticket, error)
                self._settle(ticket, outcome)
                del outcome
        worker.close()

    def _release(self) -> None:
        with self._crew_lock:
            for _ in self._threads:
                self._queue.put(None)

    def _join(self, timeout: float | None = None) -> None:
        if self._killed and timeout is None:
            return
        stuck = self._stuck_threads()
        for thread in self._threads:
            if thread is not threading.current_thread() and thread.ident not in stuck:
                thread.join(timeout)

    def _stuck_threads(self) -> set[int]:
        """Return the threads that nobody should wait for: their bodies were left, and may never end."""
        return set()


class ThreadPoolExecutor(BasePoolExecutor):
    """Performs runs in threads of this process.

    A body cannot be stopped from outside; it can ask `current_run()` whether its run is to end early. One whose time is up, or that
    goes on although its run was cancelled, is left: its run is over, its thread is taken up until the body ends.

    Args:
        max_workers: how many runs at once.
        pool_kwargs: `thread_name_prefix` (default: the executor's alias); `initializer`, a function that each thread
            calls before its first run, with the arguments `initargs`.
    """

    _known_options = ("initargs", "initializer", "thread_name_prefix")

    def _make_worker(self, name: str) -> Worker:
        return _ThreadWorker(
            name,
            clock=self._host.clock,
            around=self._host.around_run,
            initialize=_initializer(self._options),
        )

    def left(self) -> int:
        """Return how many threads are taken up by bodies whose runs have ended."""
        return 0 if self._load is None else len(self._load.left())

    def _stuck_threads(self) -> set[int]:
        return set() if self._load is None else {ticket.thread for ticket in self._load.left()}


class ProcessPoolExecutor(BasePoolExecutor):
    """Performs runs in processes of their own, for work that needs more than one processor.

    Callables need a reference; arguments and results are pickled. The processes are spawned when they are first
    needed, ignore SIGINT and SIGTERM (the scheduler decides when they end) and end when this process is gone.
    One that dies fails the run it performed, no other, and is replaced. One whose run is to end early is killed.

    Args:
        max_workers: how many runs at once.
        pool_kwargs: `initializer`, a function that each process calls first, with the arguments `initargs`;
            `max_tasks_per_child`, how many runs a process performs before it is replaced (default: no limit);
            `mp_context`, which may be given where it is the one that is used anyway: that of the start method `spawn`.
    """

    _known_options = ("initargs", "initializer", "max_tasks_per_child", "mp_context")

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs."""
        self._processes: list[WorkerProcess] = []
        super().start(host, alias)

    def _make_worker(self, name: str) -> Worker:
        process = WorkerProcess(
            name,
            clock=self._host.clock,
            around=self._host.around_run,
            capture=self._host.log_capture,
            initialize=_initializer(self._options),
            max_runs=self._options.get("max_tasks_per_child"),
        )
        self._processes.append(process)
        return process

    def _interrupt(self, ticket: Ticket, stop: Stop) -> float:
        for process in self._processes:
            where = process.stop(ticket.run)
            if where is not None and ticket.early is not None:
                ticket.early.where = where
        return self.cancel_patience

    def _where(self, ticket: Ticket) -> str:
        return ""  # the thread only waits for the process

    def _has_felt_it(self, ticket: Ticket, outcome: Outcome) -> bool:
        return outcome.status is not RunStatus.SUCCEEDED

    def _kill(self) -> None:
        with self._crew_lock:
            for process in self._processes:
                process.kill()
            for _ in self._threads:
                self._queue.put(None)
        self._join(_KILL_TIMEOUT)


class _ThreadWorker:
    """Performs runs in the thread that calls it."""

    def __init__(self, name: str, *, clock: Clock, around: str | None, initialize: Callable[[], object] | None) -> None:
        self._name = name
        self._clock = clock
        self._around = around
        self._initialize = initialize

    def perform(self, run: Run, taken: Callable[[], object]) -> Outcome:
        if self._initialize is not None:
            self._initialize()
            self._initialize = None
        taken()
        return perform(
            run.func,
            run.args,
            run.kwargs,
            run.context,
            clock=self._clock,
            around=self._around,
            worker=self._name,
        )

    def rest(self) -> None:
        end_worker(self._around)

    def close(self) -> None:
        end_worker(self._around)


def _nothing() -> None:
    """Do nothing: there is no time to count."""


def _next(tickets: queue.SimpleQueue[Ticket | None], worker: Worker) -> Ticket | None:
    """Wait for the next entry of the queue; let the worker rest where that takes long."""
    try:
        return tickets.get(timeout=IDLE)
    except queue.Empty:
        worker.rest()
        return tickets.get()


def _checked(options: Mapping[str, Any], known: tuple[str, ...], owner: str) -> dict[str, Any]:
    """Return `pool_kwargs` if a pool of this class can use them."""
    for name in options:
        if name not in known:
            guess = did_you_mean(name, known) or f" Expected one of: {', '.join(known)}."
            raise ConfigurationError(f"Unknown option {name!r} in pool_kwargs of {owner}.{guess}")
    checked = dict(options)
    if (initializer := checked.get("initializer")) is not None and not callable(initializer):
        raise ConfigurationError(
            f"Option 'initializer' in pool_kwargs of {owner} must be a function, got {initializer!r}. "
            "Pass the function itself, not its name."
        )
    context = checked.get("mp_context")
    if context is not None and getattr(context, "get_start_method", lambda: context)() != "spawn":
        raise ConfigurationError(
            f"Option 'mp_context' in pool_kwargs of {owner} must be the context of the start method 'spawn', got {context!r}. "
            "Leave it out: a fork would share the threads and connections of this process."
        )
    if (count := checked.get("max_tasks_per_child")) is not None:
        checked["max_tasks_per_child"] = as_count(count, "max_tasks_per_child", owner)
    return checked


def _initializer(options: Mapping[str, Any]) -> Callable[[], object] | None:
    initializer = options.get("initializer")
    return None if initializer is None else partial(initializer, *options.get("initargs", ()))


#: Pools that may still have runs to end.
_started: WeakSet[BasePoolExecutor] = WeakSet()


@atexit.register  # after that of multiprocessing, which waits for processes that this one ends
def _end_all() -> None:
    """End the accepted runs of every pool: daemon threads would be cut off in the middle of a body."""
    for executor in list(_started):
        executor.shutdown()


if hasattr(os, "register_at_fork"):
    # a child has none of the threads, and would wait for their runs for ever when it exits
    os.register_at_fork(after_in_child=_started.clear)
