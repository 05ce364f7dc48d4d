"""The example's heavy job on real Celery workers, as its README says."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.harness import STARTED, Program, wait_until
from tests.conftest import CHECKOUT

pytestmark = pytest.mark.timeout(180)

EXAMPLE = CHECKOUT / "example_project"


def performed(database: Path) -> tuple[str, str] | None:
    """Return status and worker of the run of the heavy job that has ended."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        row: tuple[str, str] | None = connection.execute(
            "SELECT status, worker FROM django_apscheduler_ng_jobrun WHERE job_id = 'statistics' AND finished_at IS NOT NULL"
        ).fetchone()
    return row


def test_its_heavy_job_goes_to_a_worker_where_there_is_a_broker(rabbitmq, tmp_path):
    database = tmp_path / "db.sqlite3"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TEST_")},
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(EXAMPLE)]),
        "SECRET_KEY": "only-for-tests",
        "DATABASE_URL": f"sqlite:///{database}",
        "CELERY_BROKER_URL": rabbitmq.url,
        "CELERY_QUEUE": rabbitmq.queue,
    }
    manage = [sys.executable, "-m", "django"]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, cwd=CHECKOUT, check=True)
    celery = [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "1", "--loglevel", "INFO"]
    worker = Program(environment, tmp_path, [*celery, "--hostname", rabbitmq.queue, "--without-mingle"])
    node = Program(environment, tmp_path, [*manage, "runscheduler"])
    try:
        node.wait_for(STARTED)
        subprocess.run([*manage, "scheduler", "run", "statistics"], env=environment, cwd=CHECKOUT, check=True)
        status, by = wait_until(lambda: performed(database), f"it ran:\n{node.output}\n{worker.output}", 40)
    finally:
        node.destroy()
        worker.destroy()

    assert status == "succeeded"
    assert "ForkPoolWorker-1" in by
