"""The pass: when it is made again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from django_apscheduler_ng.executors.base import BaseExecutor
from django_apscheduler_ng.jobstores.base import Claim
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.runs import Outcome, Run, RunStatus
from django_apscheduler_ng.schedulers.listeners import Listeners
from django_apscheduler_ng.schedulers.passes import Pass

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Host:
    """Counts how often it is woken."""

    jobstore_retry_interval = 1.0
    poll_interval = 1.0

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.woken = 0

    def wakeup(self) -> None:
        self.woken += 1


class StoreWithoutRoom(MemoryJobStore):
    """Has due work that nobody is free for; while it says so, a run may end."""

    def __init__(self) -> None:
        super().__init__()
        self.while_claiming = lambda: None

    def claim(self, now, free):
        self.while_claiming()
        return Claim(starved=True)

    def finish(self, run, outcome):
        pass


@pytest.fixture
def store() -> StoreWithoutRoom:
    return StoreWithoutRoom()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def one_pass(host, store) -> Pass:
    executors: dict[str, BaseExecutor] = {}
    return Pass(host, {"default": store}, executors)


def end_a_run(one_pass: Pass) -> None:
    run = Run(
        id="1", job_id="job", name="job", jobstore="default", executor="default",
        func=print, func_ref=None, fire_time=NOW, due_at=NOW,
    )  # fmt: skip
    one_pass._ended(run, Outcome(status=RunStatus.SUCCEEDED, started_at=NOW, finished_at=NOW))


def test_work_that_was_left_waits_for_the_end_of_a_run(one_pass, host):
    assert one_pass.run() == host.poll_interval

    end_a_run(one_pass)

    assert host.woken == 1


def test_a_run_that_ends_during_a_pass_that_leaves_work_makes_it_look_again_at_once(one_pass, store, host):
    store.while_claiming = lambda: end_a_run(one_pass)

    assert one_pass.run() == 0
    assert host.woken == 0

    store.while_claiming = lambda: None
    assert one_pass.run() == host.poll_interval
