"""A scheduler inside of a Twisted reactor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..exceptions import ConfigurationError, needs_extra
from .loops import LoopScheduler

with needs_extra("TwistedScheduler", "twisted"):
    from twisted.internet.interfaces import IReactorThreads, IReactorTime


class TwistedScheduler(LoopScheduler):
    """Lives in a reactor: `start()` returns at once, and jobs are performed in the threads of that reactor.

    `shutdown()` in the reactor's thread does not wait for them.
    """

    _default_executor = "twisted"
    _own_options = ("reactor",)

    def __init__(self, gconfig: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`, and `reactor`.

        Args:
            gconfig: options under dotted names.
            **options: options by keyword; `reactor` is the one to live in (default: the installed one).
        """
        self._given_reactor: Any = None
        #: The reactor that this scheduler lives in, once it was started.
        self.reactor: Any = None
        super().__init__(gconfig, **options)

    def _apply_own(self, options: Mapping[str, Any]) -> None:
        reactor = options.get("reactor", self._given_reactor)
        if reactor is not None and not (IReactorTime.providedBy(reactor) and IReactorThreads.providedBy(reactor)):
            raise ConfigurationError(
                f"Option 'reactor' must be a Twisted reactor with threads, got {reactor!r}. Leave it out to use the installed one."
            )
        self._given_reactor = reactor

    def _enter_loop(self) -> None:
        from twisted.internet import reactor  # installs one: not before the program had its chance to choose

        self.reactor = self._given_reactor or reactor

    def _call_in_loop(self, call: Callable[[], object]) -> None:
        self.reactor.callFromThread(call)

    def _call_later(self, seconds: float, call: Callable[[], object]) -> Callable[[], object]:
        return self.reactor.callLater(seconds, call).cancel  # type: ignore[no-any-return]
