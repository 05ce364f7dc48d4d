"""What people can do by a button: each verb with its words, its permission and the call of the API it makes.

The verbs here are about jobs; those about runs are in `runverbs`.

Nothing is performed here: the API writes to the database, and a node obeys.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..actors import acting
from ..bootstrap import RequestScheduler, get_scheduler
from ..declarations import moved_to
from ..exceptions import CallableReferenceError
from ..forgetting import forget
from ..models import JobRun, Origin, ScheduledJob

logger = logging.getLogger(__name__)

#: What verbs are about.
Row = TypeVar("Row", ScheduledJob, JobRun)

#: One click changes no more jobs or runs than these, so that the page answers in time.
MOST_ROWS = 1000
#: So many failures are told one by one.
_TOLD_FAILURES = 5


class Logs(Protocol):
    """The part of Django's `ModelAdmin` that writes its log."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Log a change."""
        ...

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Log deletions."""
        ...


def _refused_job(row: ScheduledJob | JobRun, problem: str) -> str:
    return _("Job “%(job)s”: %(problem)s") % {"job": row, "problem": problem}


def _denied_jobs(count: int) -> str:
    return ngettext("You may not do this with %(count)d job.", "You may not do this with %(count)d jobs.", count) % {
        "count": count
    }


def _more_refused_jobs(count: int) -> str:
    return ngettext("%(count)d more job refused.", "%(count)d more jobs refused.", count) % {"count": count}


@dataclass(frozen=True, kw_only=True)
class Verb(Generic[Row]):
    """Something that can be done with jobs, or with runs."""

    #: Last part of the address of its page.
    name: str
    #: The admin asks `has_…_permission()`.
    permission: str
    #: On the button.
    label: Promise
    #: Above the page that asks before it is done.
    question: Promise
    #: What happens then.
    effect: Promise
    #: In Django's log of the admin.
    log: str
    #: Counts of the rows for which it was done, and for which there was nothing to do.
    done: Callable[[int], str]
    idle: Callable[[int], str]
    applies: Callable[[Row], bool]
    #: Asks the scheduler; called with the scheduler, the row, the alias of its job store and the reason.
    ask: Callable[[RequestScheduler, Row, str, str], Any]
    #: Counts the rows with which the person may not do it.
    denied: Callable[[int], str] = _denied_jobs
    #: Says that a row refused, and why.
    refused: Callable[[Row, str], str] = _refused_job
    #: Counts those that refused and are not named.
    more_refused: Callable[[int], str] = _more_refused_jobs
    #: Whether it cannot be taken back.
    final: bool = False


@dataclass(kw_only=True)
class Tally(Generic[Row]):
    """What became of a verb for some rows."""

    done: list[Row] = field(default_factory=list)
    idle: list[Row] = field(default_factory=list)
    denied: list[Row] = field(default_factory=list)
    failed: list[tuple[Row, str]] = field(default_factory=list)
    #: What the API returned, by primary key.
    answers: dict[int, Any] = field(default_factory=dict)


def carry_out(verb: Verb[Row], rows: Iterable[Row], request: HttpRequest, logs: Logs, reason: str = "") -> Tally[Row]:
    """Ask the scheduler to do `verb` with each of the rows, in the name of the request's user.

    One that refuses stops no other one.
    """
    tally: Tally[Row] = Tally()
    scheduler = get_scheduler()
    with acting(request.user, origin=Origin.ADMIN, reason=reason):
        for row in rows:
            if not verb.applies(row):
                tally.idle.append(row)
                continue
            try:
                tally.answers[row.pk] = verb.ask(scheduler, row, scheduler.alias_of(row.namespace), reason)
            except DatabaseError:
                raise
            except Exception as error:
                logger.info("%s of job %r was refused: %s", verb.log, row.job_id, error)
                tally.failed.append((row, str(error) or type(error).__name__))
            else:
                tally.done.append(row)
    _log(verb, tally, request, logs, reason)
    return tally


def _log(verb: Verb[Row], tally: Tally[Row], request: HttpRequest, logs: Logs, reason: str) -> None:
    """Write Django's own log of the admin."""
    if verb.final:
        if tally.done:
            logs.log_deletions(request, tally.done)
        return
    for row in tally.done:
        logs.log_change(request, row, f"{verb.log}: {reason}" if reason else f"{verb.log}.")


def tell(verb: Verb[Row], tally: Tally[Row], request: HttpRequest) -> None:
    """Say with counts what became of a verb."""
    if tally.done:
        messages.success(request, verb.done(len(tally.done)))
    if tally.idle:
        messages.info(request, verb.idle(len(tally.idle)))
    if tally.denied:
        messages.warning(request, verb.denied(len(tally.denied)))
    for row, sentence in tally.failed[:_TOLD_FAILURES]:
        messages.error(request, verb.refused(row, sentence))
    more = len(tally.failed) - _TOLD_FAILURES
    if more > 0:
        messages.error(request, verb.more_refused(more))


def _is_unfinished(job: ScheduledJob) -> bool:
    return job.finished_at is None


def _pause(scheduler: RequestScheduler, job: ScheduledJob, alias: str, reason: str) -> None:
    scheduler.pause_job(job.job_id, alias, reason=reason)


def _resume(scheduler: RequestScheduler, job: ScheduledJob, alias: str, reason: str) -> bool:
    """Return whether the job is still there: a schedule that ended meanwhile is removed."""
    return scheduler.resume_job(job.job_id, alias) is not None


def _run(scheduler: RequestScheduler, job: ScheduledJob, alias: str, reason: str) -> str:
    return scheduler.run_job(job.job_id, alias)


def _new_callable(job: ScheduledJob) -> str | None:
    """Return where the callable of a job that has lost it may have moved to."""
    lost = job.finished_at is None and job.broken_reason.startswith(CallableReferenceError.__name__)
    return moved_to(job.func_ref) if lost else None


def _repoint(scheduler: RequestScheduler, job: ScheduledJob, alias: str, reason: str) -> None:
    scheduler.modify_job(job.job_id, alias, func=_new_callable(job))


def _remove(scheduler: RequestScheduler, job: ScheduledJob, alias: str, reason: str) -> None:
    if job.finished_at is None:
        scheduler.remove_job(job.job_id, alias)
    else:
        forget(job)


RUN: Verb[ScheduledJob] = Verb(
    name="run",
    permission="run",
    label=gettext_lazy("Run now"),
    question=gettext_lazy("Run now, beside the schedule?"),
    effect=gettext_lazy("A scheduler starts one run. The schedule stays as it is."),
    log="Run now",
    done=lambda count: (
        ngettext("%(count)d run is asked for.", "%(count)d runs are asked for.", count) % {"count": count}
    ),
    idle=lambda count: (
        ngettext("%(count)d job has finished and cannot run.", "%(count)d jobs have finished and cannot run.", count)
        % {"count": count}
    ),
    applies=_is_unfinished,
    ask=_run,
)
PAUSE: Verb[ScheduledJob] = Verb(
    name="pause",
    permission="pause",
    label=gettext_lazy("Pause"),
    question=gettext_lazy("Pause until somebody resumes?"),
    effect=gettext_lazy("No further run starts. Runs under way go on. What is due meanwhile is not made up for."),
    log="Paused",
    done=lambda count: ngettext("%(count)d job is paused.", "%(count)d jobs are paused.", count) % {"count": count},
    idle=lambda count: (
        ngettext(
            "%(count)d job was paused or finished already.", "%(count)d jobs were paused or finished already.", count
        )
        % {"count": count}
    ),
    applies=lambda job: _is_unfinished(job) and not job.paused and job.retired_at is None,
    ask=_pause,
)
RESUME: Verb[ScheduledJob] = Verb(
    name="resume",
    permission="pause",
    label=gettext_lazy("Resume"),
    question=gettext_lazy("Resume the schedule?"),
    effect=gettext_lazy("Runs start again, from the next fire time on."),
    log="Resumed",
    done=lambda count: ngettext("%(count)d job is resumed.", "%(count)d jobs are resumed.", count) % {"count": count},
    idle=lambda count: (
        ngettext("%(count)d job was not paused.", "%(count)d jobs were not paused.", count) % {"count": count}
    ),
    applies=lambda job: _is_unfinished(job) and (job.paused or job.retired_at is not None),
    ask=_resume,
)
REPOINT: Verb[ScheduledJob] = Verb(
    name="repoint",
    permission="change",
    label=gettext_lazy("Use the callable it may have moved to"),
    question=gettext_lazy("Call the callable that is like the lost one from now on?"),
    effect=gettext_lazy("The reason why the job is broken names it. The arguments stay as they are."),
    log="Pointed to another callable",
    done=lambda count: (
        ngettext("%(count)d job has another callable.", "%(count)d jobs have another callable.", count)
        % {"count": count}
    ),
    idle=lambda count: (
        ngettext("%(count)d job has lost no callable.", "%(count)d jobs have lost no callable.", count)
        % {"count": count}
    ),
    applies=lambda job: _new_callable(job) is not None,
    ask=_repoint,
)
REMOVE: Verb[ScheduledJob] = Verb(
    name="remove",
    permission="delete",
    label=gettext_lazy("Remove"),
    question=gettext_lazy("Remove for good?"),
    effect=gettext_lazy("No further run starts. Runs under way go on. The history of runs and events stays."),
    log="Removed",
    done=lambda count: ngettext("%(count)d job is removed.", "%(count)d jobs are removed.", count) % {"count": count},
    idle=lambda count: "",
    applies=lambda job: True,
    ask=_remove,
    final=True,
)

VERBS = (RUN, PAUSE, RESUME, REPOINT, REMOVE)
