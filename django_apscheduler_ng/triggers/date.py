"""The trigger that fires once."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Any

from ..clock import SYSTEM_CLOCK
from .arguments import call_text, moment_argument
from .base import BaseTrigger, FireSpan, as_utc
from .wording import gettext, moment_words
from .zones import as_zone, default_zone


class DateTrigger(BaseTrigger):
    """Fires once, at a given moment.

    A moment that has already passed when the job is added still counts: the job is late, not forgotten.
    """

    alias = "date"

    def __init__(self, run_date: datetime | date | str | None = None, timezone: tzinfo | str | None = None) -> None:
        """Fire at `run_date`.

        Args:
            run_date: a datetime, a date (its midnight) or an ISO 8601 string; without an offset it is time in
                `timezone`. None = the moment at which the trigger is made.
            timezone: name of the zone, or the zone; None = the default zone.
        """
        self.timezone = default_zone() if timezone is None else as_zone(timezone)
        given = moment_argument(self.alias, "run_date", run_date, self.timezone)
        self.run_date: datetime = given or SYSTEM_CLOCK.now().astimezone(self.timezone)
        self._instant = as_utc(self.run_date)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the date if it lies after `previous_fire_time`; without one, the date, even if it has passed."""
        if previous_fire_time is None or as_utc(previous_fire_time) < self._instant:
            return self.run_date
        return None

    def span(self, first: datetime, until: datetime) -> FireSpan:
        """Return the only fire time there is; two where `first` was chosen by hand and the date is still to come."""
        following = self.get_next_fire_time(first, until)
        if following is None or as_utc(following) > as_utc(until):
            return FireSpan(first=first, last=first, count=1)
        return FireSpan(first=first, last=following, count=2)

    def to_state(self) -> dict[str, Any]:
        """Return the moment with its offset, and the name of the zone."""
        return {"run_date": self.run_date.isoformat(), "timezone": self.timezone.key}

    def describe(self) -> str:
        """Return `once at 2026-12-24 18:00 (Europe/Berlin)`."""
        words = gettext("once at %(moment)s (%(zone)s)")
        return words % {"moment": moment_words(self.run_date), "zone": self.timezone.key}

    def __str__(self) -> str:
        return f"date[{self.run_date:%Y-%m-%d %H:%M:%S %Z}]"

    def __repr__(self) -> str:
        return call_text(self)
