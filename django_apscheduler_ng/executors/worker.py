"""The inside of a worker process: take a request, perform it, answer.

The protocol, over one pipe: the process says `READY` when it can take requests, or says why it never will; then for
each request it says `TAKEN`, and answers when the body has ended. What it did not say `TAKEN` to was not started. In
between, at most once a second, it may report what the body has said so far.

Over another pipe it is asked `WHERE` its body is, and says so in words while that goes on.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import current_process, parent_process
from multiprocessing.connection import Connection, wait
from threading import main_thread
from typing import Any

from django_apscheduler_ng.capture import LogCapture, captured_logs
from django_apscheduler_ng.clock import SYSTEM_CLOCK
from django_apscheduler_ng.exceptions import WorkerError
from django_apscheduler_ng.output import Output, Report
from django_apscheduler_ng.refs import callable_ref, load_callable
from django_apscheduler_ng.reporting import Reporter
from django_apscheduler_ng.retries import class_name
from django_apscheduler_ng.runs import Outcome, Run, RunContext

from .body import IDLE, end_worker, outcome_of, perform, prepare
from .stacks import stack_of_thread

READY = b"ready"
TAKEN = b"taken"
WHERE = b"where"

#: What a report begins with; no pickle does.
REPORT = b"report"

#: How long a worker process waits with a report for more to report, in seconds.
REPORT_DELAY = 0.1

#: Signals that ask the scheduler to stop; it decides how its workers end.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: What gets through the pipe.
PLAIN_VALUES = "plain values instead: text, numbers, a primary key, a path."


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A run on its way to a worker process."""

    func_ref: str
    #: Pickled positional and keyword arguments, opened only in the surroundings of the body.
    arguments: bytes
    context: RunContext
    around: str | None
    #: What is kept of what the body logs.
    capture: LogCapture | None = None


def request_of(run: Run, around: str | None, capture: LogCapture | None) -> Request:
    """Return the run in a form that another process can use; `around` refers to its surroundings.

    Raises:
        WorkerError: an argument cannot be pickled.
        CallableReferenceError: the callable has no name.
    """
    try:
        arguments = pickle.dumps((tuple(run.args), dict(run.kwargs)))
    except Exception as error:
        raise WorkerError(
            f"The arguments of the run cannot be sent to a worker process: {class_name(type(error))}: {error}. "
            f"Pass {PLAIN_VALUES}"
        ) from error
    func_ref = run.func_ref or callable_ref(run.func)
    return Request(func_ref=func_ref, arguments=arguments, context=run.context, around=around, capture=capture)


def serve(connection: Connection, control: Connection, initialize: Callable[[], object] | None) -> None:
    """Perform what comes through `connection` until the other end is closed. The main function of the process.

    Args:
        connection: for runs and their outcomes.
        control: for questions about the run that is under way.
        initialize: called first, where it is not None.
    """
    _ignore_stop_signals()
    threading.Thread(target=_watch_parent, args=[control], name="parent watch", daemon=True).start()
    with suppress(BrokenPipeError, ConnectionResetError):  # the node is gone, and with it whoever would want to know
        _serve(connection, initialize)


def _serve(connection: Connection, initialize: Callable[[], object] | None) -> None:
    try:
        if initialize is not None:
            initialize()
    except BaseException as error:
        connection.send_bytes(f"{class_name(type(error))}: {error}".encode(errors="replace"))
        return
    connection.send_bytes(READY)
    around, speaker = None, _Speaker(connection)
    while (request := _receive(connection, around)) is not None:
        around = request.around
        prepare(around, request.func_ref)
        connection.send_bytes(TAKEN)
        speaker.speak_for(request.context.output)
        speaker.answer(_answer(request))
    end_worker(around)


class _Speaker:
    """Sends reports of the run under way, and its outcome; no report comes after that."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._output = Output()
        self._reporter = Reporter(self._report, name="run reports", delay=REPORT_DELAY)

    def speak_for(self, output: Output) -> None:
        """Report what this one takes in."""
        self._output = output
        output.listener = self._reporter.note

    def answer(self, answer: bytes) -> None:
        """Send the outcome of a run that says nothing any more."""
        with self._sending:
            self._connection.send_bytes(answer)

    def _report(self) -> None:
        with self._sending, suppress(OSError):  # where nobody listens any more, the process is about to end
            if (report := self._output.take()) is not None:
                self._connection.send_bytes(REPORT + pickle.dumps(report))


def report_in(message: bytes) -> Report | None:
    """Return the report that a message is; None where it is an outcome."""
    if not message.startswith(REPORT):
        return None
    report: Report = pickle.loads(message[len(REPORT) :])  # noqa: S301 -- from a process of ours
    return report


def worker_name() -> str:
    """Return how outcomes and messages call this process."""
    return f"{current_process().name} (pid {os.getpid()})"


def _ignore_stop_signals() -> None:
    """Do nothing on SIGINT and SIGTERM; unlike `SIG_IGN` that is not handed on to programs that a body starts."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: None)
    if hasattr(signal, "pthread_sigmask"):  # they were blocked while the process started
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _watch_parent(control: Connection) -> None:
    """End this process when its parent is gone, however that ended, and whatever the body is doing; say where that is meanwhile."""
    parent = parent_process()
    if parent is None:
        return
    watched: list[Connection | int] = [parent.sentinel, control]
    while parent.sentinel not in wait(watched):
        try:
            control.recv_bytes()
            control.send_bytes(stack_of_thread(main_thread().ident or 0).encode(errors="replace"))
        except (EOFError, OSError):
            watched.remove(control)
    os._exit(1)


def _receive(connection: Connection, around: str | None) -> Request | None:
    """Wait for the next run, and let go of what its surroundings `around` hold where that takes long."""
    try:
        if not connection.poll(IDLE):
            end_worker(around)
        request: Request = pickle.loads(connection.recv_bytes())  # noqa: S301 -- from the parent, never from a store
    except (EOFError, OSError):
        return None
    return request


def _answer(request: Request) -> bytes:
    return pack(perform_request(request))


def perform_request(request: Request) -> Outcome:
    """Perform the run that was sent here; the outcome says what the body has said."""

    def body() -> Any:
        args, kwargs = _open_arguments(request.arguments)
        return load_callable(request.func_ref)(*args, **kwargs)

    context, around = request.context, request.around
    with captured_logs(request.capture):
        outcome = perform(body, (), {}, context, clock=SYSTEM_CLOCK, around=around, worker=worker_name())
    return replace(outcome, report=context.output.close())


def _open_arguments(arguments: bytes) -> Sequence[Any]:
    try:
        opened: Sequence[Any] = pickle.loads(arguments)  # noqa: S301 -- from the parent, never from a store
    except Exception as error:
        raise WorkerError(
            f"The arguments of the run cannot be rebuilt in a worker process: {class_name(type(error))}: {error}. "
            f"Pass {PLAIN_VALUES}"
        ) from error
    return opened


def pack(outcome: Outcome) -> bytes:
    """Return an outcome in a form that always gets through: a result that cannot be pickled makes it a failure."""
    try:
        result = pickle.dumps(outcome.result)
    except BaseException as error:
        outcome, result = _without_result(outcome, "sent back from", error), pickle.dumps(None)
    try:
        exception = pickle.dumps(outcome.exception)
    except BaseException:
        exception = pickle.dumps(None)
    return pickle.dumps((replace(outcome, result=None, exception=None), result, exception))


def unpack(data: bytes) -> Outcome:
    """Return the outcome that was packed; an exception that does not get through is replaced by one with its text."""
    outcome, result, exception = pickle.loads(data)  # noqa: S301 -- from a process of ours
    unpacked: Outcome = outcome
    try:
        unpacked = replace(unpacked, result=pickle.loads(result))  # noqa: S301 -- likewise
    except BaseException as error:
        return _without_result(unpacked, "rebuilt outside of", error)
    if not unpacked.exception_type:
        return unpacked
    return replace(unpacked, exception=_rebuilt(exception) or WorkerError(_summary(unpacked)))


def _rebuilt(exception: bytes) -> BaseException | None:
    try:
        found = pickle.loads(exception)  # noqa: S301 -- from a process of ours
    except BaseException:
        return None
    return found if isinstance(found, BaseException) else None


def _summary(outcome: Outcome) -> str:
    return f"{outcome.exception_type}: {outcome.exception_message}"


def _without_result(outcome: Outcome, verb: str, error: BaseException) -> Outcome:
    """Return the failure that stands for an outcome whose result does not get through."""
    failure = WorkerError(
        f"The result of the run cannot be {verb} the worker process: {class_name(type(error))}: {error}. "
        f"Return {PLAIN_VALUES}"
    )
    return outcome_of(
        None,
        failure,
        started_at=outcome.started_at,
        finished_at=outcome.finished_at,
        worker=outcome.worker,
        report=outcome.report,
    )
