"""Further attempts of runs that failed: they are made with the recorded end, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connections

from .connections import begin_with_a_write, transaction_of_its_own
from .hotsql import HotSQL
from .ledger import End, next_attempt
from .models import JobRun
from .runs import RunStatus


def finish_and_retry(using: str, sql: HotSQL, node: str, ends: Sequence[End], retry_at: Mapping[int, datetime]) -> int:
    """Write the ends of runs, and in the same transaction the next attempt of some; returns how many ends there were.

    An attempt is made only for a run that this very write ends. Neither an end that is written twice, because the first answer was
    lost, nor one of a node that was taken for dead makes any. The unique key on (job, slot, attempt) stands behind that.

    Args:
        using: alias of the database.
        sql: its hot writes.
        node: id of the node that ran them.
        ends: all of the ends.
        retry_at: by key of a run that is to be tried again, when.
    """
    runs = JobRun.objects.using(using)
    with transaction_of_its_own(using):
        begin_with_a_write(using)
        held = (
            runs.filter(pk__in=list(retry_at), node=node, status=RunStatus.RUNNING).order_by("pk").select_for_update()
        )
        again = [next_attempt(run, retry_at[run.pk]) for run in held]
        with connections[using].cursor() as cursor:
            written = sql.finish(cursor, ends, node)
        runs.bulk_create(again, ignore_conflicts=True)
    return written
