"""What every trigger is: a stateless rule that leads from one fire time to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

#: How many fire times are visited one by one before the search for the latest one starts to jump.
_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class FireSpan:
    """Consecutive fire times, both ends included."""

    first: datetime
    last: datetime
    #: How many fire times lie in the span; at least so many where `exact` is False.
    count: int
    exact: bool = True


class BaseTrigger(ABC):
    """A stateless rule `(previous fire time, now) → next fire time`.

    Fire times are aware, finite and strictly increasing in UTC. They are nominal: jitter is added by whoever plans the run.
    Two triggers are equal when they are of one type and have equal state.
    """

    #: Name under which the trigger is stored and given to `add_job`.
    alias: ClassVar[str] = ""

    #: Upper bound of the delay added to each start, in seconds; None or 0 = no delay.
    jitter: float | None = None

    #: No fire time lies after this moment, jitter included; None = open.
    end_date: datetime | None = None

    @abstractmethod
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first fire time after `previous_fire_time`; without one, the first at or after `now`.

        With a previous fire time the answer may lie before `now`: that is how missed fire times are found.
        Returns None when there is none. Both arguments are aware.
        """

    @abstractmethod
    def to_state(self) -> dict[str, Any]:
        """Return the constructor's arguments as storable values, leaving out those at their default."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Make the trigger that `to_state()` described."""
        return cls(**state)

    @abstractmethod
    def describe(self) -> str:
        """Return the rule in plain words of the language that is active, for instance `every 5 minutes`."""

    def anchored(self) -> BaseTrigger:
        """Return this rule in a form whose fire times do not depend on the previous one, for use inside other triggers.

        Most triggers have no other form.
        """
        return self

    def span(self, first: datetime, until: datetime) -> FireSpan:
        """Return the fire times from `first` (a fire time, at or before `until`) up to and including `until`.

        Cheap however long the span is. This version works for every trigger and counts up to 10,000 fire times exactly;
        triggers that can calculate override it.
        """
        last, count = first, 1
        while count < _STEPS:
            following = self.get_next_fire_time(last, until)
            if following is None or following > until:
                return FireSpan(first=first, last=last, count=count)
            last, count = following, count + 1
        return FireSpan(first=first, last=self._latest(last, until), count=count, exact=False)

    def _latest(self, known: datetime, until: datetime) -> datetime:
        """Return the last fire time at or before `until`, found by looking back in growing steps, at least `known`."""
        back = timedelta(seconds=1)
        while until - back > known:
            candidate = self.get_next_fire_time(until - back, until - back)
            if candidate is not None and candidate <= until:
                for _ in range(_STEPS):
                    following = self.get_next_fire_time(candidate, until)
                    if following is None or following > until:
                        break
                    candidate = following
                return candidate
            back *= 4
        return known

    def __eq__(self, other: object) -> bool:
        """Compare type and state."""
        if not isinstance(other, BaseTrigger):
            return NotImplemented
        return type(self) is type(other) and self.to_state() == other.to_state()

    def __hash__(self) -> int:
        """Hash what equality compares."""
        return hash((type(self), repr(sorted(self.to_state().items(), key=lambda item: item[0]))))


def as_utc(moment: datetime) -> datetime:
    """Return the aware `moment` in UTC."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
