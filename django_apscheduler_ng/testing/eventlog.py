"""A listener that remembers."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition

from .. import events
from ..events import EVENT_ALL, SchedulerEvent

#: Which events are wanted: constants of `events` joined by `|`, or a question asked of each event.
Wanted = int | Callable[[SchedulerEvent], bool]

_NAMES = {
    code: name
    for name, code in vars(events).items()
    if name.startswith("EVENT_") and name not in ("EVENT_ALL", "EVENT_SCHEDULER_START")
}


class EventLog:
    """Keeps every event it is called with, in order; give it to `add_listener()`.

    Tests wait for what happens on other threads with `wait_for()`, and never sleep.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._events: list[SchedulerEvent] = []
        self._changed = Condition()

    def __call__(self, event: SchedulerEvent) -> None:
        """Keep the event."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self._events)

    @property
    def events(self) -> list[SchedulerEvent]:
        """All events so far."""
        with self._changed:
            return list(self._events)

    def of(self, wanted: Wanted) -> list[SchedulerEvent]:
        """Return the events that are `wanted`."""
        return [event for event in self.events if _matches(event, wanted)]

    def names(self, wanted: Wanted = EVENT_ALL) -> list[str]:
        """Return the names of the constants of the events that are `wanted`, without their `EVENT_`."""
        return [event_name(event).removeprefix("EVENT_") for event in self.of(wanted)]

    def clear(self) -> None:
        """Forget all events."""
        with self._changed:
            self._events.clear()

    def wait_for(self, wanted: Wanted, timeout: float = 10.0, *, count: int = 1) -> SchedulerEvent:
        """Wait until `count` wanted events have been logged, and return the last of these.

        Events that were logged before the call count, too; `clear()` forgets them.

        Raises:
            AssertionError: they did not come within `timeout` seconds; the message shows what did.
        """
        with self._changed:
            if self._changed.wait_for(lambda: len(self._found(wanted)) >= count, timeout):
                return self._found(wanted)[count - 1]
            raise AssertionError(
                f"Waited {timeout:g} s for {count} event(s) {_wanted_text(wanted)}, got {len(self._found(wanted))}. "
                f"Seen: {', '.join(map(_event_text, self._events)) or 'nothing'}."
            )

    def _found(self, wanted: Wanted) -> list[SchedulerEvent]:
        return [event for event in self._events if _matches(event, wanted)]


def event_name(event: SchedulerEvent) -> str:
    """Return the name of the constant that is the event's code."""
    return _NAMES.get(event.code, f"code {event.code}")


def _matches(event: SchedulerEvent, wanted: Wanted) -> bool:
    return bool(event.code & wanted) if isinstance(wanted, int) else bool(wanted(event))


def _wanted_text(wanted: Wanted) -> str:
    if not isinstance(wanted, int):
        return f"that match {getattr(wanted, '__qualname__', wanted)}"
    return " or ".join(name for code, name in _NAMES.items() if code & wanted)


def _event_text(event: SchedulerEvent) -> str:
    about = getattr(event, "job_id", event.alias)
    return event_name(event) if about is None else f"{event_name(event)}({about!r})"
