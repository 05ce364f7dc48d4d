"""What `make test` says about what it could not test."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import services
from tests.conftest import CHECKOUT

POSTGRES = "absent: PostgreSQL (TEST_POSTGRES_URL is not set); not tested: the store, the admin and several nodes on PostgreSQL"
MARIADB = (
    "absent: MariaDB (nothing answers at TEST_MARIADB_URL=mysql://root@127.0.0.1:1/test); "
    "not tested: the store, the admin and several nodes on MariaDB"
)
REDIS = "absent: Redis (TEST_REDIS_URL is not set); not tested: the job store in Redis, and Celery's workers on Redis"
RABBITMQ = "absent: RabbitMQ (TEST_AMQP_URL is not set); not tested: Celery's workers on RabbitMQ"
#: The four, and of the programs those that are not there.
ABSENT = 4 + sum(bool(service.absence()) for service in (services.CHROMIUM, services.UNFOLD, services.XGETTEXT))


@pytest.mark.parametrize(
    ("required", "exit_code", "last_lines"),
    [
        pytest.param(
            "", 0, [POSTGRES, MARIADB, REDIS, RABBITMQ, "===== no tests ran in "], id="absent-services-are-listed"
        ),
        pytest.param(
            "1",
            1,
            [
                POSTGRES,
                MARIADB,
                REDIS,
                RABBITMQ,
                "REQUIRE_SERVICES=1: what is absent is a failure.",
                f"===== {ABSENT} failed in ",
            ],
            id="required-services-must-be-there",
        ),
    ],
)
def test_absent_services_are_listed_at_the_end(required: str, exit_code: int, last_lines: list[str]) -> None:
    done = run("--only", "^no such step$", REQUIRE_SERVICES=required)

    printed = [
        line
        for line in done.stdout.splitlines()
        if not line.startswith(("absent: Chromium", "absent: django-unfold", "absent: gettext"))
    ]
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert [line[: len(expected)] for line, expected in zip(printed[-len(last_lines) :], last_lines, strict=True)] == (
        last_lines
    )


def test_a_step_that_fails_is_named_and_counted_and_fails_the_run() -> None:
    done = run("--only", "^migrations$", TEST_DATABASE="no such database")

    assert done.returncode == 1
    assert "FAILED" in next(line for line in done.stdout.splitlines() if line.endswith(" s  migrations"))
    assert done.stdout.splitlines()[-1].startswith("===== 1 failed in ")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the runner without PostgreSQL and Redis, and with a MariaDB that is down."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "REQUIRE_"))}
    environment |= {"TEST_MARIADB_URL": "mysql://root@127.0.0.1:1/test", **variables}
    command = [sys.executable, "tests/run.py", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
