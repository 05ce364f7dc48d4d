"""A stand-in for a stored trigger that cannot be read, so that its job can still be listed and repaired."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .base import BaseTrigger
from .wording import gettext


class UnreadableTrigger(BaseTrigger):
    """Keeps the stored text and what is wrong with it; asking it for a fire time says so."""

    alias = "unreadable"

    def __init__(self, *, text: str, problem: str) -> None:
        """Keep the stored text, and the message of the error that reading it gave."""
        self.text = text
        self.problem = problem

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Raise `ValueError` with the problem."""
        raise ValueError(self.problem)

    def to_state(self) -> dict[str, Any]:
        """Return text and problem."""
        return {"text": self.text, "problem": self.problem}

    def describe(self) -> str:
        """Say that the trigger cannot be read."""
        return gettext("unreadable")

    def __str__(self) -> str:
        """Say that the trigger cannot be read."""
        return "unreadable"
