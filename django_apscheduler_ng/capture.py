"""Log records of runs: each carries the ids of its run and job, and its line is kept with the run.

Records are met where they are made, by the factory of log records. A handler would miss loggers that do not propagate, and would be
gone once somebody configures logging anew, as `django.setup()` does in each worker process. Nothing else changes: which records are
made, and where they go, is decided by the project's loggers and handlers alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from .output import RECORD_PART, cut
from .runs import RunContext, current_run


@dataclass(frozen=True, kw_only=True, slots=True)
class LogCapture:
    """What is kept of what runs log."""

    #: The least level that is kept.
    level: int = logging.INFO
    #: Characters kept of each run, the last ones; 0 = nothing is kept.
    limit: int = 65_536


@contextmanager
def captured_logs(capture: LogCapture | None) -> Iterator[None]:
    """Capture what runs of this process log while the block runs; nothing for None. Blocks may overlap."""
    if capture is None:
        yield
        return
    start_capture(capture)
    try:
        yield
    finally:
        stop_capture(capture)


def start_capture(capture: LogCapture) -> None:
    """Capture what runs of this process log until `stop_capture()`; of several that are wanted the latest decides."""
    global _factory
    with _lock:
        if _factory is None:
            _factory = _Factory(logging.getLogRecordFactory())
            logging.setLogRecordFactory(_factory)
        _factory.wanted.append(capture)


def stop_capture(capture: LogCapture) -> None:
    """End what `start_capture()` began."""
    global _factory
    with _lock:
        if _factory is not None and capture in _factory.wanted:
            _factory.wanted.remove(capture)
            if not _factory.wanted:
                if logging.getLogRecordFactory() is _factory:
                    logging.setLogRecordFactory(_factory.before)
                _factory = None  # one that somebody has built upon goes on, and only passes records on


class _Factory:
    """Makes log records as they were made before, and adds to those of runs."""

    def __init__(self, before: Callable[..., logging.LogRecord]) -> None:
        self.before = before
        self.wanted: list[LogCapture] = []

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.before(*args, **kwargs)
        context = current_run()
        if context is not None and self.wanted and record.levelno is not None:  # `makeLogRecord()` fills it in later
            record.__dict__ = _Attributes(record.__dict__, run_id=context.id, job_id=context.job_id)
            capture = self.wanted[-1]
            if record.levelno >= capture.level and capture.limit:
                context.output.add_line(line_of(record, capture.limit // RECORD_PART), capture.limit)
        return record


_lock = Lock()
_factory: _Factory | None = None


class _Attributes(dict[str, Any]):
    """The attributes of a record. A logger refuses `extra` that is there already; ours give way to it instead."""

    def __contains__(self, name: object) -> bool:
        return name not in ("run_id", "job_id") and super().__contains__(name)


def line_of(record: logging.LogRecord, limit: int) -> str:
    """Return a record as the log of its run shows it, of a long one the beginning. Never raises."""
    try:
        message = cut(record.getMessage(), limit)
    except Exception as error:  # the handlers of the project say more about it
        text = record.msg[:limit] if isinstance(record.msg, str) else ""
        message = f"{text} [{type(error).__name__} while it was formatted]"
    milliseconds = f"{record.msecs:03.0f}"[:3]
    line = f"{_second(int(record.created))}.{milliseconds} {record.levelname} {record.name}: {message}"
    for more in (_exception(record), record.stack_info):
        if more:
            line += f"\n{more}"
    return line


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def _exception(record: logging.LogRecord) -> str:
    """Return the traceback of a record, without leaving it there: the handlers of the project may format it otherwise."""
    if not record.exc_info:
        return ""
    try:
        return _FORMATTER.formatException(record.exc_info)
    except Exception as error:
        return f"[{type(error).__name__} while the exception was formatted]"


_FORMATTER = logging.Formatter()


class RunFilter(logging.Filter):
    """Gives every record the attributes `run_id` and `job_id`, empty outside of runs, so that formats may name them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        context: RunContext | None = current_run()
        record.__dict__.setdefault("run_id", context.id if context else "")
        record.__dict__.setdefault("job_id", context.job_id if context else "")
        return True
