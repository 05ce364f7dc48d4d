"""Clusters of real nodes on a private server, while things fail: every fire time is accounted for, and has its effect once."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.conf import settings

from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import side_effects, wait_until
from tests.chaos.conftest import conclude
from tests.chaos.faults import FAULTS, ServerDown
from tests.chaos.running import Experiment, strike_at_random
from tests.chaos.workload import LOADS, Load
from tests.conftest import require
from tests.services import COMPILER

pytestmark = pytest.mark.timeout(300)

Begin = Callable[..., Experiment]

#: How long clusters work without a fault; 60 for the long version.
SECONDS = float(os.environ.get("CHAOS_SECONDS", "8"))
#: How many nodes are killed or made to stand still; 200 for the long version.
KILLS = int(os.environ.get("CHAOS_KILLS", "10"))
#: How long the database server is away in one piece, in seconds; 30 for the long version.
OUTAGE = float(os.environ.get("CHAOS_OUTAGE", "4"))
#: Chooses the faults and their moments.
SEED = int(os.environ.get("CHAOS_SEED", "7"))


def test_four_nodes_run_each_fire_time_once(experiment: Begin) -> None:
    quick = tuple(Load(id=f"quick-{index}", step=1, options={"coalesce": False}) for index in range(3))
    cluster = experiment(nodes=4, loads=quick)

    time.sleep(2 + SECONDS)
    conclude(cluster)

    assert {run.status for run in JobRun.objects.all()} == {RunStatus.SUCCEEDED}
    assert JobRun.objects.filter(job_id="quick-0").count() >= SECONDS
    assert JobRun.objects.values("node").distinct().count() > 1  # they shared the work


def test_nodes_that_are_killed_or_stand_still_lose_and_double_nothing(experiment: Begin) -> None:
    cluster = experiment(nodes=3, seed=SEED)

    strike_at_random(cluster, [FAULTS["kill"], FAULTS["stop"], FAULTS["long-stop"]], kills=KILLS)
    conclude(cluster)

    assert cluster.struck["kill"] > 0


def test_a_database_that_fails_in_any_way_costs_no_run_and_little_time(experiment: Begin) -> None:
    cluster = experiment(nodes=2, seed=SEED)
    server = cluster.world.server
    faults = [fault for name, fault in FAULTS.items() if name not in {"kill", "stop", "long-stop", "term", "clock"}]
    possible = [fault for fault in faults if not fault.absence(server)]

    took = {}
    for fault in (*possible, *possible):
        cluster.strike(fault)
        took[fault.name] = _seconds_until_work_goes_on(cluster)
    account = conclude(cluster)

    print({name: f"{seconds:.2f}" for name, seconds in took.items()}, account.lines[-1])
    assert {"lock"} <= set(cluster.struck)
    # an interval of polling, and what a machine that runs tests takes for it now and then
    assert statistics.median(took.values()) < 1.5, took
    assert max(took.values()) < 6, took
    # nobody took a node for dead that only could not reach the database
    assert not JobRun.objects.filter(status__in=(RunStatus.ABANDONED, RunStatus.INTERRUPTED)).exists()


@pytest.mark.skipif(settings.TEST_DATABASE == "sqlite", reason="SQLite has no server")
def test_a_server_that_was_away_for_long_is_found_again_at_once(experiment: Begin) -> None:
    cluster = experiment(nodes=2)
    time.sleep(2)

    cluster.strike(ServerDown(OUTAGE))
    took = _seconds_until_work_goes_on(cluster)
    account = conclude(cluster)

    print(f"away for {OUTAGE:g} s, work went on after {took:.2f} s", account.lines[-1])
    assert took < 3
    assert not JobRun.objects.filter(status__in=(RunStatus.ABANDONED, RunStatus.INTERRUPTED)).exists()


def _seconds_until_work_goes_on(cluster: Experiment) -> float:
    """Wait for the next side effect of the job that fires most often."""
    at, before = time.monotonic(), _happened(cluster)
    wait_until(lambda: _happened(cluster) > before, "work goes on")
    return time.monotonic() - at


def _happened(cluster: Experiment) -> int:
    return sum(side_effects(cluster.workload.effects).get("often", Counter()).values())


@pytest.mark.skipif(settings.TEST_DATABASE == "sqlite", reason="on SQLite the time is that of the nodes")
def test_a_node_whose_clock_is_set_goes_on_as_before(experiment: Begin) -> None:
    require(COMPILER)
    cluster = experiment(nodes=2, loads=LOADS[:3])

    for seconds in (3600, -3600, 0):
        for member in cluster.cluster.members:
            assert member.clock is not None
            member.was_set = True
            member.clock.set(seconds)
        before = _happened(cluster)
        wait_until(lambda: _happened(cluster) >= before + 4, "work goes on", 5)  # noqa: B023
    conclude(cluster)

    assert {run.status for run in JobRun.objects.all()} == {RunStatus.SUCCEEDED}
