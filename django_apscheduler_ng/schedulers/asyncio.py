"""A scheduler inside of an asyncio event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any

from ..exceptions import ConfigurationError
from .loops import LoopScheduler


class AsyncIOScheduler(LoopScheduler):
    """Lives in an event loop: `start()` returns at once, and async functions are performed as tasks of that loop.

    `shutdown()` in the loop waits for none of them, because they could not go on; `await asyncio.to_thread(scheduler.shutdown)` waits.
    """

    _default_executor = "asyncio"
    _own_options = ("event_loop",)

    def __init__(self, gconfig: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`, and `event_loop`.

        Args:
            gconfig: options under dotted names.
            **options: options by keyword; `event_loop` is the loop to live in (default: the one that runs where `start()` is called).
        """
        self._given_loop: asyncio.AbstractEventLoop | None = None
        #: The loop that this scheduler lives in, once it was started.
        self.event_loop: asyncio.AbstractEventLoop | None = None
        super().__init__(gconfig, **options)

    def _apply_own(self, options: Mapping[str, Any]) -> None:
        loop = options.get("event_loop", self._given_loop)
        if loop is not None and not isinstance(loop, asyncio.AbstractEventLoop):
            raise ConfigurationError(
                f"Option 'event_loop' must be an asyncio event loop, got {loop!r}. Leave it out to use the running one."
            )
        self._given_loop = loop

    def _enter_loop(self) -> None:
        try:
            self.event_loop = self._given_loop or asyncio.get_running_loop()
        except RuntimeError as error:
            raise ConfigurationError(
                f"{type(self).__name__} found no running event loop. Call start() in an async function, or pass event_loop=."
            ) from error

    def _call_in_loop(self, call: Callable[[], object]) -> None:
        assert self.event_loop is not None
        try:  # in a context of its own: that of the caller, of a web request perhaps, would live on in each timer
            self.event_loop.call_soon_threadsafe(call, context=Context())
        except RuntimeError:
            if not self.event_loop.is_closed():
                raise

    def _call_later(self, seconds: float, call: Callable[[], object]) -> Callable[[], object]:
        assert self.event_loop is not None
        return self.event_loop.call_later(seconds, call).cancel
