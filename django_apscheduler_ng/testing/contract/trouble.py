"""The part of the contract that is about jobs that cannot be planned or performed: they are kept, and disturb nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from ...triggers.interval import IntervalTrigger
from .rig import Rig, at, every, once

#: A broken job is tried again after a while; this is longer.
A_WHILE = 3600

_Next = Callable[[IntervalTrigger, datetime | None, datetime], datetime | None]


@contextmanager
def odd_trigger(answer: _Next) -> Iterator[None]:
    """Let the trigger that fires every 7 seconds answer with `answer` inside the `with` block."""
    original = IntervalTrigger.get_next_fire_time

    def get_next_fire_time(self: IntervalTrigger, previous: datetime | None, now: datetime) -> datetime | None:
        odd = self.interval == timedelta(seconds=7)
        return answer(self, previous, now) if odd else original(self, previous, now)

    with patch.object(IntervalTrigger, "get_next_fire_time", get_next_fire_time):
        yield


def _raises(*_given: object) -> None:
    raise ZeroDivisionError("odd")


def _stands_still(_trigger: object, previous: datetime | None, now: datetime) -> datetime:
    return previous or now


class TroubleContract(Rig):
    """A job in trouble is kept and marked as broken; its neighbours run on time."""

    @pytest.mark.parametrize("answer", [_raises, _stands_still], ids=["raises", "does-not-increase"])
    def test_a_trigger_that_cannot_answer_breaks_its_own_job_only(self, answer: _Next) -> None:
        self.add("broken", every(7))
        self.add("sound", every(10))

        with odd_trigger(answer):
            claims = [self.claim() for _ in range(3)]

        assert [run.job_id for claim in claims for run in claim.runs] == ["sound"]
        assert self.stored("broken").broken_reason
        assert not self.stored("sound").broken_reason
        assert {job.id for job in self.store.get_all_jobs()} == {"broken", "sound"}

    def test_the_reason_is_kept_in_the_words_of_the_error(self) -> None:
        self.add("broken", every(7))

        with odd_trigger(_raises):
            self.claim()

        assert self.stored("broken").broken_reason == "ZeroDivisionError: odd"

    def test_a_trigger_that_does_not_increase_is_told_so(self) -> None:
        self.add("broken", every(7))

        with odd_trigger(_stands_still):
            self.claim()

        assert self.stored("broken").broken_reason == (
            f"ValueError: Trigger {every(7)!r} gave 2026-01-05T09:00:00+00:00 as the fire time after "
            "2026-01-05T09:00:00+00:00: fire times must increase. Correct the trigger's get_next_fire_time()."
        )

    def test_a_broken_job_runs_again_once_it_can(self) -> None:
        self.add("broken", every(7))
        with odd_trigger(_raises):
            self.claim()

        self.travel(A_WHILE)
        claim = self.claim()

        assert [run.job_id for run in claim.runs] == ["broken"]
        assert not self.stored("broken").broken_reason

    def test_a_broken_job_that_is_changed_is_tried_at_once(self) -> None:
        self.add("broken", every(7))
        with odd_trigger(_raises):
            self.claim()

        self.store.modify_job("broken", lambda job: {"trigger": every(11), "next_run_time": at(0)})

        assert [run.job_id for run in self.claim().runs] == ["broken"]

    def test_a_broken_job_that_is_replaced_is_tried_at_once(self) -> None:
        self.add("broken", every(7))
        with odd_trigger(_raises):
            self.claim()

        self.store.replace_job(self.job("broken", every(7), name="repaired"))

        assert [run.job_id for run in self.claim().runs] == ["broken"]

    def test_a_job_that_is_removed_while_it_is_broken_can_be_added_again(self) -> None:
        self.add("broken", every(7))
        with odd_trigger(_raises):
            self.claim()
        self.store.remove_job("broken")

        self.add("broken", every(11))

        assert [run.job_id for run in self.claim().runs] == ["broken"]

    def test_a_job_of_an_executor_that_is_not_there_is_kept_and_says_why(self) -> None:
        self.add("stray", once(0), executor="nowhere")
        self.add("sound", once(0))

        self.store.care()
        claims = [self.claim() for _ in range(3)]

        assert [run.job_id for claim in claims for run in claim.runs] == ["sound"]
        assert "'nowhere' is not configured in this scheduler" in self.stored("stray").broken_reason

    def test_a_job_whose_executor_comes_back_runs(self) -> None:
        self.add("stray", once(0), executor="nowhere")
        self.store.care()
        self.claim()

        self.host.aliases.append("nowhere")
        self.store.care()
        self.travel(A_WHILE)
        claim = self.claim({"default": 1, "nowhere": 1})

        assert [run.job_id for run in claim.runs] == ["stray"]

    def test_the_end_of_a_run_that_the_store_does_not_know_is_no_error(self) -> None:
        self.add(trigger=once(0))
        (run,) = self.run_due()
        self.end(run)

        self.end(run)

        assert self.store.lookup_job("job") is None
