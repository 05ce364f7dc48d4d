"""Health, judged by what a real node writes."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

from django_apscheduler_ng.events import EVENT_JOB_SUBMITTED
from django_apscheduler_ng.health import Level, Limits, examine
from django_apscheduler_ng.models import SchedulerNode
from tests.concurrency import bodies
from tests.concurrency.conftest import wait_until

LIMITS = Limits(max_pass_age=2, max_lateness=60)


def level(name: str) -> Level | None:
    return next((finding.level for finding in examine(LIMITS) if finding.name == name), None)


def test_a_listener_that_never_returns_freezes_the_passes_and_is_found(start_node):
    release = Event()
    node = start_node()
    node.add_listener(lambda event: release.wait(60), EVENT_JOB_SUBMITTED)
    try:
        node.add_job(bodies.count, id="once")
        wait_until(lambda: level("passes") is Level.FAILURE, "the frozen pass is found")

        assert level("nodes") is Level.OK  # its heartbeats go on
    finally:
        release.set()
    wait_until(lambda: level("passes") is Level.OK, "the passes go on")


def test_a_job_that_takes_much_longer_than_a_pass_may_does_not_matter(start_node):
    node = start_node()
    node.add_job(bodies.hold, id="long")
    wait_until(lambda: bodies.began, "the job began")
    row = SchedulerNode.objects.get()

    until = row.seen_at + timedelta(seconds=2 * LIMITS.max_pass_age)
    wait_until(lambda: SchedulerNode.objects.get().seen_at > until, "twice the limit is over")

    assert {finding.name: finding.level for finding in examine(LIMITS) if finding.level is not Level.OK} == {}
