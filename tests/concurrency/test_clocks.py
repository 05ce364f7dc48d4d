"""Steps of a node's wall clock, and sleep: fire times stay where they are, and nothing runs twice (T5)."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction

from django_apscheduler_ng.bootstrap import get_scheduler
from django_apscheduler_ng.claiming import Identity
from django_apscheduler_ng.clock import AnchoredClock, SystemClock
from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.models import JobRun, SchedulerNode
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.storetime import store_now
from django_apscheduler_ng.surroundings import look_around
from django_apscheduler_ng.testing import FakeClock, ManualScheduler

TIMEOUT = 20

_NODES = SchedulerNode._meta.db_table
#: By vendor: how to lock the table of nodes against everybody, and to release it.
LOCKS = {
    "postgresql": (f"LOCK TABLE {_NODES} IN ACCESS EXCLUSIVE MODE", "SELECT 1"),
    "mysql": (f"LOCK TABLES {_NODES} WRITE", "UNLOCK TABLES"),
}


class SteppedClock(SystemClock):
    """The clock of a machine whose wall clock can be set."""

    step = timedelta(0)

    def now(self):
        return super().now() + self.step


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no clock of its own")
@pytest.mark.parametrize("hours", [1, -1, 8])
def test_a_step_of_one_nodes_clock_moves_no_fire_time(transactional_db, hours):
    clock, reached, runs = SteppedClock(), threading.Event(), Counter()
    scheduler = BackgroundScheduler(jobstores={"default": {"type": "django"}}, clock=clock, poll_interval=0.2)
    get_scheduler().add_job("tests.project.jobs:noop", "interval", seconds=0.2, id="beat", coalesce=False)

    def count(event):
        runs["all"] += 1
        if runs["all"] in (10, 25):
            reached.set()

    scheduler.add_listener(count, EVENT_JOB_EXECUTED)
    scheduler.start()
    try:
        assert reached.wait(TIMEOUT)
        reached.clear()
        clock.step = timedelta(hours=hours)
        assert reached.wait(TIMEOUT), f"after the step there were {runs['all'] - 10} runs"
        living = list(SchedulerNode.objects.alive())
    finally:
        scheduler.shutdown()

    slots = list(JobRun.objects.order_by("slot").values_list("slot", flat=True))
    assert {later - earlier for earlier, later in pairwise(slots)} == {timedelta(seconds=0.2)}
    late = [run.started_at - run.due_at for run in JobRun.objects.exclude(started_at=None)]
    assert timedelta(0) <= min(late)
    assert max(late) < timedelta(seconds=2)
    assert len(living) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no clock of its own")
@pytest.mark.parametrize("known", [True, False], ids=["a known clock", "a new clock"])
def test_a_look_that_waited_for_a_lock_leaves_the_clock_right(transactional_db, known):
    identity = Identity(using="default", namespace="", alias="default", node="n1")
    SchedulerNode.objects.create(pk="n1", pid=1, started_at=store_now("default"), seen_at=store_now("default"))
    clock = AnchoredClock(SystemClock())
    if known:
        look_around(identity, clock)

    with locked_for(seconds=2):
        began = time.monotonic()
        look_around(identity, clock)
        waited = time.monotonic() - began
    if not known:
        look_around(identity, clock)

    assert waited > 1.5, "it did not wait"
    assert abs(clock.now() - store_now("default")) < timedelta(seconds=0.3)


@contextmanager
def locked_for(seconds: float) -> Iterator[None]:
    """Hold a lock against everybody on the table of nodes for so long, from the start of the `with` block."""
    held = threading.Event()

    def hold() -> None:
        lock, release = LOCKS[connection.vendor]
        with closing(connection), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(lock)
            held.set()
            time.sleep(seconds)
            cursor.execute(release)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(TIMEOUT)
    yield
    holder.join()


@pytest.mark.parametrize("store", ["memory", "django"])
def test_a_machine_that_slept_for_eight_hours_makes_one_run_at_once(transactional_db, fake_clock: FakeClock, store):
    scheduler = ManualScheduler(fake_clock, jobstores={"default": {"type": store}})
    scheduler.start()
    done = []
    scheduler.add_listener(done.append, EVENT_JOB_EXECUTED)
    scheduler.add_job("tests.project.jobs:noop", "cron", minute="*/10", id="j")

    fake_clock.step(timedelta(hours=8))
    scheduler.process_due()
    scheduler.process_due()

    assert [event.scheduled_run_time for event in done] == [fake_clock.now()]
    scheduler.shutdown()
