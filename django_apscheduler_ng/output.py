"""What the code of a run says while it runs: how far it has come, and the end of what it logged.

Each run has an `Output`. The run's code fills it, in whatever threads and tasks; whoever listens to it is told once that there is
something new, and takes a `Report`. A run that says nothing has no buffer, and nobody is told of it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import Any, NamedTuple

from .exceptions import ProgressError

#: Longest text of a progress, in characters.
TEXT_LIMIT = 255

#: The message of one record may take up this part of the log of its run, and with its traceback twice as much.
RECORD_PART = 4


class Progress(NamedTuple):
    """How far a run has come, in steps of its own."""

    done: float
    #: Of how many; None where the run does not know.
    total: float | None = None
    #: What it is doing.
    text: str = ""


class Report(NamedTuple):
    """What a run has said so far."""

    progress: Progress | None = None
    #: The end of its log.
    log: str = ""


class LogTail:
    """The latest lines of a log, of which the earlier ones are left out where they are too long. Threads may share it."""

    __slots__ = ("_left_out", "_limit", "_lines", "_lock", "_size")

    def __init__(self, limit: int) -> None:
        """Keep `limit` characters, at least 1."""
        self._limit = limit
        self._lines: deque[str] = deque()
        self._size = 0
        self._left_out = 0
        self._lock = RLock()  # a destructor or signal handler that logs may come between

    def append(self, line: str) -> None:
        """Add a line, without its end; of a very long one the beginning."""
        line = cut(line, max(self._limit * 2 // RECORD_PART, 1)) + "\n"
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            while self._size > self._limit and len(self._lines) > 1:
                gone = len(self._lines.popleft())
                self._size -= gone
                self._left_out += gone

    def text(self) -> str:
        """Return the lines, and before them how much was left out."""
        with self._lock:
            lines, left_out = "".join(self._lines), self._left_out
        return f"{left_out_mark(left_out)}\n{lines}" if left_out else lines


def cut(text: str, limit: int) -> str:
    """Return the text, or its beginning and how much of it is left out."""
    return text if len(text) <= limit else f"{text[:limit]} {left_out_mark(len(text) - limit)}"


def left_out_mark(count: int) -> str:
    """Return what stands where characters were left out."""
    return f"… [{count} characters left out] …"


class Output:
    """What one run has said so far. Its methods may be called from any thread.

    Pickled, it is an empty one: what a run says belongs to the process that performs it, which sends reports.
    """

    __slots__ = ("_closed", "_log", "_progress", "_received_log", "_told", "listener")

    def __init__(self) -> None:
        """Begin with nothing."""
        #: Called when there is something new, once until it is taken; at once, in the thread of whoever says it.
        self.listener: Callable[[], object] | None = None
        self._progress: Progress | None = None
        self._log: LogTail | None = None
        #: What another process that performs this run has logged.
        self._received_log = ""
        self._told = False
        self._closed = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle none of it."""
        return Output, ()

    def set_progress(self, progress: Progress) -> None:
        """Note how far the run has come."""
        self._progress = progress
        if not self._told:
            self._tell()

    def add_line(self, line: str, limit: int) -> None:
        """Add to the log of the run, of which `limit` characters are kept."""
        if self._closed:
            return
        if self._log is None:
            self._log = LogTail(limit)
        self._log.append(line)
        if not self._told:
            self._tell()

    def receive(self, report: Report) -> None:
        """Take over what the process that performs the run has reported; it replaces what was there."""
        self._progress, self._received_log = report
        if not self._told:
            self._tell()

    def take(self) -> Report | None:
        """Return what was said so far, and tell the listener of what comes after; None once the run has ended."""
        self._told = False  # before looking, so that nothing falls between
        return None if self._closed else self._report()

    def close(self) -> Report | None:
        """End it and return what was said; None where that is nothing. Nothing is taken any more."""
        self._closed = True
        self.listener = None
        if self._progress is None and self._log is None and not self._received_log:
            return None
        return self._report()

    def _tell(self) -> None:
        listener = self.listener
        if listener is not None and not self._closed:
            self._told = True
            listener()

    def _report(self) -> Report:
        return Report(self._progress, self._received_log if self._log is None else self._log.text())


def checked_progress(done: object, total: object, text: object) -> Progress:
    """Return the progress that a body reports.

    More done than there is to do is kept as it is; nobody knows which of the numbers is wrong.

    Raises:
        ProgressError: a number is none, negative or not finite.
    """
    steps = _steps(done, "done")
    return Progress(steps, None if total is None else _steps(total, "total"), str(text)[:TEXT_LIMIT])


def _steps(value: Any, name: str) -> float:
    try:
        steps = float(value)
    except (TypeError, ValueError, OverflowError):
        steps = math.nan
    if isinstance(value, str | bytes) or not 0 <= steps < math.inf:
        raise ProgressError(
            f"Progress '{name}' must be a finite number, at least 0, got {value!r}. Count steps, bytes or rows: progress(3, 10)."
        )
    return steps
