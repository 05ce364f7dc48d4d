"""Who is told when something happens."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..events import EVENT_ALL, SchedulerEvent

logger = logging.getLogger(__name__)

Listener = Callable[[SchedulerEvent], object]


class Listeners:
    """Callables with the events they want. Safe to use from any thread; listeners are called in the thread of the event."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._entries: tuple[tuple[Listener, int], ...] = ()
        self._mask = 0

    def add(self, listener: Listener, mask: int = EVENT_ALL) -> None:
        """Call `listener` with each event whose code is in `mask` (constants of `events`, joined by `|`)."""
        if not callable(listener):
            raise TypeError(
                f"Listener {listener!r} must be callable with one argument, the event. Pass the function itself."
            )
        self._set((*self._entries, (listener, mask)))

    def remove(self, listener: Listener) -> None:
        """Stop calling `listener`; one that was never added is no error."""
        self._set(tuple(entry for entry in self._entries if entry[0] != listener))

    def _set(self, entries: tuple[tuple[Listener, int], ...]) -> None:
        mask = 0
        for _, wanted in entries:
            mask |= wanted
        self._entries, self._mask = entries, mask

    def want(self, mask: int) -> bool:
        """Return whether anybody wants one of the events in `mask`; making the event can be spared otherwise."""
        return bool(self._mask & mask)

    def dispatch(self, event: SchedulerEvent) -> None:
        """Call everybody who wants the event; one that fails is logged and hurts nobody else."""
        for listener, mask in self._entries:
            if event.code & mask:
                try:
                    listener(event)
                except Exception:
                    logger.exception("Listener %r failed on %r; the others are told all the same.", listener, event)
