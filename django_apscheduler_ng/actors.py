"""Who does what is being done: kept beside the code, so that no function has to pass it on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .models import Origin


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or a part of the system."""

    #: Primary key of the user as text; empty where it is no person.
    id: str = ""
    name: str = ""
    origin: str = Origin.API
    #: Why it is done, in the person's words.
    reason: str = ""
    #: The word for it in the journal, where the change itself does not say it.
    action: str = ""


_actor: ContextVar[Actor] = ContextVar("django_apscheduler_ng.actor", default=Actor())  # noqa: B039 - frozen


def current_actor() -> Actor:
    """Return who acts now; nobody in particular by default."""
    return _actor.get()


@contextmanager
def acting(
    user: Any = None, *, name: str = "", origin: str = Origin.API, reason: str = "", action: str = ""
) -> Iterator[None]:
    """Record what is done to jobs inside the `with` block as done by `user`, with that reason.

    Args:
        user: a model instance; None where it is no user of the project.
        name: who it is then, for people.
        origin: where jobs that are added come from.
        reason: why it is done.
        action: the word for a change, where the change itself does not say it.
    """
    actor = Actor(
        id="" if user is None else str(user.pk),
        name=name if user is None else str(user),
        origin=origin,
        reason=reason,
        action=action,
    )
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)
