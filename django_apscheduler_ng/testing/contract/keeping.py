"""The part of the contract that is about keeping jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ...exceptions import ConflictingIdError, InvalidJobError, JobLookupError
from ...job import Job
from ...triggers.base import BaseTrigger
from ...triggers.cron import CronTrigger
from .rig import Rig, at, every, note, once, other

MISSING = "Job 'job' is not in job store 'default'. It may have finished; get_jobs() lists what is there."
TAKEN = "Job 'job' already exists in job store 'default'. Pass replace_existing=True to replace it."


class KeepingContract(Rig):
    """Add, look up, list, change, replace and remove."""

    def test_a_job_comes_back_as_it_was_added(self) -> None:
        job = self.add(
            "report",
            CronTrigger(hour=3, timezone="Europe/Berlin", jitter=60),
            args=[[1, "two", None, 3.5, {"four": at(5)}]],
            name="Nightly report",
            executor="other",
            coalesce=False,
            max_instances=3,
            misfire_grace_time=90,
            on_abandoned="rerun",
        )

        found = self.stored("report")

        assert _definition(found) == _definition(job)
        assert found.func is note
        assert (found.next_run_time, found.next_fire_time) == (job.next_run_time, job.next_fire_time)
        assert found.next_fire_time is not None
        assert found.next_run_time is not None
        assert timedelta(0) < found.next_run_time - found.next_fire_time <= timedelta(seconds=60)

    def test_a_job_that_was_never_added_is_not_found(self) -> None:
        assert self.store.lookup_job("job") is None

    def test_changing_a_job_that_was_looked_up_changes_nothing_in_the_store(self) -> None:
        self.add()

        self.stored().name = "changed"
        self.store.get_all_jobs()[0].next_run_time = None

        assert self.stored().name == "note"
        assert self.stored().next_run_time == at(0)

    def test_many_jobs_are_added_together(self) -> None:
        jobs = [self.job("one", every(60)), self.job("two", once(5), args=[1], misfire_grace_time=2.5)]

        self.store.add_jobs(jobs)

        for job in jobs:
            assert _definition(self.stored(job.id)) == _definition(job)
            assert self.stored(job.id).next_run_time == job.next_run_time

    def test_of_many_jobs_none_is_added_where_an_id_is_taken(self) -> None:
        self.add(name="first")

        with pytest.raises(ConflictingIdError) as caught:
            self.store.add_jobs([self.job("new", once(5)), self.job("job", once(5)), self.job("newer", once(5))])

        assert str(caught.value) == f"Job 1 of the series ('job') cannot be added, so none was: {TAKEN}"
        assert [job.id for job in self.store.get_all_jobs()] == ["job"]
        assert self.stored().name == "first"

    def test_all_jobs_are_visited_once(self) -> None:
        self.store.add_jobs([self.job(f"job-{number}", once(number + 1)) for number in range(5)])

        assert sorted(job.id for job in self.store.iter_all_jobs()) == [f"job-{number}" for number in range(5)]

    def test_an_id_that_is_taken_is_refused_and_the_job_that_has_it_stays(self) -> None:
        self.add(name="first")

        with pytest.raises(ConflictingIdError) as caught:
            self.add(name="second")

        assert str(caught.value) == TAKEN
        assert self.stored().name == "first"
        assert len(self.store.get_all_jobs()) == 1

    @pytest.mark.parametrize(
        "other_id",
        [
            pytest.param("backup", id="case"),
            pytest.param("Bàckup", id="accent"),
            pytest.param("Backup ", id="trailing-blank"),
            pytest.param(" Backup", id="leading-blank"),
            pytest.param("Backup\u200b", id="invisible-character"),
            pytest.param("Ｂackup", id="full-width-letter"),
            pytest.param("Backup😀", id="four-byte-character"),
            pytest.param("Backu%", id="pattern"),
            pytest.param("x" * 191, id="longest"),
        ],
    )
    def test_ids_are_compared_character_by_character(self, other_id: str) -> None:
        self.add("Backup")
        self.add(other_id)

        self.store.remove_job("Backup")

        assert self.store.lookup_job("Backup") is None
        assert [job.id for job in self.store.get_all_jobs()] == [other_id]
        assert self.stored(other_id).id == other_id

    def test_jobs_are_listed_by_next_run_time_and_paused_ones_last(self) -> None:
        for job_id, seconds in [("paused", 1), ("late", 30), ("soon", 10), ("between", 20)]:
            self.add(job_id, once(seconds))
        self.pause("paused")

        assert [job.id for job in self.store.get_all_jobs()] == ["soon", "between", "late", "paused"]

    def test_jobs_with_the_same_next_run_time_are_listed_as_they_came(self) -> None:
        for job_id in ("b", "a", "c"):
            self.add(job_id, once(10))

        assert [job.id for job in self.store.get_all_jobs()] == ["b", "a", "c"]

    def test_an_empty_store_has_no_jobs_and_no_next_run_time(self) -> None:
        assert self.store.get_all_jobs() == []
        assert list(self.store.get_due_jobs(at(0))) == []
        assert self.store.get_next_run_time() is None

    def test_due_jobs_are_those_whose_time_has_come_in_the_order_of_their_times(self) -> None:
        for job_id, seconds in [("second", 10), ("first", 5), ("later", 10.000001), ("paused", 1)]:
            self.add(job_id, once(seconds))
        self.pause("paused")

        assert [job.id for job in self.store.get_due_jobs(at(4.999999))] == []
        assert [job.id for job in self.store.get_due_jobs(at(10))] == ["first", "second"]

    def test_the_next_run_time_is_the_earliest_of_all_jobs_that_are_not_paused(self) -> None:
        self.add("paused", once(1))
        self.pause("paused")
        nothing = self.store.get_next_run_time()
        self.add("late", once(30))
        self.add("soon", once(20))

        assert nothing is None
        assert self.store.get_next_run_time() == at(20)

    def test_an_update_replaces_the_definition_and_the_run_times(self) -> None:
        self.add()
        changed = self.job(
            trigger=every(60, jitter=5), func=other, args=[1], name="changed", coalesce=False, max_instances=2
        )

        self.store.update_job(changed)

        assert _definition(self.stored()) == _definition(changed)
        assert self.stored().next_run_time == changed.next_run_time
        assert self.stored().next_fire_time == changed.next_fire_time

    def test_updating_a_job_that_is_not_there_says_so(self) -> None:
        with pytest.raises(JobLookupError) as caught:
            self.store.update_job(self.job())

        assert str(caught.value) == MISSING

    def test_a_removed_job_is_gone_and_its_id_is_free(self) -> None:
        self.add(name="first")

        self.store.remove_job("job")

        assert self.store.lookup_job("job") is None
        assert self.store.get_next_run_time() is None
        self.add(name="second")
        assert self.stored().name == "second"

    def test_removing_a_job_that_is_not_there_says_so(self) -> None:
        with pytest.raises(JobLookupError) as caught:
            self.store.remove_job("job")

        assert str(caught.value) == MISSING

    def test_all_jobs_can_be_removed_at_once(self) -> None:
        self.add("a")
        self.add("b")

        self.store.remove_all_jobs()
        self.store.remove_all_jobs()

        assert self.store.get_all_jobs() == []
        assert self.claim().runs == []

    def test_replacing_a_job_that_is_not_there_adds_it(self) -> None:
        assert self.store.replace_job(self.job(name="new")) is False
        assert self.stored().name == "new"

    def test_a_replaced_job_has_the_new_definition(self) -> None:
        self.add()

        replaced = self.store.replace_job(self.job(func=other, args=[1], name="new", max_instances=4))

        assert replaced is True
        assert (self.stored().func, self.stored().args, self.stored().name, self.stored().max_instances) == (
            other,
            (1,),
            "new",
            4,
        )

    @pytest.mark.parametrize(
        ("trigger", "expected"),
        [
            pytest.param(every(3600), 3600, id="equal-trigger-keeps-the-next-run-time"),
            pytest.param(every(60), 1860, id="another-trigger-is-planned-from-now-on"),
        ],
    )
    def test_the_schedule_of_a_replaced_job(self, trigger: BaseTrigger, expected: float) -> None:
        self.add(trigger=every(3600))
        self.end(*self.run_due())
        self.travel(1801)
        job = self.job(trigger=trigger)

        self.store.replace_job(job)

        assert self.stored().next_run_time == at(expected)
        assert job.next_run_time == at(expected)

    def test_a_job_without_a_start_keeps_its_next_run_time_however_often_it_is_declared(self) -> None:
        trigger = every(7 * 86400, start_date=None)
        self.add(trigger=trigger)

        for _ in range(10):
            self.travel(3600)
            self.store.replace_job(self.job(trigger=every(7 * 86400, start_date=None)))

        assert self.stored().next_run_time == at(7 * 86400)

    @pytest.mark.parametrize("trigger", [every(10), every(60)], ids=["equal-trigger", "another-trigger"])
    def test_a_replaced_job_stays_paused(self, trigger: BaseTrigger) -> None:
        self.add()
        self.store.modify_job("job", lambda job: {"next_run_time": None, "pause_reason": "holidays"})

        self.store.replace_job(self.job(trigger=trigger))

        assert self.stored().next_run_time is None
        assert self.stored().pause_reason == "holidays"
        assert self.stored().trigger == trigger
        self.travel(3600)
        assert self.claim().runs == []

    def test_a_replaced_job_takes_a_run_time_that_was_chosen_for_it(self) -> None:
        self.add()
        job = self.job()
        job.choose_run_time(at(42))

        self.store.replace_job(job)

        assert self.stored().next_run_time == at(42)

    def test_a_change_is_made_and_returned(self) -> None:
        self.add()

        changed = self.store.modify_job("job", lambda job: {"name": f"{job.name} 2", "max_instances": 6})

        assert (changed.name, changed.max_instances) == ("note 2", 6)
        assert (self.stored().name, self.stored().max_instances) == ("note 2", 6)
        assert self.stored().next_run_time == at(0)

    def test_a_change_of_the_next_run_time_is_obeyed(self) -> None:
        self.add()

        self.store.modify_job("job", lambda job: {"next_run_time": at(33)})

        assert self.stored().next_run_time == at(33)
        assert self.store.get_next_run_time() == at(33)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param(
                {"name": "new", "max_instances": 0},
                "Job option 'max_instances' must be a positive whole number, got 0. Use 1 to forbid overlaps.",
                id="impossible-value",
            ),
            pytest.param(
                {"name": "new", "max_instance": 2},
                "Unknown job option 'max_instance'. Did you mean 'max_instances'? The options are func, args, kwargs, name, "
                "trigger, executor, coalesce, max_instances, misfire_grace_time, on_abandoned, "
                "timeout, retry, overlap, queue, priority, next_run_time.",
                id="unknown-option",
            ),
        ],
    )
    def test_a_change_is_made_as_a_whole_or_not_at_all(self, change: dict[str, Any], message: str) -> None:
        self.add()

        with pytest.raises(InvalidJobError) as caught:
            self.store.modify_job("job", lambda job: change)

        assert str(caught.value) == message
        assert (self.stored().name, self.stored().max_instances) == ("note", 1)

    def test_a_change_that_raises_changes_nothing(self) -> None:
        self.add()

        def change(job: Job) -> dict[str, Any]:
            job.name = "half changed"
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            self.store.modify_job("job", change)

        assert self.stored().name == "note"

    def test_changing_a_job_that_is_not_there_says_so(self) -> None:
        with pytest.raises(JobLookupError) as caught:
            self.store.modify_job("job", lambda job: {"name": "new"})

        assert str(caught.value) == MISSING


def _definition(job: Job) -> dict[str, Any]:
    names = ("id", "name", "func_ref", "args", "kwargs", "trigger", "executor", "coalesce", "max_instances")
    return {name: getattr(job, name) for name in (*names, "misfire_grace_time", "on_abandoned")}
