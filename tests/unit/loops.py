"""Real loops, each in a thread of its own, for tests that would otherwise be held up by them.

Programs in which the loop has the main thread are in `docs/how-to/choose-a-scheduler.md`, and run with it.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

import pytest

from django_apscheduler_ng.schedulers.loops import LoopScheduler

PATIENCE = 20


class Loop(ABC):
    """A loop in a thread. Its packages are imported by the test that needs it first, which is skipped where they are missing."""

    def __init__(self) -> None:
        self.ready: Future[None] = Future()
        self.thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self.thread.start()
        self.ready.result(PATIENCE)

    @abstractmethod
    def soon(self, call: Callable[[], object]) -> None:
        """Have `call` called in the loop."""

    @abstractmethod
    def run(self) -> None:
        """Run the loop until it is stopped; calls `is_ready()` in the loop."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the loop. Called in it."""

    @abstractmethod
    def scheduler(self, **options: Any) -> LoopScheduler:
        """Return a scheduler for this loop, to be started in it."""

    def is_ready(self) -> None:
        self.ready.set_result(None)

    def _run(self) -> None:
        try:
            self.run()
        except BaseException as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `function` in the loop, and return what it returns."""
        done: Future[Any] = Future()

        def call() -> None:
            try:
                done.set_result(function(*args, **kwargs))
            except BaseException as error:
                done.set_exception(error)

        self.soon(call)
        return done.result(PATIENCE)

    def end(self) -> None:
        """Stop the loop and wait for its thread; a second call does nothing."""
        if self.thread.is_alive():
            self.soon(self.stop)
            self.thread.join(PATIENCE)
            assert not self.thread.is_alive()

    def close(self) -> None:  # noqa: B027 -- most leave nothing
        """Let go of what is left of a loop that has ended."""


class AsyncIOLoop(Loop):
    def soon(self, call: Callable[[], object]) -> None:
        self.loop.call_soon_threadsafe(call)

    def run(self) -> None:
        asyncio.run(self.main())

    async def main(self) -> None:
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        self.is_ready()
        await self.over.wait()

    def stop(self) -> None:
        self.over.set()

    def scheduler(self, **options: Any) -> LoopScheduler:
        from django_apscheduler_ng.schedulers.asyncio import AsyncIOScheduler

        return AsyncIOScheduler(**options)


class TornadoLoop(AsyncIOLoop):
    def soon(self, call: Callable[[], object]) -> None:
        self.io_loop.add_callback(call)

    async def main(self) -> None:
        from tornado.ioloop import IOLoop

        self.io_loop = IOLoop.current()
        await super().main()

    def scheduler(self, **options: Any) -> LoopScheduler:
        from django_apscheduler_ng.schedulers.tornado import TornadoScheduler

        return TornadoScheduler(**options)


class GeventLoop(Loop):
    """The hub of a thread, in a process that is not patched."""

    def soon(self, call: Callable[[], object]) -> None:
        import gevent

        self.hub.loop.run_callback_threadsafe(gevent.spawn, call)

    def run(self) -> None:
        import gevent
        from gevent.event import Event

        self.hub, self.over = gevent.get_hub(), Event()
        self.is_ready()
        while not self.over.wait(3600):
            pass
        self.hub.destroy()

    def stop(self) -> None:
        self.over.set()

    def scheduler(self, **options: Any) -> LoopScheduler:
        from django_apscheduler_ng.schedulers.gevent import GeventScheduler

        return GeventScheduler(**options)


class TwistedLoop(Loop):
    """A reactor that is not the installed one, so that it can be made anew; it runs in earnest all the same."""

    def soon(self, call: Callable[[], object]) -> None:
        self.reactor.callFromThread(call)

    def run(self) -> None:
        from twisted.internet.selectreactor import SelectReactor

        self.reactor = SelectReactor()
        self.reactor.callWhenRunning(self.is_ready)
        self.reactor.run(installSignalHandlers=False)

    def close(self) -> None:
        close_reactor(self.reactor)

    def stop(self) -> None:
        self.reactor.stop()

    def scheduler(self, **options: Any) -> LoopScheduler:
        from django_apscheduler_ng.schedulers.twisted import TwistedScheduler

        return TwistedScheduler(reactor=self.reactor, **options)


class QtLoop(Loop):
    def __init__(self) -> None:
        qt_application()
        super().__init__()

    def soon(self, call: Callable[[], object]) -> None:
        self.messenger.message.emit(call)

    def run(self) -> None:
        from PySide6.QtCore import QEventLoop

        from django_apscheduler_ng.schedulers.qt import _Messenger

        self.loop, self.messenger = QEventLoop(), _Messenger()
        self.is_ready()
        self.loop.exec()
        self.messenger.deleteLater()
        self.loop.processEvents()

    def stop(self) -> None:
        self.loop.quit()

    def scheduler(self, **options: Any) -> LoopScheduler:
        from django_apscheduler_ng.schedulers.qt import QtScheduler

        return QtScheduler(**options)


def close_reactor(reactor: Any) -> None:
    """Close the files of a reactor that does not run; only tests make more than one."""
    for reader in reactor.removeAll():
        reader.connectionLost(None)
    reactor.waker.connectionLost(None)


@cache
def qt_application() -> Any:
    """Return the only Qt application that this process may have."""
    from PySide6.QtCore import QCoreApplication

    return QCoreApplication([])


LOOPS = {
    "asyncio": (AsyncIOLoop, "asyncio"),
    "tornado": (TornadoLoop, "tornado"),
    "gevent": (GeventLoop, "gevent"),
    "twisted": (TwistedLoop, "twisted"),
    "qt": (QtLoop, "PySide6.QtCore"),
}


def make_loop(name: str) -> Any:
    """Return a loop that runs; skips the test where its package is not installed."""
    kind, module = LOOPS[name]
    pytest.importorskip(module)
    return kind()


_shared: dict[str, Any] = {}


def shared_loop(name: str) -> Any:
    """Return a loop that runs until the session of tests ends."""
    if name not in _shared:
        _shared[name] = make_loop(name)
    return _shared[name]


def end_shared_loops() -> None:
    while _shared:
        _, loop = _shared.popitem()
        loop.end()
        loop.close()
