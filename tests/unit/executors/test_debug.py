from __future__ import annotations

import threading

import pytest

from django_apscheduler_ng.executors.debug import DebugExecutor
from django_apscheduler_ng.runs import RunStatus

from . import bodies
from .support import make_run


def test_a_run_has_ended_when_it_is_submitted(start, ends):
    executor = start(DebugExecutor())

    executor.submit(make_run(threading.current_thread), ends)

    assert ends.count() == 1
    assert ends.outcome().result is threading.current_thread()


def test_ctrl_c_during_a_body_fails_it_and_stops_the_caller(start, ends):
    executor = start(DebugExecutor())

    with pytest.raises(KeyboardInterrupt):
        executor.submit(make_run(bodies.interrupt), ends)

    outcome = ends.outcome()
    assert (outcome.status, outcome.exception_type) == (RunStatus.FAILED, "KeyboardInterrupt")
    assert executor.running() == 0


def test_a_body_may_submit_a_run(start, ends):
    executor = start(DebugExecutor())
    inner = make_run(bodies.add, 1, job_id="inner")

    executor.submit(make_run(executor.submit, inner, ends, job_id="outer"), ends)

    assert [ends.next()[0].job_id, ends.next()[0].job_id] == ["inner", "outer"]


def test_a_body_may_shut_its_own_executor_down(start, ends):
    executor = start(DebugExecutor())

    executor.submit(make_run(executor.shutdown), ends)

    assert ends.outcome().status == RunStatus.SUCCEEDED
