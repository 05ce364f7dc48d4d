"""The forms that describe a trigger: one for each type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from ..exceptions import InvalidTriggerError
from ..triggers.base import BaseTrigger
from ..triggers.cron import CronTrigger
from ..triggers.registry import create_trigger
from .forms import MomentField, ZoneInput, moment_of

if TYPE_CHECKING:
    from .forms import Label

_QUOTED = re.compile(r"'(\w+)'")


class TriggerForm(forms.Form):
    """Base class of the forms that describe a trigger."""

    #: Name of the form in addresses.
    kind: ClassVar[str] = ""
    label: ClassVar[Label] = ""
    #: Names of the fields in groups, for the page.
    groups: ClassVar[tuple[tuple[Label, tuple[str, ...]], ...]] = ()

    timezone = forms.CharField(label=_("Time zone"), widget=ZoneInput, help_text=_("A name such as Europe/Berlin."))

    #: The trigger that a valid form describes.
    trigger: BaseTrigger

    def clean(self) -> dict[str, Any]:
        """Make the trigger; what it refuses becomes an error of the field it names."""
        super().clean()
        if not self.errors:
            try:
                self.trigger = self.make(self._arguments())
            except InvalidTriggerError as error:
                self.add_error(self._field_named_in(str(error)), str(error))
        return self.cleaned_data

    def make(self, arguments: dict[str, Any]) -> BaseTrigger:
        """Return the trigger with these arguments.

        Raises:
            InvalidTriggerError: they are impossible.
        """
        return create_trigger(self.kind, arguments)

    def _arguments(self) -> dict[str, Any]:
        """Return what was filled in. Moments that nobody touched stay exactly as they were."""
        stored: Mapping[str, Any] = self.initial.get("stored", {})
        same_zone = "timezone" not in self.changed_data
        arguments: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            if value in (None, "") or name == "reason":
                continue
            untouched = isinstance(self.fields[name], MomentField) and name not in self.changed_data and same_zone
            arguments[name] = stored[name] if untouched and name in stored else value
        return arguments

    def _field_named_in(self, message: str) -> str | None:
        """Return the field that a message is about, None where it names none."""
        if message.startswith("Time zone"):
            return "timezone"
        found = _QUOTED.search(message.replace(f"trigger {self.kind!r}", ""))
        return found[1] if found and found[1] in self.fields else None

    def fieldsets(self) -> list[tuple[Label, list[forms.BoundField]]]:
        """Return the fields in groups."""
        return [(title, [self[name] for name in names]) for title, names in self.groups]


def _amount(label: Label) -> forms.FloatField:
    return forms.FloatField(label=label, required=False, min_value=0, widget=_number("any"))


def _whole(label: Label, most: int | None = None) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=most, widget=_number("1"))


def _number(step: str) -> forms.NumberInput:
    return forms.NumberInput(attrs={"class": "apsng-short", "step": step})


def _text(label: Label, help_text: Label = "", *, required: bool = False) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=200)


def _jitter() -> forms.FloatField:
    return forms.FloatField(
        label=_("Jitter (s)"),
        required=False,
        min_value=0,
        widget=_number("any"),
        help_text=_("Each start is delayed by up to so many seconds."),
    )


def _from() -> MomentField:
    return MomentField(label=_("Not before"), required=False)


def _until() -> MomentField:
    return MomentField(label=_("Not after"), required=False)


def _on_gap() -> forms.ChoiceField:
    choices = [("shift", _("runs right after the gap")), ("skip", _("does not run"))]
    return forms.ChoiceField(label=_("A time that does not exist"), choices=choices, initial="shift")


def _on_overlap() -> forms.ChoiceField:
    choices = [("first", _("runs the first time")), ("both", _("runs both times"))]
    return forms.ChoiceField(label=_("A time that exists twice"), choices=choices, initial="first")


_LIMITS = (_("Limits"), ("timezone", "start_date", "end_date", "jitter"))
_CLOCK_CHANGES = (_("When the clocks change"), ("on_gap", "on_overlap"))


class DateForm(TriggerForm):
    """Once."""

    kind = "date"
    label = _("Once")
    groups = ((_("When"), ("run_date", "timezone")),)

    run_date = MomentField(label=_("Date and time"))


class IntervalForm(TriggerForm):
    """Every so often, in absolute time."""

    kind = "interval"
    label = _("Interval")
    groups = ((_("Every"), ("weeks", "days", "hours", "minutes", "seconds")), _LIMITS)

    weeks = _amount(_("Weeks"))
    days = _amount(_("Days"))
    hours = _amount(_("Hours"))
    minutes = _amount(_("Minutes"))
    seconds = _amount(_("Seconds"))
    start_date = _from()
    end_date = _until()
    jitter = _jitter()


class CronForm(TriggerForm):
    """Whenever the clock shows a matching time."""

    kind = "cron"
    label = _("Cron fields")
    groups = (
        (_("Time"), ("hour", "minute", "second")),
        (_("Date"), ("day", "day_of_week", "month", "week", "year")),
        _LIMITS,
        _CLOCK_CHANGES,
    )

    hour = _text(_("Hour"), _("0-23, such as 9, */2 or 9-17."))
    minute = _text(_("Minute"), _("0-59, such as 30, */5 or 0,30."))
    second = _text(_("Second"), _("0-59."))
    day = _text(_("Day of the month"), _("1-31, last, 2nd tue or last fri."))
    day_of_week = _text(_("Day of the week"), _("mon-sun, or 0-6 with 0 = Monday."))
    month = _text(_("Month"), _("1-12 or jan-dec."))
    week = _text(_("ISO week"), _("1-53."))
    year = _text(_("Year"), _("Four digits."))
    start_date = _from()
    end_date = _until()
    jitter = _jitter()
    on_gap = _on_gap()
    on_overlap = _on_overlap()


class CrontabForm(TriggerForm):
    """The same as a line of a crontab."""

    kind = "crontab"
    label = _("Crontab line")
    groups = ((_("Line"), ("crontab",)), _LIMITS, _CLOCK_CHANGES)

    crontab = _text(
        _("Expression"),
        _("Minute, hour, day of the month, month, day of the week (0 and 7 = Sunday); or @daily and the like."),
        required=True,
    )
    start_date = _from()
    end_date = _until()
    jitter = _jitter()
    on_gap = _on_gap()
    on_overlap = _on_overlap()

    def make(self, arguments: dict[str, Any]) -> BaseTrigger:
        """Return the trigger of the line."""
        return CronTrigger.from_crontab(arguments.pop("crontab"), **arguments)

    def _field_named_in(self, message: str) -> str | None:
        """Return the field of the line for what is wrong in it."""
        about_the_line = message.startswith(("Cron ", "Crontab ", "Cron field"))
        return "crontab" if about_the_line else super()._field_named_in(message)


class CalendarIntervalForm(TriggerForm):
    """Every so many days, weeks, months or years of the calendar."""

    kind = "calendarinterval"
    label = _("Calendar")
    groups = (
        (_("Every"), ("years", "months", "weeks", "days")),
        (_("At"), ("hour", "minute", "second")),
        _LIMITS,
        _CLOCK_CHANGES,
    )

    years = _whole(_("Years"))
    months = _whole(_("Months"))
    weeks = _whole(_("Weeks"))
    days = _whole(_("Days"))
    hour = _whole(_("Hour"), 23)
    minute = _whole(_("Minute"), 59)
    second = _whole(_("Second"), 59)
    start_date = MomentField(kind="date", label=_("First date"), required=False)
    end_date = MomentField(kind="date", label=_("Last date"), required=False)
    jitter = _jitter()
    on_gap = _on_gap()
    on_overlap = _on_overlap()


def problems_of(form: TriggerForm) -> list[str]:
    """Return what is wrong with a filled form, each with the name of its field."""
    return [
        message if name == "__all__" or name in message else f"{form.fields[name].label}: {message}"
        for name, messages in form.errors.items()
        for message in map(str, messages)
    ]


_FORMS: tuple[type[TriggerForm], ...] = (IntervalForm, CronForm, CrontabForm, CalendarIntervalForm, DateForm)

#: The forms by the name of their kind.
TRIGGER_FORMS: dict[str, type[TriggerForm]] = {form.kind: form for form in _FORMS}


def kind_of(trigger: BaseTrigger) -> str:
    """Return the kind of form that fits a trigger; empty where none does."""
    if isinstance(trigger, CronTrigger) and trigger.crontab is not None:
        return CrontabForm.kind
    return trigger.alias if trigger.alias in TRIGGER_FORMS else ""


def initial_of(trigger: BaseTrigger, kind: str, zone: str) -> dict[str, Any]:
    """Return what the form of this kind shows at first: the trigger where it is of that kind, else only the zone."""
    if kind_of(trigger) != kind:
        return {"timezone": getattr(getattr(trigger, "timezone", None), "key", zone)}
    state = trigger.to_state()
    shown = {name: _LOCAL.get(name, _as_it_is)(value) for name, value in state.items()}
    return {"timezone": zone, **shown, "stored": state}


def _as_it_is(value: Any) -> Any:
    return value


def _local(value: Any) -> Any:
    """Return a stored moment as the local time that the browser's picker takes; dates stay dates."""
    moment = moment_of(value)
    if not isinstance(moment, datetime) or len(str(value)) == len("2026-12-24"):
        return value
    return moment.replace(tzinfo=None, microsecond=0).isoformat()


_LOCAL: dict[str, Callable[[Any], Any]] = dict.fromkeys(("run_date", "start_date", "end_date"), _local)
