"""What the forms of the pages have in common: a reason, local times and time zones."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Label = str | _StrPromise


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60, "maxlength": 500}),
        help_text=_("Shown with the job and in its events."),
    )


def moment_of(text: Any) -> Any:
    """Return the text as a moment, where it is one."""
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return text


class MomentField(forms.CharField):
    """A local time in the zone of the trigger, as ISO 8601 text: the trigger itself reads it."""

    def __init__(self, *, kind: str = "datetime-local", **kwargs: Any) -> None:
        """Let the browser offer its picker for `kind`."""
        attrs = {"type": kind, "step": "1"} if kind == "datetime-local" else {"type": kind}
        super().__init__(widget=forms.TextInput(attrs=attrs), **kwargs)
        self.widget.input_type = kind

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare moments, not texts: browsers leave out seconds that are 0."""
        return bool(moment_of(initial) != moment_of(data))


class ZoneInput(forms.TextInput):
    """A text with the names of all zones to choose from: the list `apsng-zones` of the page."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Name the list."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = "apsng-zones"
        return context


def zone_names() -> list[str]:
    """Return the names of the zones to choose from."""
    return sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
