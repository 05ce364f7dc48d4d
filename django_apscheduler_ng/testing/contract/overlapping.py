"""The part of the contract that is about fire times that meet as many runs of their job as there may be."""

from __future__ import annotations

from datetime import datetime

import pytest

from ...runs import RunStatus
from .rig import Rig, at, every, passed, times


class OverlappingContract(Rig):
    """Such a fire time is skipped, or waits for a run to end, as its job says."""

    def test_what_is_skipped_names_the_run_that_is_under_way(self) -> None:
        self.add()
        (run,) = self.run_due()
        self.travel(10)

        (skipped,) = self.claim().passed

        assert f"run {run.id}" in skipped.reason

    @pytest.mark.parametrize("overlap", ["queue", "replace"])
    @pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
    def test_one_fire_time_waits_and_those_after_it_are_skipped(self, overlap: str, coalesce: bool) -> None:
        self.add(overlap=overlap, coalesce=coalesce)
        (run,) = self.run_due()
        found = []
        for _ in range(3):
            self.travel(10)
            claim = self.claim()
            found.append((times(claim.runs), passed(claim)))
        self.end(run)

        (waited,) = self.run_due()

        skipped: list[tuple[str, RunStatus, datetime, datetime, int]]
        skipped = [("job", RunStatus.SKIPPED, at(moment), at(moment), 1) for moment in (20, 30)]
        assert found == [([], []), ([], skipped[:1]), ([], skipped[1:])]
        assert (waited.fire_time, waited.due_at, waited.attempt) == (at(10), at(10), 1)

    def test_after_the_one_that_waited_the_next_one_may_wait(self) -> None:
        self.add(overlap="queue")
        (first,) = self.run_due()
        self.travel(10)
        self.claim()
        self.end(first)
        (second,) = self.run_due()
        self.travel(10)
        meanwhile = self.claim()
        self.end(second)
        third = self.run_due()

        assert times([first, second, *third]) == [at(0), at(10), at(20)]
        assert (meanwhile.runs, meanwhile.passed) == ([], [])

    def test_of_several_that_are_due_together_the_latest_waits(self) -> None:
        self.add(overlap="queue")
        (run,) = self.run_due()
        self.travel(35)
        claim = self.claim()
        self.end(run)

        assert passed(claim) == [("job", RunStatus.COALESCED, at(10), at(20), 2)]
        assert times(self.claim().runs) == [at(30)]

    def test_one_that_waited_goes_before_one_that_is_due_when_an_instance_is_free(self) -> None:
        self.add(overlap="queue")
        (run,) = self.run_due()
        self.travel(10)
        self.claim()
        self.end(run)
        self.travel(10)

        (waited,) = self.run_due()
        self.end(waited)

        assert waited.fire_time == at(10)
        assert times(self.claim().runs) == [at(20)]

    def test_what_is_due_behind_one_that_waited_is_a_backlog_and_no_overlap(self) -> None:
        self.add(overlap="queue", coalesce=False)
        (run,) = self.run_due()
        self.travel(10)
        self.claim()
        self.end(run)
        self.travel(25)
        found, skipped = [], []
        for _ in range(4):
            claim = self.claim()
            self.store.start_runs(claim.runs, self.clock.now())
            found += times(claim.runs)
            skipped += passed(claim) + passed(self.claim())
            self.end(*claim.runs)

        assert (found, skipped) == ([at(10), at(20), at(30)], [])

    def test_with_an_instance_free_nothing_waits(self) -> None:
        self.add(overlap="queue", max_instances=2)
        self.run_due()
        self.travel(10)

        assert times(self.claim().runs) == [at(10)]

    def test_the_grace_time_goes_on_for_one_that_waits(self) -> None:
        self.add(overlap="queue", misfire_grace_time=15, trigger=every(100))
        (run,) = self.run_due()
        self.travel(100)
        self.claim()
        self.travel(15.000001)
        self.end(run)
        runs = self.claim().runs

        started, late = self.store.start_runs(runs, self.clock.now())

        assert (started, times(late)) == ([], [at(100)])

    def test_one_that_waits_rests_while_its_job_is_paused(self) -> None:
        self.add(overlap="queue")
        (run,) = self.run_due()
        self.travel(10)
        self.claim()
        self.pause()
        self.end(run)

        assert self.claim().runs == []
