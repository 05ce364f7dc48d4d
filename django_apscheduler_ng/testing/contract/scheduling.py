"""The part of the contract in which a whole scheduler runs jobs from the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from ... import events
from ...events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MISSED,
    EVENT_JOB_REMOVED,
    JobEvent,
    JobExecutionEvent,
)
from ..eventlog import EventLog
from ..manual import ManualScheduler
from .rig import START, Rig, at, fail, note, notes, once


class SchedulingContract(Rig):
    """Jobs are added, changed and run through a scheduler."""

    @pytest.fixture
    def scheduler(self) -> Iterator[ManualScheduler]:
        """A started scheduler on a store of its own, at the time of the others."""
        self.clock.set(START)
        scheduler = ManualScheduler(self.clock, jobstores={"default": self.make_store()}, timezone="UTC")
        scheduler.start()
        yield scheduler
        if scheduler.running:
            scheduler.shutdown()

    @pytest.fixture
    def log(self, scheduler: ManualScheduler) -> EventLog:
        """What the scheduler tells."""
        log = EventLog()
        scheduler.add_listener(log)
        return log

    def test_each_fire_time_runs_once_and_in_order(self, scheduler: ManualScheduler) -> None:
        scheduler.add_job(note, "interval", args=["a"], seconds=20)
        scheduler.add_job(note, "interval", args=["b"], seconds=30)

        scheduler.travel(60)

        assert sorted(notes, key=lambda entry: (entry[1], entry[0])) == [
            ("a", at(20)),
            ("b", at(30)),
            ("a", at(40)),
            ("a", at(60)),
            ("b", at(60)),
        ]

    def test_a_job_without_a_trigger_runs_now_and_leaves(self, scheduler: ManualScheduler, log: EventLog) -> None:
        scheduler.add_job(note, args=["now"], id="now")

        scheduler.travel(0)

        assert notes == [("now", at(0))]
        assert scheduler.get_job("now") is None
        assert log.names() == ["JOB_ADDED", "JOB_SUBMITTED", "JOB_EXECUTED", "JOB_REMOVED"]

    def test_a_failure_is_told_and_the_job_goes_on(self, scheduler: ManualScheduler, log: EventLog) -> None:
        scheduler.add_job(fail, "interval", seconds=10, id="failing")

        scheduler.travel(20)

        failures = [event for event in log.of(EVENT_JOB_ERROR) if isinstance(event, JobExecutionEvent)]
        assert [(event.scheduled_run_time, str(event.exception)) for event in failures] == [
            (at(10), "on purpose"),
            (at(20), "on purpose"),
        ]
        assert "ValueError: on purpose" in (failures[0].traceback or "")

    def test_each_failed_attempt_is_told_and_whether_it_was_the_last(
        self, scheduler: ManualScheduler, log: EventLog, caplog: pytest.LogCaptureFixture
    ) -> None:
        scheduler.add_job(fail, "date", run_date=at(10), id="failing", retry={"attempts": 2, "delay": 30})

        scheduler.travel(60)

        failures = [event for event in log.of(EVENT_JOB_ERROR) if isinstance(event, JobExecutionEvent)]
        assert [(event.attempt, event.retry_at) for event in failures] == [(1, at(40)), (2, None)]
        said = [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if "failed in run" in record.getMessage()
        ]
        ends = ["(attempt 1 of 2, tried again in 30 s)", "(attempt 2 of 2, it was the last)"]
        assert [level for level, _ in said] == ["WARNING", "ERROR"]
        assert all(f"{end}: ValueError: on purpose" in text for end, (_, text) in zip(ends, said, strict=True))

    def test_a_result_is_told(self, scheduler: ManualScheduler, log: EventLog) -> None:
        scheduler.add_job(note, args=[{"answer": 42}])

        scheduler.travel(0)

        (event,) = log.of(EVENT_JOB_EXECUTED)
        assert isinstance(event, JobExecutionEvent)
        assert (event.retval, event.exception, event.traceback) == ({"answer": 42}, None, None)

    def test_a_paused_job_does_not_run_and_never_makes_up_for_it(self, scheduler: ManualScheduler) -> None:
        job = scheduler.add_job(note, "interval", seconds=10, start_date=START, args=["x"])
        scheduler.travel(0)
        job.pause("holidays")
        paused = (job.next_run_time, job.pause_reason)
        scheduler.travel(95)
        job.resume()

        scheduler.travel(10)

        assert paused == (None, "holidays")
        assert notes == [("x", at(0)), ("x", at(100))]
        assert job.pause_reason == ""

    def test_a_job_whose_schedule_ended_while_it_was_paused_is_removed_when_resumed(
        self, scheduler: ManualScheduler, log: EventLog
    ) -> None:
        scheduler.add_job(note, once(10), id="once")
        scheduler.pause_job("once")
        scheduler.travel(20)

        assert scheduler.resume_job("once") is None
        assert scheduler.get_job("once") is None
        assert [event.job_id for event in log.of(EVENT_JOB_REMOVED) if isinstance(event, JobEvent)] == ["once"]
        scheduler.travel(20)
        assert notes == []

    def test_a_rescheduled_job_follows_its_new_trigger_from_now_on(self, scheduler: ManualScheduler) -> None:
        job = scheduler.add_job(note, "interval", seconds=10, start_date=START, args=["x"])
        scheduler.travel(5)

        job.reschedule("interval", seconds=30, start_date=START)
        scheduler.travel(60)

        assert notes == [("x", at(0)), ("x", at(30)), ("x", at(60))]

    def test_a_rescheduled_job_that_is_paused_stays_so(self, scheduler: ManualScheduler) -> None:
        job = scheduler.add_job(note, "interval", seconds=10)
        job.pause()

        job.reschedule("interval", seconds=20)
        scheduler.travel(100)

        assert (notes, job.next_run_time) == ([], None)
        assert job.trigger.describe() == "every 20 seconds"

    def test_while_the_scheduler_is_paused_nothing_runs_and_afterwards_all_is_made_up_for(
        self, scheduler: ManualScheduler
    ) -> None:
        scheduler.add_job(note, "interval", seconds=10, args=["x"])
        scheduler.pause()
        scheduler.travel(35)
        nothing = list(notes)
        scheduler.resume()

        scheduler.travel(10)

        assert nothing == []
        assert notes == [("x", at(30)), ("x", at(40))]

    def test_what_a_grace_time_excludes_is_told_once_for_all(self, scheduler: ManualScheduler, log: EventLog) -> None:
        scheduler.add_job(note, "interval", seconds=10, coalesce=False, misfire_grace_time=1, args=["x"])
        scheduler.pause()
        scheduler.travel(30)
        scheduler.resume()

        scheduler.travel(0)

        (event,) = log.of(EVENT_JOB_MISSED)
        assert isinstance(event, JobExecutionEvent)
        assert (event.scheduled_run_time, event.count) == (at(20), 2)
        assert notes == [("x", at(30))]

    def test_a_backlog_is_worked_off_one_by_one(self, scheduler: ManualScheduler) -> None:
        scheduler.add_job(note, "interval", seconds=10, coalesce=False)
        scheduler.pause()
        scheduler.travel(45)
        scheduler.resume()

        scheduler.travel(0)

        assert [fire_time for _, fire_time in notes] == [at(10), at(20), at(30), at(40)]

    def test_a_job_is_run_by_hand_beside_its_schedule(self, scheduler: ManualScheduler, log: EventLog) -> None:
        scheduler.add_job(note, "interval", seconds=10, id="job")

        run_id = scheduler.run_job("job")
        scheduler.travel(10)

        assert [fire_time for _, fire_time in notes] == [None, at(10)]
        ends = [event for event in log.of(EVENT_JOB_EXECUTED) if isinstance(event, JobExecutionEvent)]
        assert ends[0].run_id == run_id

    def test_after_a_step_back_of_the_clock_nothing_runs_twice(self, scheduler: ManualScheduler) -> None:
        scheduler.add_job(note, "interval", seconds=10)
        scheduler.travel(30)

        self.clock.step(-3600)
        scheduler.travel(3620)

        assert [fire_time for _, fire_time in notes] == [at(10), at(20), at(30), at(40), at(50)]

    def test_after_a_step_forward_of_the_clock_what_is_due_runs_at_once(self, scheduler: ManualScheduler) -> None:
        scheduler.add_job(note, "interval", seconds=10)

        self.clock.step(3605)
        scheduler.travel(0)

        assert [fire_time for _, fire_time in notes] == [at(3600)]

    def test_a_scheduler_that_stops_and_starts_again_goes_on(self, scheduler: ManualScheduler) -> None:
        scheduler.add_job(note, "interval", seconds=10)
        scheduler.travel(10)
        scheduler.shutdown()
        self.clock.advance(25)

        scheduler.start()
        scheduler.travel(10)

        assert [fire_time for _, fire_time in notes] == [at(10), at(30), at(40)]

    def test_all_events_of_a_life_are_told_in_order(self, scheduler: ManualScheduler, log: EventLog) -> None:
        job = scheduler.add_job(note, "interval", seconds=10)
        job.modify(name="new")
        scheduler.travel(10)
        job.remove()
        scheduler.remove_all_jobs()
        scheduler.shutdown()

        wanted = events.EVENT_ALL & ~events.EVENT_JOB_SUBMITTED
        assert log.names(wanted) == [
            "JOB_ADDED",
            "JOB_MODIFIED",
            "JOB_EXECUTED",
            "JOB_REMOVED",
            "ALL_JOBS_REMOVED",
            "SCHEDULER_SHUTDOWN",
        ]

    def test_naive_run_times_are_in_the_zone_of_the_scheduler(self, scheduler: ManualScheduler) -> None:
        job = scheduler.add_job(note, "interval", seconds=10, next_run_time=datetime(2026, 1, 5, 9, 0, 3))  # noqa: DTZ001

        assert job.next_run_time == at(3)
