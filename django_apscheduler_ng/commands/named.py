"""The jobs that people name on the command line, and who names them. A mistyped id is answered with what may have been meant."""

from __future__ import annotations

import difflib
import getpass
import shlex
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from django.core.management.base import CommandError, CommandParser

from ..actors import acting
from ..bootstrap import get_scheduler
from ..exceptions import ConfigurationError, JobLookupError, did_you_mean
from ..jobstores.django import DjangoJobStore
from ..models import JobLogEntry, ScheduledJob
from ..words import clock_words
from .reading import project_zone

#: Ids that a mistyped one is compared with.
_COMPARED = 20_000

#: Ids that are offered instead of it.
_OFFERED = 3


@dataclass(frozen=True, kw_only=True)
class Named:
    """A job that was named."""

    #: Alias of its job store.
    alias: str
    store: DjangoJobStore
    row: ScheduledJob

    @property
    def id(self) -> str:
        """Its id."""
        job_id: str = self.row.job_id
        return job_id


def add_jobstore_option(parser: CommandParser, text: str = "the job store; left out, all are searched") -> None:
    """Add the option that names a job store."""
    parser.add_argument("--jobstore", metavar="ALIAS", help=text)


def stores(alias: str | None = None) -> dict[str, DjangoJobStore]:
    """Return the job stores in the database by alias: the one that is named, or all.

    Raises:
        ConfigurationError: there is none with this alias.
    """
    there = {store.alias: store for store in get_scheduler().shared_stores()}
    if alias is None:
        return there
    if alias not in there:
        raise ConfigurationError(
            f"Job store {alias!r} is not configured.{did_you_mean(alias, there)} "
            f"There are: {', '.join(map(repr, there)) or 'none'}. Add it to APSCHEDULER['jobstores']."
        )
    return {alias: there[alias]}


def named_job(job_id: str, jobstore: str | None = None) -> Named:
    """Return the job with this id, also one whose schedule has ended.

    Raises:
        JobLookupError: there is none; the message offers the closest ids.
        CommandError: several job stores have one.
    """
    there = stores(jobstore)
    found = [(alias, store, store.row(job_id)) for alias, store in there.items()]
    having = [Named(alias=alias, store=store, row=row) for alias, store, row in found if row is not None]
    if len(having) > 1:
        aliases = ", ".join(repr(named.alias) for named in having)
        raise CommandError(f"Job {job_id!r} is in several job stores: {aliases}. Add --jobstore to say which is meant.")
    if having:
        return having[0]
    places = ", ".join(map(repr, there)) or "none"
    told = _removal(job_id, there) or f"{_meant(job_id, there)} `manage.py scheduler list` shows what is there."
    raise JobLookupError(f"Job {job_id!r} is in no job store ({places}).{told}")


def _removal(job_id: str, there: Mapping[str, DjangoJobStore]) -> str:
    """Return who removed the job that had this id, and when; empty where there was none."""
    for store in there.values():
        entries = JobLogEntry.objects.using(store.using).filter(namespace=store.namespace, job_id=job_id)
        entry = entries.filter(action="removed").order_by("-pk").first()
        if entry is not None:
            by = f" by {entry.actor_name}" if entry.actor_name else ""
            at = clock_words(entry.at, project_zone())
            return (
                f" It was removed{by} at {at}. `manage.py scheduler runs --job {shlex.quote(job_id)}` shows its runs."
            )
    return ""


def _meant(job_id: str, there: Mapping[str, DjangoJobStore]) -> str:
    """Return the ids that may have been meant, as a question."""
    ids: list[str] = []
    for store in there.values():
        jobs = ScheduledJob.objects.using(store.using).of(store.namespace).unfinished()
        ids += jobs.filter(job_id__icontains=job_id).values_list("job_id", flat=True)[:_OFFERED]
        ids += islice(jobs.order_by("pk").values_list("job_id", flat=True)[:_COMPARED], _COMPARED)
    lowered = {known.lower(): known for known in reversed(ids)}
    close = difflib.get_close_matches(job_id.lower(), list(lowered), n=_OFFERED, cutoff=0.6)
    inside = [known for known in lowered if job_id.lower() in known]
    offered = list(dict.fromkeys(repr(lowered[known]) for known in (*close, *inside)))[:_OFFERED]
    if not offered:
        return ""
    return f" Did you mean {', '.join(offered[:-1])}{' or ' if offered[:-1] else ''}{offered[-1]}?"


@contextmanager
def by_operator(reason: str = "") -> Iterator[None]:
    """Record what is done inside the `with` block as done by whoever is logged in here: `user@host`."""
    with acting(name=operator(), reason=reason):
        yield


def operator() -> str:
    """Return `user@host`; without the user where the system does not know one."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError, ImportError):
        return socket.gethostname()
