"""What people can do with runs by a button."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..bootstrap import RequestScheduler
from ..models import JobRun
from ..runs import OPEN_STATUSES, RunStatus
from .verbs import Verb


def _can_be_cancelled(run: JobRun) -> bool:
    return run.status in OPEN_STATUSES and run.cancel_requested_at is None


def _can_be_retried(run: JobRun) -> bool:
    """Return whether a further attempt may be asked for, as far as the run itself can tell."""
    return run.status not in OPEN_STATUSES and run.status != RunStatus.COALESCED and run.count == 1


def _cancel(scheduler: RequestScheduler, run: JobRun, alias: str, reason: str) -> RunStatus:
    return scheduler.cancel_run(run.pk, alias, reason=reason)


def _retry(scheduler: RequestScheduler, run: JobRun, alias: str, reason: str) -> str:
    return scheduler.retry_run(run.pk, alias)


def _refused(run: Any, problem: str) -> str:
    return _("Run %(id)s of “%(job)s”: %(problem)s") % {
        "id": run.pk,
        "job": run.job_name or run.job_id,
        "problem": problem,
    }


def _denied(count: int) -> str:
    return ngettext("You may not do this with %(count)d run.", "You may not do this with %(count)d runs.", count) % {
        "count": count
    }


def _more_refused(count: int) -> str:
    return ngettext("%(count)d more run refused.", "%(count)d more runs refused.", count) % {"count": count}


CANCEL: Verb[JobRun] = Verb(
    name="cancel",
    permission="cancel",
    label=gettext_lazy("Cancel the run"),
    question=gettext_lazy("Cancel before the end?"),
    effect=gettext_lazy(
        "What has not begun does not begin. A process is killed, an async function is cancelled where it waits. A thread is asked to "
        "end, and goes on if its code takes no notice. The schedule stays as it is."
    ),
    log="Cancelled",
    done=lambda count: (
        ngettext("The end of %(count)d run is asked for.", "The end of %(count)d runs is asked for.", count)
        % {"count": count}
    ),
    idle=lambda count: (
        ngettext(
            "%(count)d run has ended, or is being cancelled already.",
            "%(count)d runs have ended, or are being cancelled already.",
            count,
        )
        % {"count": count}
    ),
    applies=_can_be_cancelled,
    ask=_cancel,
    denied=_denied,
    refused=_refused,
    more_refused=_more_refused,
)
RETRY: Verb[JobRun] = Verb(
    name="retry",
    permission="retry",
    label=gettext_lazy("Retry"),
    question=gettext_lazy("Try again?"),
    effect=gettext_lazy(
        "A scheduler makes a further attempt now, with the callable and the arguments that the run had."
    ),
    log="Retried",
    done=lambda count: (
        ngettext("%(count)d further attempt is asked for.", "%(count)d further attempts are asked for.", count)
        % {"count": count}
    ),
    idle=lambda count: (
        ngettext(
            "%(count)d run has not ended, or stands for fire times that got no run.",
            "%(count)d runs have not ended, or stand for fire times that got no run.",
            count,
        )
        % {"count": count}
    ),
    applies=_can_be_retried,
    ask=_retry,
    denied=_denied,
    refused=_refused,
    more_refused=_more_refused,
)

RUN_VERBS = (CANCEL, RETRY)
