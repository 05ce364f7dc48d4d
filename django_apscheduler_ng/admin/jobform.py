"""The form of a job, its trigger aside: what is called, with which arguments, and how its runs are treated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..declarations import registered_callables
from ..exceptions import SchedulerError
from ..models import OnAbandoned, Overlap, Priority, ScheduledJob
from ..policies import PLAIN_OPTIONS, checked_id, checked_option
from ..refs import load_callable
from ..retries import Retry
from ..rows import read_retry
from .arguments import ArgumentsForm, arguments_field, initial_arguments

if TYPE_CHECKING:
    from .forms import Label

#: The fields that describe the retry policy, by its keys.
RETRY_FIELDS = {
    "attempts": "retry_attempts",
    "delay": "retry_delay",
    "backoff": "retry_backoff",
    "max_delay": "retry_max_delay",
    "on": "retry_on",
    "not_on": "retry_not_on",
}


def fields_of(option: str) -> tuple[str, ...]:
    """Return the names of the fields in which an option of a job is filled in."""
    return tuple(RETRY_FIELDS.values()) if option == "retry" else (option,)


def _seconds(label: Label, help_text: Label = "") -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any", "min": "0"})
    return forms.FloatField(label=label, required=False, help_text=help_text, widget=widget)


def _classes(label: Label, help_text: Label) -> forms.CharField:
    widget = forms.TextInput(attrs={"spellcheck": "false", "dir": "ltr"})
    return forms.CharField(label=label, required=False, max_length=2000, help_text=help_text, widget=widget)


class JobForm(ArgumentsForm):
    """Everything about a job but its trigger. Refusals are the library's own, at the field they are about."""

    #: Names of the fields in groups, for the page; `args` and `kwargs` stand beside the callable.
    GROUPS: tuple[tuple[str, Label, tuple[str, ...]], ...] = (
        ("what", _("What runs"), ("func", "name", "id", "jobstore", "args", "kwargs")),
        ("when", _("Limits of a run"), ("misfire_grace_time", "timeout", "coalesce")),
        ("overlap", _("When runs overlap"), ("max_instances", "overlap")),
        ("retry", _("When a run fails"), (*RETRY_FIELDS.values(), "on_abandoned")),
        ("where", _("Where it runs"), ("executor", "queue", "priority")),
    )

    func = forms.ChoiceField(
        label=_("Callable"),
        help_text=_("Registered in code with @job or @scheduled_job."),
        error_messages={
            "invalid_choice": _(
                "Callable “%(value)s” is not registered. Choose one of the list, or decorate it with @job."
            )
        },
    )
    name = forms.CharField(
        label=_("Name"), required=False, max_length=255, help_text=_("For people. Empty: that of the callable.")
    )
    id = forms.CharField(
        label=_("Id"), required=False, strip=False, help_text=_("Cannot be changed later. Empty: a random one.")
    )
    jobstore = forms.ChoiceField(label=_("Job store"))
    executor = forms.ChoiceField(label=_("Executor"))
    queue = forms.CharField(label=_("Queue"), help_text=_("A scheduler may serve some queues only."))
    priority = forms.ChoiceField(
        label=_("Priority"), choices=Priority.choices, help_text=_("Who goes first where executors are full.")
    )
    coalesce = forms.BooleanField(
        label=_("Coalesce"),
        required=False,
        help_text=_("Fire times that are due together, after a downtime for one, become one run."),
    )
    max_instances = forms.IntegerField(
        label=_("Runs at once"),
        widget=forms.NumberInput(attrs={"min": "1"}),
        help_text=_("At most, over all schedulers."),
    )
    overlap = forms.ChoiceField(
        label=_("A fire time that finds no free one"), choices=Overlap.choices, help_text=_("What becomes of it.")
    )
    misfire_grace_time = _seconds(_("Latest start (s)"), _("After the fire time. Empty: however late."))
    timeout = _seconds(_("Timeout (s)"), _("Empty: as long as it takes."))
    on_abandoned = forms.ChoiceField(label=_("When its scheduler dies"), choices=OnAbandoned.choices)
    retry_attempts = forms.IntegerField(
        label=_("Attempts"),
        required=False,
        widget=forms.NumberInput(attrs={"min": "1"}),
        help_text=_("In all. Empty: a failed run is not tried again."),
    )
    retry_delay = _seconds(_("First delay (s)"), _("Before the second attempt. Empty: 10."))
    retry_backoff = forms.FloatField(
        label=_("Factor"),
        required=False,
        widget=forms.NumberInput(attrs={"step": "any", "min": "1"}),
        help_text=_("By which the delay grows. Empty: 2."),
    )
    retry_max_delay = _seconds(_("Longest delay (s)"), _("Empty: 3600."))
    retry_on = _classes(
        _("Only after"), _("Names of exceptions, such as TimeoutError or requests.ConnectionError. Empty: any.")
    )
    retry_not_on = _classes(_("Never after"), _("Names of exceptions."))
    paused = forms.BooleanField(label=_("Add it paused"), required=False)
    field_order = ("func", "name", "id")

    def __init__(self, data: Mapping[str, Any] | None = None, *, row: ScheduledJob, new: bool, **choices: Any) -> None:
        """Offer what there is to choose from.

        Args:
            data: what was posted; None shows the job as it is.
            row: the job that the form was filled from.
            new: whether it is to be added.
            **choices: `executors`, `jobstores`: aliases to choose from; `present`: the callable that may stay although it is not
                registered; `typed`: what to show instead of the job's own values, by field.
        """
        super().__init__(data, initial={**initial_of_job(row), **choices.get("typed", {})})
        present = choices.get("present", "")
        self.fields["func"].choices = callable_choices(present, blank=new)  # type: ignore[attr-defined]
        executors = [*choices["executors"], *([row.executor] if row.executor not in choices["executors"] else [])]
        self.fields["executor"].choices = [(alias, alias) for alias in executors]  # type: ignore[attr-defined]
        stores = choices["jobstores"]
        self.fields["jobstore"].choices = [(alias, alias) for alias in stores]  # type: ignore[attr-defined]
        gone = ("id", "jobstore", "paused") if not new else ("jobstore",) if len(stores) < 2 else ()
        for name in gone:
            del self.fields[name]

    #: The options of the job that a valid form describes, as `add_job()` takes them.
    options: dict[str, Any]

    def clean(self) -> dict[str, Any]:
        """Check every option by itself, then the arguments against the callable."""
        super().clean()
        self.options = {}
        for name in (*PLAIN_OPTIONS, "retry"):
            self._check(name)
        self._check_name()
        if self.cleaned_data.get("id"):
            self._refuse_with("id", lambda: checked_id(self.cleaned_data["id"]))
        ref = self.cleaned_data.get("func", "")
        if func := _loaded(ref):
            self.check_call(func)
        self.options |= {name: self.cleaned_data[name] for name in ("args", "kwargs") if name in self.cleaned_data}
        self.options["func"] = ref
        return self.cleaned_data

    def _check(self, option: str) -> None:
        """Check one option, and keep it."""
        if any(name in self.errors for name in fields_of(option)):
            return
        value = self._retry() if option == "retry" else self.cleaned_data.get(option)

        def keep() -> None:
            self.options[option] = checked_option(option, value)

        self._refuse_with(option, keep)

    def _refuse_with(self, field: str, check: Callable[[], Any]) -> None:
        try:
            check()
        except SchedulerError as error:
            self.add_error(self.field_of(str(error)) or field, str(error))

    def _check_name(self) -> None:
        """An empty name is that of the callable."""
        name = self.cleaned_data.get("name") or self.cleaned_data.get("func", "").rpartition(":")[2]
        if name:

            def keep() -> None:
                self.options["name"] = checked_option("name", name)

            self._refuse_with("name", keep)

    def _retry(self) -> dict[str, Any] | None:
        """Return the policy as `add_job()` takes it; keys that were left empty have their defaults."""
        given = {key: self.cleaned_data.get(name) for key, name in RETRY_FIELDS.items()}
        filled: dict[str, Any] = {key: value for key, value in given.items() if value not in (None, "")}
        for key in {"on", "not_on"} & filled.keys():
            filled[key] = filled[key].replace(",", " ").split()
        if filled and "attempts" not in filled:
            self.add_error(
                "retry_attempts", gettext("Say how many attempts there are, or leave the other fields empty.")
            )
            return None
        return filled or None

    def field_of(self, message: str) -> str | None:
        """Return the field that one of the library's messages is about; None where it names none."""
        for key, name in RETRY_FIELDS.items():
            if message.startswith(f"Key {key!r} of job option 'retry'"):
                return name
        for start, name in _STARTS:
            if message.startswith(start) and name in self.fields:
                return name
        if message.startswith("Arguments of"):
            return arguments_field(message)
        found = next((name for name in self.fields if message.startswith(f"Job option {name!r}")), None)
        return "retry_attempts" if message.startswith("Job option 'retry'") else found

    def fieldsets(self) -> Iterator[tuple[str, Label, list[forms.BoundField], bool]]:
        """Yield the groups of fields that there are, and whether something in them is unusual or wrong."""
        usual = initial_of_job(ScheduledJob())
        for kind, title, names in self.GROUPS:
            fields = [self[name] for name in names if name in self.fields]
            is_open = any(_as_text(field.value()) != _as_text(usual.get(field.name)) for field in fields)
            yield kind, title, fields, is_open or (self.is_bound and any(field.errors for field in fields))


#: How messages begin, and the field they are about.
_STARTS = (
    ("Callable", "func"),
    ("Cannot store args", "args"),
    ("Cannot store kwargs", "kwargs"),
    ("Executor", "executor"),
    ("Job id", "id"),
)


def _loaded(ref: str) -> Callable[..., Any] | None:
    """Return a callable to check arguments against; None where it cannot be loaded here."""
    known = registered_callables().get(ref)
    try:
        return known.func if known else load_callable(ref)
    except SchedulerError:
        return None


def callable_choices(present: str = "", *, blank: bool) -> list[tuple[str, Any]]:
    """Return the registered callables by module, for a select; `present` is among them whatever became of it."""
    modules: dict[str, list[tuple[str, str]]] = {}
    known = registered_callables()
    for ref, registration in sorted(known.items()):
        module, _colon, function = ref.partition(":")
        title = function if registration.name in (function, "") else f"{function} – {registration.name}"
        modules.setdefault(module, []).append((ref, title))
    choices: list[tuple[str, Any]] = [("", gettext("Choose…"))] if blank else []
    if present and present not in known:
        choices.append((present, gettext("%(callable)s (not registered)") % {"callable": present}))
    return [*choices, *modules.items()]


def initial_of_job(row: ScheduledJob) -> dict[str, Any]:
    """Return what the form of a job shows at first."""
    plain = {name: _short(getattr(row, name)) for name in ("name", *PLAIN_OPTIONS)}
    return {"func": row.func_ref, "id": row.job_id, **plain, **initial_arguments(row), **_retry_initial(row.retry)}


def _retry_initial(text: str) -> dict[str, Any]:
    try:
        retry: Retry | None = read_retry(text)
    except SchedulerError:
        retry = None
    if retry is None:
        return {}
    return {
        RETRY_FIELDS[key]: ", ".join(value) if isinstance(value, list) else _short(value)
        for key, value in retry.as_dict().items()
    }


def _as_text(value: Any) -> str:
    return "" if value in (None, False) else str(value)


def _short(value: Any) -> Any:
    """Return whole numbers without the fraction that a column of floating point numbers gives them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
