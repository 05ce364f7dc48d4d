"""The trigger of a job on a page: one form for each type, of which one is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from ..triggers.base import BaseTrigger
from .triggerforms import TRIGGER_FORMS, CronForm, TriggerForm, initial_of, kind_of, problems_of

if TYPE_CHECKING:
    from .forms import Label

#: The choice to leave a trigger that has no form as it is.
KEEP = "keep"


class TriggerChoice:
    """The forms, each with its type as prefix, so that what was typed into one survives a look at another."""

    def __init__(self, data: Mapping[str, Any] | None, trigger: BaseTrigger | None, zone: str) -> None:
        """Fill the forms.

        Args:
            data: what was posted; None shows the present trigger.
            trigger: the present one; None where there is none yet.
            zone: name of the zone for triggers that have none.
        """
        self.present = trigger
        own = kind_of(trigger) if trigger is not None else CronForm.kind
        #: Whether the present trigger has no form, and may be left as it is.
        self.keeps = trigger is not None and not own
        kinds = [KEEP, *TRIGGER_FORMS] if self.keeps else list(TRIGGER_FORMS)
        given = None if data is None else data.get("type")
        self.kind = given if given in kinds else (own or KEEP)
        #: Whether the type that was posted is none of them.
        self.is_forged = data is not None and given not in kinds
        self.forms = {kind: self._form(kind, data, zone) for kind in TRIGGER_FORMS}

    def _form(self, kind: str, data: Mapping[str, Any] | None, zone: str) -> TriggerForm:
        """Return the form of a type. Only that of the chosen type is judged; the others show what was typed."""
        initial = {"timezone": zone} if self.present is None else initial_of(self.present, kind, zone)
        cls = TRIGGER_FORMS[kind]
        if data is None or kind == self.kind:
            return cls(data, initial=initial, prefix=kind)
        typed = {name: data[key] for name in cls.base_fields if (key := f"{kind}-{name}") in data}
        return cls(initial={**initial, **typed}, prefix=kind)

    @property
    def form(self) -> TriggerForm | None:
        """The chosen form; None where the present trigger stays."""
        return self.forms.get(self.kind)

    def is_valid(self) -> bool:
        """Return whether the choice is a trigger."""
        return self.form is None or self.form.is_valid()

    @property
    def trigger(self) -> BaseTrigger:
        """The trigger that a valid choice describes."""
        if self.form is None:
            assert self.present is not None
            return self.present
        return self.form.trigger

    def refuse(self, message: str) -> None:
        """Show why the trigger cannot be taken."""
        if self.form is not None:
            self.form.add_error(None, message)

    def problems(self) -> list[str]:
        """Return what is wrong with the chosen form, each with the name of its field."""
        return [] if self.form is None or not self.form.is_bound else problems_of(self.form)

    def kinds(self) -> Iterator[tuple[str, Label, bool]]:
        """Yield the types with their names, and whether they are chosen."""
        if self.keeps:
            yield KEEP, gettext("As it is"), self.kind == KEEP
        for kind, cls in TRIGGER_FORMS.items():
            yield kind, cls.label, kind == self.kind
