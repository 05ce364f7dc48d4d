"""Fire times that meet a run of their job, over several nodes: one waits, one replaces, none is lost and none doubled."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import connections

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import slots_of
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, deadlocks, finish, wait_until


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
def test_at_most_one_fire_time_waits_and_each_is_accounted_for(start_node, complaints, coalesce):
    before = deadlocks()
    nodes = [start_node() for _ in range(4)]
    step, first = timedelta(seconds=0.1), datetime.now(UTC) + timedelta(seconds=0.3)
    options = {"seconds": 0.1, "start_date": first, "end_date": first + 60 * step, "coalesce": coalesce}
    get_scheduler().add_job(bodies.count, "interval", [0.16], id="slow", overlap="queue", **options)
    waiting = []

    def over() -> bool:
        waiting.append(JobRun.objects.filter(status=RunStatus.PENDING).count())
        return ScheduledJob.objects.filter(finished_at__isnull=False).exists() and not JobRun.objects.open().exists()

    wait_until(over, "the schedule is over", 60)
    finish(*nodes)

    assert_each_began_once()
    assert bodies.most["slow"] == 1
    assert max(waiting) == 1
    assert slots_of("slow", step) == [first + index * step for index in range(61)]
    began = [began[1] for began in bodies.began]
    assert began == sorted(began)
    assert len(began) > 5
    assert deadlocks() == before
    assert complaints("skipped") == []


def test_queue_keeps_to_max_instances_beside_runs_by_hand(start_node, complaints):
    nodes = [start_node() for _ in range(4)]
    scheduler = get_scheduler()
    scheduler.add_job(bodies.count, "interval", [0.1], seconds=0.1, id="busy", overlap="queue", max_instances=2)
    for _ in range(10):
        scheduler.run_job("busy")

    wait_until(lambda: len(bodies.began) > 40, "many ran", 60)
    scheduler.reschedule_job("busy", trigger="date", run_date=datetime.now(UTC))
    wait_until(lambda: not ScheduledJob.objects.filter(finished_at=None).exists(), "the schedule is over")
    wait_until(lambda: not JobRun.objects.open().exists(), "all ended", 60)
    finish(*nodes)

    assert_each_began_once()
    assert bodies.most["busy"] <= 2
    assert JobRun.objects.filter(origin="manual", status=RunStatus.SUCCEEDED).count() == 10
    assert complaints("skipped") == []


@pytest.fixture
def canceller() -> Iterator[list[int]]:
    """End runs whose cancellation is asked for, as their nodes would; returns the ids of those it ended."""
    ended: list[int] = []
    stop = Event()

    def look() -> None:
        asked = JobRun.objects.live().filter(cancel_requested_at__isnull=False)
        while not stop.wait(0.02):
            for pk in list(asked.filter(status=RunStatus.RUNNING).values_list("pk", flat=True)):
                bodies.let_go(str(pk))
                ended.append(pk)
        connections.close_all()

    thread = Thread(target=look)
    thread.start()
    yield ended
    stop.set()
    thread.join()


def test_a_fire_time_takes_the_place_of_the_run_that_it_meets(start_node, complaints, canceller):
    before = deadlocks()
    nodes = [start_node() for _ in range(4)]
    first = datetime.now(UTC) + timedelta(seconds=0.3)
    step = timedelta(seconds=0.5)
    options = {"seconds": 0.5, "start_date": first, "end_date": first + 8 * step}
    get_scheduler().add_job(bodies.hold_one, "interval", id="endless", overlap="replace", **options)

    wait_until(lambda: ScheduledJob.objects.filter(finished_at__isnull=False).exists(), "the schedule is over", 60)
    wait_until(lambda: not JobRun.objects.filter(status=RunStatus.PENDING).exists(), "the last one has begun")
    wait_until(lambda: bodies.under_way["endless"] == 1, "it runs")
    bodies.let_all_go()
    finish(*nodes)

    assert_each_began_once()
    assert bodies.most["endless"] == 1
    assert slots_of("endless", step) == [first + index * step for index in range(9)]
    replaced = JobRun.objects.filter(cancel_requested_at__isnull=False).order_by("slot")
    assert {run.cancel_reason for run in replaced} == {"the next fire time of its job takes its place"}
    assert set(replaced.values_list("pk", flat=True)) == set(canceller)
    assert len(canceller) >= 6
    assert JobRun.objects.order_by("slot").last().cancel_requested_at is None
    assert deadlocks() == before
    assert complaints("skipped") == []


def test_what_is_skipped_says_which_run_on_which_host_holds_the_instance(start_node):
    nodes = [start_node() for _ in range(2)]
    get_scheduler().add_job(bodies.hold, "interval", seconds=0.2, id="stuck")
    wait_until(lambda: JobRun.objects.filter(status=RunStatus.SKIPPED).exists(), "one was skipped")
    run = JobRun.objects.get(status=RunStatus.RUNNING)
    skipped = JobRun.objects.filter(status=RunStatus.SKIPPED).first()
    bodies.gate.set()
    finish(*nodes)

    since = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC"
    assert skipped.reason == f"run {run.pk} on {socket.gethostname()} has been under way since {since}"
