"""Sessions that the server ends while nobody uses them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from tests.acceptance.harness import wait_until
from tests.chaos import logs
from tests.chaos.cluster import Cluster
from tests.chaos.servers import Server
from tests.chaos.sessions import kill_sessions
from tests.project.jobs import mark, mark_async
from tests.project.models import Mark

pytestmark = pytest.mark.skipif(settings.TEST_DATABASE == "sqlite", reason="SQLite has no sessions")


def test_sessions_that_are_killed_between_two_runs_cost_nothing(private: tuple[Server, Path], tmp_path: Path) -> None:
    server, _ = private
    call_command("flush", verbosity=0, interactive=False)
    jobs = {"thread": ("default", mark), "process": ("processpool", mark), "coroutine": ("asyncio", mark_async)}
    for job_id, (executor, body) in jobs.items():
        get_scheduler().add_job(body, "interval", id=job_id, hours=1, executor=executor)
    cluster = Cluster(server, tmp_path, None)

    try:
        node = cluster.add().ready()
        killed = []
        for round_ in range(1, 7):
            for job_id in jobs:
                get_scheduler().run_job(job_id)
            wait_until(lambda: JobRun.objects.filter(finished_at__isnull=False).count() == 3 * round_, "all ran", 60)  # noqa: B023
            killed.append(_kill_all_but_ours(server))
        wrong = [*cluster.stop(), *logs.unexpected([node])]
    finally:
        cluster.destroy()

    print(killed, logs.told([node]))
    assert min(killed) >= 3  # the loop, the heartbeat, the recorder
    assert wrong == []
    assert list(JobRun.objects.exclude(status=RunStatus.SUCCEEDED)) == []
    assert Mark.objects.count() == JobRun.objects.count() == 18


def _kill_all_but_ours(server: Server) -> int:
    """End all sessions while no run is under way; the test's own comes again when it is used next."""
    from django.db import connection

    connection.close()
    time.sleep(0.1)
    return kill_sessions(server)
