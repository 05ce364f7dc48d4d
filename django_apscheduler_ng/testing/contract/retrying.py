"""The part of the contract that is about runs that fail and are tried again."""

from __future__ import annotations

import pytest

from ...retries import Retry
from ...runs import Run, RunStatus
from .rig import Rig, at, every, once, times

#: Three attempts, 10 and 20 seconds after the end of the one before.
THREE = Retry(attempts=3, delay=10, backoff=2)


class RetryingContract(Rig):
    """A run that fails is tried again as its job says, each attempt a run of its own."""

    def attempts(self, *runs: Run) -> list[tuple[str, int]]:
        """Return job and number of each attempt."""
        return [(run.job_id, run.attempt) for run in runs]

    def test_without_a_policy_a_failed_run_is_not_tried_again(self) -> None:
        self.add(trigger=once(0))
        self.fail(*self.run_due())
        self.travel(86400)

        claim = self.claim()

        assert (claim.runs, claim.next_look) == ([], None)

    def test_each_attempt_is_due_a_delay_after_the_end_of_the_one_before(self) -> None:
        self.add(trigger=once(5), retry=THREE, args=["a"])
        found = []
        for travelled in (5, 10, 20):
            self.travel(travelled - 0.000001)
            assert self.claim().runs == []
            self.travel(0.000001)
            (run,) = self.run_due()
            found.append((run.attempt, run.due_at, run.fire_time, tuple(run.args), run.start_until))
            self.travel(1)
            self.fail(run)
        self.travel(86400)

        assert found == [
            (1, at(5), at(5), ("a",), None),
            (2, at(16), at(5), ("a",), None),
            (3, at(37), at(5), ("a",), None),
        ]
        assert self.claim().runs == []

    def test_a_claim_says_when_the_next_attempt_is_due(self) -> None:
        self.add(trigger=once(0), retry=THREE)
        self.fail(*self.run_due())

        assert self.claim().next_look == at(10)

    def test_a_failure_that_is_tried_again_wakes_the_scheduler(self) -> None:
        self.add(trigger=once(0), retry=THREE)
        (run,) = self.run_due()
        before = self.host.wakeups

        self.fail(run)

        assert self.host.wakeups > before

    def test_each_attempt_has_an_id_of_its_own(self) -> None:
        self.add(trigger=once(0), retry=THREE)
        (first,) = self.run_due()
        self.fail(first)
        self.travel(10)

        (second,) = self.run_due()

        assert second.id != first.id

    def test_a_success_ends_it(self) -> None:
        self.add(trigger=once(0), retry=THREE)
        self.fail(*self.run_due())
        self.travel(10)
        self.end(*self.run_due())
        self.travel(86400)

        assert self.claim().runs == []

    @pytest.mark.parametrize(
        ("status", "again"),
        [
            (RunStatus.FAILED, True),
            (RunStatus.TIMED_OUT, True),
            (RunStatus.CANCELLED, False),
            (RunStatus.INTERRUPTED, False),
        ],
        ids=str,
    )
    def test_only_what_failed_or_timed_out_is_tried_again(self, status: RunStatus, again: bool) -> None:
        self.add(trigger=once(0), retry=THREE)
        self.fail(*self.run_due(), status=status)
        self.travel(10)

        assert len(self.claim().runs) == again

    @pytest.mark.parametrize(
        ("error", "again"),
        [
            pytest.param(ConnectionError, True, id="named"),
            pytest.param(ConnectionResetError, True, id="a-subclass-of-a-named-one"),
            pytest.param(ValueError, False, id="another"),
            pytest.param(BrokenPipeError, False, id="excepted"),
        ],
    )
    def test_the_policy_may_name_exceptions(self, error: type[Exception], again: bool) -> None:
        policy = Retry.checked({"attempts": 2, "delay": 0, "on": [ConnectionError], "not_on": ["BrokenPipeError"]})
        self.add(trigger=once(0), retry=policy)
        self.fail(*self.run_due(), error=error)

        assert len(self.claim().runs) == again

    def test_a_timeout_counts_as_a_timeout_error(self) -> None:
        self.add(trigger=once(0), retry={"attempts": 2, "delay": 0, "on": ["TimeoutError"]})
        self.fail(*self.run_due(), status=RunStatus.TIMED_OUT)

        assert len(self.claim().runs) == 1

    def test_a_run_by_hand_is_tried_again_as_well(self) -> None:
        self.add(trigger=once(3600), retry=THREE)
        self.store.request_run("job")
        self.fail(*self.run_due())
        self.travel(10)

        (run,) = self.claim().runs

        assert (run.attempt, run.fire_time) == (2, None)

    def test_while_an_attempt_waits_the_schedule_goes_on(self) -> None:
        self.add(trigger=every(60), retry=Retry(attempts=2, delay=90))
        self.fail(*self.run_due())
        self.travel(60)
        fresh = self.run_due()
        self.end(*fresh)
        self.travel(30)

        (again,) = self.claim().runs

        assert times(fresh) == [at(60)]
        assert (again.fire_time, again.attempt) == (at(0), 2)

    def test_a_fire_time_goes_before_an_attempt_that_is_due_at_the_same_moment(self) -> None:
        self.add(trigger=every(60), retry=Retry(attempts=2, delay=60))
        self.fail(*self.run_due())
        self.travel(60)
        first = self.run_due()
        self.end(*first)
        second = self.run_due()

        assert [(run.fire_time, run.attempt) for run in (*first, *second)] == [(at(60), 1), (at(0), 2)]

    def test_an_attempt_waits_for_a_free_instance(self) -> None:
        self.add(trigger=every(60), retry=Retry(attempts=2, delay=70))
        self.fail(*self.run_due())
        self.travel(60)
        (fresh,) = self.run_due()
        self.travel(10)
        waiting = self.claim()
        self.end(fresh)

        assert (waiting.runs, waiting.starved) == ([], True)
        assert self.attempts(*self.claim().runs) == [("job", 2)]

    def test_an_attempt_rests_while_its_job_is_paused(self) -> None:
        self.add(trigger=every(3600), retry=THREE)
        self.fail(*self.run_due())
        self.pause()
        self.travel(100)
        paused = self.claim().runs
        self.store.modify_job("job", lambda job: {"next_run_time": at(3600), "next_fire_time": at(3600)})

        assert paused == []
        assert self.attempts(*self.claim().runs) == [("job", 2)]

    def test_no_further_attempt_of_a_job_that_was_removed(self) -> None:
        self.add(trigger=every(3600), retry=THREE)
        self.fail(*self.run_due())
        self.store.remove_job("job")
        self.travel(10)

        assert self.claim().runs == []
        assert self.claim().next_look is None

    def test_an_attempt_may_start_however_late(self) -> None:
        self.add(trigger=once(0), retry=THREE, misfire_grace_time=1)
        self.fail(*self.run_due())
        self.travel(3600)

        (run,) = self.run_due()

        assert (run.attempt, run.start_until) == (2, None)
