"""From the engine's events to Django signals.

A node delivers on a thread of its own (`Relay`), in the order in which the events happened. A process that only asks
delivers in place: at once, or when its transaction commits.
"""

from __future__ import annotations

import logging
import threading
from functools import cache, partial
from queue import SimpleQueue
from typing import Any

from django.apps import apps
from django.db import close_old_connections, connections, transaction

from .events import JobEvent, SchedulerEvent
from .signals import SIGNALS, EventSignal

logger = logging.getLogger(__name__)


@cache
def _sender() -> type[Any]:
    return apps.get_model("django_apscheduler_ng", "ScheduledJob")


def _signal_for(event: SchedulerEvent) -> EventSignal | None:
    """Return the signal of the event; None where nobody listens."""
    signal = SIGNALS.get(event.code)
    return signal if signal is not None and signal.has_listeners(_sender()) else None


def arguments(event: SchedulerEvent) -> dict[str, Any]:
    """Return what receivers get besides sender and signal: the event, and its parts by name."""
    parts = dict(vars(event))
    del parts["code"]
    if isinstance(event, JobEvent):
        del parts["alias"]
    return {"event": event, **parts}


def send_now(event: SchedulerEvent) -> None:
    """Send the signal of the event and wait for its receivers, whose failures are logged."""
    if signal := _signal_for(event):
        signal.send_robust(_sender(), **arguments(event))


def send_on_commit(event: SchedulerEvent, using: str | None = None) -> None:
    """Send the signal of the event when the transaction on the database `using` commits, or at once without one."""
    transaction.on_commit(partial(send_now, event), using=using, robust=True)


class Relay:
    """Delivers events as signals, on a daemon thread that begins with the first event somebody listens to."""

    def __init__(self) -> None:
        """Make a relay without a thread yet."""
        self._lock = threading.Lock()
        self._queue: SimpleQueue[SchedulerEvent | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def wants(self, mask: int) -> bool:
        """Return whether somebody listens to the signal of an event whose code is in `mask`."""
        sender = _sender()
        return any(code & mask and signal.has_listeners(sender) for code, signal in SIGNALS.items())

    def put(self, event: SchedulerEvent) -> None:
        """Have the event delivered soon; returns at once, in any thread. An event that nobody listens to is dropped."""
        if _signal_for(event) is None:
            return
        with self._lock:
            if self._thread is None:
                self._start()
            self._queue.put(event)

    def _start(self) -> None:
        """Begin a thread with a queue of its own: one that was stopped may still be busy with the last one."""
        self._queue = SimpleQueue()
        self._thread = threading.Thread(
            target=self._deliver_all, args=(self._queue,), name="scheduler-relay", daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Deliver what was put before, then end the thread. An event put later begins another one.

        Args:
            timeout: how long to wait for that, in seconds; None = as long as it takes.

        Returns:
            Whether everything was delivered in time; if not, the thread goes on as long as the process lives.
        """
        with self._lock:
            queue, thread, self._thread = self._queue, self._thread, None
            if thread is None:
                return True
            queue.put(None)
        thread.join(timeout)
        if thread.is_alive():
            logger.warning(
                "Receivers of signals are still busy after %s s; what they get later is lost if the process ends now.",
                timeout,
            )
        return not thread.is_alive()

    def _deliver_all(self, queue: SimpleQueue[SchedulerEvent | None]) -> None:
        try:
            while (event := queue.get()) is not None:
                self._deliver(event)
                if queue.empty():
                    connections.close_all()  # it may take long until the next one
        finally:
            connections.close_all()

    def _deliver(self, event: SchedulerEvent) -> None:
        close_old_connections()
        try:
            send_now(event)
        except BaseException:
            # A receiver may raise SystemExit; the receivers of later events shall not suffer for it.
            logger.exception("A receiver ended the delivery of %r; the next event is delivered.", event)
        finally:
            close_old_connections()
