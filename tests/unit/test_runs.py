from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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

    assert run.context == RunContext(
        id="run-1", job_id="report", name="Report", fire_time=fire_time, attempt=3, namespace="default"
    )
    assert run.context is run.context


def key(**given):
    return RunContext(**{"id": "17", "job_id": "report", "fire_time": FIRE_TIME, **given}).key


FIRE_TIME = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param({"id": "99", "attempt": 2, "first_id": "17"}, id="another-attempt"),
        pytest.param({"id": "99"}, id="another-node"),
        pytest.param({"name": "Renamed"}, id="another-name"),
        pytest.param({"fire_time": FIRE_TIME.astimezone(ZoneInfo("Asia/Tokyo"))}, id="another-zone"),
    ],
)
def test_the_key_of_a_fire_time_is_the_same_wherever_it_is_performed(again):
    assert key(**again) == key() == "6601deff-e78e-52c7-a798-73356ccf8450"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"fire_time": FIRE_TIME + timedelta(microseconds=1)}, id="fire-time"),
        pytest.param({"job_id": "Report"}, id="job"),
        pytest.param({"namespace": "other"}, id="job-store"),
        pytest.param({"fire_time": None}, id="by-hand"),
    ],
)
def test_another_run_has_another_key(other):
    assert key(**other) != key()


def test_the_key_of_a_run_by_hand_is_that_of_its_first_attempt():
    first = key(fire_time=None)

    assert key(fire_time=None, id="18", attempt=2, first_id="17") == first
    assert key(fire_time=None, id="18") != first


def test_promised_and_begun_runs_are_live_and_the_waiting_ones_open():
    assert LIVE_STATUSES == (RunStatus.CLAIMED, RunStatus.RUNNING)
    assert OPEN_STATUSES == (RunStatus.PENDING, RunStatus.CLAIMED, RunStatus.RUNNING)
