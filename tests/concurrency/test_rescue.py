"""Nodes that are taken for dead while they live, and answers of the database that are lost on their way."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.hotsql.base import HotSQL
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.models import JobRun, NodeState, ScheduledJob, SchedulerNode
from django_apscheduler_ng.nodes import Node
from django_apscheduler_ng.parking import wake_parked
from django_apscheduler_ng.rescue import rescue, unsettled
from django_apscheduler_ng.runs import RunStatus
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, finish, store_of, wait_until

#: A lease that is over soon.
QUICK = {"lease": 0.8}

OF_THE_DEAD = ("is taken for dead", "Runs of nodes that died", "The heartbeat of this node failed")


class Heart:
    """Stops the heartbeats of nodes, and with them their duties."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.refused: set[str] = set()

    def stop(self, *nodes) -> None:
        """Stop these hearts, and wait until each has missed a beat: none is on its way any more."""
        ids = {store_of(node).node_id for node in nodes}
        self.refused.clear()
        self.silent |= ids
        wait_until(lambda: ids <= self.refused, "the hearts stand still")

    def go_on(self) -> None:
        """Let all of them beat again."""
        self.silent.clear()


@pytest.fixture
def heart(monkeypatch):
    heart, beat = Heart(), Node.beat

    def beat_or_fail(self):
        if self.identity.node in heart.silent:
            heart.refused.add(self.identity.node)
            raise OperationalError("on purpose")
        beat(self)

    monkeypatch.setattr(Node, "beat", beat_or_fail)
    return heart


@pytest.fixture
def passes(monkeypatch):
    """Counts the looks of nodes (by id) for work."""
    counts: Counter[str] = Counter()
    claim = DjangoJobStore.claim

    def claim_and_count(self, now, free):
        claimed = claim(self, now, free)
        counts[self.node_id] += 1
        return claimed

    monkeypatch.setattr(DjangoJobStore, "claim", claim_and_count)
    return counts


@pytest.fixture
def before_start(monkeypatch):
    """Holds nodes (by id) between the claim and the start of its runs: `before_start.held.add(…)`, `before_start.gate.set()`."""

    class BeforeStart:
        held: set[str] = set()
        reached = Event()
        gate = Event()

    start_runs = DjangoJobStore.start_runs

    def start_later(self, runs, now):
        if self.node_id in BeforeStart.held:
            BeforeStart.reached.set()
            assert BeforeStart.gate.wait(20)
        return start_runs(self, runs, now)

    BeforeStart.held, BeforeStart.reached, BeforeStart.gate = set(), Event(), Event()
    monkeypatch.setattr(DjangoJobStore, "start_runs", start_later)
    yield BeforeStart
    BeforeStart.gate.set()


def only_run(job_id: str = "job", **filters: object) -> JobRun:
    return JobRun.objects.get(job_id=job_id, **filters)


def test_what_a_silent_node_had_claimed_is_started_by_another_one_only(start_node, heart, before_start, complaints):
    silent = start_node(**QUICK)
    before_start.held.add(store_of(silent).node_id)
    get_scheduler().add_job(bodies.count, id="job")
    assert before_start.reached.wait(10)
    heart.stop(silent)
    other = start_node(**QUICK)

    wait_until(lambda: bodies.began, "the other node runs it")
    before_start.gate.set()
    wait_until(lambda: only_run().status == RunStatus.SUCCEEDED, "it is recorded")
    heart.go_on()
    wait_until(lambda: SchedulerNode.objects.alive().count() == 2, "the silent node is back")
    finish(silent, other)

    assert_each_began_once()
    assert only_run().attempt == 1
    assert complaints(*OF_THE_DEAD) == []


@pytest.mark.parametrize("on_abandoned", ["abandon", "rerun"])
def test_a_late_end_of_a_run_that_was_given_up_is_not_recorded(start_node, heart, complaints, on_abandoned):
    silent = start_node(**QUICK)
    get_scheduler().add_job(bodies.hold, id="job", on_abandoned=on_abandoned)
    wait_until(lambda: bodies.began, "it runs")
    heart.stop(silent)
    other = start_node(**QUICK)

    wait_until(lambda: only_run(attempt=1).status == RunStatus.ABANDONED, "it is abandoned")
    if on_abandoned == "rerun":
        wait_until(lambda: len(bodies.began) == 2, "the second attempt runs")
    abandoned = only_run(attempt=1)
    bodies.gate.set()
    wait_until(lambda: not bodies.under_way["job"], "all bodies end")
    finish(silent, other)

    assert_each_began_once()
    now = only_run(attempt=1)
    assert (now.status, now.finished_at, now.result) == (RunStatus.ABANDONED, abandoned.finished_at, "")
    later = JobRun.objects.filter(attempt=2).values_list("status", "slot")
    assert list(later) == ([(RunStatus.SUCCEEDED, now.slot)] if on_abandoned == "rerun" else [])
    assert complaints(*OF_THE_DEAD) == []


def test_a_node_that_was_taken_for_dead_claims_nothing_before_its_next_heartbeat(start_node, heart, passes, complaints):
    node = start_node(**QUICK)
    heart.stop(node)
    SchedulerNode.objects.update(state=NodeState.DEAD)

    get_scheduler().add_job(bodies.count, id="job")
    node.wakeup()
    before = passes[store_of(node).node_id]
    wait_until(lambda: passes[store_of(node).node_id] > before + 1, "two passes")
    assert JobRun.objects.count() == 0

    heart.go_on()
    wait_until(lambda: bodies.began, "it is back")
    finish(node)
    assert_each_began_once()
    assert complaints(*OF_THE_DEAD) == []


def test_a_node_that_is_taken_for_dead_between_claim_and_start_starts_nothing(
    start_node, heart, before_start, passes, complaints
):
    node = start_node(**QUICK)
    before_start.held.add(store_of(node).node_id)
    get_scheduler().add_job(bodies.count, id="job")
    assert before_start.reached.wait(10)
    heart.stop(node)
    SchedulerNode.objects.update(state=NodeState.DEAD)

    before = passes[store_of(node).node_id]
    before_start.gate.set()
    wait_until(lambda: passes[store_of(node).node_id] > before, "another pass")
    assert bodies.began == []
    assert only_run().status == RunStatus.CLAIMED

    heart.go_on()  # it finds a run in its name that it knows nothing of, and gives it back
    wait_until(lambda: only_run().status == RunStatus.SUCCEEDED, "it ran")
    finish(node)
    assert_each_began_once()
    assert complaints(*OF_THE_DEAD, "had lost sight of") == []


def test_an_outage_of_the_database_for_longer_than_the_lease_kills_nobody(start_node, heart, complaints):
    nodes = [start_node(**QUICK), start_node(**QUICK)]
    wait_until(lambda: SchedulerNode.objects.filter(heartbeat__gte=3).count() == 2, "both live")
    get_scheduler().add_job(bodies.hold, id="job")
    wait_until(lambda: bodies.began, "it runs")

    # for both nodes at once the time passes, and the database is away
    heart.stop(*nodes)
    Event().wait(1.5)
    heart.go_on()
    beats = dict(SchedulerNode.objects.values_list("pk", "heartbeat"))
    wait_until(lambda: all(row.heartbeat > beats[row.pk] + 3 for row in SchedulerNode.objects.all()), "both beat again")

    assert SchedulerNode.objects.alive().count() == 2
    bodies.gate.set()
    wait_until(lambda: only_run().status == RunStatus.SUCCEEDED, "its end is recorded")
    finish(*nodes)
    assert_each_began_once()
    assert complaints("The heartbeat of this node failed") == []


def test_a_claim_whose_answer_was_lost_is_given_back_and_started_once(start_node, monkeypatch, complaints):
    node = start_node(paused=True, **QUICK)
    get_scheduler().add_job(bodies.count, id="job")
    insert, commit = HotSQL.insert, BaseDatabaseWrapper.commit
    inserting, lost = [], []

    def insert_and_note(self, cursor, *batch):
        inserting.append(cursor.db)
        return insert(self, cursor, *batch)

    def commit_and_lose(self):
        commit(self)
        if self in inserting and not lost:
            lost.append(True)
            raise OperationalError("the answer was lost, on purpose")

    monkeypatch.setattr(HotSQL, "insert", insert_and_note)
    monkeypatch.setattr(BaseDatabaseWrapper, "commit", commit_and_lose)
    node.resume()
    wait_until(lambda: lost, "the claim is committed")
    wait_until(lambda: only_run().status == RunStatus.SUCCEEDED, "it ran")
    finish(node)

    assert_each_began_once()
    assert len(bodies.began) == 1
    assert complaints("Job store 'default' failed", "had lost sight of") == []


@pytest.mark.parametrize("write", ["start", "finish"])
def test_a_start_or_end_whose_answer_was_lost_happened_once(start_node, monkeypatch, complaints, write):
    node = start_node(**QUICK)
    original, lost = getattr(HotSQL, write), []

    def write_and_lose(self, *args):
        answer = original(self, *args)
        if not lost:
            lost.append(True)
            raise OperationalError("the answer was lost, on purpose")
        return answer

    monkeypatch.setattr(HotSQL, write, write_and_lose)
    get_scheduler().add_job(bodies.count, id="job")
    wait_until(lambda: lost, "the answer is lost")
    wait_until(lambda: bodies.began and only_run().status == RunStatus.SUCCEEDED, "it ran")
    finish(node)

    assert_each_began_once()
    assert len(bodies.began) == 1
    expected = ("Job store 'default' failed", "had lost sight of", "cannot be written")
    assert complaints(*expected) == []


def test_a_parked_job_is_not_woken_while_all_its_instances_are_taken(start_node, complaints):
    node = start_node()
    get_scheduler().add_job(bodies.hold, "interval", id="job", hours=1, coalesce=False)
    get_scheduler().run_job("job")
    wait_until(lambda: bodies.began, "it runs")
    row = ScheduledJob.objects.get()
    ScheduledJob.objects.update(parked=True)

    assert wake_parked("default", [row.pk]) == 0

    bodies.gate.set()
    wait_until(lambda: not ScheduledJob.objects.get().parked, "its end wakes the job")
    finish(node)
    assert complaints() == []


def test_a_parked_job_whose_wake_up_was_lost_is_found_again(start_node, complaints):
    node = start_node(**QUICK)
    get_scheduler().add_job(bodies.count, "interval", id="job", seconds=0.2, coalesce=False)
    wait_until(lambda: bodies.began, "it runs")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    ScheduledJob.objects.update(parked=True, retry_at=soon)

    count = len(bodies.began)
    wait_until(lambda: len(bodies.began) > count + 2, "it runs again", 5)

    finish(node)
    assert_each_began_once()
    assert complaints("skipped") == []


def test_a_run_that_another_node_has_rescued_and_started_meanwhile_is_left_alone(start_node, complaints):
    node = start_node(paused=True)
    get_scheduler().add_job(bodies.count, "interval", id="job", hours=1)
    run = JobRun.objects.filter(pk=get_scheduler().run_job("job"))
    run.update(status=RunStatus.CLAIMED, node="dead")
    stranded = dict(unsettled("default", "default", "me").values_list("pk", "node"))

    run.update(status=RunStatus.RUNNING, node=store_of(node).node_id)  # as the other one does
    rescued = rescue("default", stranded, datetime.now(UTC))

    assert list(stranded.values()) == ["dead"]
    assert rescued == 0
    assert run.get().status == RunStatus.RUNNING
    run.update(status=RunStatus.ABANDONED)
    finish(node)
    assert complaints() == []
