"""A scheduler without a loop: a test moves its time, and it does what is due, at once and in the test's own thread."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf, isfinite
from typing import Any

from ..jobstores.base import BaseJobStore
from ..schedulers.base import STATE_RUNNING, BaseScheduler
from ..schedulers.passes import Pass
from .clock import FakeClock, as_moment

#: Executors that a manual scheduler has unless it is given others of these names: those of a Django project.
EXECUTORS = ("default", "processpool", "asyncio")

#: Passes at one moment after which something must be wrong.
_MOST_PASSES = 10_000


class ManualScheduler(BaseScheduler):
    """Makes the same passes as every scheduler, when `travel()` or `process_due()` is called.

    Bodies run in the calling thread, one after the other, and no thread is started: it also works on the ORM job store inside a
    `TestCase`. What a job store raises is raised here.

    Example:
        >>> calls = []
        >>> scheduler = ManualScheduler(FakeClock("2026-10-25T00:00:00+02:00"))
        >>> scheduler.start()
        >>> job = scheduler.add_job(calls.append, "cron", args=[1], hour=2, minute=30, timezone="Europe/Berlin")
        >>> now = scheduler.travel(until="2026-10-26T00:00:00+01:00")
        >>> calls
        [1]
        >>> scheduler.shutdown()
    """

    #: Tells job stores to start no thread, to take the time from this scheduler alone, and to record at once.
    driven_by_hand = True

    def __init__(
        self, clock: FakeClock | None = None, gconfig: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Configure the scheduler.

        Args:
            clock: the time; one of its own when left out, as `fake_clock`.
            gconfig: options of `configure()` under dotted names.
            **options: options of `configure()`, but `clock`. Executors that are not given perform in the calling thread.
        """
        self.fake_clock = clock or FakeClock()
        self._woken = False
        super().__init__(gconfig, **options, clock=self.fake_clock)
        self._pass = _StrictPass(self, self._jobstores, self._executors)
        self.poll_interval = inf

    def _add_defaults(self) -> None:
        for alias in EXECUTORS:
            if alias not in self._executors:
                self.add_executor({"type": "debug"}, alias)
        super()._add_defaults()

    def wakeup(self) -> None:
        """Remember that another pass is wanted at this moment."""
        self._woken = True

    def travel(self, seconds: timedelta | float | None = None, *, until: datetime | str | None = None) -> datetime:
        """Let time pass, stopping at each moment at which something is due and doing it; returns the moment of arrival.

        What is due on arrival is done, too; `travel(0)` does what is due now. A body may let time pass by itself, with
        `fake_clock.advance()`; the journey ends when that leads beyond its end. While the scheduler is paused, time passes and
        nothing else.

        Args:
            seconds: how far, as a duration or a number of seconds.
            until: instead of `seconds`, the moment of arrival: an aware datetime, or an ISO string with an offset.

        Raises:
            ValueError: neither or both are given, or the journey leads into the past.
        """
        target = self._target(seconds, until)
        self._require_running()
        for store in list(self._jobstores.values()):
            store.care()
        while (due := self._due_after_passes(target)) is not None and due <= target:
            self.fake_clock.set(max(due, self.fake_clock.now()))
        return self.fake_clock.set(max(target, self.fake_clock.now()))

    def _target(self, seconds: timedelta | float | None, until: datetime | str | None) -> datetime:
        if (seconds is None) == (until is None):
            raise ValueError(
                "travel() must get either a number of seconds or until=…, got both or neither. Write travel(60)."
            )
        now = self.fake_clock.now()
        if until is not None:
            target = as_moment(until, "until")
        else:
            target = now + (seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds or 0))
        if target < now:
            raise ValueError(
                f"travel() must lead into the future, got {target.isoformat()}, and it is {now.isoformat()}. "
                "Move the clock itself with fake_clock.step() to test a clock that is set back."
            )
        return target

    def _due_after_passes(self, target: datetime) -> datetime | None:
        """Make passes until nothing is left to do at this moment; returns the next one at which there is, or None."""
        moment, passes = self.fake_clock.now(), 0
        while passes < _MOST_PASSES:
            self._woken = False
            wait = self._process_jobs()
            if self.fake_clock.now() > target:
                return None
            passes = passes + 1 if self.fake_clock.now() == moment else 0
            moment = self.fake_clock.now()
            if wait > 0 and not (self._woken and self.state == STATE_RUNNING):
                return self.fake_clock.now() + timedelta(seconds=wait) if isfinite(wait) else None
        raise RuntimeError(
            f"After {_MOST_PASSES} passes at {self.fake_clock.now().isoformat()} there is still something due. "
            "A job that adds a job that is due at once never lets time pass."
        )


class _StrictPass(Pass):
    """A pass that keeps no error of a job store to itself."""

    def _serve_safely(self, alias: str, store: BaseJobStore) -> float:
        return self._until_next_look(store, self._serve(store))
