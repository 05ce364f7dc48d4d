"""What a draft of a job would do: its next fire times, how they go with what its runs take, and what it would call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..declarations import registered_callables
from ..triggers.base import BaseTrigger
from ..triggers.unreadable import UnreadableTrigger
from .draft import Draft
from .measured import OverlapNote, overlap_with_runs
from .preview import preview_context
from .shown import schedule_words


def proposal_context(draft: Draft, now: datetime, using: str, job_key: int | None) -> dict[str, Any]:
    """Return what the template of the proposal shows; what is wrong with the trigger, where it is.

    Args:
        draft: the draft.
        now: the present.
        using: alias of the database.
        job_key: primary key of the job whose runs are measured; None for none.
    """
    called = signature_of(str(draft.form["func"].value() or ""))
    chosen = draft.choice.form
    is_typed = chosen is not None and chosen.is_bound
    if is_typed and not draft.choice.is_valid():
        return {"proposed": "", "trigger_problems": draft.choice.problems(), "called": called, "fire_times": []}
    trigger = draft.choice.trigger if is_typed else draft.choice.present
    if trigger is None or isinstance(trigger, UnreadableTrigger):
        return {"proposed": "", "called": called, "fire_times": []}
    said = trigger_context(trigger, now, lambda: _overlap(draft, trigger, now, using, job_key))
    return {"called": called, **said}


def trigger_context(trigger: BaseTrigger, now: datetime, overlap: Callable[[], OverlapNote | None]) -> dict[str, Any]:
    """Return what the template of the proposal shows of a trigger.

    Args:
        trigger: the trigger.
        now: the present.
        overlap: measures how the fire times go with what the runs take; only asked where there are fire times.
    """
    context = preview_context(trigger, now)
    note = overlap() if not context.get("preview_problem") else None
    return {"proposed": schedule_words(trigger), "overlap_note": note, **context}


def _overlap(draft: Draft, trigger: BaseTrigger, now: datetime, using: str, job_key: int | None) -> OverlapNote | None:
    if job_key is None:
        return None
    return overlap_with_runs(trigger, now, using, job_key, _runs_at_once(draft), str(draft.form["overlap"].value()))


def _runs_at_once(draft: Draft) -> int:
    """Return what is filled in; 1 where that is no number."""
    try:
        return max(1, int(str(draft.form["max_instances"].value())))
    except ValueError:
        return 1


def signature_of(func_ref: str) -> dict[str, str]:
    """Return the signature and the summary of a callable, as far as it is registered."""
    registration = registered_callables().get(func_ref)
    if registration is None:
        return {}
    try:
        signature = str(inspect.signature(registration.func))
    except (TypeError, ValueError):
        signature = "(…)"
    return {"signature": f"{func_ref.partition(':')[2]}{signature}", "summary": registration.summary}
