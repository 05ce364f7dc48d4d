"""An executor that performs coroutines of all kinds that Tornado knows in the loop of the scheduler."""

from __future__ import annotations

from django_apscheduler_ng.exceptions import needs_extra
from django_apscheduler_ng.runs import Run

from .asyncio import AsyncIOExecutor

with needs_extra("TornadoExecutor", "tornado"):
    from tornado.gen import is_coroutine_function


class TornadoExecutor(AsyncIOExecutor):
    """Performs async functions and those decorated with `tornado.gen.coroutine` in the loop, and other callables in threads.

    Tornado's loop is one of asyncio, so all else is as with `AsyncIOExecutor`.
    """

    def _is_task(self, run: Run) -> bool:
        return super()._is_task(run) or is_coroutine_function(run.func)
