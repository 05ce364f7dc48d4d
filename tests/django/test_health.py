"""What the doctor and the health view say about what is in the database."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.http import JsonResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_apscheduler_ng import health, storetime
from django_apscheduler_ng.clock import SystemClock
from django_apscheduler_ng.health import Level, Limits, examine, worst
from django_apscheduler_ng.models import ScheduledJob, SchedulerNode
from django_apscheduler_ng.storetime import store_now
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from django_apscheduler_ng.why import living_nodes
from tests.shop import make_job, make_node

from .test_queries import explain, filled, full_reads  # noqa: F401 - a fixture

LIMITS = Limits(max_pass_age=10, max_lateness=60)
HOUR = IntervalTrigger(hours=1)

pytestmark = pytest.mark.django_db


def node(number: int = 1, *, passed: float = 1, seen: float = 1, **columns: object) -> SchedulerNode:
    """Save a node by the time of the database: seconds since its last heartbeat, and from its last pass to that."""
    at = store_now("default") - timedelta(seconds=seen)
    times = {"seen_at": at, "last_pass_at": at - timedelta(seconds=passed), "started_at": at - timedelta(hours=1)}
    return make_node(id=f"{number:032}", host=f"host-{number}", **{**times, **columns})


def due(job_id: str, seconds: float, **columns: object) -> ScheduledJob:
    """Save a job that has been due for so many seconds."""
    return make_job(job_id, job_id, HOUR, next_run_time=store_now("default") - timedelta(seconds=seconds), **columns)


def levels(**options: object) -> dict[str, str]:
    return {finding.name: str(finding.level) for finding in examine(LIMITS, **options)}


def message(name: str) -> str:
    return next(finding.message for finding in examine(LIMITS) if finding.name == name)


FINE = dict.fromkeys(["migrations", "clock", "nodes", "passes", "lateness", "jobs"], "ok")


def test_a_node_that_makes_passes_is_fine():
    node()
    make_job("later", "later", HOUR)

    assert levels() == FINE


def test_without_a_node_nothing_runs():
    node(seen=26)

    assert levels() == {name: level for name, level in FINE.items() if name != "passes"} | {"nodes": "failure"}
    assert message("nodes") == (
        "No node of job store 'default' is alive: none gave a sign of life within 25 s. Start `manage.py runscheduler`."
    )
    assert worst(examine(LIMITS)) is Level.FAILURE


def test_a_stopped_node_is_not_alive():
    node(state="stopped")

    assert levels()["nodes"] == "failure"


def test_a_frozen_loop_is_found_although_heartbeats_go_on():
    node(passed=300)

    assert levels() == {**FINE, "passes": "failure"}
    assert message("passes") == (
        "1 of 1 node(s) made no pass for up to 300 s, although their heartbeats go on; at most 10 s are expected. "
        "Look at what the scheduler's thread does, and restart them."
    )


def test_a_frozen_loop_beside_others_is_a_warning_that_names_its_node():
    node(1)
    node(2, passed=300)

    finding = next(finding for finding in examine(LIMITS) if finding.name == "passes")

    assert (finding.level, finding.detail) == (Level.WARNING, "host-2:4711")


def test_a_node_that_has_not_made_its_first_pass_is_judged_from_its_start():
    at = store_now("default")

    node(last_pass_at=None, started_at=at - timedelta(seconds=5))
    assert levels()["passes"] == "ok"

    SchedulerNode.objects.update(started_at=at - timedelta(seconds=50))
    assert levels()["passes"] == "failure"


@pytest.mark.parametrize(("seconds", "level"), [(59, "ok"), (62, "failure")], ids=["in-time", "late"])
def test_a_job_that_is_due_for_too_long_is_a_failure(seconds, level):
    node()
    due("late", seconds)
    due("less", 1)

    assert levels()["lateness"] == level


def test_the_latest_job_is_named_to_operators_only():
    node()
    due("late", 600, executor="processpool")

    finding = next(finding for finding in examine(LIMITS) if finding.name == "lateness")

    assert finding.message == (
        "The oldest due job is 600 s late; at most 60 s are expected. See that a node runs and has slots free."
    )
    assert finding.detail == "job 'late', executor 'processpool', queue 'default'"


LATE_FOR_A_REASON = {
    "paused": {"paused": True},
    "parked": {"parked": True},
    "broken-and-tried-later": {"broken_reason": "gone"},
    "another-environment": {"environment": "staging"},
    "an-executor-that-no-node-has": {"executor": "elsewhere"},
}


@pytest.mark.parametrize("columns", LATE_FOR_A_REASON.values(), ids=LATE_FOR_A_REASON)
def test_a_job_that_no_node_is_to_run_is_not_late(columns):
    node(environment="production")
    retry = store_now("default") + timedelta(minutes=1)
    extra = {"retry_at": retry} if "broken_reason" in columns else {}
    if "paused" in columns:
        extra["next_run_time"] = None
    make_job("held", "held", HOUR, **{"next_run_time": store_now("default") - timedelta(hours=1), **columns, **extra})

    assert levels()["lateness"] == "ok"


def test_while_every_node_is_paused_late_jobs_are_a_warning():
    node(state="paused", passed=3000)
    due("late", 600)

    found = levels()

    assert found == {name: level for name, level in FINE.items() if name != "passes"} | {
        "nodes": "warning",
        "lateness": "warning",
    }


def test_broken_jobs_are_a_warning():
    node()
    due("broken", 5, broken_reason="ImportError: no", retry_at=store_now("default") + timedelta(hours=1))

    assert levels() == {**FINE, "jobs": "warning"}
    assert "jobs" not in levels(thorough=False)


# -- clocks -------------------------------------------------------------------------------------------------------------


class WrongClock(SystemClock):
    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has no clock of its own")
def test_a_wrong_clock_of_this_host_changes_nothing_but_a_warning(monkeypatch):
    monkeypatch.setattr(health, "SYSTEM_CLOCK", WrongClock())
    monkeypatch.setattr(storetime, "SYSTEM_CLOCK", WrongClock())
    node()

    assert levels() == {**FINE, "clock": "warning"}
    assert message("clock").startswith("This host's clock is 3600.")
    assert len(living_nodes("default")) == 1


# -- the database -------------------------------------------------------------------------------------------------------


def test_a_database_that_does_not_answer_is_a_failure_that_tells_no_secret(monkeypatch, rf):
    def fail(using: str) -> datetime:
        raise OperationalError('connection to "10.0.0.7" as user "boss" failed')

    monkeypatch.setattr(health, "store_now", fail)

    response = health.health(rf.get("/health/"))

    assert response.status_code == 503
    assert json.loads(response.content)["findings"] == [
        {
            "name": "database",
            "level": "failure",
            "message": "The database 'default' of job store 'default' cannot be asked (OperationalError). "
            "See that it runs and is migrated.",
        }
    ]


def test_unapplied_migrations_are_a_failure(monkeypatch):
    monkeypatch.setattr(health, "unapplied", lambda config: "shop.0007_prices")
    node()

    finding = examine(LIMITS)[0]

    assert (finding.name, finding.level, finding.detail) == ("migrations", Level.FAILURE, "shop.0007_prices")


# -- the view -----------------------------------------------------------------------------------------------------------


def test_the_view_answers_200_and_is_never_cached(rf):
    node()

    response = health.health(rf.get("/health/"))

    assert isinstance(response, JsonResponse)
    assert response.status_code == 200
    assert json.loads(response.content)["status"] == "ok"
    assert "no-store" in response["Cache-Control"]


def test_the_view_answers_503_when_something_has_failed(rf):
    node(passed=300)

    assert health.health(rf.get("/health/")).status_code == 503


def test_the_view_names_no_job_and_no_host(rf):
    node(passed=300)
    due("secret-plan", 6000)

    text = health.health(rf.get("/health/")).content.decode()

    assert "late" in text
    assert not [word for word in ("secret-plan", "host-1", "4711") if word in text]


def test_the_view_refuses_to_be_posted_to(rf):
    assert health.health(rf.post("/health/")).status_code == 405


def test_a_queue_that_no_living_node_serves_is_a_warning_with_a_hint():
    node(queues='["mail"]')
    make_job("later", "later", HOUR, queue="mial")
    make_job("other", "other", HOUR, queue="mail")

    (finding,) = [finding for finding in examine(LIMITS) if finding.name == "queues"]

    assert (finding.level, finding.detail) == ("warning", "'mial' Did you mean 'mail'?")
    assert finding.message == (
        "1 queue(s) with jobs of job store 'default' are served by no node that is alive; each is expected to be. "
        "Start `manage.py runscheduler --queues …`, or correct the queue of the jobs."
    )


def test_queues_that_are_all_served_are_fine():
    node(1, queues='["mail"]')
    node(2, queues='["default"]')
    make_job("later", "later", HOUR, queue="mail")

    assert levels()["queues"] == "ok"


def test_a_late_job_of_a_queue_that_nobody_serves_is_a_failure_that_says_so():
    node(queues='["mail"]')
    due("late", 600, queue="reports")

    assert levels()["lateness"] == "failure"
    assert message("lateness").endswith(
        "No node serves its queue. Start one that does, with `manage.py runscheduler --queues …`."
    )


def test_the_view_takes_a_few_queries_along_indexes(filled, rf):  # noqa: F811
    node()
    due("late", 600)

    with CaptureQueriesContext(connection) as captured:
        health.health(rf.get("/health/"))

    made = [query["sql"] for query in captured]
    jobs = [sql for sql in made if "scheduledjob" in sql]
    assert len(made) == (10 if connection.vendor == "sqlite" else 11)
    assert len(jobs) == 9  # one for each executor and level of priority
    assert {sql: explain(sql) for sql in jobs if full_reads(sql) or "apsng_job_wake_ix" not in str(explain(sql))} == {}


# -- settings and command -------------------------------------------------------------------------------------------------


def test_the_limits_follow_the_other_settings_unless_they_are_given():
    assert Limits() == Limits(max_pass_age=26.5, max_lateness=56.5)
    with override_settings(APSCHEDULER={"poll_interval": 5, "grace": 100, "health": {"max_pass_age": 7}}):
        assert Limits() == Limits(max_pass_age=7, max_lateness=130)


def doctor(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("scheduler", "doctor", *options, stdout=out)
    except SystemExit as stop:
        return int(str(stop.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_doctor_prints_a_line_each_and_exits_with_0():
    node()

    assert doctor() == (
        0,
        "ok       migrations: All migrations are applied.\n"
        "ok       clock: The clocks of this host and of the database agree.\n"
        "ok       nodes: 1 node(s) of job store 'default' alive. (host-1:4711)\n"
        "ok       passes: The last pass was 1.0 s before the last heartbeat.\n"
        "ok       lateness: No job is more than 56.5 s late.\n"
        "ok       jobs: No job of job store 'default' is broken.\n",
    )


def test_the_doctor_exits_with_1_for_a_failure_and_takes_limits_and_json():
    node(passed=5)
    due("late", 30)

    assert doctor()[0] == 0
    assert doctor("--max-pass-age", "4")[0] == 1
    code, text = doctor("--max-lateness", "20", "--json")

    told = json.loads(text)
    assert code == 1
    assert told["status"] == "failure"
    assert [finding["name"] for finding in told["findings"] if finding["level"] == "failure"] == ["lateness"]
