"""The server goes away and comes back: nothing is lost, nothing runs twice, and it is told once."""

from __future__ import annotations

import gc
import logging
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from django_apscheduler_ng.exceptions import JobLookupError
from django_apscheduler_ng.schedulers.background import BackgroundScheduler
from django_apscheduler_ng.schedulers.base import STATE_STOPPED, BaseScheduler
from django_apscheduler_ng.testing import FakeClock
from tests.stores import bodies
from tests.stores.conftest import ON_A_NETWORK, START, wait_until

network = pytest.mark.parametrize("place", ON_A_NETWORK, indirect=True)


class Passes(BaseScheduler):
    """A scheduler whose passes are made by a test."""

    def wakeup(self):
        """Wait for the test."""


def seconds():
    return [(fire_time - START).total_seconds() for _, fire_time in bodies.done]


def told(caplog, words):
    return [record.levelname for record in caplog.records if words in record.getMessage()]


@network
def test_an_outage_is_told_once_and_every_fire_time_runs_once(place, line, caplog):
    caplog.set_level(logging.INFO, "django_apscheduler_ng")
    scheduler = BackgroundScheduler(
        jobstores={"default": place.store(port=line.port)}, jobstore_retry_interval=0.1, poll_interval=0.1
    )
    scheduler.start()
    scheduler.add_job(bodies.note, "interval", seconds=0.2, coalesce=False, max_instances=10, id="job")
    bodies.wait_for(2)

    line.cut()
    wait_until(lambda: told(caplog, "Job store 'default' failed"), "the failure was told")
    refused = line.refused
    wait_until(lambda: line.refused >= refused + 5, "the store was asked again and again")
    while_cut = len(bodies.done)
    line.mend()
    bodies.wait_for(while_cut + 5)
    scheduler.shutdown()

    times = [fire_time for _, fire_time in bodies.done]
    assert sorted(times) == [times[0] + number * timedelta(seconds=0.2) for number in range(len(times))]
    assert told(caplog, "Job store 'default' failed") == ["ERROR"]
    assert told(caplog, "Job store 'default' answers again") == ["INFO"]


@network
def test_the_pause_between_two_attempts_grows_up_to_the_retry_interval(place, line):
    scheduler = Passes(jobstores={"default": place.store(port=line.port)}, jobstore_retry_interval=0.5, timezone="UTC")
    scheduler.start()
    line.cut()

    waits = [scheduler.process_due() for _ in range(5)]
    line.mend()
    wait_until(lambda: scheduler.process_due() == scheduler.poll_interval, "the store answers again")
    line.cut()
    again = scheduler.process_due()
    line.mend()
    scheduler.shutdown()

    assert waits == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert again == 0.1


@network
def test_a_claim_whose_answer_was_lost_runs_once(place, line, begin):
    scheduler = begin(place.store(port=line.port, **_no_second_try(place)))
    scheduler.add_job(bodies.note, "interval", seconds=10, coalesce=False)
    scheduler.add_job(bodies.note, "date", run_date=START + timedelta(seconds=20), args=["once"])
    scheduler.travel(10)

    line.lose_answer(place.write_mark)
    with pytest.raises(Exception):  # noqa: B017, PT011 - each driver has errors of its own
        scheduler.travel(10)
    held = seconds()
    _travel_on(scheduler, 20)

    assert line.lost == 1
    assert held == [10]
    assert sorted(seconds()) == [10, 20, 20, 30, 40]
    assert [job.name for job in scheduler.get_jobs()] == ["note"]


@network
def test_a_claim_that_did_not_reach_the_server_runs_once_the_server_is_back(place, line, begin):
    scheduler = begin(place.store(port=line.port))
    scheduler.add_job(bodies.note, "interval", seconds=10, coalesce=False, max_instances=5, id="job")
    store = scheduler.jobstores()["default"]
    write = store._write
    store._write = lambda advances: line.cut() or write(advances)

    with pytest.raises(Exception):  # noqa: B017, PT011
        scheduler.travel(10)
    with pytest.raises(Exception):  # noqa: B017, PT011
        scheduler.travel(0)
    held = seconds()
    store._write = write
    line.mend()
    _travel_on(scheduler, 20)

    assert held == []
    assert seconds() == [10, 20, 30]


@network
def test_a_change_after_a_claim_that_could_not_be_written_comes_after_it(place, line, begin):
    scheduler = begin(place.store(port=line.port))
    scheduler.add_job(bodies.note, "interval", seconds=10, coalesce=False, id="job", args=["old"])
    store = scheduler.jobstores()["default"]
    write = store._write
    store._write = lambda advances: line.cut() or write(advances)
    with pytest.raises(Exception):  # noqa: B017, PT011
        scheduler.travel(10)
    store._write = write
    line.mend()

    scheduler.modify_job("job", args=["new"])
    next_run_time = scheduler.get_job("job").next_run_time
    _travel_on(scheduler, 10)

    assert next_run_time == START + timedelta(seconds=20)
    assert bodies.done == [("old", START + timedelta(seconds=10)), ("new", START + timedelta(seconds=20))]


def _travel_on(scheduler, seconds):
    """Let time pass; connections that were cut may fail once more."""
    try:
        scheduler.travel(seconds)
    except Exception:
        scheduler.travel(seconds)


def _no_second_try(place):
    """Return options that keep the driver from repeating a request by itself."""
    if type(place).__name__ == "RedisPlace":
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return {"retry": Retry(NoBackoff(), 0)}
    return {"retryWrites": False} if type(place).__name__ == "MongoPlace" else {}


@network
def test_a_request_during_an_outage_fails_and_leaves_the_job_as_it_was(place, line, begin):
    scheduler = begin(place.store(port=line.port))
    scheduler.add_job(bodies.note, "interval", seconds=10, id="job")
    line.cut()

    for request in (
        lambda: scheduler.pause_job("job"),
        lambda: scheduler.remove_job("job"),
        lambda: scheduler.add_job(bodies.note, "date", run_date=START + timedelta(hours=1), id="new"),
    ):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            request()
        assert not isinstance(caught.value, JobLookupError)
    line.mend()
    wait_until(lambda: _answers(scheduler), "the store answers again")

    assert [job.id for job in scheduler.get_jobs()] == ["job"]
    assert scheduler.get_job("job").next_run_time == START + timedelta(seconds=10)


def _answers(scheduler):
    try:
        return scheduler.get_jobs()
    except Exception:
        return False


@network
def test_a_scheduler_whose_server_is_away_does_not_start_and_can_be_started_later(place, line):
    before = set(threading.enumerate())
    line.cut()
    scheduler = BackgroundScheduler(jobstores={"default": place.store(port=line.port)})
    scheduler.add_job(bodies.note, id="job")

    with pytest.raises(Exception):  # noqa: B017, PT011
        scheduler.start()
    state = scheduler.state
    wait_until(lambda: not set(threading.enumerate()) - before, "no thread is left")
    line.mend()
    scheduler.start()
    done = bodies.wait_for(1)
    scheduler.shutdown()

    assert state == STATE_STOPPED
    assert len(done) == 1


@network
def test_stores_that_were_started_before_one_that_could_not_are_closed(place, line):
    scheduler = BackgroundScheduler(
        jobstores={"default": place.store(port=line.port), "other": {"type": "redis", "port": "1"}}
    )

    with pytest.raises(Exception):  # noqa: B017, PT011
        scheduler.start()

    wait_until(lambda: line.connections == 0, "the first store is closed")
    assert scheduler.state == STATE_STOPPED


def test_a_restarted_server_serves_on(place, begin, places):
    if place is not places["mongodb"]:
        pytest.skip("only the tests' own server can be killed")
    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, "interval", seconds=10, coalesce=False)
    scheduler.travel(10)

    place.end()
    with pytest.raises(Exception):  # noqa: B017, PT011
        scheduler.travel(10)
    place.begin()
    _travel_on(scheduler, 20)

    assert seconds() == [10, 20, 30]


@network
def test_no_connection_is_left_after_the_end(place, line, recwarn):
    store = place.store(port=line.port)
    scheduler = BackgroundScheduler(jobstores={"default": store})
    before = scheduler.get_jobs()
    wait_until(lambda: line.connections == 0, "a look before the start leaves no connection")
    scheduler.start()
    scheduler.add_job(bodies.note, id="job")
    bodies.wait_for(1)
    during = line.connections

    scheduler.shutdown()
    wait_until(lambda: line.connections == 0, "the end leaves no connection")
    after = scheduler.get_jobs()

    wait_until(lambda: line.connections == 0, "a look after the end leaves no connection")
    assert (before, after) == ([], [])
    assert during > 0
    del scheduler, store
    gc.collect()
    assert [str(warning.message) for warning in recwarn if warning.category is ResourceWarning] == []


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux tells which files are open")
def test_no_file_is_left_open_after_the_end(place, begin):
    path = place.options()["url"].removeprefix("sqlite:///")

    def is_open():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return any(os.path.realpath(link) == path for link in links)

    scheduler = begin(place.store())
    scheduler.add_job(bodies.note, id="job")
    scheduler.travel(0)
    during = is_open()
    scheduler.shutdown()
    scheduler.get_jobs()

    assert (during, is_open()) == (True, False)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_locked_file_is_an_outage_too(place, caplog):
    import sqlite3

    caplog.set_level(logging.INFO, "django_apscheduler_ng")
    store = place.store(engine_options={"connect_args": {"timeout": 0.01}})
    scheduler = BackgroundScheduler(jobstores={"default": store}, jobstore_retry_interval=0.1, poll_interval=0.1)
    scheduler.start()
    scheduler.add_job(bodies.note, "interval", seconds=0.2, coalesce=False, max_instances=10)
    bodies.wait_for(1)
    other = sqlite3.connect(place.options()["url"].removeprefix("sqlite:///"))
    try:
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: told(caplog, "Job store 'default' failed"), "the failure was told")
        held = len(bodies.done)
        other.rollback()
    finally:
        other.close()
    bodies.wait_for(held + 3)
    scheduler.shutdown()

    times = sorted(fire_time for _, fire_time in bodies.done)
    assert times == [times[0] + number * timedelta(seconds=0.2) for number in range(len(times))]
    assert set(told(caplog, "Job store 'default' failed")) == {"ERROR"}


def test_a_claim_takes_as_many_statements_for_many_jobs_as_for_few(place, begin):
    counts = []
    for count in (5, 60):
        place.clean()
        scheduler = begin(place.store(), clock=FakeClock(START))
        scheduler.add_jobs(
            [{"func": bodies.note, "trigger": "date", "run_date": START + timedelta(seconds=1)} for _ in range(count)]
        )
        store = scheduler.jobstores()["default"]
        calls = counts.append([]) or counts[-1]
        for name in ("_due", "_write", "_earliest", "_get", "_replace", "_remove"):
            setattr(store, name, _counted(getattr(store, name), name, calls))
        store.claim(START + timedelta(seconds=1), {"default": 100})
        scheduler.shutdown()

    assert counts == [["_due", "_earliest", "_write"]] * 2


def _counted(method, name, calls):
    def call(*args):
        calls.append(name)
        return method(*args)

    return call
