"""A node's side of notifications: one connection that waits for them, and wakes the node.

That they arrive is proved again and again: with each heartbeat the node sends itself one, by another connection, and expects it
before the next. Where it does not come (the connection died without a word, or is that of a pooler in transaction mode) the
listener connects anew, after a growing pause. Nothing depends on it: the node goes on looking after each `poll_interval`.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any

from django.db import connections

from .claiming import Identity
from .notifications import CHANNEL, are_sent, cancel_payload, payload

logger = logging.getLogger(__name__)

#: Between two wake-ups at least, in seconds: however many changes there are, they cause some tens of passes a second.
QUIET = 0.02

#: Seconds that an echo may take, however often the heart beats.
PATIENCE = 2.0

#: First pause before connecting anew, and the longest, in seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0

#: How long connecting may take, in seconds, where the settings do not say.
_CONNECT_TIMEOUT = 10


def listener_for(identity: Identity, wakeup: Callable[[], None], cancelled: Callable[[], None]) -> Listener | None:
    """Return a listener for a node; None where there are no notifications, or no driver that waits for them."""
    if not are_sent(identity.using):
        return None
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    if not is_psycopg3:
        logger.info("Notifications need psycopg 3 and are not used; polling goes on. Install `psycopg` to have them.")
        return None
    return Listener(identity, wakeup, cancelled)


class Listener:
    """Waits for notifications on a thread and a connection of its own. Never raises into anything."""

    def __init__(self, identity: Identity, wakeup: Callable[[], None], cancelled: Callable[[], None]) -> None:
        """Call `wakeup()` when jobs of the node's namespace change, and `cancelled()` when runs of it shall end."""
        self._using = identity.using
        self._wakeup = wakeup
        self._cancelled = cancelled
        self._news = payload(identity.namespace)
        self._cancellations = cancel_payload(identity.namespace)
        #: What the node sends to itself.
        self.echo = f"node {identity.node}"
        self._stopping = Event()
        #: A byte on one end wakes the thread that waits at the other.
        self._bell, self._ear = socket.socketpair()
        self._lock = Lock()
        self._connected = False
        #: When the echo was sent that has not come yet, on the monotonic clock; None = there is none.
        self._sent_at: float | None = None
        self._mute = False
        #: Whether an echo came on the present connection.
        self._heard = False
        #: Whether it was said that notifications do not arrive.
        self._complained = False
        self._thread = Thread(target=self._loop, name="django_apscheduler_ng listener", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Stop listening, and close the connection."""
        self._stopping.set()
        self._ring()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def expect_echo(self) -> bool:
        """Judge whether the last echo came, where it had time enough; returns whether another one is to be sent now."""
        with self._lock:
            now = time.monotonic()
            if not self._connected or (self._sent_at is not None and now < self._sent_at + PATIENCE):
                return False
            self._mute = self._sent_at is not None
            self._sent_at = now
        if self._mute:
            self._ring()
        return not self._mute

    def _ring(self) -> None:
        with suppress(OSError):
            self._bell.send(b"!")

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        pause, in_vain = _FIRST_PAUSE, False
        while not self._stopping.is_set():
            self._heard = False
            try:
                with self._connection() as connection:
                    self._listen(connection)
                problem: object = "the connection is mute"
            except Exception as error:
                problem = next(iter(str(error).strip().splitlines()), type(error).__name__)
                if self._heard or not in_vain:  # it was lost just now, and a new one will probably do
                    logger.debug("The connection for notifications was lost (%s); connecting anew.", problem)
                    in_vain = not self._heard
                    continue
            if self._stopping.is_set():
                break
            self._complain(problem)
            pause = _FIRST_PAUSE if self._heard else min(pause * 2, _LONGEST_PAUSE)
            self._stopping.wait(pause)
        self._bell.close()
        self._ear.close()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """Listen on a connection with the parameters of Django's, in none of its pools."""
        wrapper = connections[self._using].copy()
        parameters = {"connect_timeout": _CONNECT_TIMEOUT, **wrapper.get_connection_params()}
        connection = wrapper.Database.connect(**parameters, autocommit=True)  # type: ignore[attr-defined]
        try:  # from here on the session is this thread's to end
            connection.execute(f"LISTEN {CHANNEL}")
            with self._lock:
                self._connected, self._sent_at, self._mute = True, None, False
            yield connection
        finally:
            with self._lock:
                self._connected = False
            connection.close()

    def _listen(self, connection: Any) -> None:
        """Wait and wake until told to stop, or until an echo is lost."""
        told, quiet_until = True, 0.0  # what changed before it listened is news as well
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not (self._stopping.is_set() or self._mute):
                now = time.monotonic()
                if told and now >= quiet_until:
                    self._wakeup()
                    told, quiet_until = False, now + QUIET
                ready = selector.select(quiet_until - now if told else None)
                if any(key.fileobj is self._ear for key, _ in ready):
                    self._ear.recv(64)
                if any(key.fileobj is not self._ear for key, _ in ready):
                    received = _received(connection.pgconn)
                    told |= self._news in received
                    if self._cancellations in received:
                        self._cancelled()
                    if self.echo in received:
                        self._take_echo()

    def _take_echo(self) -> None:
        self._heard = True
        with self._lock:
            self._sent_at = None
        if self._complained:
            self._complained = False
            logger.info("Notifications of database %r arrive again.", self._using)

    def _complain(self, problem: object) -> None:
        if not self._complained:
            self._complained = True
            logger.warning(
                "Notifications of database %r do not arrive (%s); polling goes on, and listening is tried again. "
                "Behind a pooler in transaction mode, set APSCHEDULER['notifications'] to False.",
                self._using,
                problem,
            )


def _received(pgconn: Any) -> set[str]:
    """Return the payloads that have come in.

    Raises:
        OperationalError: the connection is broken.
    """
    pgconn.consume_input()
    payloads = set()
    while (notification := pgconn.notifies()) is not None:
        payloads.add(notification.extra.decode(errors="replace"))
    return payloads
