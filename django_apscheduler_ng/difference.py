"""The difference between what code declares and what the database holds, before a node starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from .bootstrap import get_scheduler
from .conf import Config
from .declarations import Declaration, declared
from .jobstores.django import DjangoJobStore
from .merging import decide, declared_columns, declared_job
from .retiring import declared_elsewhere, undeclared
from .schema import unapplied

#: Kinds of differences that a node writes to the database when it starts.
_WRITTEN = ("added", "updated", "returned", "retired")

#: Kind of a difference → sign and words.
_WORDS = {
    "added": ("+", "would be added: {detail}"),
    "updated": ("~", "would be updated from code: {detail}"),
    "returned": ("~", "is retired, and would go on"),
    "differs": ("!", "differs from code, as people changed it: {detail}"),
    "retired": ("-", "would be retired: no longer declared in code"),
    "elsewhere": ("-", "is declared by another running scheduler only; it is retired when that is gone"),
    "unchanged": ("=", "unchanged"),
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a start of a node would do with one job, or leave alone although code and database differ."""

    job_id: str
    #: A key of `_WORDS`.
    kind: str
    #: The trigger of a new job, else the columns.
    detail: str = ""

    def __str__(self) -> str:
        """Return a line for people."""
        sign, words = _WORDS[self.kind]
        return f"{sign} {self.job_id}  {words.format(detail=self.detail)}"


def tell_difference(config: Config, out: TextIO, *, check: bool) -> int:
    """Print the difference, a job store at a time, and return the exit code: with `check` one of its own where there is any."""
    if (pending := unapplied(config)) is not None:
        out.write(f"Migrations are unapplied ({pending}): there is nothing to compare with. Run `manage.py migrate`.\n")
        return 3
    found = False
    for store in get_scheduler().shared_stores():
        mine = [declaration for declaration in declared().values() if declaration.jobstore == store.alias]
        differences = list(compare(store, mine, asdict(config.job_defaults)))
        changes = len({one.job_id for one in differences if one.kind in _WRITTEN})
        out.write(f"Job store {store.alias!r}: {len(mine)} job(s) declared in code, {changes} would change.\n")
        for difference in differences:
            out.write(f"  {difference}\n")
        found |= any(difference.kind != "unchanged" for difference in differences)
    return 5 if check and found else 0


def compare(
    store: DjangoJobStore, declarations: Iterable[Declaration], defaults: dict[str, Any]
) -> Iterator[Difference]:
    """Yield what merging these declarations into the job store would come to, without writing anything."""
    mine = list(declarations)
    for declaration in mine:
        yield from _of_declared(store, declaration, defaults)
    if not declared():
        return
    ids = {declaration.id for declaration in mine}
    elsewhere = declared_elsewhere(store)
    for row in undeclared(store, ids):
        yield Difference(job_id=row.job_id, kind="elsewhere" if row.job_id in elsewhere else "retired")


def _of_declared(store: DjangoJobStore, declaration: Declaration, defaults: dict[str, Any]) -> Iterator[Difference]:
    job = declared_job(declaration, defaults)
    row = store.row(job.id)
    if row is None:
        yield Difference(job_id=job.id, kind="added", detail=job.trigger.describe())
        return
    if row.retired_at is not None:
        yield Difference(job_id=job.id, kind="returned")
    merge = decide(row, declared_columns(job))
    if merge.outcome != "unchanged" or row.retired_at is None:
        yield Difference(job_id=job.id, kind=merge.outcome, detail=", ".join(merge.columns))
    theirs = [name for name in merge.left if name != "trigger_type"]
    if theirs and merge.outcome == "updated":
        yield Difference(job_id=job.id, kind="differs", detail=", ".join(theirs))
