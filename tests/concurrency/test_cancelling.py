"""Cancellations that come at the moment at which runs begin or end, on several nodes: one outcome each, and nothing is left."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from random import Random
from threading import Thread

import pytest
from django.db import connections

from django_apscheduler_ng import get_scheduler, nodes, obeying
from django_apscheduler_ng.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from django_apscheduler_ng.exceptions import RunStateError
from django_apscheduler_ng.models import JobLogEntry, JobRun
from django_apscheduler_ng.runs import OPEN_STATUSES
from django_apscheduler_ng.testing import EventLog
from tests.concurrency import bodies
from tests.concurrency.conftest import assert_each_began_once, finish, wait_until

#: How many run and cancel jobs, and how often.
PEOPLE, EACH = 3, 20


@pytest.fixture
def attentive_nodes(start_node, monkeypatch):
    """Two nodes that look for wishes so often that they find runs at all stages of their lives."""
    monkeypatch.setattr(obeying, "INTERVAL", 0.01)
    monkeypatch.setattr(nodes, "TICK", 0.01)
    return [start_node(), start_node()]


def test_cancellations_that_race_with_the_beginning_and_the_end_of_runs(attentive_nodes, complaints):
    log = EventLog()
    for node in attentive_nodes:
        node.add_listener(log, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)
    for number in range(PEOPLE):
        get_scheduler().add_job(bodies.attentive, "interval", id=f"job-{number}", hours=1, args=[0.05])

    def run_and_cancel(job_id, dice):
        for _ in range(EACH):
            run = get_scheduler().run_job(job_id)
            time.sleep(dice.random() * 0.2)
            with suppress(RunStateError):
                get_scheduler().cancel_run(run)
        connections.close_all()

    people = [Thread(target=run_and_cancel, args=[f"job-{number}", Random(number)]) for number in range(PEOPLE)]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    wait_until(lambda: not JobRun.objects.filter(status__in=OPEN_STATUSES).exists(), "all have ended")
    finish(*attentive_nodes)

    ends = Counter(JobRun.objects.values_list("status", flat=True))
    assert JobRun.objects.count() == sum(ends.values()) == PEOPLE * EACH
    assert set(ends) == {"succeeded", "cancelled"}
    assert len(bodies.began) == len(set(bodies.began))
    not_begun = JobRun.objects.filter(exception_message__endswith=" Its body had not begun.").count()
    never_claimed = JobRun.objects.filter(status="cancelled", started_at=None).count()
    assert len(bodies.began) == PEOPLE * EACH - not_begun - never_claimed
    under_way = ends["cancelled"] - not_begun - never_claimed
    print(f"{ends['succeeded']} succeeded, {never_claimed} cancelled while they waited, {under_way} under way")
    assert under_way > 0
    told = Counter(event.run_id for event in log.events)
    assert set(told.values()) <= {1}
    assert len(told) == PEOPLE * EACH - never_claimed
    wishes = JobRun.objects.filter(cancel_requested_at__isnull=False).count()
    entries = JobLogEntry.objects.filter(action__in=("run cancelled", "cancellation requested")).count()
    assert wishes == entries
    assert complaints("was cancelled in run") == []


def test_a_cancelled_job_that_takes_notice_gives_its_instance_back(start_node, complaints):
    node = start_node()
    scheduler = get_scheduler()
    scheduler.add_job(bodies.obedient, "interval", id="job", hours=1)

    for _ in range(5):
        run = scheduler.run_job("job")
        wait_until(lambda run=run: JobRun.objects.get(pk=run).status == "running", "it runs")
        scheduler.cancel_run(run)
        wait_until(lambda run=run: JobRun.objects.get(pk=run).status == "cancelled", "it is cancelled", 5)
    finish(node)

    assert_each_began_once()
    assert complaints("was cancelled in run") == []
