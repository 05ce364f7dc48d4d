"""Triggers made of other triggers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ..exceptions import InvalidTriggerError
from .arguments import call_text, jitter_argument
from .base import BaseTrigger, as_utc
from .wording import delayed, gettext

_INSTANT = timedelta(microseconds=1)

#: How many questions `AndTrigger` asks its members, and those theirs, before it gives up.
_QUESTIONS = 4_000

#: How many years ahead it looks.
_YEARS = 100


class _Budget:
    """The questions that are left in one search from `earliest` on, however deep the members nest."""

    def __init__(self, earliest: datetime) -> None:
        self.left = _QUESTIONS
        self.last_year = earliest.year + _YEARS

    def ask(self, member: BaseTrigger, earliest: datetime) -> datetime | None:
        """Return the first fire time of `member` at or after `earliest` (UTC)."""
        if not self.left or earliest.year > self.last_year:
            raise _SpentError
        self.left -= 1
        if isinstance(member, CombiningTrigger):
            return member.first_from(earliest, self)
        return member.get_next_fire_time(earliest - _INSTANT, earliest)


class _SpentError(Exception):
    """No questions are left, or no years."""


class CombiningTrigger(BaseTrigger):
    """What `AndTrigger` and `OrTrigger` have in common: members that are sets of fire times.

    An interval or a calendar interval without `start_date` counts from its previous fire time, which tells nothing
    about others: as a member it counts from 2001-01-01 (a Monday) at midnight in its zone, so `hours=2` means the even
    hours.
    """

    def __init__(self, triggers: Iterable[BaseTrigger], jitter: float | None = None) -> None:
        """Combine `triggers`.

        Args:
            triggers: at least one trigger; none of them has jitter of its own.
            jitter: upper bound of the delay added to each start, in seconds.

        Raises:
            InvalidTriggerError: There is no trigger, something else among them, or one with jitter.
        """
        self.triggers = tuple(member.anchored() for member in self._members(triggers))
        self.jitter = jitter_argument(self.alias, jitter)
        self.end_date = self._end()

    @classmethod
    def _members(cls, triggers: object) -> tuple[BaseTrigger, ...]:
        members = tuple(triggers) if isinstance(triggers, Iterable) and not isinstance(triggers, str) else ()
        if not members or not all(isinstance(member, BaseTrigger) for member in members):
            raise InvalidTriggerError(
                f"Argument 'triggers' of trigger {cls.alias!r} must be a list of at least one trigger, "
                f"got {triggers!r}. Pass instances, such as [IntervalTrigger(hours=2), CronTrigger(day_of_week='sat')]."
            )
        for member in members:
            if member.jitter:
                raise InvalidTriggerError(
                    f"Trigger '{member}' must not have jitter inside of trigger {cls.alias!r}, "
                    f"got jitter={member.jitter!r}. Pass jitter to {cls.__name__} instead."
                )
        return members

    @abstractmethod
    def first_from(self, earliest: datetime, budget: _Budget) -> datetime | None:
        """Return the first fire time at or after `earliest` (UTC), as part of the search that `budget` belongs to."""

    @abstractmethod
    def _end(self) -> datetime | None:
        """Return the moment after which there is no fire time, None if it is not known."""

    def to_state(self) -> dict[str, Any]:
        """Return the members, and the jitter if there is some."""
        state: dict[str, Any] = {"triggers": list(self.triggers)}
        return state | {"jitter": self.jitter} if self.jitter else state

    def __hash__(self) -> int:
        return hash((type(self), self.triggers, self.jitter))

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)

    def __str__(self) -> str:
        return f"{self.alias}[{', '.join(str(member) for member in self.triggers)}]"

    def __repr__(self) -> str:
        return call_text(self)

    def _listed(self, frame: str) -> str:
        """Return the descriptions of the members in `frame`, those that are lists themselves in parentheses."""
        words = [
            f"({member.describe()})" if isinstance(member, CombiningTrigger) else member.describe()
            for member in self.triggers
        ]
        return frame % {"members": gettext("; ").join(words)} + delayed(self.jitter)


class AndTrigger(CombiningTrigger):
    """Fires at the moments, exact to the microsecond, that are fire times of every member.

    Intervals are absolute time: a clock change moves them against the times of a cron trigger.
    For "every 2 hours at weekends" one cron trigger says it better: `day_of_week="sat,sun", hour="*/2"`.
    """

    alias = "and"

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first moment after `previous_fire_time` that all agree on; without one, the first from `now` on.

        The search is bounded: members that meet less than once in 100 years, or in thousands of their fire times, have
        none.
        """
        try:
            earliest = as_utc(now) if previous_fire_time is None else as_utc(previous_fire_time) + _INSTANT
            return self.first_from(earliest, _Budget(earliest))
        except (_SpentError, OverflowError):
            return None

    def first_from(self, earliest: datetime, budget: _Budget) -> datetime | None:
        """Return the first moment at or after `earliest` (UTC) that all agree on."""
        while True:
            answers = []
            latest = earliest
            for member in self.triggers:
                found = budget.ask(member, latest)
                if found is None:
                    return None
                answers.append(found)
                latest = as_utc(found)
            if latest == earliest:
                return answers[0]
            earliest = latest

    def _end(self) -> datetime | None:
        return _earliest(member.end_date for member in self.triggers)

    def describe(self) -> str:
        """Return `all of: …`."""
        return self._listed(gettext("all of: %(members)s"))


class OrTrigger(CombiningTrigger):
    """Fires at the fire times of all members; where several of them coincide, once."""

    alias = "or"

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the earliest of the members' answers."""
        return _earliest(member.get_next_fire_time(previous_fire_time, now) for member in self.triggers)

    def first_from(self, earliest: datetime, budget: _Budget) -> datetime | None:
        """Return the first moment at or after `earliest` (UTC) at which any of them fires."""
        return _earliest(budget.ask(member, earliest) for member in self.triggers)

    def _end(self) -> datetime | None:
        ends = [member.end_date for member in self.triggers if member.end_date is not None]
        return max(ends, key=as_utc) if len(ends) == len(self.triggers) else None

    def describe(self) -> str:
        """Return `any of: …`."""
        return self._listed(gettext("any of: %(members)s"))


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the first of the moments that are given; compared in UTC, because within one zone clocks go back."""
    return min((moment for moment in moments if moment is not None), key=as_utc, default=None)
