"""Nodes that serve some queues only, and levels of priority where slots are scarce."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, finish, store_of, wait_until


def node_of(job_id: str) -> set[str]:
    """Return the ids of the nodes that ran the job."""
    return set(JobRun.objects.filter(job_id=job_id, started_at__isnull=False).values_list("node", flat=True))


def test_each_node_runs_jobs_and_attempts_of_its_queues_only(start_node, complaints):
    mail, rest = start_node(queues=["mail"]), start_node(queues="default, reports")
    scheduler = get_scheduler()
    policy = {"attempts": 2, "delay": 0.05}
    for queue in ("mail", "default", "reports"):
        options = {"queue": queue, "retry": policy, "run_date": datetime.now(UTC)}
        for number in range(10):
            scheduler.add_job(bodies.fail, "date", id=f"{queue}-{number}", **options)
        scheduler.add_job(bodies.count, "interval", id=f"asked-{queue}", queue=queue, hours=1)
        scheduler.run_job(f"asked-{queue}")

    def over() -> bool:
        return JobRun.objects.ended().count() == 3 * 21

    wait_until(over, "all ran", 30)
    finish(mail, rest)

    assert_each_began_once()
    ids = {"mail": store_of(mail), "default": store_of(rest), "reports": store_of(rest)}
    nodes = {node.pk: json.loads(node.queues) for node in SchedulerNode.objects.all()}
    assert sorted(nodes.values()) == [["default", "reports"], ["mail"]]
    for queue in ids:
        for job_id in (f"{queue}-0", f"{queue}-9", f"asked-{queue}"):
            (key,) = node_of(job_id)
            assert queue in nodes[key]
    assert complaints("failed in run") == []


def test_a_job_of_a_queue_that_nobody_serves_waits_and_is_not_broken(start_node, complaints):
    node = start_node(queues=["mail"])
    scheduler = get_scheduler()
    scheduler.add_job(
        "tests.concurrency.bodies:count", "date", id="waiting", queue="reports", run_date=datetime.now(UTC)
    )
    scheduler.add_job(bodies.count, "interval", id="served", queue="mail", seconds=0.1, executor="default")

    wait_until(lambda: sum(began[0] == "served" for began in bodies.began) > 5, "the other one runs")
    waiting = ScheduledJob.objects.get(job_id="waiting")
    late = start_node(queues=["reports"])
    wait_until(lambda: any(began[0] == "waiting" for began in bodies.began), "somebody serves it")
    finish(node, late)

    assert (waiting.broken_reason, waiting.finished_at, waiting.declined_by) == ("", None, "")
    assert_each_began_once()
    assert complaints("skipped") == []


def test_a_job_is_broken_once_every_node_that_serves_its_queue_has_declined_it(start_node):
    nodes = [start_node(queues=["mail"]), start_node(queues=["reports"])]
    get_scheduler().add_job(
        bodies.count, "date", id="lost", queue="mail", run_date=datetime.now(UTC) + timedelta(seconds=0.2)
    )
    ScheduledJob.objects.filter(job_id="lost").update(func_ref="tests.concurrency.bodies:gone")

    wait_until(lambda: ScheduledJob.objects.exclude(broken_reason="").exists(), "it is broken")
    finish(*nodes)

    assert "gone" in ScheduledJob.objects.get().broken_reason


def test_executors_that_only_nodes_of_other_queues_have_are_no_business_of_this_one(start_node, complaints):
    special = {"default": {"type": "threadpool", "max_workers": 3}, "special": {"type": "threadpool", "max_workers": 2}}
    plain, other = start_node(queues=["mail"]), start_node(queues=["reports"], executors=special, paused=True)
    scheduler = get_scheduler()
    scheduler.add_job(bodies.count, "interval", id="beat", queue="mail", seconds=0.1)
    scheduler.add_job(bodies.count, "date", id="job", queue="reports", executor="special", run_date=datetime.now(UTC))
    store_of(plain).member._duties._known_executors = set()  # look for executors of others at once

    wait_until(lambda: store_of(plain).member._claims.stray_executors == ["special"], "it knows of the other executor")
    count = len(bodies.began)
    wait_until(lambda: len(bodies.began) > count + 5, "several passes were made")
    job = ScheduledJob.objects.get(job_id="job")
    other.resume()
    wait_until(lambda: any(began[0] == "job" for began in bodies.began), "the other node runs it")
    finish(plain, other)

    assert (job.broken_reason, job.declined_by) == ("", "")
    assert complaints("skipped") == []


def test_where_slots_are_scarce_high_goes_before_normal_and_normal_before_low(start_node, complaints):
    node = start_node(paused=True, executors={"default": {"type": "threadpool", "max_workers": 1}})
    scheduler = get_scheduler()
    levels = ["low", "normal", "high"]
    now = datetime.now(UTC)
    for number in range(5):
        for level in levels:
            due = now - timedelta(seconds=10 - number)
            options = {"priority": level, "run_date": due}
            scheduler.add_job(bodies.count, "date", [0.12], id=f"{level}-{number}", **options)
            scheduler.add_job(bodies.count, "interval", [0.12], id=f"asked-{level}-{number}", hours=1, priority=level)
            scheduler.run_job(f"asked-{level}-{number}")

    node.resume()
    wait_until(lambda: JobRun.objects.filter(status=RunStatus.SUCCEEDED).count() == 30, "all ran")
    finish(node)

    began = [job_id.removeprefix("asked-").partition("-")[0] for job_id, _, _ in bodies.began]
    assert began == ["high"] * 10 + ["normal"] * 10 + ["low"] * 10
    scheduled = [job_id for job_id, _, _ in bodies.began if not job_id.startswith("asked")]
    assert scheduled == [f"{level}-{number}" for level in reversed(levels) for number in range(5)]
    assert complaints() == []
