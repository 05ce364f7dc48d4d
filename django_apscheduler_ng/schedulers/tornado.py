"""A scheduler inside of a Tornado loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exceptions import ConfigurationError, needs_extra
from .asyncio import AsyncIOScheduler

with needs_extra("TornadoScheduler", "tornado"):
    from tornado.ioloop import IOLoop
    from tornado.platform.asyncio import BaseAsyncIOLoop


class TornadoScheduler(AsyncIOScheduler):
    """Lives in an `IOLoop`: `start()` returns at once, and coroutines are performed in that loop.

    Tornado's loop is a cover on one of asyncio, in which this scheduler lives as `AsyncIOScheduler` does.
    """

    _default_executor = "tornado"
    _own_options = ("io_loop",)

    def __init__(self, gconfig: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Configure the scheduler; the arguments are those of `configure()`, and `io_loop`.

        Args:
            gconfig: options under dotted names.
            **options: options by keyword; `io_loop` is the loop to live in (default: `IOLoop.current()` where `start()` is called).
        """
        self._given_io_loop: BaseAsyncIOLoop | None = None
        super().__init__(gconfig, **options)

    def _apply_own(self, options: Mapping[str, Any]) -> None:
        self._given_io_loop = _checked(options.get("io_loop", self._given_io_loop))

    def _enter_loop(self) -> None:
        io_loop = self._given_io_loop or _checked(IOLoop.current())
        assert io_loop is not None
        self.event_loop = io_loop.asyncio_loop


def _checked(io_loop: Any) -> BaseAsyncIOLoop | None:
    if io_loop is not None and not isinstance(io_loop, BaseAsyncIOLoop):
        raise ConfigurationError(
            f"Option 'io_loop' must be a Tornado IOLoop, got {io_loop!r}. Leave it out to use IOLoop.current()."
        )
    return io_loop
