"""Nodes that live in the loop of a program, on the database of the project."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED
from django_apscheduler_ng.jobstores.django import DjangoJobStore
from django_apscheduler_ng.models import JobRun, NodeState, SchedulerNode
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.testing import EventLog
from tests.concurrency import bodies
from tests.concurrency.conftest import OPTIONS, assert_each_began_once
from tests.unit.loops import LOOPS, PATIENCE, make_loop

#: Loops that `start()` has to be called in; the others are given to the scheduler.
ENTERED = ("gevent", "qt")


@pytest.fixture(params=LOOPS)
def loop(request):
    loop = make_loop(request.param)
    yield loop
    loop.call(connections.close_all)
    loop.end()
    loop.close()


def in_loop(loop: Any, call: Callable[[], object]) -> None:
    """Call in the loop, and leave no connection of its thread."""

    def clean() -> None:
        try:
            call()
        finally:
            connections.close_all()

    loop.call(clean)


def options_of(loop: Any, name: str) -> dict[str, Any]:
    return {
        "asyncio": lambda: {"event_loop": loop.loop},
        "tornado": lambda: {"io_loop": loop.io_loop},
    }.get(name, dict)()


def test_the_orm_is_asked_beside_the_loop_and_each_fire_time_runs_once(
    transactional_db, settings, loop, request, complaints
):
    settings.APSCHEDULER = OPTIONS
    name = request.node.callspec.params["loop"]
    threads, log = set(), EventLog()
    bodies.reset()

    class WatchedStore(DjangoJobStore):
        def claim(self, now, free):
            threads.add(threading.current_thread())
            return super().claim(now, free)

    scheduler = loop.scheduler(jobstores={"default": WatchedStore()}, poll_interval=0.2, **options_of(loop, name))
    scheduler.add_listener(log)
    if name in ENTERED:
        in_loop(loop, scheduler.start)
    else:
        scheduler.start()

    try:
        scheduler.add_job("tests.concurrency.bodies:count", "interval", seconds=0.2, id="often")
        log.wait_for(EVENT_JOB_EXECUTED, PATIENCE, count=4)
    finally:
        scheduler.shutdown()

    assert len(threads) == 1
    assert threads.isdisjoint({loop.thread, threading.current_thread()})
    assert JobRun.objects.filter(job_id="often", status=RunStatus.SUCCEEDED).count() >= 4
    assert_each_began_once()
    assert SchedulerNode.objects.get().state == NodeState.STOPPED
    assert complaints() == []
