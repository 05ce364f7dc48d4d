"""An executor that performs runs in the thread pool of a Twisted reactor."""

from __future__ import annotations

from typing import Any

from django_apscheduler_ng.exceptions import ConfigurationError, WorkerError, needs_extra

from .base import ExecutorHost, Ticket
from .slots import SlotExecutor

with needs_extra("TwistedExecutor", "twisted"):
    from twisted.internet.interfaces import IReactorThreads
    from twisted.python.threadable import isInIOThread


class TwistedExecutor(SlotExecutor):
    """Performs runs in the threads of the reactor that a `TwistedScheduler` lives in, beside what `deferToThread()` does there.

    The reactor has ten threads unless `reactor.suggestThreadPoolSize()` says otherwise.
    """

    def __init__(self, max_workers: int | str | None = 10) -> None:
        """Prepare for `max_workers` runs at once (10 for None)."""
        super().__init__(10 if max_workers is None else max_workers)

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs.

        Raises:
            ConfigurationError: the scheduler has no reactor.
        """
        reactor: Any = getattr(host, "reactor", None)
        if not IReactorThreads.providedBy(reactor):
            raise ConfigurationError(
                f"Executor {alias!r} performs in the threads of a Twisted reactor, and {type(host).__name__} has none. "
                "Use it with a TwistedScheduler, or choose the type 'threadpool'."
            )
        self._reactor = reactor
        self._pool = reactor.getThreadPool()
        super().start(host, alias)

    def shutdown(self, wait: bool = True) -> None:
        """Accept no more runs. Those that were accepted go on to their end, unless the reactor has stopped before they began.

        Args:
            wait: return only when all have ended; ignored in the thread of the reactor, which it would block.
        """
        if self._load is not None and not self._reactor.running:
            for ticket in self._load.runs():
                if ticket.started_at is None:
                    self._settle(ticket, self._interrupted(ticket))
        super().shutdown(wait)

    def _hand_over(self, ticket: Ticket) -> None:
        if self._pool.joined:  # it would drop the run without a word
            raise WorkerError(
                "The Twisted reactor has stopped, and its threads with it. Shut the scheduler down before."
            )
        self._pool.callInThread(self._perform, ticket)

    def _may_wait(self) -> bool:
        return not isInIOThread() and super()._may_wait()  # type: ignore[no-untyped-call]
