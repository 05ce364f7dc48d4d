"""SQLite under load: many jobs, and another process that writes all the time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest
from django.conf import settings

from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from tests.chaos.cluster import environment_of
from tests.chaos.conftest import conclude
from tests.chaos.running import Experiment
from tests.chaos.workload import Load
from tests.conftest import CHECKOUT

pytestmark = pytest.mark.skipif(settings.TEST_DATABASE != "sqlite", reason="about SQLite")

#: How long it takes; 60 for the long version.
SECONDS = float(os.environ.get("CHAOS_SECONDS", "8"))

LOADS = tuple(Load(id=f"each-second-{number}", step=1, options={"coalesce": False}) for number in range(20))


def test_20_jobs_a_second_lose_nothing_while_another_process_writes(experiment: Callable[..., Experiment]) -> None:
    cluster = experiment(nodes=1, loads=LOADS)
    command = [sys.executable, "-W", "error", "-m", "tests.chaos.writer", str(SECONDS + 2)]

    environment = environment_of(cluster.world.server)
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    conclude(cluster)

    print(f"{done.stdout.strip()} transactions of the other process")
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 100
    statuses = Counter(run.status for run in JobRun.objects.filter(job_id__startswith="each"))
    print(statuses)
    assert set(statuses) <= {RunStatus.SUCCEEDED, RunStatus.SKIPPED}
    assert statuses.total() >= 20 * (SECONDS - 6)  # the first fire time is a while after the start
    # SQLite lets no writer wait in line: a start may take longer than to the job's next fire time, which is then skipped
    assert statuses[RunStatus.SUCCEEDED] >= 0.5 * statuses.total()
