import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.exceptions import SchedulerNotRunningError
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.runs import current_run
from django_apscheduler_ng.testing import FakeClock, ManualScheduler

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def scheduler():
    scheduler = ManualScheduler(FakeClock(NOW), timezone="UTC")
    scheduler.start()
    yield scheduler
    scheduler.shutdown()


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def test_a_journey_stops_at_every_fire_time(scheduler):
    seen = []
    scheduler.add_job(lambda: seen.append(scheduler.clock.now()), "interval", seconds=20)

    arrived = scheduler.travel(50)

    assert seen == [at(20), at(40)]
    assert arrived == scheduler.clock.now() == at(50)


@pytest.mark.parametrize(
    "journey",
    [
        pytest.param({"seconds": 60}, id="seconds"),
        pytest.param({"seconds": timedelta(minutes=1)}, id="duration"),
        pytest.param({"until": at(60)}, id="until-a-moment"),
        pytest.param({"until": "2026-01-05T10:01:00+01:00"}, id="until-a-text"),
    ],
)
def test_a_journey_may_be_described_in_several_ways(scheduler, journey):
    assert scheduler.travel(**journey) == at(60)


def test_what_is_due_on_arrival_is_done(scheduler):
    seen = []
    scheduler.add_job(seen.append, "date", args=[1], run_date=at(60))

    scheduler.travel(60)

    assert seen == [1]


def test_bodies_run_in_the_thread_of_the_test_and_know_their_run(scheduler):
    seen = []

    def body():
        seen.append((threading.current_thread(), current_run().fire_time))

    scheduler.add_job(body, "interval", seconds=10)
    scheduler.travel(10)

    assert seen == [(threading.current_thread(), at(10))]


def test_async_bodies_run_to_their_end(scheduler):
    seen = []

    async def body():
        await asyncio.sleep(0)
        seen.append(1)

    scheduler.add_job(body, executor="asyncio")
    scheduler.travel(0)

    assert seen == [1]


def test_a_body_that_takes_time_makes_it_pass(scheduler):
    starts = []

    def body():
        starts.append(scheduler.clock.now())
        scheduler.clock.advance(25)

    scheduler.add_job(body, "interval", seconds=10)
    scheduler.travel(60)

    assert starts == [at(10), at(35), at(60)]
    assert scheduler.clock.now() == at(85)


def test_a_job_added_by_a_job_runs_on_the_same_journey(scheduler):
    seen = []
    scheduler.add_job(lambda: scheduler.add_job(seen.append, "date", args=[1], run_date=at(7)), "date", run_date=at(5))

    scheduler.travel(10)

    assert seen == [1]


def test_more_jobs_than_an_executor_takes_at_once_are_all_done(scheduler):
    seen = []
    for number in range(50):
        scheduler.add_job(seen.append, args=[number])

    scheduler.travel(0)

    assert seen == list(range(50))


def test_a_year_takes_no_time(scheduler):
    seen = []
    scheduler.add_job(seen.append, "cron", args=[1], day=1, hour=3)

    scheduler.travel(until="2027-01-05T09:00:00Z")

    assert len(seen) == 12


def test_it_starts_no_thread():
    before = threading.active_count()
    scheduler = ManualScheduler()
    scheduler.start()
    scheduler.add_job(print, "interval", seconds=5)

    scheduler.travel(1)

    assert threading.active_count() == before
    scheduler.shutdown()


def test_errors_of_a_job_store_are_raised(scheduler):
    class Failing(MemoryJobStore):
        def claim(self, now, free):
            raise OSError("disk full")

    scheduler.add_jobstore(Failing(), "failing")

    with pytest.raises(OSError, match="disk full"):
        scheduler.travel(1)


def test_a_job_that_never_lets_time_pass_is_found_out(scheduler, monkeypatch):
    monkeypatch.setattr("django_apscheduler_ng.testing.manual._MOST_PASSES", 20)

    def again():
        scheduler.add_job(again)

    again()

    with pytest.raises(RuntimeError) as caught:
        scheduler.travel(1)

    assert str(caught.value) == (
        "After 20 passes at 2026-01-05T09:00:00+00:00 there is still something due. "
        "A job that adds a job that is due at once never lets time pass."
    )


@pytest.mark.parametrize(
    ("journey", "message"),
    [
        pytest.param(
            {},
            "travel() must get either a number of seconds or until=…, got both or neither. Write travel(60).",
            id="neither",
        ),
        pytest.param(
            {"seconds": 1, "until": at(1)},
            "travel() must get either a number of seconds or until=…, got both or neither. Write travel(60).",
            id="both",
        ),
        pytest.param(
            {"seconds": -1},
            "travel() must lead into the future, got 2026-01-05T08:59:59+00:00, and it is 2026-01-05T09:00:00+00:00. "
            "Move the clock itself with fake_clock.step() to test a clock that is set back.",
            id="back",
        ),
        pytest.param(
            {"until": "tomorrow"},
            "'until' must be an aware datetime or an ISO string with an offset, got 'tomorrow'. "
            "Write it as '2026-03-29T01:30:00+01:00'.",
            id="no-moment",
        ),
    ],
)
def test_journeys_that_cannot_be_made(scheduler, journey, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        scheduler.travel(**journey)

    assert str(caught.value) == message


def test_a_scheduler_that_was_not_started_does_not_travel():
    with pytest.raises(SchedulerNotRunningError):
        ManualScheduler().travel(1)
