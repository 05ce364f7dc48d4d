"""How far back a long list is looked through: where no index leads to what a filter or a search asks for, only so many of the latest.

What an index leads to is listed in the order of that index: the runs of a job, and those in a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, SEARCH_VAR
from django.db.models import Max, QuerySet

from ..runs import RunStatus

#: So many rows are looked through for filters; for a text, which takes longer; and behind an index, where each row lies elsewhere.
FILTERED, SEARCHED, BEHIND_INDEX = 50_000, 20_000, 5_000

#: So many digits has a key at most.
MOST_DIGITS = 18

#: Parameters of a list that choose nothing.
_NO_FILTERS = (SEARCH_VAR, ORDER_VAR, ALL_VAR, "_facets")

#: The order of the index on the status of runs, the latest first; its ties are resolved without a sort.
_BY_STATUS = ("-due_at", "-priority", "-pk")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a list is asked for."""

    job: int | None
    #: Of runs; empty for any.
    status: str
    #: Name of the job store, where one is chosen.
    namespace: str
    #: Whether other filters are in force.
    filtered: bool
    #: Whether a text is searched for.
    searched: bool

    @property
    def is_by_status(self) -> bool:
        """Whether the index on the status is the way to the rows; most runs have succeeded, and the latest of all are as good then."""
        return bool(self.status) and not (self.status == RunStatus.SUCCEEDED and (self.filtered or self.searched))

    @property
    def most(self) -> int:
        """How many of all rows are looked through."""
        return SEARCHED if self.searched else FILTERED

    @classmethod
    def of(cls, chosen: Mapping[str, Any], text: str) -> Asked:
        """Return what the parameters of an address ask for; `text` is searched for."""
        job = chosen.get("job", "")
        key = int(job) if job.isascii() and job.isdigit() and len(job) <= MOST_DIGITS else None
        known = {"job", "status__exact", "store", *_NO_FILTERS}
        return cls(
            job=key,
            status=chosen.get("status__exact", ""),
            namespace=chosen.get("store", ""),
            filtered=any(value for name, value in chosen.items() if name not in known),
            searched=bool(text),
        )


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """The rows of a list, and how many of the latest ones were looked through for them; 0 = as many as there are."""

    rows: QuerySet[Any]
    looked_through: int = 0


def bounded(rows: QuerySet[Any], asked: Asked) -> Bounded:
    """Return the rows in an order, and within bounds, in which the database finds them without reading all there are.

    Args:
        rows: what the filters, and the search, leave; the latest have the highest keys.
        asked: the same in words.
    """
    every = rows.model._default_manager.using(rows.db)
    if asked.job is not None:
        if not (asked.status or asked.filtered or asked.searched):
            return Bounded(rows=rows)
        return _from_key(rows, _nth_key(every.filter(job_key=asked.job), BEHIND_INDEX), BEHIND_INDEX)
    if asked.is_by_status and (namespace := asked.namespace or _only_namespace(every)):
        return _in_status(rows, every.filter(namespace=namespace, status=asked.status), namespace, asked)
    if asked.status or asked.filtered or asked.searched or asked.namespace:
        latest = every.aggregate(latest=Max("pk"))["latest"] or 0
        return _from_key(rows, max(latest - asked.most + 1, 0), asked.most)
    return Bounded(rows=rows)


def _in_status(rows: QuerySet[Any], every: QuerySet[Any], namespace: str, asked: Asked) -> Bounded:
    """Return the rows in a status: found by the index on it, or among the latest of these."""
    found = rows.filter(namespace=namespace).order_by(*_BY_STATUS)
    if not (asked.filtered or asked.searched):
        return Bounded(rows=found)
    since = every.order_by("-due_at").values_list("due_at", flat=True)[BEHIND_INDEX - 1 : BEHIND_INDEX]
    for moment in since:
        return Bounded(rows=found.filter(due_at__gte=moment), looked_through=BEHIND_INDEX)
    return Bounded(rows=found)


def _from_key(rows: QuerySet[Any], key: int, most: int) -> Bounded:
    return Bounded(rows=rows.filter(pk__gte=key), looked_through=most) if key > 0 else Bounded(rows=rows)


def _nth_key(every: QuerySet[Any], most: int) -> int:
    """Return the key of the row behind which there are so many later ones; 0 where there are fewer."""
    for key in every.order_by("-pk").values_list("pk", flat=True)[most - 1 : most]:
        return int(key)
    return 0


def _only_namespace(every: QuerySet[Any]) -> str:
    """Return the job store that all rows belong to; empty where there are several, or none."""
    ends = [every.order_by(order).values_list("namespace", flat=True).first() for order in ("namespace", "-namespace")]
    return ends[0] if ends[0] and ends[0] == ends[1] else ""
