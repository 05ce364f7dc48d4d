"""A scheduler inside of a loop that the program has: asyncio's, Tornado's, gevent's, Twisted's or Qt's.

The loop says when. It holds one timer, for the next pass, and is told by `wakeup()`, from whatever thread, to make one sooner. So
there is no pass before the loop runs, and none after it has ended.

Where a pass is made depends on the job stores. The memory store answers at once: with it a pass is made in the loop, as in
APScheduler 3, and listeners that it calls may use what belongs to the loop. A job store that waits for a disk or a network would hold
up all else that the loop does. As soon as there is one of these (`blocks`), passes are made in a thread of their own, which serves
nothing else: they wait for no pool that others fill, and others do not wait for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Thread, current_thread
from typing import Any

from .base import STATE_STOPPED, BaseScheduler

#: Longest time that a loop is asked to wait, in seconds. Qt counts milliseconds in 32 bits (24 days), `select()` and others have
#: limits of their own; a look once a day costs nothing.
LONGEST_WAIT = 86_400.0


class LoopScheduler(BaseScheduler):
    """Makes passes when the loop of the program says so; `start()` returns at once.

    `pause()` and `shutdown()` wait for a pass that is under way, also in the loop.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`."""
        #: Whether the loop was told to look, and has not begun to.
        self._woken = False
        #: Whether a pass is under way, and whether the loop has been told to look meanwhile. Both belong to the loop.
        self._under_way = self._look_again = False
        self._stop_timer: Callable[[], object] | None = None
        #: The thread for passes that may block, which is started by the first of them.
        self._crew = ThreadPoolExecutor(1)
        self._crew_thread: Thread | None = None
        super().__init__(*args, **options)

    @abstractmethod
    def _enter_loop(self) -> None:
        """Find the loop, or raise an error that says how to have one. Called by `start()`."""

    @abstractmethod
    def _call_in_loop(self, call: Callable[[], object]) -> None:
        """Have the loop call `call` soon. May be called from any thread, and does nothing where the loop has ended."""

    @abstractmethod
    def _call_later(self, seconds: float, call: Callable[[], object]) -> Callable[[], object]:
        """Have the loop call `call` after so many seconds, and return what prevents that. Both belong to the loop."""

    def start(self, paused: bool = False) -> None:
        """Start the scheduler; see `BaseScheduler.start()`. Passes begin as soon as the loop runs.

        Raises:
            SchedulerAlreadyRunningError: the scheduler is running.
            ConfigurationError: there is no loop.
        """
        if self.state == STATE_STOPPED:
            self._enter_loop()
            self._woken = self._under_way = self._look_again = False
            self._crew, self._crew_thread = ThreadPoolExecutor(1, thread_name_prefix="django_apscheduler_ng"), None
        super().start(paused)

    def shutdown(self, wait: bool = True) -> None:
        """Stop looking for jobs, and shut the executors and job stores down; see `BaseScheduler.shutdown()`.

        Args:
            wait: wait until the runs under way have ended. In the loop itself, executors whose runs need it to end do not wait.
        """
        super().shutdown(wait)
        self._call_in_loop(self._forget_timer)
        if self._crew_thread is not None:
            self._crew.submit(self._leave_stores)
        self._crew.shutdown(wait=current_thread() is not self._crew_thread)

    def wakeup(self) -> None:
        """Make a pass soon. May be called from any thread."""
        if not self._woken:
            self._woken = True
            self._call_in_loop(self._look)

    def _look(self) -> None:
        """Make a pass, or have one made. Belongs to the loop."""
        self._woken = False
        self._look_again = self._under_way
        if self._under_way or self.state == STATE_STOPPED:
            return
        self._forget_timer()
        self._under_way = True
        if any(store.blocks for store in self.jobstores().values()):
            with suppress(RuntimeError):  # it was shut down just now
                self._crew.submit(self._pass_apart)
        else:
            self._passed(self._make_pass())

    def _pass_apart(self) -> None:
        """Make a pass in the thread for passes, and tell the loop when the next one is due."""
        self._crew_thread = current_thread()
        self._call_in_loop(partial(self._passed, self._make_pass()))

    def _make_pass(self) -> float:
        """Make a pass, and return the seconds to the next one, whatever happens: without them there would be no next one."""
        try:
            return min(self._process_in_pace(), LONGEST_WAIT)
        except Exception:
            wait = min(self.poll_interval, LONGEST_WAIT)
            self._logger.exception("A pass failed; the next one is made in %s s.", wait)
            return wait

    def _passed(self, wait: float) -> None:
        """Wait for the next pass. Belongs to the loop."""
        self._under_way = False
        if self.state != STATE_STOPPED:
            self._stop_timer = self._call_later(0.0 if self._look_again else wait, self._timer_fired)

    def _timer_fired(self) -> None:
        self._stop_timer = None
        self._look()

    def _forget_timer(self) -> None:
        stop, self._stop_timer = self._stop_timer, None
        if stop is not None:
            stop()

    def _leave_stores(self) -> None:
        for store in self.jobstores().values():
            store.leave()
