"""A scheduler inside of a gevent hub."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..exceptions import needs_extra
from .loops import LONGEST_WAIT, LoopScheduler

with needs_extra("GeventScheduler", "gevent"):
    import gevent
    from gevent.event import Event


class GeventScheduler(LoopScheduler):
    """Lives in the hub of the thread that calls `start()`, and performs jobs in greenlets.

    With or without gevent's patches: without them a job store that blocks is asked in a thread, with them in a greenlet, where the
    patched modules let the others go on.
    """

    _default_executor = "gevent"

    def __init__(self, *args: Any, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`."""
        #: The hub that this scheduler lives in, once it was started.
        self.hub: Any = None
        self._stopped = Event()
        super().__init__(*args, **options)

    def start(self, paused: bool = False) -> gevent.Greenlet:
        """Start the scheduler; see `BaseScheduler.start()`.

        Returns:
            A greenlet that ends when the scheduler was shut down: a program that does nothing else joins it.
        """
        super().start(paused)
        self._stopped = Event()
        return gevent.spawn(_stay, self._stopped)

    def shutdown(self, wait: bool = True) -> None:
        """Stop looking for jobs, and shut the executors and job stores down; see `BaseScheduler.shutdown()`.

        Args:
            wait: wait until the runs under way have ended; the greenlets of other code go on meanwhile.
        """
        super().shutdown(wait)
        self._call_in_loop(self._stopped.set)

    def _enter_loop(self) -> None:
        self.hub = gevent.get_hub()

    def _call_in_loop(self, call: Callable[[], object]) -> None:
        if self.hub.loop is not None:  # the hub was not destroyed
            self.hub.loop.run_callback_threadsafe(gevent.spawn, call)

    def _call_later(self, seconds: float, call: Callable[[], object]) -> Callable[[], object]:
        self.hub.loop.update_now()  # it counts from when it last looked at the clock, and would be early
        return partial(gevent.spawn_later(seconds, call).kill, block=False)


def _stay(stopped: Event) -> None:
    """Keep the hub from running out of work, which would end it, until the event."""
    while not stopped.wait(LONGEST_WAIT):
        pass
