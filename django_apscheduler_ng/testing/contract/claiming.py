"""The part of the contract that is about the pass: claim, start, finish."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ...exceptions import InvalidJobError, JobLookupError
from ...runs import RunStatus
from .keeping import MISSING
from .rig import Rig, at, every, note, once, passed, times


class ClaimingContract(Rig):
    """What is due is claimed once, within the policies of the job and the limits of the executors."""

    def test_nothing_is_claimed_before_its_time_and_the_claim_says_when_to_look_again(self) -> None:
        self.add("late", once(20))
        self.add("soon", once(10))

        claim = self.claim()

        assert (claim.runs, claim.passed, claim.ended) == ([], [], [])
        assert claim.next_look == at(10)

    def test_a_job_is_due_at_its_very_next_run_time(self) -> None:
        self.add(trigger=once(10))
        self.travel(9.999999)
        before = self.claim().runs
        self.travel(0.000001)

        assert before == []
        assert times(self.claim().runs) == [at(10)]

    def test_a_claimed_run_carries_all_that_an_executor_needs(self) -> None:
        self.add(name="Report", args=[1], executor="other", misfire_grace_time=60)

        (run,) = self.claim().runs

        assert run.id
        assert (run.job_id, run.name, run.jobstore, run.executor) == ("job", "Report", "default", "other")
        assert run.func is note
        assert run.func_ref == "django_apscheduler_ng.testing.contract.rig:note"
        assert (tuple(run.args), dict(run.kwargs)) == ((1,), {})
        assert (run.fire_time, run.due_at, run.start_until, run.attempt) == (at(0), at(0), at(60), 1)

    def test_jitter_delays_the_start_and_not_the_fire_time(self) -> None:
        due = self.add(trigger=every(3600, jitter=600)).next_run_time
        assert due is not None
        assert at(0) < due < at(600)
        self.clock.set(due - timedelta(microseconds=1))
        before = self.claim().runs
        self.clock.set(due)

        (run,) = self.claim().runs

        assert before == []
        assert (run.fire_time, run.due_at) == (at(0), due)
        assert self.stored().next_fire_time == at(3600)

    def test_a_claimed_fire_time_is_not_claimed_again(self) -> None:
        self.add(max_instances=5)

        assert times(self.claim().runs) == [at(0)]
        assert times(self.claim().runs) == []
        assert self.stored().next_run_time == at(10)

    def test_a_claimed_fire_time_stays_closed_when_the_job_is_moved_back_to_it(self) -> None:
        self.add(max_instances=5)
        self.end(*self.run_due())

        self.store.modify_job("job", lambda job: {"next_run_time": at(0)})

        assert at(0) not in times(self.claim().runs)

    def test_a_claimed_fire_time_stays_closed_when_the_job_is_replaced(self) -> None:
        self.add(max_instances=5)
        self.end(*self.run_due())

        self.store.replace_job(self.job(trigger=every(60), max_instances=5))
        now = self.claim().runs
        self.travel(60)

        assert now == []
        assert times(self.claim().runs) == [at(60)]

    def test_a_run_time_in_the_past_that_is_chosen_for_a_replaced_job_means_at_once(self) -> None:
        self.add()
        self.end(*self.run_due())
        self.travel(3)
        job = self.job()
        job.choose_run_time(at(-5))

        self.store.replace_job(job)

        assert times(self.claim().runs) == [at(3)]

    def test_jobs_are_claimed_in_the_order_of_their_next_run_times(self) -> None:
        for job_id, seconds in [("c", 3), ("a", 1), ("b", 2)]:
            self.add(job_id, once(seconds))
        self.travel(5)

        assert [run.job_id for run in self.claim(2).runs] == ["a", "b"]

    def test_fire_times_that_are_due_together_become_one_run(self) -> None:
        self.add()
        self.travel(35)

        claim = self.claim()

        assert times(claim.runs) == [at(30)]
        assert passed(claim) == [("job", RunStatus.COALESCED, at(0), at(20), 3)]
        assert self.stored().next_run_time == at(40)

    def test_catching_up_runs_each_fire_time_oldest_first(self) -> None:
        self.add(coalesce=False, max_instances=10)
        self.travel(35)

        claim = self.claim()

        assert times(claim.runs) == [at(0), at(10), at(20), at(30)]
        assert passed(claim) == []
        assert self.stored().next_run_time == at(40)

    def test_catching_up_waits_where_there_is_no_free_instance_and_loses_nothing(self) -> None:
        self.add(coalesce=False, max_instances=2)
        self.travel(35)

        first, second = self.run_due()
        waiting = self.claim()
        self.end(first)
        third = self.run_due()
        self.end(second)
        fourth = self.run_due()

        assert times([first, second, *third, *fourth]) == [at(0), at(10), at(20), at(30)]
        assert (waiting.runs, waiting.passed) == ([], [])

    def test_the_end_of_a_run_wakes_the_scheduler_where_a_backlog_waits_for_it(self) -> None:
        self.add(coalesce=False)
        self.travel(25)
        (run,) = self.run_due()
        before = self.host.wakeups

        self.end(run)

        assert self.host.wakeups > before

    @pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
    @pytest.mark.parametrize(
        ("late", "runs"),
        [
            pytest.param(5, True, id="exactly-at-grace-still-runs"),
            pytest.param(5.000001, False, id="a-microsecond-later-is-missed"),
        ],
    )
    def test_the_grace_time_decides_whether_a_late_fire_time_still_runs(
        self, coalesce: bool, late: float, runs: bool
    ) -> None:
        self.add(coalesce=coalesce, misfire_grace_time=5)
        self.travel(late)

        claim = self.claim()

        assert times(claim.runs) == ([at(0)] if runs else [])
        assert passed(claim) == ([] if runs else [("job", RunStatus.MISSED, at(0), at(0), 1)])
        assert self.stored().next_run_time == at(10)

    def test_without_a_grace_time_no_fire_time_is_too_late(self) -> None:
        self.add(trigger=once(0))
        self.travel(365 * 86400)

        assert times(self.claim().runs) == [at(0)]

    @pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
    def test_a_fire_time_that_meets_a_run_of_the_same_job_is_skipped(self, coalesce: bool) -> None:
        self.add(coalesce=coalesce)
        (run,) = self.run_due()
        self.travel(10)
        claim = self.claim()
        self.end(run)
        self.travel(10)

        assert claim.runs == []
        assert passed(claim) == [("job", RunStatus.SKIPPED, at(10), at(10), 1)]
        assert times(self.claim().runs) == [at(20)]

    def test_a_job_has_as_many_runs_at_once_as_it_allows(self) -> None:
        self.add(max_instances=2)
        self.run_due()
        self.travel(10)
        second = self.run_due()
        self.travel(10)

        assert times(second) == [at(10)]
        assert self.claim().runs == []

    def test_an_executor_is_given_no_more_than_it_has_free_slots_for(self) -> None:
        for number in range(3):
            self.add(f"default-{number}", once(0))
            self.add(f"other-{number}", once(0), executor="other")

        claim = self.claim({"default": 2, "other": 0})

        assert {run.job_id for run in claim.runs} == {"default-0", "default-1"}
        assert claim.starved
        assert {run.job_id for run in self.claim().runs} == {"default-2", "other-0", "other-1", "other-2"}

    def test_jobs_that_catch_up_share_the_free_slots(self) -> None:
        for job_id in ("a", "b", "c"):
            self.add(job_id, coalesce=False, max_instances=10)
        self.travel(35)

        assert [len(self.claim(5).runs) for _ in range(4)] == [5, 5, 2, 0]

    def test_catching_up_takes_no_more_than_the_executor_has_free_slots_for(self) -> None:
        self.add(coalesce=False, max_instances=10)
        self.travel(35)

        assert times(self.claim(3).runs) == [at(0), at(10), at(20)]
        assert times(self.claim(3).runs) == [at(30)]

    @pytest.mark.parametrize(
        ("late", "starts"),
        [
            pytest.param(5, True, id="exactly-at-grace-still-starts"),
            pytest.param(5.000001, False, id="a-microsecond-later-is-too-late"),
        ],
    )
    def test_the_grace_time_is_judged_again_at_the_start(self, late: float, starts: bool) -> None:
        self.add(misfire_grace_time=5)
        runs = self.claim().runs
        self.travel(late)

        started, too_late = self.store.start_runs(runs, self.clock.now())

        assert (started, too_late) == ((runs, []) if starts else ([], runs))

    def test_a_run_that_came_too_late_to_start_holds_no_instance(self) -> None:
        self.add(misfire_grace_time=1)
        runs = self.claim().runs
        self.travel(10)
        self.store.start_runs(runs, self.clock.now())

        assert times(self.claim().runs) == [at(10)]

    def test_nothing_started_is_nothing(self) -> None:
        assert self.store.start_runs([], at(0)) == ([], [])

    def test_a_job_whose_schedule_ends_is_removed(self) -> None:
        self.add(trigger=once(0))

        claim = self.claim()

        assert times(claim.runs) == [at(0)]
        assert claim.ended == ["job"]
        assert self.store.lookup_job("job") is None
        assert self.store.get_all_jobs() == []

    def test_a_run_goes_on_when_its_job_is_removed(self) -> None:
        self.add()
        (run,) = self.run_due()

        self.store.remove_job("job")
        self.end(run)

        assert self.store.lookup_job("job") is None

    def test_the_id_of_a_job_whose_schedule_has_ended_is_free(self) -> None:
        self.add(trigger=once(0))
        self.end(*self.run_due())

        self.add(trigger=once(5))
        self.travel(5)

        assert times(self.claim().runs) == [at(5)]

    def test_a_run_asked_for_by_hand_comes_beside_the_schedule(self) -> None:
        self.add(trigger=every(10, start_date=at(7)), args=["by hand"])

        run_id = self.store.request_run("job")
        (run,) = self.run_due()

        assert (run.id, run.fire_time, run.due_at, run.start_until) == (run_id, None, at(0), None)
        assert tuple(run.args) == ("by hand",)
        assert self.stored().next_run_time == at(7)
        assert self.host.wakeups

    def test_a_run_asked_for_by_hand_may_have_arguments_of_its_own(self) -> None:
        self.add(trigger=every(60), args=["of the job"])

        self.end(*self.run_due())
        self.store.request_run("job", args=["by hand"])

        (run,) = self.claim().runs

        assert (run.fire_time, tuple(run.args)) == (None, ("by hand",))
        assert tuple(self.stored().args) == ("of the job",)

    def test_arguments_that_do_not_fit_ask_for_no_run(self) -> None:
        self.add(trigger=every(60))

        with pytest.raises(InvalidJobError, match="do not fit its signature"):
            self.store.request_run("job", args=[1, 2, 3])

        assert [run.fire_time for run in self.claim().runs] == [at(0)]

    def test_a_run_asked_for_by_hand_waits_for_a_free_instance(self) -> None:
        self.add(trigger=every(60))
        (scheduled,) = self.run_due()
        run_id = self.store.request_run("job")
        waiting = self.claim().runs
        self.end(scheduled)

        assert waiting == []
        assert [run.id for run in self.claim().runs] == [run_id]

    def test_a_paused_job_can_be_run_by_hand(self) -> None:
        self.add()
        self.pause()

        run_id = self.store.request_run("job")

        assert [run.id for run in self.claim().runs] == [run_id]
        assert self.stored().next_run_time is None

    def test_asking_for_a_run_of_a_job_that_is_not_there_says_so(self) -> None:
        with pytest.raises(JobLookupError) as caught:
            self.store.request_run("job")

        assert str(caught.value) == MISSING

    def test_an_outage_of_a_week_costs_no_more_than_one_of_a_minute(self) -> None:
        self.add(trigger=every(1))
        self.travel(7 * 86400)

        claim = self.claim()

        assert times(claim.runs) == [at(7 * 86400)]
        assert passed(claim) == [("job", RunStatus.COALESCED, at(0), at(7 * 86400 - 1), 7 * 86400)]
