"""What somebody is typing about a job: the forms, and what they were filled from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.utils.translation import gettext

from ..clock import SYSTEM_CLOCK
from ..conf import get_config
from ..exceptions import ConflictingIdError, InvalidTriggerError
from ..job import Job
from ..models import ScheduledJob
from ..preview import preview
from ..rows import definition, read_trigger
from .conflict import EDITED, columns_of
from .jobform import JobForm, fields_of
from .triggerchoice import TriggerChoice


def option_of(column: str) -> str:
    """Return the option of a job that is stored in a column."""
    return "func" if column == "func_ref" else column


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The forms of one job."""

    #: The job that they were filled from; it may have changed since.
    row: ScheduledJob
    form: JobForm
    choice: TriggerChoice
    is_new: bool
    #: Aliases of the job stores that a new job may be added to.
    jobstores: list[str]

    @classmethod
    def of(
        cls,
        data: Mapping[str, Any] | None,
        row: ScheduledJob,
        *,
        new: bool,
        jobstores: list[str],
        present: str = "",
        typed: Mapping[str, Any] | None = None,
        trigger_data: Mapping[str, Any] | None = None,
    ) -> Self:
        """Fill the forms.

        Args:
            data: what was posted; None shows the job.
            row: the job.
            new: whether it is to be added.
            jobstores: aliases of the job stores to choose from.
            present: the callable that may stay although it is not registered.
            typed: values to show instead of the job's, by field.
            trigger_data: what was posted about the trigger, where `data` is None.
        """
        config = get_config()
        form = JobForm(
            data,
            row=row,
            new=new,
            executors=list(config.executors),
            jobstores=jobstores,
            present=present,
            typed=typed or {},
        )
        trigger = read_trigger(row) if row.trigger else None
        zone = getattr(config.timezone, "key", str(config.timezone))
        choice = TriggerChoice(data if trigger_data is None else trigger_data, trigger, zone)
        return cls(row=row, form=form, choice=choice, is_new=new, jobstores=jobstores)

    @property
    def is_bound(self) -> bool:
        """Whether something was posted."""
        return self.form.is_bound

    def is_valid(self) -> bool:
        """Judge both forms, so that everything that is wrong is told at once."""
        checks = [self.form.is_valid(), self.choice.is_valid()]
        if self.choice.is_forged:
            self.choice.refuse(gettext("There is no such type of trigger. Choose one of those above."))
            return False
        return all(checks) and not self._is_paused_for_ever()

    def _is_paused_for_ever(self) -> bool:
        """Refuse a job that is added paused and whose trigger never fires; the library judges that of the others."""
        if not self.form.cleaned_data.get("paused") or preview(self.choice.trigger, SYSTEM_CLOCK.now(), 1):
            return False
        self.choice.refuse(gettext("The trigger never fires after now. Give it a fire time in the future."))
        return True

    def refuse(self, error: Exception) -> None:
        """Show why the library did not take it, at the field that it is about."""
        message = str(error) or type(error).__name__
        if isinstance(error, InvalidTriggerError):
            self.choice.refuse(message)
        elif isinstance(error, ConflictingIdError):
            taken = gettext("There is a job with this id in the job store already. Choose another id.")
            self.form.add_error("id", taken)
        else:
            self.form.add_error(self.form.field_of(message), message)

    def columns(self) -> dict[str, Any]:
        """Return the edited columns of the job that valid forms describe."""
        options = dict(self.form.options)
        ref = options.pop("func")
        job = Job.restored(id=self.row.job_id, func_ref=ref, trigger=self.choice.trigger, **options)
        written = definition(job)
        return {name: written[name] for name in EDITED}

    def changes(self) -> dict[str, Any]:
        """Return the columns that are not as they were shown, with their new values."""
        shown, columns = columns_of(self.row), self.columns()
        return {name: columns[name] for name in EDITED if columns[name] != shown[name]}

    def options(self, columns: Collection[str]) -> dict[str, Any]:
        """Return the options that are stored in these columns, as `edit_job()` takes them."""
        values = {**self.form.options, "trigger": self.choice.trigger}
        return {option_of(name): values[option_of(name)] for name in columns}

    def rebased(self, row: ScheduledJob, yours: Collection[str]) -> Draft:
        """Return the forms filled from the job as it is now, with what you changed as you typed it."""
        fields = [field for column in yours for field in fields_of(option_of(column))]
        typed = {name: self.form[name].value() for name in (*fields, "reason") if name in self.form.fields}
        data: Any = self.form.data
        return Draft.of(
            None,
            row,
            new=False,
            jobstores=self.jobstores,
            present=row.func_ref,
            typed=typed,
            trigger_data=data if "trigger" in yours else None,
        )
