from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.runs import (
    LIVE_STATUSES,
    OPEN_STATUSES,
    Run,
    RunContext,
    RunStatus,
    current_run,
    run_context,
)

CONTEXT = RunContext(id="run-1", job_id="report", fire_time=None)


def test_outside_of_a_job_there_is_no_current_run():
    assert current_run() is None


def test_inside_of_a_run_its_context_is_the_current_run():
    with run_context(CONTEXT):
        assert current_run() is CONTEXT

    assert current_run() is None


def test_a_run_inside_of_a_run_hides_the_outer_one_until_it_ends():
    inner = RunContext(id="run-2", job_id="other", fire_time=None)

    with run_context(CONTEXT):
        with run_context(inner):
            assert current_run() is inner

        assert current_run() is CONTEXT


def test_a_run_that_raises_is_no_longer_the_current_one():
    def fail():
        with run_context(CONTEXT):
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        fail()

    assert current_run() is None


def test_tasks_that_a_run_starts_are_part_of_it():
    async def body():
        with run_context(CONTEXT):
            return await asyncio.create_task(child())

    async def child():
        return current_run()

    assert asyncio.run(body()) is CONTEXT


def test_other_threads_are_not_part_of_a_run():
    seen = []

    with run_context(CONTEXT):
        thread = threading.Thread(target=lambda: seen.append(current_run()))
        thread.start()
        thread.join()

    assert seen == [None]


def test_the_context_of_a_run_is_what_its_code_may_see():
    fire_time = datetime(2030, 1, 1, tzinfo=UTC)
    run = Run(
        id="run-1",
        job_id="report",
        name="Report",
        jobstore="default",
        executor="default",
        func=print,
        func_ref="builtins:print",
        fire_time=fire_time,
        due_at=datetime(2030, 1, 1, 0, 0, 7, tzinfo=UTC),
        attempt=3,
    )

    assert run.context == RunContext(id="run-1", job_id="report", fire_time=fire_time, attempt=3)


def test_promised_and_begun_runs_are_live_and_the_waiting_ones_open():
    assert LIVE_STATUSES == (RunStatus.CLAIMED, RunStatus.RUNNING)
    assert OPEN_STATUSES == (RunStatus.PENDING, RunStatus.CLAIMED, RunStatus.RUNNING)
