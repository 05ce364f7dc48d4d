"""An executor without workers, for tests and debugging."""

from __future__ import annotations

import threading

from .base import BaseExecutor, Ticket
from .body import perform


class DebugExecutor(BaseExecutor):
    """Performs each run at once, in the thread that submits it.

    Nothing can end a run early while it is under way: timeouts are not enforced.

    Ctrl-C during a body fails the run and is then raised, so that it can stop what called the executor.
    """

    def __init__(self) -> None:
        """Prepare for one run at a time."""
        super().__init__(1)

    def _dispatch(self, ticket: Ticket) -> None:
        run = ticket.run
        if self._begin(ticket, timed=False):
            outcome = perform(
                run.func,
                run.args,
                run.kwargs,
                run.context,
                clock=self._host.clock,
                around=self._host.around_run,
                worker=threading.current_thread().name,
            )
            self._settle(ticket, outcome)
            if isinstance(outcome.exception, KeyboardInterrupt):
                raise outcome.exception
