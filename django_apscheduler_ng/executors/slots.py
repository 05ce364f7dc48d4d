"""Executors that hand runs to workers of somebody else: a hub, a reactor, a pool."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import deque

from django_apscheduler_ng.clock import Clock
from django_apscheduler_ng.runs import Outcome, Run

from .base import BaseExecutor, ExecutorHost, Ticket
from .body import end_worker, perform


def perform_as_guest(run: Run, clock: Clock, around: str | None) -> Outcome:
    """Perform a run in a thread of somebody else, and leave nothing there: nobody knows whether another one will follow."""
    worker = threading.current_thread().name
    outcome = perform(run.func, run.args, run.kwargs, run.context, clock=clock, around=around, worker=worker)
    end_worker(around)
    return outcome


class SlotExecutor(BaseExecutor):
    """Hands over at most as many runs at once as it has slots; the others wait here, in the order in which they came."""

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs."""
        super().start(host, alias)
        self._queue: deque[Ticket] = deque()
        #: Runs that were handed over and have not ended.
        self._handed: set[Ticket] = set()
        self._handing_over = threading.Lock()

    @abstractmethod
    def _hand_over(self, ticket: Ticket) -> None:
        """Have the run performed elsewhere, with calls of `_begin()` and `_settle()`; what is raised fails it. Returns at once."""

    def _perform(self, ticket: Ticket) -> None:
        """Perform the run here and now, in a thread or greenlet of somebody else."""
        ticket.thread = threading.get_ident()
        if self._begin(ticket):
            self._settle(ticket, perform_as_guest(ticket.run, self._host.clock, self._host.around_run))
        else:
            self._give_back(ticket)

    def _dispatch(self, ticket: Ticket) -> None:
        self._queue.append(ticket)
        self._fill()

    def _settle(self, ticket: Ticket, outcome: Outcome) -> None:
        super()._settle(ticket, outcome)
        self._give_back(ticket)

    def _give_back(self, ticket: Ticket) -> None:
        """Use the slot of this run, which occupies it no more, for the next one."""
        self._handed.discard(ticket)
        self._fill()

    def _fill(self) -> None:
        """Hand over what there are slots for. One thread does so at a time; runs that end meanwhile are served by it as well."""
        while self._can_hand_over() and self._handing_over.acquire(blocking=False):
            try:
                while self._can_hand_over():
                    self._hand_over_next()
            finally:
                self._handing_over.release()

    def _can_hand_over(self) -> bool:
        return bool(self._queue) and len(self._handed) < self.capacity

    def _hand_over_next(self) -> None:
        ticket = self._queue.popleft()
        self._handed.add(ticket)
        try:
            self._hand_over(ticket)
        except Exception as error:
            self._settle(ticket, self._failed(ticket, error))
