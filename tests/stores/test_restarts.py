"""What is stored outlives the scheduler and its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from django_apscheduler_ng.jobstores import persistent
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.testing import FakeClock
from tests.conftest import CHECKOUT
from tests.stores import bodies
from tests.stores.conftest import START

TYPES = {"DatabasePlace": "sqlalchemy", "MongoPlace": "mongodb", "RedisPlace": "redis"}


def seconds():
    """Return the fire times of what was run, in seconds from the start."""
    return [(fire_time - START).total_seconds() for _, fire_time in bodies.done]


def test_a_job_runs_at_its_planned_time_after_a_restart(place, begin):
    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, "date", run_date=START + timedelta(seconds=60), args=["kept"], id="once")
    scheduler.shutdown()

    later = begin(place.store(), clock=FakeClock(START + timedelta(seconds=59)))
    planned = later.get_job("once").next_run_time
    later.travel(0)
    before = list(bodies.done)
    later.travel(1)

    assert planned == START + timedelta(seconds=60)
    assert before == []
    assert bodies.done == [("kept", START + timedelta(seconds=60))]
    assert later.get_jobs() == []


def test_a_schedule_goes_on_where_it_was_and_makes_up_for_the_time_it_was_down(place, begin):
    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, "interval", seconds=10, coalesce=False, id="each")
    scheduler.travel(25)
    scheduler.shutdown()

    begin(place.store(), clock=FakeClock(START + timedelta(seconds=47))).travel(8)

    assert seconds() == [10, 20, 30, 40, 50]


def test_a_pause_and_a_changed_definition_outlive_a_restart(place, begin):
    scheduler = begin(place.store())
    job = scheduler.add_job(bodies.note, "interval", seconds=10, id="job")
    job.modify(name="new", max_instances=3)
    job.pause("holidays")
    scheduler.shutdown()

    later = begin(place.store(), clock=FakeClock(START + timedelta(seconds=60)))
    found = later.get_job("job")
    later.travel(60)

    assert (found.name, found.max_instances, found.next_run_time, found.pause_reason) == ("new", 3, None, "holidays")
    assert bodies.done == []


def test_declaring_a_job_again_after_a_restart_does_not_move_it(place, begin):
    for number in range(3):
        scheduler = begin(place.store(), clock=FakeClock(START + timedelta(seconds=number * 7)))
        scheduler.add_job(bodies.note, "interval", seconds=10, id="job", replace_existing=True)
        scheduler.travel(0)
        scheduler.shutdown()

    assert seconds() == [10]


def test_the_same_store_can_be_started_again(place, begin):
    store = place.store()
    scheduler = begin(store)
    scheduler.add_job(bodies.note, "interval", seconds=10)
    scheduler.travel(10)
    scheduler.shutdown()

    scheduler.start()
    scheduler.travel(10)

    assert seconds() == [10, 20]


DIES = """
import json, os, sys
from datetime import datetime, timedelta, UTC
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from tests.stores.bodies import note
scheduler = BackgroundScheduler({"apscheduler.jobstores.default": json.loads(sys.argv[1]), "apscheduler.timezone": "UTC"})
scheduler.start()
scheduler.add_job(note, "date", run_date=datetime.now(UTC) + timedelta(seconds=2), args=["left"], id="left")
print(scheduler.get_job("left").next_run_time.isoformat(), flush=True)
os._exit(1)
"""


def test_a_job_of_a_process_that_died_runs_in_the_next_one_at_its_planned_time(place):
    described = json.dumps({"type": TYPES[type(place).__name__], **place.options()})
    died = subprocess.run(
        [sys.executable, "-c", DIES, described], cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert died.returncode == 1, died.stderr
    planned = datetime.fromisoformat(died.stdout.strip())
    scheduler = BackgroundScheduler(jobstores={"default": place.store()})
    scheduler.start()

    done = bodies.wait_for(1)
    scheduler.shutdown()

    assert done == [("left", planned)]


def test_two_stores_on_one_server_keep_their_jobs_apart(place, begin):
    scheduler = begin(place.store("one"), place.store("two"))
    for alias in ("default", "other"):
        scheduler.add_job(bodies.note, "interval", seconds=10, args=[alias], id="job", jobstore=alias)

    scheduler.travel(10)
    both = sorted(value for value, _ in bodies.done)
    scheduler.remove_all_jobs("default")
    scheduler.travel(10)

    assert both == ["default", "other"]
    assert [value for value, _ in bodies.done[2:]] == ["other"]
    assert [job.jobstore for job in scheduler.get_jobs()] == ["other"]


def test_a_big_job_comes_back_whole(place, begin):
    scheduler = begin(place.store())
    scheduler.add_job(bodies.size, "interval", seconds=10, args=["x" * 5_000_000], id="big")

    scheduler.travel(20)

    assert [value for value, _ in bodies.done] == [5_000_000, 5_000_000]


def test_many_jobs_are_added_claimed_and_visited(place, begin, monkeypatch):
    monkeypatch.setattr(persistent, "_SMALLEST_PAGE", 1)
    monkeypatch.setattr(sys.modules[type(place.store()).__module__], "_PAGE_SIZE", 7)
    scheduler = begin(place.store())
    jobs = [
        {
            "func": bodies.note,
            "trigger": "date",
            "run_date": START + timedelta(seconds=1 + number % 3),
            "args": [number],
        }
        for number in range(100)
    ]
    scheduler.add_jobs(jobs)
    visited = [job.args[0] for job in scheduler.iter_jobs()]

    scheduler.travel(3)

    assert sorted(visited) == list(range(100))
    assert sorted(value for value, _ in bodies.done) == list(range(100))
    assert scheduler.get_jobs() == []


@pytest.mark.parametrize("stop", ["before", "after"])
def test_jobs_can_be_looked_at_while_the_scheduler_is_stopped(place, begin, stop):
    writer = begin(place.store())
    writer.add_job(bodies.note, "interval", seconds=10, id="job")
    reader = writer
    writer.shutdown()
    if stop == "before":
        reader = BackgroundScheduler(jobstores={"default": place.store()})

    assert [job.id for job in reader.get_jobs()] == ["job"]
    assert reader.get_job("job").func is bodies.note


def test_a_job_that_is_replaced_keeps_its_place_among_those_of_the_same_time(place, begin):
    scheduler = begin(place.store())
    options = {"trigger": "date", "run_date": START + timedelta(seconds=1)}
    for job_id in ("b", "a", "c"):
        scheduler.add_job(bodies.note, id=job_id, **options)

    scheduler.add_job(bodies.note, id="a", replace_existing=True, name="new", **options)

    assert [job.name for job in scheduler.get_jobs()] == ["note", "new", "note"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_job_that_comes_on_two_pages_is_claimed_once(place, begin, monkeypatch):
    monkeypatch.setattr(persistent, "_SMALLEST_PAGE", 1)
    scheduler = begin(place.store())
    missed = {"run_date": START + timedelta(seconds=1), "misfire_grace_time": 1}
    late = {"run_date": START + timedelta(seconds=2)}
    scheduler.add_jobs(
        [{"func": bodies.note, "trigger": "date", **(missed if number < 30 else late)} for number in range(60)]
    )
    store = scheduler.jobstores()["default"]
    due = store._due
    store._due = lambda until, skip, limit: due(until, max(skip - 5, 0), limit)  # the last five come again

    claim = store.claim(START + timedelta(seconds=10), {"default": 40})

    assert (len(claim.runs), len({run.job_id for run in claim.runs})) == (30, 30)
    assert len(claim.passed) == 30
