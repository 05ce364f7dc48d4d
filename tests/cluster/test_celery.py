"""Runs on real Celery workers: each is performed once, whatever becomes of messages, workers and nodes."""

from __future__ import annotations

import os
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from django_apscheduler_ng.bootstrap import get_scheduler
from django_apscheduler_ng.cluster.watch import ClusterWatch
from django_apscheduler_ng.executors.celery import TASK
from django_apscheduler_ng.models import JobRun
from django_apscheduler_ng.runs import idempotency_key
from tests.acceptance.harness import side_effects, wait_until
from tests.cluster.conftest import SHORT_LEASE

pytestmark = pytest.mark.timeout(180)

APPEND = "tests.project.jobs:append"


def effects(path: Path) -> dict[tuple[str, str, int], int]:
    """Return how often each (job id, fire time, attempt) had its side effect, as counted outside of the database."""
    found = side_effects(path)
    return {(job, *key): count for job, keys in found.items() for key, count in keys.items()}


def wait_for(count: int, *statuses: str, seconds: float = 40) -> list[JobRun]:
    """Return all runs as soon as so many have one of these statuses."""
    rows = JobRun.objects.filter(status__in=statuses)
    wait_until(lambda: rows.count() == count, f"{count} runs are {' or '.join(statuses)}; {states()}", seconds)
    return list(JobRun.objects.order_by("pk"))


def states() -> list[tuple[str, str]]:
    return list(JobRun.objects.values_list("job_id", "status"))


def pid_of(run: JobRun) -> int:
    """Return the process that performs a run, as the worker wrote it."""
    return int(run.worker.rpartition("(pid ")[2].rstrip(")"))


def running(job_id: str) -> JobRun:
    """Return the run of the job as soon as it is running."""
    return wait_until(lambda: JobRun.objects.filter(job_id=job_id, status="running").first(), "it runs", 30)


def test_each_run_is_performed_once_by_a_worker(broker, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(broker)
    start_worker(broker)

    for number in range(30):
        node.add_job(APPEND, args=[str(path)], executor="cluster", id=f"job-{number}")
    runs = wait_for(30, "succeeded")

    assert len(runs) == 30
    assert sorted(side_effects(path)) == sorted(f"job-{number}" for number in range(30))
    assert set(effects(path).values()) == {1}
    assert {run.on_cluster for run in runs} == {True}
    assert all(broker.queue in run.worker and "ForkPoolWorker" in run.worker for run in runs)


def test_several_nodes_with_a_schedule_run_each_fire_time_once(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    nodes = [start_node(rabbitmq) for _ in range(3)]
    start_worker(rabbitmq)

    nodes[0].add_job(APPEND, "interval", seconds=0.2, args=[str(path)], executor="cluster", id="often", max_instances=9)
    wait_until(lambda: JobRun.objects.filter(status="succeeded").count() >= 15, "15 runs", 40)
    nodes[0].pause_job("often")
    wait_until(lambda: not JobRun.objects.live().exists(), "none is live any more")

    done = JobRun.objects.filter(status="succeeded").values_list("slot", flat=True)
    assert {slot for _, slot, _ in effects(path)} == {slot.isoformat() for slot in done}
    assert set(effects(path).values()) == {1}


def test_messages_that_are_published_again_on_purpose_die_at_the_row(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq)
    node.add_job(APPEND, args=[str(path), 0.2], executor="cluster", id="doubled")
    (run,) = wait_for(1, "claimed")
    for _ in range(10):
        rabbitmq.app.send_task(TASK, kwargs={"run": run.pk, "ledger": "default"})

    worker = start_worker(rabbitmq, concurrency=4)
    wait_for(1, "succeeded")
    wait_until(lambda: worker.output.count("succeeded in") == 11, f"11 messages are taken:\n{worker.output}")

    assert effects(path) == {("doubled", run.slot.isoformat(), 1): 1}


def test_a_failure_and_a_result_come_back_to_the_row(rabbitmq, start_worker, start_node):
    node = start_node(rabbitmq)
    start_worker(rabbitmq)
    node.add_job("tests.project.jobs:fail", args=["no paper"], executor="cluster", id="failing")
    node.add_job("tests.project.jobs:echo", args=[{"pages": 3}], executor="cluster", id="echoing")
    node.add_job("tests.project.jobs:echo_async", args=["awaited"], executor="cluster", id="awaiting")
    wait_for(1, "failed")
    wait_for(2, "succeeded")

    failed, echoed, awaited = (JobRun.objects.get(job_id=job_id) for job_id in ("failing", "echoing", "awaiting"))
    assert (failed.exception_type, failed.exception_message) == ("ValueError", "no paper")
    assert "raise ValueError(message)" in failed.traceback
    assert echoed.result == '{"pages": 3}'
    assert awaited.result == '"awaited"'
    assert echoed.claimed_at <= echoed.started_at <= echoed.finished_at


def test_a_run_on_a_worker_says_how_it_is_getting_on(broker, start_worker, start_node, tmp_path):
    gate = tmp_path / "gate"
    node = start_node(broker)
    start_worker(broker)
    node.add_job("tests.project.jobs:work_aloud", args=[str(gate)], executor="cluster", id="aloud")

    aloud = JobRun.objects.filter(status="running", progress_done__gt=0, log__contains="began attempt 1")
    run = wait_until(aloud.first, "progress and log while it runs", 30)
    gate.touch()
    (ended,) = wait_for(1, "succeeded")

    assert (run.progress_total, run.progress_text) == (1000, f"step {run.progress_done:g}")
    assert ended.progress_done >= run.progress_done
    assert "began attempt 1" in ended.log
    assert ended.result == f'"{idempotency_key("default", "aloud", ended.slot, str(ended.pk))}"'


def test_a_run_that_fails_or_times_out_on_a_worker_is_tried_again(rabbitmq, start_worker, start_node, tmp_path):
    node = start_node(rabbitmq)
    start_worker(rabbitmq)
    retry = {"attempts": 3, "delay": 0.1}
    node.add_job("tests.project.jobs:fail", executor="cluster", id="failing", retry=retry)
    node.add_job(APPEND, args=[str(tmp_path / "x"), 30], executor="cluster", id="late", timeout=0.5, retry=retry)

    wait_for(3, "failed")
    wait_for(3, "timed_out")

    attempts = JobRun.objects.order_by("job_id", "attempt").values_list("job_id", "attempt", "on_cluster")
    assert list(attempts) == [(job_id, number, True) for job_id in ("failing", "late") for number in (1, 2, 3)]
    wait_until(lambda: not JobRun.objects.open().exists(), "none is open")


def test_a_worker_that_is_killed_leaves_its_run_abandoned_and_run_again_where_asked(
    broker, start_worker, start_node, tmp_path
):
    path = tmp_path / "effects"
    node = start_node(broker, lease=SHORT_LEASE)
    worker = start_worker(broker, concurrency=2)
    node.add_job(APPEND, args=[str(path), 60], executor="cluster", id="left")
    node.add_job(APPEND, args=[str(path), 60], executor="cluster", id="again", on_abandoned="rerun")
    wait_until(lambda: len(effects(path)) == 2, "both had their side effect", 30)
    for run in JobRun.objects.filter(status="running"):
        os.kill(pid_of(run), signal.SIGKILL)
    worker.destroy()

    wait_for(2, "abandoned", seconds=15)
    assert JobRun.objects.get(job_id="left").reason == "its worker died; whether it did its work is unknown"
    start_worker(broker)
    second = wait_until(lambda: JobRun.objects.filter(job_id="again", attempt=2, status="running").first(), "again", 30)

    assert second.first_attempt == JobRun.objects.get(job_id="again", attempt=1).pk
    wait_until(lambda: len(effects(path)) == 3, "the second attempt had its side effect")
    assert JobRun.objects.filter(job_id="left").count() == 1


def test_runs_wait_while_there_is_no_worker_and_are_published_again(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq, republish_after=0.5)
    node.add_job(APPEND, args=[str(path)], executor="cluster", id="waiting")
    wait_for(1, "claimed")
    wait_until(lambda: rabbitmq.waiting() == 4, "4 messages")  # at 0, 0.5, 1, 2, and then 4 seconds
    run = JobRun.objects.get()
    assert run.status == "claimed"
    assert run.publish_at - run.claimed_at > timedelta(seconds=3.9)

    start_worker(rabbitmq)
    wait_for(1, "succeeded")

    assert set(effects(path).values()) == {1}


def test_a_lost_message_is_made_up_for(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq, republish_after=1)
    node.add_job(APPEND, args=[str(path)], executor="cluster", id="lost")
    wait_for(1, "claimed")
    wait_until(rabbitmq.waiting, "the message")
    assert rabbitmq.purge() == 1

    start_worker(rabbitmq)
    wait_for(1, "succeeded")

    assert set(effects(path).values()) == {1}


def test_a_broker_that_is_away_is_complained_of_once_and_holds_up_nothing(
    rabbitmq, start_worker, start_node, tmp_path, caplog
):
    caplog.set_level("INFO", logger="django_apscheduler_ng")
    path = tmp_path / "effects"
    broker_url, rabbitmq.app.conf.broker_url = rabbitmq.app.conf.broker_url, f"amqp://127.0.0.1:{closed_port()}//"
    node = start_node(rabbitmq)
    node.add_job(APPEND, args=[str(path)], executor="cluster", id="far")
    wait_until(lambda: any("cannot reach its back end" in line for line in caplog.messages), "the complaint")
    node.add_job(APPEND, args=[str(path)], id="near")
    wait_for(1, "succeeded", seconds=5)
    assert JobRun.objects.get(job_id="far").status == "claimed"

    rabbitmq.app.conf.broker_url = broker_url
    start_worker(rabbitmq)
    wait_for(2, "succeeded")

    assert len([line for line in caplog.messages if "cannot reach its back end" in line]) == 1
    assert "Executor 'cluster' reaches its back end again." in caplog.messages
    assert set(effects(path).values()) == {1}


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_run_is_published_by_another_node_where_the_one_that_claimed_it_died_before(
    rabbitmq, start_worker, start_node, tmp_path, monkeypatch
):
    path = tmp_path / "effects"
    first = start_node(rabbitmq, republish_after=1)
    executor = first.executors()["cluster"]
    monkeypatch.setattr(executor, "publish", lambda ledger, ids: None)  # it dies between the commit and the message
    first.add_job(APPEND, args=[str(path)], executor="cluster", id="orphan")
    wait_for(1, "claimed")
    first.shutdown(wait=False)
    (run,) = JobRun.objects.all()
    assert (run.status, run.node) == ("claimed", "")

    start_worker(rabbitmq)
    start_node(rabbitmq, republish_after=1)
    wait_for(1, "succeeded")

    assert set(effects(path).values()) == {1}


def test_no_more_runs_than_max_in_flight_are_live_over_all_nodes(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    nodes = [start_node(rabbitmq, max_in_flight=3) for _ in range(3)]
    start_worker(rabbitmq, concurrency=8)
    for number in range(20):
        nodes[number % 3].add_job(APPEND, args=[str(path), 0.1], executor="cluster", id=f"job-{number}")

    most = 0
    while JobRun.objects.ended().count() < 20:
        most = max(most, JobRun.objects.live().count())

    assert {status for _, status in states()} == {"succeeded"}
    assert most == 3
    assert sorted(effects(path).values()) == [1] * 20


def test_max_instances_hold_over_nodes_and_workers(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    nodes = [start_node(rabbitmq) for _ in range(2)]
    start_worker(rabbitmq, concurrency=4)
    nodes[0].add_job(APPEND, "interval", seconds=0.1, args=[str(path), 0.5], executor="cluster", id="single")

    most = 0
    while JobRun.objects.filter(status="succeeded").count() < 4:
        most = max(most, JobRun.objects.live().count())
    nodes[0].pause_job("single")

    assert most == 1


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_run_ends_when_its_time_is_up(rabbitmq, start_worker, start_node, tmp_path, pool):
    path = tmp_path / "effects"
    node = start_node(rabbitmq)
    worker = start_worker(rabbitmq, pool=pool, concurrency=1)
    node.add_job(APPEND, args=[str(path), 30], executor="cluster", id="long", timeout=1)
    node.add_job(APPEND, args=[str(path)], executor="cluster", id="next", next_run_time=datetime.now(UTC))
    (run, *_) = wait_for(1, "timed_out", seconds=30)

    run = JobRun.objects.get(job_id="long")
    message = "The run took longer than its timeout of 1 s."
    assert run.exception_message == message + (" Its body goes on unheard." if pool == "threads" else "")
    assert 1 <= (run.finished_at - run.started_at).total_seconds() < 3
    if pool == "prefork":  # its process is replaced
        wait_for(1, "succeeded")
        assert pid_of(run) not in worker.family()
        assert worker.alive


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_run_that_is_to_be_cancelled_ends_soon(rabbitmq, start_worker, start_node, tmp_path, pool):
    node = start_node(rabbitmq)
    start_worker(rabbitmq, pool=pool, concurrency=1)
    node.add_job(APPEND, args=[str(tmp_path / "effects"), 30], executor="cluster", id="unwanted")
    run = running("unwanted")

    now = datetime.now(UTC)
    assert get_scheduler().cancel_run(str(run.pk), reason="too much") == "running"
    wait_for(1, "cancelled", seconds=10)

    run = JobRun.objects.get()
    message = "The run was cancelled: too much."
    assert run.exception_message == message + (" Its body goes on unheard." if pool == "threads" else "")
    assert "time.sleep(seconds)" in run.traceback
    assert (run.finished_at - now).total_seconds() < (2 if pool == "prefork" else 8)


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_body_that_looks_ends_by_itself_when_its_run_is_cancelled(rabbitmq, start_worker, start_node, tmp_path, pool):
    node = start_node(rabbitmq)
    start_worker(rabbitmq, pool=pool, concurrency=1)
    body = "tests.project.jobs:append_until_cancelled"
    node.add_job(body, args=[str(tmp_path / "effects")], executor="cluster", id="obedient")
    run = running("obedient")

    now = datetime.now(UTC)
    get_scheduler().cancel_run(str(run.pk))
    wait_for(1, "cancelled", seconds=10)

    run = JobRun.objects.get()
    assert (run.exception_message, run.traceback) == ("The run was cancelled.", "")
    assert (run.finished_at - now).total_seconds() < 2


def test_a_worker_whose_run_was_taken_from_it_stops(rabbitmq, start_worker, start_node, tmp_path):
    node = start_node(rabbitmq)
    worker = start_worker(rabbitmq, concurrency=1)
    node.add_job(APPEND, args=[str(tmp_path / "effects"), 60], executor="cluster", id="taken")
    run = running("taken")

    JobRun.objects.filter(pk=run.pk).update(status="abandoned", node="")

    wait_until(lambda: pid_of(run) not in worker.family(), "its process is gone")
    node.add_job("tests.project.jobs:noop", executor="cluster", id="next")
    wait_for(1, "succeeded")
    assert JobRun.objects.get(pk=run.pk).status == "abandoned"


def test_a_run_that_is_cancelled_before_a_worker_started_it_never_runs(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq)
    node.add_job(APPEND, args=[str(path)], executor="cluster", id="early")
    wait_for(1, "claimed")
    assert get_scheduler().cancel_run(str(JobRun.objects.get().pk)) == "cancelled"
    wait_for(1, "cancelled")

    worker = start_worker(rabbitmq)
    wait_until(lambda: "succeeded in" in worker.output, "its message was taken", 30)

    assert effects(path) == {}


def test_a_run_that_a_worker_gets_later_than_its_grace_time_is_missed(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq)
    node.add_job(APPEND, args=[str(path)], executor="cluster", id="late", misfire_grace_time=1)
    wait_for(1, "claimed")
    wait_until(lambda: JobRun.objects.filter(start_until__lt=datetime.now(UTC)).exists(), "its time is over")

    start_worker(rabbitmq)
    wait_for(1, "missed", seconds=30)

    assert effects(path) == {}


def test_a_run_by_hand_goes_to_the_workers_too(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq)
    start_worker(rabbitmq)
    node.add_job(APPEND, "cron", year=2099, args=[str(path)], executor="cluster", id="seldom")

    get_scheduler().run_job("seldom")
    (run,) = wait_for(1, "succeeded")

    assert (run.origin, run.on_cluster, run.slot) == ("manual", True, None)


def test_a_parked_job_goes_on_when_a_worker_has_ended_its_run(rabbitmq, start_worker, start_node, tmp_path):
    path = tmp_path / "effects"
    node = start_node(rabbitmq)
    start_worker(rabbitmq, concurrency=4)
    begin = datetime.now(UTC) - timedelta(seconds=5)
    node.add_job(
        APPEND, "interval", seconds=1, start_date=begin, end_date=begin + timedelta(seconds=4.5), next_run_time=begin,
        args=[str(path), 0.2], executor="cluster", id="behind", coalesce=False,
    )  # fmt: skip

    runs = wait_for(5, "succeeded", seconds=25)

    assert len({run.slot for run in runs}) == 5


def test_the_watch_costs_one_statement(rabbitmq, start_node, django_assert_num_queries):
    node = start_node(rabbitmq)
    store = node.jobstores()["default"]
    watch = ClusterWatch(store.member.identity, store.clock, lease=25, interval=5)

    with django_assert_num_queries(1, connection=connection):
        watch.look(node.executors())
    with django_assert_num_queries(0, connection=connection):
        watch.look({"default": node.executors()["default"]})
