"""What a draft of a job would do: its next fire times, how they go with what its runs take, and what it would call."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any

from ..declarations import registered_callables
from ..triggers.base import BaseTrigger
from ..triggers.unreadable import UnreadableTrigger
from .draft import Draft
from .measured import overlap_with_runs
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
    policy = str(draft.form["overlap"].value())
    return {"called": called, **trigger_context(trigger, now, using, job_key, _runs_at_once(draft), policy)}


def trigger_context(
    trigger: BaseTrigger, now: datetime, using: str, job_key: int | None, max_instances: int, overlap: str
) -> dict[str, Any]:
    """Return what the template of the proposal shows of a trigger, and how it goes with what the runs of the job take."""
    context = preview_context(trigger, now)
    note = None
    if job_key is not None and not context.get("preview_problem"):
        note = overlap_with_runs(trigger, now, using, job_key, max_instances, overlap)
    return {"proposed": schedule_words(trigger), "overlap_note": note, **context}


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
