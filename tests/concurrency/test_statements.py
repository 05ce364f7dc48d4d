"""Every statement of a pass fails once, before the database has it or after: nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, finish, wait_until

OF_AN_OUTAGE = ("Job store 'default' failed", "had lost sight of")


class Failing:
    """Fails one statement of this thread's connection, by its number."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number = number
        self.count = 0
        self.failed = ""
        self._after = after

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        if self.count != self.number:
            return execute(sql, params, many, context)
        self.failed = sql
        if self._after:
            execute(sql, params, many, context)
        raise OperationalError(f"statement {self.number} fails, on purpose")


@contextmanager
def failing_commit(number: int, *, after: bool) -> Iterator[list[int]]:
    """Fail a COMMIT of this thread's connection, by its number."""
    commit, commits = connection._commit, []

    def fail() -> None:
        commits.append(len(commits) + 1)
        if commits[-1] != number:
            return commit()
        if after:
            commit()
        raise OperationalError(f"commit {number} fails, on purpose")

    connection._commit = fail
    try:
        yield commits
    finally:
        del connection._commit


def add_work(round_: int) -> list[str]:
    """Add a job that is due, one with a backlog, one with a grace time, one that is asked for by hand; returns their ids."""
    now = datetime.now(UTC)
    scheduler, ids = get_scheduler(), [f"{name}-{round_}" for name in ("due", "backlog", "graceful", "asked")]
    due, backlog, graceful, asked = ids
    scheduler.add_job(bodies.count, "date", id=due, run_date=now)
    ago = now - timedelta(seconds=30)
    scheduler.add_job(bodies.count, "interval", id=backlog, hours=1, start_date=now - timedelta(hours=3))
    ScheduledJob.objects.filter(job_id=backlog).update(next_fire_time=ago - timedelta(hours=2), next_run_time=ago)
    scheduler.add_job(bodies.count, "date", id=graceful, run_date=now, misfire_grace_time=60)
    scheduler.add_job(bodies.count, "date", id=asked, run_date=now + timedelta(days=1))
    scheduler.run_job(asked)
    return ids


def wait_for_runs(node: BackgroundScheduler, ids: list[str], what: str) -> None:
    """Make passes until each of the jobs ran, once."""

    def all_ran() -> bool:
        node.process_due()
        rows = JobRun.objects.filter(job_id__in=ids).exclude(status=RunStatus.COALESCED)
        return sorted(rows.values_list("job_id", "status")) == sorted((job_id, RunStatus.SUCCEEDED) for job_id in ids)

    wait_until(all_ran, f"all ran after {what}", 10)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_any_statement_of_a_pass_may_fail(start_node, complaints, after):
    node = start_node(paused=True)
    failed = []

    while len(failed) < 200:
        ids = add_work(len(failed))
        failing = Failing(len(failed) + 1, after=after)
        with connection.execute_wrapper(failing):
            node.process_due()
        wait_for_runs(node, ids, failing.failed)
        if not failing.failed:
            break
        failed.append(failing.failed)
    finish(node)

    assert_each_began_once()
    assert len(failed) >= 8, failed  # look, take, plan, advance, insert, look again, start ...
    assert complaints(*OF_AN_OUTAGE) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_any_commit_of_a_pass_may_fail(start_node, complaints, after):
    node = start_node(paused=True)

    number = 0
    while True:
        number += 1
        ids = add_work(number)
        with failing_commit(number, after=after) as commits:
            node.process_due()
        wait_for_runs(node, ids, f"commit {number}")
        if len(commits) < number:
            break
    finish(node)

    assert number > 1
    assert_each_began_once()
    assert complaints(*OF_AN_OUTAGE) == []
