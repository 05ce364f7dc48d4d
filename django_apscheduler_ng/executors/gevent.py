"""An executor that performs runs in greenlets of one hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_apscheduler_ng.exceptions import ConfigurationError, WorkerError, needs_extra
from django_apscheduler_ng.runs import RunCancelled

from .base import ExecutorHost, Ticket
from .early import Stop
from .slots import SlotExecutor
from .stacks import stack_of_frame

with needs_extra("GeventExecutor", "gevent"):
    import gevent
    from gevent.event import Event
    from gevent.monkey import get_original, is_module_patched

#: Tells the thread, also where gevent has patched this to tell the greenlet.
_native_ident = get_original("_thread", "get_ident")


class GeventExecutor(SlotExecutor):
    """Performs each run in a greenlet. A body that waits for something that gevent knows lets the others go on.

    A body whose run is to end early gets a `RunCancelled` thrown into it where it waits.

    The hub is that of the scheduler where it has one (`hub`), otherwise, in a process that gevent has patched, the only one there is.
    """

    def __init__(self, max_workers: int | str | None = 100) -> None:
        """Prepare for `max_workers` runs at once (100 for None)."""
        super().__init__(100 if max_workers is None else max_workers)

    def start(self, host: ExecutorHost, alias: str) -> None:
        """Begin to accept runs.

        Raises:
            ConfigurationError: nobody would run the greenlets.
        """
        hub = getattr(host, "hub", None)
        if hub is None and not is_module_patched("threading"):
            raise ConfigurationError(
                f"Executor {alias!r} performs in greenlets, and {type(host).__name__} has no hub that runs them. "
                "Use it with a GeventScheduler, call gevent.monkey.patch_all() first, or choose the type 'threadpool'."
            )
        self._hub: Any = hub or gevent.get_hub()
        self._greenlets: dict[Ticket, gevent.Greenlet] = {}
        self._quiet = Event()
        super().start(host, alias)

    def shutdown(self, wait: bool = True) -> None:
        """Accept no more runs. Those that were accepted go on to their end, unless their hub was destroyed.

        Args:
            wait: return only when all have ended. In the thread of the hub, other greenlets go on meanwhile.
        """
        if self._load is not None and self._hub.loop is None:
            for ticket in self._load.runs():
                self._settle(ticket, self._interrupted(ticket))
        super().shutdown(wait)

    def _hand_over(self, ticket: Ticket) -> None:
        if not self._call_in_hub(self._spawn, ticket):
            raise WorkerError(
                "The gevent hub was destroyed, and its greenlets with it. Shut the scheduler down before."
            )

    def _call_in_hub(self, call: Callable[..., object], *args: object) -> bool:
        """Have the hub call `call` soon; returns False where it was destroyed. May be called from any thread."""
        if (loop := self._hub.loop) is not None:
            loop.run_callback_threadsafe(call, *args)
        return loop is not None

    def _spawn(self, ticket: Ticket) -> None:
        greenlet = gevent.spawn(self._perform, ticket)
        self._greenlets[ticket] = greenlet
        greenlet.link(lambda _greenlet: self._greenlets.pop(ticket, None))

    def _interrupt(self, ticket: Ticket, stop: Stop) -> float:
        self._call_in_hub(self._throw, ticket, stop)
        return self.cancel_patience

    def _throw(self, ticket: Ticket, stop: Stop) -> None:
        """Raise in the body that its run is to end. Belongs to the hub."""
        greenlet = self._greenlets.get(ticket)
        if greenlet is None or ticket.early is None:
            return
        ticket.early.where = stack_of_frame(greenlet.gr_frame)
        ticket.run.cancellation.seen = True
        greenlet.kill(RunCancelled(stop.message), block=False)

    def _where(self, ticket: Ticket) -> str:
        return ""  # the thread is that of all greenlets

    def _release(self) -> None:
        self._call_in_hub(self._quiet.set)

    def _await_idle(self) -> None:
        """Wait in a way that lets the greenlets go on, where this is their thread."""
        if _native_ident() == self._hub.thread_ident:
            self._quiet.wait()
        else:
            super()._await_idle()

    def _kill(self) -> None:
        self._call_in_hub(lambda: gevent.killall(list(self._greenlets.values()), block=False))
