"""Who is told when something happens."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..events import EVENT_ALL, SchedulerEvent

logger = logging.getLogger(__name__)

Listener = Callable[[SchedulerEvent], object]

#: Returns whether a listener wants any event of the codes in a mask now.
Wish = Callable[[int], bool]


class Listeners:
    """Callables with the events they want. Safe to use from any thread; listeners are called in the thread of the event."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._entries: tuple[tuple[Listener, int, Wish | None], ...] = ()

    def add(self, listener: Listener, mask: int = EVENT_ALL, wish: Wish | None = None) -> None:
        """Call `listener` with each event whose code is in `mask` (constants of `events`, joined by `|`).

        A `wish` says whether that is worth the making of an event just now.
        """
        if not callable(listener):
            raise TypeError(
                f"Listener {listener!r} must be callable with one argument, the event. Pass the function itself."
            )
        self._entries = (*self._entries, (listener, mask, wish))

    def remove(self, listener: Listener) -> None:
        """Stop calling `listener`; one that was never added is no error."""
        self._entries = tuple(entry for entry in self._entries if entry[0] != listener)

    def want(self, mask: int) -> bool:
        """Return whether anybody wants one of the events in `mask`; making the event can be spared otherwise."""
        return any(wanted & mask and (wish is None or wish(wanted & mask)) for _, wanted, wish in self._entries)

    def dispatch(self, event: SchedulerEvent) -> None:
        """Call everybody who wants the event; one that fails is logged and hurts nobody else."""
        for listener, mask, _ in self._entries:
            if event.code & mask:
                try:
                    listener(event)
                except Exception:
                    logger.exception("Listener %r failed on %r; the others are told all the same.", listener, event)
