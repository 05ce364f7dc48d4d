"""The form of a job's arguments: JSON in the form in which they are stored, checked against the callable."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..exceptions import SchedulerError
from ..models import ScheduledJob
from ..refs import check_arguments
from ..serialization import load_value
from .forms import ReasonForm
from .shown import readable_json

_JSON = {"rows": 3, "spellcheck": "false", "class": "apsng-code", "dir": "ltr"}
_LIST = {**_JSON, "placeholder": "[]"}
_OBJECT = {**_JSON, "placeholder": "{}"}


class ArgumentsForm(ReasonForm):
    """Arguments as JSON, in the form in which they are stored, and why."""

    args = forms.CharField(
        label=_("Positional arguments"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs=_LIST),
        help_text=_('A JSON list, such as [1, "text"].'),
    )
    kwargs = forms.CharField(
        label=_("Arguments by name"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs=_OBJECT),
        help_text=_('A JSON object, such as {"limit": 100}.'),
    )
    field_order = ("args", "kwargs", "reason")

    def clean_args(self) -> tuple[Any, ...]:
        """Read the positional arguments."""
        value = _read(self.cleaned_data["args"].strip() or "[]", gettext("a JSON list, such as [1, 2]"))
        if not isinstance(value, list | tuple):
            raise _refused(self.cleaned_data["args"], gettext("a JSON list, such as [1, 2]"))
        return tuple(value)

    def clean_kwargs(self) -> dict[str, Any]:
        """Read the arguments by name."""
        expected = gettext('a JSON object, such as {"limit": 100}')
        value = _read(self.cleaned_data["kwargs"].strip() or "{}", expected)
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise _refused(self.cleaned_data["kwargs"], expected)
        return value

    def check_call(self, func: Callable[..., Any]) -> None:
        """Say at the field that is wrong where `func` cannot be called with the arguments."""
        if {"args", "kwargs"} <= self.cleaned_data.keys():
            try:
                check_arguments(func, self.cleaned_data["args"], self.cleaned_data["kwargs"])
            except SchedulerError as error:
                self.add_error(arguments_field(str(error)), str(error))


def arguments_field(message: str) -> str:
    """Return the field that a message about arguments belongs to."""
    return "kwargs" if any(word in message for word in ("unexpected ", "given twice", "'kwargs'")) else "args"


def _read(text: str, expected: str) -> Any:
    try:
        json.loads(text)
    except ValueError as error:
        raise _refused(text, expected, str(error)) from error
    except RecursionError as error:
        raise _refused(text[:40], expected) from error
    try:
        return load_value(text)
    except SchedulerError as error:
        raise forms.ValidationError(str(error)) from error


def _refused(text: str, expected: str, problem: str = "") -> forms.ValidationError:
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    message = gettext("Must be %(expected)s, got %(text)s.") % {"expected": expected, "text": shown}
    return forms.ValidationError(f"{message} {problem}.".strip() if problem else message)


def initial_arguments(row: ScheduledJob) -> dict[str, str]:
    """Return what the fields of the arguments show at first: nothing where there are none."""
    shown = {"args": readable_json(row.args), "kwargs": readable_json(row.kwargs)}
    return {name: "" if text in ("[]", "{}") else text for name, text in shown.items()}
