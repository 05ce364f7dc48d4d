"""Events as sentences: who did what to a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.text import get_text_list
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import JobLogEntry
from .cells import column_label, event_values

if TYPE_CHECKING:
    from .forms import Label

#: So many changed values are named.
_NAMED = 3

#: What happened, in the words for a person who did it and for nobody in particular.
_SENTENCES: dict[str, tuple[Label, Label]] = {
    "added": (_("%(who)s added the job."), _("The job was added.")),
    "paused": (_("%(who)s paused the job."), _("The job was paused.")),
    "resumed": (_("%(who)s resumed the job."), _("The job was resumed.")),
    "removed": (_("%(who)s removed the job."), _("The job was removed.")),
    "modified": (_("%(who)s changed %(what)s."), _("Changed: %(what)s.")),
    "rescheduled": (_("%(who)s gave the job another schedule."), _("The job got another schedule.")),
    "reverted": (_("%(who)s took back a change of %(what)s."), _("A change was taken back: %(what)s.")),
    "run requested": (_("%(who)s asked for a run."), _("A run was asked for.")),
}

#: What happened by itself.
_FACTS: dict[str, Label] = {
    "updated from code": _("The code has changed: %(what)s."),
    "retired": _("No running scheduler declares the job any more: it rests."),
    "declared again": _("A scheduler declares the job again: it goes on."),
    "broken": _("The job cannot be loaded or planned any more."),
    "repaired": _("The job works again."),
    "finished": _("The schedule of the job has ended."),
}


def event_sentence(entry: JobLogEntry) -> str:
    """Return what happened in one sentence."""
    before, after = event_values(entry)
    what = changed_words([name for name in {**before, **after} if name != "trigger_type"])
    return _template(entry) % {"who": entry.actor_name, "what": what, "action": entry.action}


def _template(entry: JobLogEntry) -> str:
    if entry.action in _FACTS:
        return str(_FACTS[entry.action])
    unknown = (_("%(who)s: %(action)s."), _("What happened: %(action)s."))
    by_somebody, by_nobody = _SENTENCES.get(entry.action, unknown)
    return str(by_somebody if entry.actor_name else by_nobody)


def changed_words(columns: Sequence[Any]) -> str:
    """Return the names of changed columns as people list them, the rest as a number."""
    shown = [name for name in columns if name != "next_run_time"] or list(columns)
    labels = [column_label(name) for name in shown[:_NAMED]]
    if more := len(shown) - _NAMED if len(shown) > _NAMED else 0:
        labels.append(ngettext("%(count)d more", "%(count)d more", more) % {"count": more})
    return get_text_list(labels, gettext("and")) if labels else gettext("nothing")
