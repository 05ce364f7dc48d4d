"""Jobs → document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .. import __version__
from ..exceptions import SchedulerError, StoredDataError
from ..job import Job
from ..policies import PLAIN_OPTIONS
from ..refs import callable_ref
from ..serialization import dump_trigger, dump_value
from ..triggers.unreadable import UnreadableTrigger

#: What the key `format` says.
FORMAT = "django_apscheduler_ng jobs"

#: Version of the document; later ones are refused.
VERSION = 1

#: Options of a job that are written as they are.
PLAIN = ("name", *PLAIN_OPTIONS)

#: Moments of a job, as ISO 8601 text with an offset.
MOMENTS = ("next_run_time", "next_fire_time", "claimed_through")

#: All keys that a job may have.
FIELDS = ("id", "jobstore", "func", "args", "kwargs", "trigger", *PLAIN, "retry", *MOMENTS, "pause_reason")

#: Jobs that cannot be written are named, up to so many.
MOST_NAMED = 10

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def dump_jobs(jobs: Iterable[tuple[str, Job]], now: datetime) -> tuple[str, int]:
    """Return the document of some jobs, and how many there are in it.

    Args:
        jobs: each with the alias of its job store.
        now: the moment that the document is dated with.

    Raises:
        StoredDataError: jobs cannot be written, because a part of them has no form that could be read back; they are named.
    """
    described, problems = [], []
    for alias, job in jobs:
        try:
            described.append(_described(alias, job))
        except SchedulerError as error:
            problems.append(f"job {job.id!r} of job store {alias!r}: {error}")
    if problems:
        raise StoredDataError(f"Cannot export, so nothing was written: {named(problems)}")
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now.isoformat(timespec="seconds"),
        "exported_by": f"django-apscheduler-ng {__version__}",
    }
    return _text({**head, "jobs": described}), len(described)


def named(problems: list[str]) -> str:
    """Return the problems in one text, the first ones where there are many."""
    more = len(problems) - MOST_NAMED
    return "\n".join([*problems[:MOST_NAMED], *([f"… and {more} more."] if more > 0 else [])])


def _text(document: Any) -> str:
    """Return the JSON text; characters that UTF-8 does not have are escaped, all others are readable."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _described(alias: str, job: Job) -> dict[str, Any]:
    """Return what the document says of a job.

    Raises:
        SchedulerError: a part of it cannot be written.
    """
    if problem := job.trigger.problem if isinstance(job.trigger, UnreadableTrigger) else job.unreadable:
        raise StoredDataError(f"{problem} Repair or remove the job, then export again.")
    described = {
        "id": job.id,
        "jobstore": alias,
        "func": job.func_ref or callable_ref(job.func),
        "args": json.loads(dump_value(list(job.args), where="args")),
        "kwargs": json.loads(dump_value(job.kwargs, where="kwargs")),
        "trigger": json.loads(dump_trigger(job.trigger)),
        **{name: getattr(job, name) for name in PLAIN},
        "retry": None if job.retry is None else job.retry.as_dict(),
    }
    return described | _runtime(job)


def _runtime(job: Job) -> dict[str, Any]:
    """Return the state that a job has reached: nothing for one that was never planned, no next run time for a paused one."""
    if job.pending and not job.run_time_chosen:
        return {}
    moments = {name: _moment(getattr(job, name)) for name in MOMENTS}
    told: dict[str, Any] = {"next_run_time": moments.pop("next_run_time")}
    told |= {name: moment for name, moment in moments.items() if moment not in (None, told["next_run_time"])}
    return told | ({"pause_reason": job.pause_reason} if job.pause_reason else {})


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
