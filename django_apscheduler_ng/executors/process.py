"""One worker process, as the thread that drives it sees it; `worker` describes the protocol."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from django_apscheduler_ng.capture import LogCapture
from django_apscheduler_ng.clock import Clock, Timing
from django_apscheduler_ng.exceptions import WorkerError
from django_apscheduler_ng.runs import Outcome, Run

from .body import outcome_of
from .worker import READY, STOP_SIGNALS, WHERE, report_in, request_of, serve, unpack

#: Processes are spawned: a fork of a process with threads and database connections would share both.
_SPAWN = get_context("spawn")

#: Seconds that an idle process may take to end by itself.
_CLOSE_TIMEOUT = 5.0

#: Seconds that a process may take to say where its body is. One that is in native code cannot say.
_STACK_TIMEOUT = 0.5

_AT_START = (
    "before it could take a run. Its standard error says why; "
    "a script that starts a scheduler must do so below `if __name__ == '__main__':`."
)
_DURING = (
    "while it performed this run; a body must leave its process alive. "
    "Look for os._exit(), a crash in native code, or the out-of-memory killer."
)

#: Held while a process is started, reaped or killed: `start()` reaps others as well, and a reaped pid may be reused.
_children = threading.Lock()


class WorkerProcess:
    """Performs runs in a process that is spawned when it is needed and replaced when it is gone.

    Only `kill()` and `stop()` may be called by another thread than the one that performs.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        around: str | None,
        capture: LogCapture | None,
        initialize: Callable[[], object] | None,
        max_runs: int | None,
    ) -> None:
        """Prepare a process of this name, which is replaced after `max_runs` runs (None: never)."""
        self._name = name
        self._clock = clock
        self._around = around
        self._capture = capture
        self._initialize = initialize
        self._max_runs = max_runs
        self._runs = 0
        self._process: SpawnProcess | None = None
        self._pidfd: int | None = None
        self._worker = name
        self._killed = False
        #: Held while a run is stopped, so that it is no other one, and while what belongs to the run or the process changes.
        self._stopping = threading.Lock()
        self._run: Run | None = None
        #: The process that was killed to stop its run; it must get no other one.
        self._doomed: SpawnProcess | None = None

    def perform(self, run: Run, taken: Callable[[], object]) -> Outcome:
        """Perform a run. A process that dies before it took the run is replaced; one that dies with it fails it."""
        timing = Timing(self._clock)
        with self._stopping:
            self._run = run
        try:
            self._hand_over(run, pickle.dumps(request_of(run, self._around, self._capture)))
            timing = Timing(self._clock)
            taken()
            outcome = unpack(self._listen_to(run))
        except Exception as error:
            outcome = outcome_of(
                None, error, started_at=timing.started_at, finished_at=timing.started_at, worker=self._worker
            )
        finally:
            with self._stopping:
                self._run = None
        return replace(outcome, started_at=timing.started_at, finished_at=timing.finished_at)

    def rest(self) -> None:
        """Do nothing: the process itself knows when it has nothing to do."""

    def close(self) -> None:
        """End the process and wait until it is gone."""
        if self._process is not None:
            self._reap(self._process)

    def kill(self) -> None:
        """Kill the process and start no other one. May be called from any thread."""
        with _children:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def stop(self, run: Run) -> str | None:
        """Kill the process if it is with this run, whose flag is set; returns where the body was, None where it is with another one."""
        with self._stopping:
            process = self._process
            if self._run is not run or process is None:
                return None
            where = self._ask_where()
            self._doomed = process
            with _children:
                process.kill()
            return where

    def _ask_where(self) -> str:
        try:
            self._control.send_bytes(WHERE)
            return self._control.recv_bytes().decode() if self._control.poll(_STACK_TIMEOUT) else ""
        except (EOFError, OSError):
            return ""

    def _hand_over(self, run: Run, request: bytes) -> None:
        """Have the process take the request; one that died since its last run is replaced."""
        if self._runs == self._max_runs:
            self.close()
        if self._process is None or not self._took(run, request):
            self._start()
            if not self._took(run, request):
                raise self._died(_AT_START)
        self._runs += 1

    def _took(self, run: Run, request: bytes) -> bool:
        """Send the request and return whether the process took it; if not, it is dead.

        Raises:
            WorkerError: the run is to end early. From here on the process is there, and `stop()` kills it.
        """
        if run.cancellation.requested:
            raise WorkerError(run.cancellation.message)
        if self._process is self._doomed:
            return False
        try:
            self._connection.send_bytes(request)
        except OSError:
            return False
        return self._answer() is not None

    def _start(self) -> None:
        """Start a process and wait until it can take requests."""
        self.close()
        self._connection, theirs = _SPAWN.Pipe()
        control, their_control = _SPAWN.Pipe()
        process = _SPAWN.Process(target=serve, args=(theirs, their_control, self._initialize), name=self._name)
        resource_tracker.ensure_running()  # else starting the process would, and unblock the signals
        with self._stopping, _children, _stop_signals_blocked(), theirs, their_control:
            self._control = control
            if self._killed:
                raise WorkerError(f"Worker process {self._name} was killed. Start the executor again to perform runs.")
            process.start()
            self._process = process
        self._worker = f"{self._name} (pid {process.pid})"
        self._pidfd = _pidfd_of(process)
        self._runs = 0
        if (said := self._receive(_AT_START)) != READY:
            raise WorkerError(
                f"The initializer of worker process {self._worker} raised {said.decode()}. "
                "Repair the function given as 'initializer' in pool_kwargs."
            )

    def _listen_to(self, run: Run) -> bytes:
        """Pass on what the process reports of the run, until it tells the outcome; return that."""
        while (report := report_in(said := self._receive(_DURING))) is not None:
            run.context.output.receive(report)
        return said

    def _receive(self, why_not: str) -> bytes:
        """Return what the process says next; where it dies instead, `why_not` ends the message of the error."""
        if (said := self._answer()) is None:
            raise self._died(why_not)
        return said

    def _answer(self) -> bytes | None:
        """Wait for the process to say something and return that; None where it died."""
        try:
            if self._connection in wait([self._connection, self._death]):
                return self._connection.recv_bytes()
        except (EOFError, OSError):
            pass
        return None

    def _died(self, why_not: str) -> WorkerError:
        assert self._process is not None
        return WorkerError(f"Worker process {self._worker} {self._reap(self._process)} {why_not}")

    @property
    def _death(self) -> int:
        """What becomes readable when the process dies.

        The sentinel of multiprocessing is a pipe, which programs that a body left behind may hold open.
        """
        assert self._process is not None
        return self._process.sentinel if self._pidfd is None else self._pidfd

    def _reap(self, process: SpawnProcess) -> str:
        """Close the pipe, wait until the process is gone, and return how it ended."""
        self._connection.close()
        with self._stopping:
            self._control.close()
        if not wait([self._death], _CLOSE_TIMEOUT):
            process.kill()
            wait([self._death])
        with self._stopping, _children:
            process.join()
            self._process = None
        if self._pidfd is not None:
            os.close(self._pidfd)
        return _ending(process.exitcode)


def _ending(code: int | None) -> str:
    """Return in words how a process with this exit code ended."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"exited with code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"was killed by {names.get(-code, f'signal {-code}')}"


@contextmanager
def _stop_signals_blocked() -> Iterator[None]:
    """Keep SIGINT and SIGTERM from a process that is being started, until it can ignore them itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pidfd_of(process: SpawnProcess) -> int | None:
    """Return a file descriptor that becomes readable when the process dies, where the system has such a thing."""
    try:
        descriptor: int = os.pidfd_open(process.pid)  # type: ignore[attr-defined, arg-type, unused-ignore]
    except (AttributeError, OSError):
        return None
    return descriptor
