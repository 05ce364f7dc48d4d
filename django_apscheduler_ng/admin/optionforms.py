"""The form for the options of a job that say how its runs are performed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..exceptions import SchedulerError
from ..job import Job
from ..models import Overlap, Priority
from ..policies import checked_option
from ..retries import Retry


class RetryField(forms.CharField):
    """A number of attempts, or a policy as JSON; empty = no retry."""

    def clean(self, value: Any) -> Retry | None:
        """Return the policy."""
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            return Retry.checked(json.loads(text))
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _(
                    "Write a number of attempts or JSON like {“attempts”: 3, “delay”: 10}. The text is not JSON: %(error)s."
                ),
                params={"error": error},
            ) from error
        except SchedulerError as error:
            raise forms.ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare policies, not texts."""
        try:
            return bool(self.clean(initial or "") != self.clean(data or ""))
        except forms.ValidationError:
            return True


def _refusing(option: str) -> Callable[[Any], None]:
    """Return a validator that refuses what `add_job()` refuses for this option, in its words."""

    def validate(value: Any) -> None:
        try:
            checked_option(option, value)
        except SchedulerError as error:
            raise forms.ValidationError(str(error)) from error

    return validate


class OptionsForm(forms.Form):
    """How long a run may take, what becomes of one that fails, of one that overlaps, who performs it and when it is its turn."""

    timeout = forms.FloatField(
        label=_("Timeout (s)"),
        required=False,
        validators=[_refusing("timeout")],
        widget=forms.NumberInput(attrs={"class": "apsng-short", "step": "any"}),
        help_text=_("Longest time that a run may take. Empty: as long as it takes."),
    )
    retry = RetryField(
        label=_("Retry"),
        required=False,
        max_length=1000,
        help_text=_(
            "Number of attempts of a run that fails, or JSON with attempts, delay, backoff, max_delay, on and not_on."
        ),
    )
    overlap = forms.ChoiceField(
        label=_("Overlap"),
        choices=Overlap.choices,
        help_text=_("What becomes of a fire time that meets as many runs of the job as there may be."),
    )
    queue = forms.CharField(
        label=_("Queue"),
        max_length=100,
        validators=[_refusing("queue")],
        help_text=_("Nodes may serve some queues only."),
    )
    priority = forms.ChoiceField(
        label=_("Priority"), choices=Priority.choices, help_text=_("Who goes first where executors are full.")
    )

    def changes(self) -> dict[str, Any]:
        """Return the options that somebody changed, as `modify_job()` takes them."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


def options_of(job: Job) -> dict[str, Any]:
    """Return what the form shows at first."""
    retry = "" if job.retry is None else json.dumps(job.retry.as_dict())
    plain = {name: getattr(job, name) for name in ("timeout", "overlap", "queue", "priority")}
    return {**plain, "retry": retry}
