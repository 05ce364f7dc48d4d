"""Nodes and web processes behind PgBouncer in transaction mode: polling alone is enough."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.runs import RunStatus
from tests import services
from tests.acceptance.harness import side_effects, wait_until
from tests.chaos.cluster import environment_of
from tests.chaos.conftest import conclude
from tests.chaos.pgbouncer import POOL_SIZE, PgBouncer
from tests.chaos.running import Experiment
from tests.chaos.servers import PostgresServer
from tests.chaos.sessions import operator
from tests.chaos.workload import LOADS
from tests.conftest import CHECKOUT, require

pytestmark = pytest.mark.skipif(settings.TEST_DATABASE != "postgres", reason="about PostgreSQL")

#: How long the web processes ask; 60 for the long version.
SECONDS = float(os.environ.get("CHAOS_SECONDS", "8"))


@pytest.fixture
def pool(private: tuple[PostgresServer, Path]) -> Iterator[PgBouncer]:
    require(services.PGBOUNCER)
    server, directory = private
    call_command("flush", verbosity=0, interactive=False)
    pool = PgBouncer(server, directory)
    try:
        pool.start()
        yield pool
    finally:
        pool.kill()


@pytest.mark.timeout(240)
def test_three_nodes_and_four_web_processes_work_behind_pgbouncer(
    pool: PgBouncer, private: tuple[PostgresServer, Path], tmp_path: Path
) -> None:
    experiment = Experiment(pool, tmp_path, nodes=3, loads=LOADS)
    effects = experiment.workload.effects
    try:
        experiment.begin()
        hosts = [_web_host(pool, f"host-{number}", effects) for number in range(4)]
        answers = [host.communicate(timeout=SECONDS + 60)[0] for host in hosts]
        assert [host.returncode for host in hosts] == [0] * 4
        wait_until(lambda: not JobRun.objects.open().filter(job_id__startswith="host-").exists(), "all ran", 60)
        wait_until(lambda: not _once().filter(finished_at=None).exists(), "the jobs that run once did", 60)
        with operator(private[0]) as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
            sessions = cursor.fetchone()[0] - 3  # this one, those of the test and of the requester
        conclude(experiment)
    finally:
        experiment.destroy()

    print(answers, f"{sessions} sessions")
    asked = {f"host-{number}": json.loads(answer) for number, answer in enumerate(answers)}
    runs = JobRun.objects.filter(job_id__startswith="host-")
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}
    for host, counts in asked.items():
        assert counts["once"] > 0
        assert runs.filter(job_id__startswith=f"{host}-once").count() == counts["once"]
        assert runs.filter(job_id=f"{host}-asked").count() == counts["asked"]
    happened = {job_id: counts for job_id, counts in side_effects(effects).items() if job_id.startswith("host-")}
    assert sum(sum(counts.values()) for counts in happened.values()) == runs.count()
    assert max(max(counts.values()) for counts in happened.values()) == 1
    assert sessions <= POOL_SIZE


def _web_host(pool: PgBouncer, name: str, effects: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.chaos.webhost", name, str(SECONDS), str(effects)]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment_of(pool), stdout=subprocess.PIPE, text=True)


def _once() -> object:
    return ScheduledJob.objects.filter(job_id__contains="-once-")
