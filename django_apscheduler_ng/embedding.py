"""A node inside a web process: `application = embed(get_wsgi_application())`, or `start_node()` in a hook of the server.

Nothing starts at import, so a process that only loads the project (`migrate`, `test`, `shell`, the master of `gunicorn --preload`)
has no node. One thread of the process starts the node, waits, and stops it: no request waits for it, no OS signal is handled, and the
end of the process has to wait for one thread only. What the thread belongs to is known by the process id, and forgotten at a fork:
a child has none of its parent's threads.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections

from .conf import get_config

if TYPE_CHECKING:
    from .livenode import LiveNode

logger = logging.getLogger(__name__)

#: How long runs under way may go on when the process ends, in seconds.
GRACE = 3.0

#: Longest time for the last records after that, in seconds.
_CLOSE_TIMEOUT = 5.0

#: First and longest pause between two attempts to start, in seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

#: How often running jobs are looked at while waiting for them, in seconds.
_LOOK = 0.05

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class _Process:
    """What is known of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.host: _Host | None = None
        #: Whether a node was ever asked for here.
        self.begun = False


_process = _Process()


def _renew() -> None:
    """Begin anew in a child process: with a lock that nobody holds, and without a node."""
    global _process
    _process = _Process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def _this_process() -> _Process:
    if _process.pid != os.getpid():  # forked by something that calls no hooks
        _renew()
    return _process


def start_node(*, grace: float = GRACE) -> None:
    """Have a node in this process; returns at once, and does nothing where there is one.

    It starts when the migrations are applied. What goes wrong is logged and tried again, and never raised.

    Args:
        grace: how long its runs may go on when it is stopped, in seconds.
    """
    process = _this_process()
    with process.lock:
        process.begun = True
        if process.host is not None:
            return
        host = _Host(grace)
        try:
            host.start()
        except RuntimeError as error:  # the system has no thread left, or the process is about to end
            logger.error("No scheduler node can be started in this process: %s.", error)
        else:
            process.host = host


def stop_node() -> None:
    """Stop the node of this process, and wait until it has stopped: its grace, and a few seconds more at most.

    What is still running then is recorded as interrupted. A second call does nothing.
    """
    process = _this_process()
    with process.lock:
        host, process.host = process.host, None
        process.begun = True
    if host is not None:
        host.stop()


def _ensure_node(grace: float) -> None:
    """Start a node with the first request; not again after it was stopped, with which the end of the process begins."""
    if not _this_process().begun:
        start_node(grace=grace)


class _Host:
    """The thread that starts a node, waits, and stops it."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._stopping = threading.Event()
        self._waiting_for = ""
        self._thread = threading.Thread(target=self._run, name="django_apscheduler_ng embedding", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(self._grace + _CLOSE_TIMEOUT)

    def _run(self) -> None:
        try:
            if (node := self._start_when_possible()) is not None:
                self._stopping.wait()
                self._end(node)
        except Exception:
            logger.exception("Stopping the scheduler node of this process failed; other nodes will find it dead.")
        finally:
            connections.close_all()

    def _start_when_possible(self) -> LiveNode | None:
        """Return a node that has started; None when the process ended before that was possible."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                if (node := self._try_to_start()) is not None:
                    return node
            except Exception as error:
                logger.exception(
                    "The scheduler node of this process could not start (%s); it is tried again in %g s.", error, pause
                )
            connections.close_all()
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    def _try_to_start(self) -> LiveNode | None:
        # loaded by processes that perform jobs only, when Django is ready; its pools end theirs at exit, after this module
        from .livenode import LiveNode
        from .schema import unapplied

        config = get_config()
        if (pending := unapplied(config)) is not None:
            if pending != self._waiting_for:
                logger.warning(
                    "Migrations are unapplied (%s): the scheduler node of this process waits for them.", pending
                )
            self._waiting_for = pending
            return None
        atexit.register(stop_node)
        node = LiveNode(config)
        try:
            node.start()
        except BaseException:
            node.abandon()
            raise
        logger.info("Scheduler node started in this process (%d).", os.getpid())
        return node

    def _end(self, node: LiveNode) -> None:
        """Claim nothing more, wait a little for what is running, then end it."""
        until = time.monotonic() + self._grace
        node.scheduler.pause()
        while node.running() and time.monotonic() < until:
            time.sleep(_LOOK)
        node.kill()
        node.scheduler.shutdown(wait=False)
        node.relay.stop(timeout=1.0)


class EmbeddedWSGI:
    """A WSGI application in whose process a node starts with the first request."""

    def __init__(self, application: Callable[..., Iterable[bytes]], grace: float) -> None:
        """Wrap `application`."""
        self.application = application
        self._grace = grace

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        _ensure_node(self._grace)
        return self.application(environ, start_response)


class EmbeddedASGI:
    """An ASGI application with a node from the startup to the shutdown of its lifespan, else from the first request on."""

    def __init__(self, application: Callable[..., Awaitable[None]], grace: float) -> None:
        """Wrap `application`."""
        self.application = application
        self._grace = grace

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one connection, or the lifespan."""
        if scope["type"] != "lifespan":
            _ensure_node(self._grace)
            await self.application(scope, receive, send)
        elif isinstance(self.application, ASGIHandler):  # it knows no lifespan
            await self._live(self._hearing(receive), send)
        else:
            await self.application(scope, self._hearing(receive), send)

    def _hearing(self, receive: _Receive) -> _Receive:
        """Return what receives the messages of the lifespan, and starts and stops the node with them."""

        async def received() -> _Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                start_node(grace=self._grace)
            elif message["type"] == "lifespan.shutdown":
                await sync_to_async(stop_node, thread_sensitive=False)()
            return message

        return received

    @staticmethod
    async def _live(receive: _Receive, send: _Send) -> None:
        """Say yes to the startup and the shutdown."""
        kind = ""
        while kind != "lifespan.shutdown":
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})


def embed(application: Callable[..., Any], *, grace: float = GRACE) -> EmbeddedWSGI | EmbeddedASGI:
    """Return the application with a scheduler node in each process that serves it; for `wsgi.py` and `asgi.py`.

    Args:
        application: a WSGI or ASGI (version 3) application, for instance that of `get_wsgi_application()`.
        grace: how long runs under way may go on when the process ends, in seconds.
    """
    is_async = iscoroutinefunction(application) or iscoroutinefunction(getattr(application, "__call__", None))  # noqa: B004
    return EmbeddedASGI(application, grace) if is_async else EmbeddedWSGI(application, grace)
