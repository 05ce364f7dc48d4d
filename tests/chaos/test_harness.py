"""The harness itself: its account finds what is wrong, and its network does what it says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import environ
import pytest
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.utils import ConnectionHandler

from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import RunStatus
from tests.chaos.account import _attempts, _effects, _fire_times
from tests.chaos.logs import repeated, unexpected
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Server
from tests.chaos.workload import Load
from tests.project.models import Mark

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def run(second: int, status: RunStatus, attempt: int = 1) -> JobRun:
    return JobRun(slot=FIRST + second * SECOND, status=status, attempt=attempt)


def effects(*seconds: int) -> Counter[tuple[str, int]]:
    return Counter(((FIRST + second * SECOND).isoformat(), 1) for second in seconds)


@pytest.mark.parametrize(
    ("seconds", "problem"),
    [
        pytest.param([0, 2], "the fire time 2026-01-01T00:00:01+00:00 is in no row", id="lost"),
        pytest.param([0, 1, 1, 2], "the fire time 2026-01-01T00:00:01+00:00 is in 2 rows", id="doubled"),
        pytest.param(
            [0, 1, 2, 3],
            "2026-01-01T00:00:03+00:00 is in a row, and is no fire time up to 2026-01-01T00:00:02+00:00",
            id="too-many",
        ),
    ],
)
def test_the_account_compares_fire_times_with_rows(seconds: list[int], problem: str) -> None:
    slots = [FIRST + second * SECOND for second in seconds]

    assert list(_fire_times(slots, FIRST, SECOND, FIRST + 2 * SECOND)) == [problem]


@pytest.mark.parametrize(
    ("status", "happened", "problem"),
    [
        pytest.param(RunStatus.SUCCEEDED, (0, 0), "began 2 times", id="doubled"),
        pytest.param(RunStatus.SUCCEEDED, (), "succeeded without its side effect", id="lost"),
        pytest.param(RunStatus.SKIPPED, (0,), "began, but its row says skipped", id="should-not-have-run"),
        pytest.param(RunStatus.PENDING, (0,), "began, but its row says pending", id="to-be-run-once-more"),
    ],
)
def test_the_account_compares_runs_with_side_effects(
    status: RunStatus, happened: tuple[int, ...], problem: str
) -> None:
    (found,) = _effects([run(0, status)], effects(*happened))

    assert problem in found


PLAIN = Load(id="job", step=1)
RERUNS = Load(id="job", step=1, options={"on_abandoned": "rerun"})
FAILS = Load(id="job", step=1, fails=2, options={"retry": {"attempts": 4}})


def test_the_account_knows_which_runs_may_have_attempts() -> None:
    twice = [run(0, RunStatus.ABANDONED), run(0, RunStatus.SUCCEEDED, 2)]

    assert list(_attempts(twice, RERUNS)) == []
    assert [found.partition(" has ")[2] for found in _attempts(twice, PLAIN)] == [
        "attempt 2, although the one before is abandoned"
    ]
    assert "was not run again" in next(_attempts(twice[:1], RERUNS))


def test_the_account_knows_which_runs_are_to_fail_and_are_tried_again() -> None:
    tried = [run(0, RunStatus.FAILED), run(0, RunStatus.FAILED, 2), run(0, RunStatus.SUCCEEDED, 3)]

    assert list(_attempts(tried, FAILS)) == []
    assert "was not run again" in next(_attempts(tried[:2], FAILS))
    assert "failed" in next(_attempts(tried[:1], PLAIN))


def test_the_logs_are_read_for_what_nobody_expects() -> None:
    failed = "2026-01-01 00:00:0{},000 ERROR Job store 'default' failed (gone); it is asked again.\nTraceback (most\n"
    again = "2026-01-01 00:00:02,000 INFO Job store 'default' answers again.\n"
    at = datetime(2026, 1, 1).timestamp()
    once = SimpleNamespace(name="node 1", was_set=False, output=failed.format(1))
    twice = SimpleNamespace(name="node 2", was_set=False, output=failed.format(1) + again + failed.format(3))
    flood = SimpleNamespace(name="node 4", was_set=True, output=failed.format(1) + failed.format(2))
    crash = SimpleNamespace(name="node 3", was_set=False, output=failed.format(1) + "Exception in thread recorder")

    assert list(unexpected([once, twice])) == []
    assert [found.partition(" logged")[0] for found in unexpected([crash])] == ["node 3"]
    assert [found.partition(" logged")[0] for found in repeated([once, twice], [(at, at + 5)])] == ["node 2"]
    assert list(repeated([once, twice], [])) == []
    assert [found.partition(" logged")[0] for found in repeated([flood], [])] == ["node 4"]


@pytest.mark.skipif(settings.TEST_DATABASE == "sqlite", reason="SQLite has no network")
def test_a_commit_whose_answer_is_swallowed_is_committed(private: tuple[Server, Path]) -> None:
    server, _ = private
    proxy = Proxy(server.kind, server.port)
    database = environ.Env.db_url_config(server.url(proxy.port))
    connection = ConnectionHandler({"default": database})["default"]

    try:
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO project_mark (job_id, text, pid) VALUES ('swallowed', '', 0)")
            proxy.swallow_commits(1)
            with pytest.raises(DatabaseError):
                connection.commit()
    finally:
        connection.close()
        proxy.close()

    assert proxy.swallowed == 1
    assert Mark.objects.filter(job_id="swallowed").count() == 1
    Mark.objects.all().delete()
    connections["default"].close()
