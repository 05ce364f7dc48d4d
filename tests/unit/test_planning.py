from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.planning import JobView, Plan, Slot, due_at, first_plan, plan
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.base import BaseTrigger
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
MANY = 1_000


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def every(seconds: float = 10, **options) -> IntervalTrigger:
    return IntervalTrigger(seconds=seconds, start_date=START, timezone="UTC", **options)


def view(trigger: BaseTrigger | None = None, fire_time: datetime | None = START, **options) -> JobView:
    """Return a job that is planned for `fire_time`."""
    trigger = trigger or every()
    planned = None if fire_time is None else due_at("job", trigger, fire_time)
    given = {"job_id": "job", "trigger": trigger, "next_fire_time": fire_time, "next_run_time": planned}
    return JobView(**{**given, **options})


def slots(planned: Plan) -> list[float]:
    return [(slot.fire_time - START).total_seconds() for slot in planned.slots]


def summaries(planned: Plan) -> list[tuple[str, float, float, int]]:
    return [
        (
            str(summary.status),
            (summary.span.first - START).total_seconds(),
            (summary.span.last - START).total_seconds(),
            summary.span.count,
        )
        for summary in planned.summaries
    ]


class OddTrigger(BaseTrigger):
    """Answers what it was given."""

    def __init__(self, answer: datetime) -> None:
        self.answer = answer

    def get_next_fire_time(self, previous_fire_time, now):
        return self.answer

    def to_state(self):
        return {}

    def describe(self):
        return "odd"

    def __repr__(self):
        return "OddTrigger()"


# -- the first plan ----------------------------------------------------------------------------------------------------


def test_a_new_job_is_planned_from_now_on_without_firing_the_past():
    assert first_plan("job", every(), at(25)) == Plan(next_fire_time=at(30), next_run_time=at(30))


def test_a_fire_time_at_this_very_moment_is_still_to_come():
    assert first_plan("job", every(), at(30)).next_fire_time == at(30)


def test_a_date_that_has_passed_is_late_and_not_forgotten():
    assert first_plan("job", DateTrigger(START), at(3600)).next_fire_time == START


def test_a_schedule_that_has_ended_gives_nothing():
    assert first_plan("job", every(end_date=at(5)), at(6)) == Plan(next_fire_time=None, next_run_time=None)


def test_fire_times_are_kept_in_utc_whatever_the_zone_of_the_trigger():
    planned = first_plan("job", CronTrigger(hour=12, timezone="Asia/Tokyo"), START)

    assert planned.next_fire_time == datetime(2026, 1, 6, 3, tzinfo=UTC)
    assert planned.next_fire_time.tzinfo is UTC


# -- nothing to do -----------------------------------------------------------------------------------------------------


def test_before_its_time_a_job_only_waits():
    assert plan(view(), at(0) - INSTANT, MANY) == Plan(next_fire_time=at(0), next_run_time=at(0))


def test_a_job_that_was_never_planned_is_planned_from_now_on():
    assert plan(view(fire_time=None), at(25), MANY) == Plan(next_fire_time=at(30), next_run_time=at(30))


def test_a_job_that_was_never_planned_runs_at_once_when_its_trigger_says_now():
    assert slots(plan(view(fire_time=None), at(30), MANY)) == [30]


def test_a_schedule_that_ended_before_it_was_planned_is_over():
    over = view(every(end_date=at(5)), fire_time=None)

    assert plan(over, at(6), MANY) == Plan(next_fire_time=None, next_run_time=None)


# -- coalescing --------------------------------------------------------------------------------------------------------


def test_a_due_job_gets_a_run_and_its_next_fire_time():
    planned = plan(view(), at(0), MANY)

    assert slots(planned) == [0]
    assert summaries(planned) == []
    assert (planned.next_fire_time, planned.next_run_time, planned.parked) == (at(10), at(10), False)


def test_the_latest_of_several_due_fire_times_stands_for_all():
    planned = plan(view(), at(35), MANY)

    assert slots(planned) == [30]
    assert summaries(planned) == [("coalesced", 0, 20, 3)]
    assert planned.next_fire_time == at(40)


def test_the_last_fire_time_of_all_ends_the_schedule():
    planned = plan(view(DateTrigger(START)), at(0), MANY)

    assert slots(planned) == [0]
    assert (planned.next_fire_time, planned.next_run_time) == (None, None)


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
@pytest.mark.parametrize(
    ("now", "status"),
    [
        pytest.param(at(5), None, id="exactly-at-grace-still-runs"),
        pytest.param(at(5) + INSTANT, "missed", id="a-microsecond-later-is-missed"),
    ],
)
def test_the_grace_time_is_inclusive(coalesce, now, status):
    planned = plan(view(coalesce=coalesce, grace=timedelta(seconds=5)), now, MANY)

    assert slots(planned) == ([0] if status is None else [])
    assert summaries(planned) == ([] if status is None else [(status, 0, 0, 1)])
    assert planned.next_fire_time == at(10)


def test_summaries_are_in_utc_in_the_hour_that_comes_twice_too():
    # Datetimes of different zones are never equal where one of them is ambiguous (PEP 495).
    twice = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    trigger = CronTrigger(minute="*", timezone="Europe/Berlin")

    (summary,) = plan(view(trigger, fire_time=twice), twice + timedelta(minutes=2), MANY).summaries

    assert (summary.span.first, summary.span.last) == (twice, twice + timedelta(minutes=1))


def test_when_the_latest_is_too_late_it_is_missed_and_the_earlier_ones_were_coalesced_into_it():
    planned = plan(view(grace=timedelta(seconds=5)), at(36), MANY)

    assert slots(planned) == []
    assert summaries(planned) == [("coalesced", 0, 20, 3), ("missed", 30, 30, 1)]


@pytest.mark.parametrize(
    ("live", "status"),
    [pytest.param(1, None, id="one-instance-free"), pytest.param(2, "skipped", id="none-free")],
)
def test_a_fire_time_that_meets_all_instances_is_skipped(live, status):
    planned = plan(view(max_instances=2, live=live), at(0), MANY)

    assert slots(planned) == ([0] if status is None else [])
    assert summaries(planned) == ([] if status is None else [(status, 0, 0, 1)])
    assert planned.next_fire_time == at(10)


def test_missed_is_said_before_skipped():
    assert summaries(plan(view(live=1, grace=timedelta(seconds=1)), at(2), MANY)) == [("missed", 0, 0, 1)]


def test_an_inexact_count_stays_inexact():
    class Uncountable(IntervalTrigger):
        span = BaseTrigger.span

    trigger = Uncountable(seconds=1, start_date=START, timezone="UTC")

    planned = plan(view(trigger), at(20_000), MANY)

    assert slots(planned) == [20_000]
    (earlier,) = planned.summaries
    assert (earlier.span.first, earlier.span.last, earlier.span.exact) == (at(0), at(19_999), False)
    assert 1_000 < earlier.span.count <= 20_000


# -- catching up -------------------------------------------------------------------------------------------------------


def test_catching_up_makes_a_run_of_each_due_fire_time():
    planned = plan(view(coalesce=False, max_instances=9), at(35), MANY)

    assert slots(planned) == [0, 10, 20, 30]
    assert (planned.next_fire_time, planned.parked) == (at(40), False)


def test_catching_up_stops_at_the_free_instances_and_parks():
    planned = plan(view(coalesce=False, max_instances=3, live=1), at(35), MANY)

    assert slots(planned) == [0, 10]
    assert summaries(planned) == []
    assert (planned.next_fire_time, planned.next_run_time, planned.parked) == (at(20), at(20), True)


def test_catching_up_stops_at_the_limit_and_does_not_park():
    planned = plan(view(coalesce=False, max_instances=9), at(35), 2)

    assert slots(planned) == [0, 10]
    assert (planned.next_fire_time, planned.parked) == (at(20), False)


def test_what_is_claimed_to_the_last_is_not_parked():
    planned = plan(view(coalesce=False), at(5), MANY)

    assert slots(planned) == [0]
    assert (planned.next_fire_time, planned.parked) == (at(10), False)


def test_a_parked_job_without_a_free_instance_stays_parked_and_skips_nothing():
    planned = plan(view(coalesce=False, live=1, parked=True), at(35), MANY)

    assert (slots(planned), summaries(planned)) == ([], [])
    assert (planned.next_fire_time, planned.parked) == (at(0), True)


def test_a_parked_job_goes_on_where_it_stopped():
    planned = plan(view(fire_time=at(10), coalesce=False, parked=True, claimed_through=at(0)), at(35), MANY)

    assert slots(planned) == [10]
    assert planned.parked


def test_fresh_fire_times_that_meet_a_live_run_are_skipped_together():
    planned = plan(view(coalesce=False, live=1), at(25), MANY)

    assert slots(planned) == []
    assert summaries(planned) == [("skipped", 0, 20, 3)]
    assert (planned.next_fire_time, planned.parked) == (at(30), False)


def test_catching_up_leaves_out_what_is_older_than_its_grace_time():
    planned = plan(view(coalesce=False, max_instances=9, grace=timedelta(seconds=15)), at(35), MANY)

    assert slots(planned) == [20, 30]
    assert summaries(planned) == [("missed", 0, 10, 2)]


def test_missed_and_skipped_fire_times_are_told_apart():
    planned = plan(view(coalesce=False, live=1, grace=timedelta(seconds=15)), at(35), MANY)

    assert slots(planned) == []
    assert summaries(planned) == [("missed", 0, 10, 2), ("skipped", 20, 30, 2)]


def test_a_parked_backlog_that_gets_too_old_is_missed():
    planned = plan(view(coalesce=False, live=1, parked=True, grace=timedelta(seconds=15)), at(35), MANY)

    assert slots(planned) == []
    assert summaries(planned) == [("missed", 0, 10, 2)]
    assert (planned.next_fire_time, planned.parked) == (at(20), True)


def test_the_end_of_the_schedule_ends_the_backlog():
    planned = plan(view(every(end_date=at(20)), coalesce=False, max_instances=9), at(3600), MANY)

    assert slots(planned) == [0, 10, 20]
    assert (planned.next_fire_time, planned.next_run_time, planned.parked) == (None, None, False)


def test_all_of_an_ended_schedule_can_be_missed():
    ended = view(every(end_date=at(20)), coalesce=False, grace=timedelta(seconds=1))

    planned = plan(ended, at(3600), MANY)

    assert summaries(planned) == [("missed", 0, 20, 3)]
    assert (planned.next_fire_time, planned.parked) == (None, False)


# -- closed slots and run times chosen by hand ---------------------------------------------------------------------------


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
def test_a_closed_slot_stays_closed(coalesce):
    restored = view(coalesce=coalesce, max_instances=9, claimed_through=at(20))

    assert slots(plan(restored, at(25), MANY)) == []
    assert slots(plan(restored, at(30), MANY)) == [30]


def test_a_run_time_chosen_by_hand_is_a_slot_of_its_own_and_the_schedule_goes_on_from_it():
    chosen = view(fire_time=at(20), next_run_time=at(13))

    assert plan(chosen, at(12), MANY) == Plan(next_fire_time=at(13), next_run_time=at(13))
    planned = plan(chosen, at(13), MANY)
    assert slots(planned) == [13]
    assert planned.next_fire_time == at(20)


def test_a_run_time_chosen_for_a_job_without_a_fire_time_is_obeyed():
    assert slots(plan(view(next_fire_time=None, next_run_time=at(3)), at(3), MANY)) == [3]


def test_a_run_time_chosen_in_the_past_is_late_together_with_what_followed():
    planned = plan(view(fire_time=at(40), next_run_time=at(13)), at(35), MANY)

    assert slots(planned) == [30]
    assert summaries(planned) == [("coalesced", 13, 20, 2)]


# -- jitter ------------------------------------------------------------------------------------------------------------


def test_jitter_is_the_same_for_everybody_and_differs_between_jobs_and_fire_times():
    trigger = every(3600, jitter=600)

    starts = {due_at(job_id, trigger, moment) - moment for job_id in ("a", "b") for moment in (at(0), at(3600))}

    assert len(starts) == 4
    assert due_at("a", trigger, at(0)) == due_at("a", every(3600, jitter=600), at(0))


def test_jitter_does_not_depend_on_the_zone_in_which_the_fire_time_is_written():
    trigger = every(3600, jitter=600)
    tokyo = CronTrigger(hour="*", timezone="Asia/Tokyo").get_next_fire_time(None, START)

    assert tokyo == START
    assert due_at("job", trigger, tokyo) == due_at("job", trigger, START)


def test_jitter_only_delays_and_uses_all_of_its_range():
    trigger = every(3600, jitter=60)

    delays = [(due_at(f"job-{number}", trigger, START) - START).total_seconds() for number in range(500)]

    assert 0 <= min(delays) < 3
    assert 57 < max(delays) <= 60


def test_jitter_never_leads_beyond_the_end():
    trigger = every(3600, jitter=600, end_date=at(30))

    starts = {due_at(f"job-{number}", trigger, START) for number in range(100)}

    assert max(starts) == at(30)
    assert min(starts) >= START


@pytest.mark.parametrize("jitter", [None, 0], ids=["none", "zero"])
def test_without_jitter_a_job_starts_at_its_fire_time(jitter):
    assert due_at("job", every(jitter=jitter), at(10)) == at(10)


def test_an_id_of_any_characters_has_a_jitter():
    assert due_at("\ud800 job", every(jitter=5), START) >= START


def test_a_slot_is_due_with_its_jitter_and_the_next_one_counts_from_the_fire_time():
    trigger = every(3600, jitter=600)
    due = due_at("job", trigger, START)
    waiting = plan(view(trigger), due - INSTANT, MANY)

    planned = plan(view(trigger), due, MANY)

    assert (waiting.slots, waiting.next_fire_time, waiting.next_run_time) == ((), START, due)
    assert [(slot.fire_time, slot.due_at) for slot in planned.slots] == [(START, due)]
    assert planned.next_fire_time == at(3600)
    assert planned.next_run_time == due_at("job", trigger, at(3600))


def test_the_grace_time_counts_from_the_planned_start():
    trigger = every(3600, jitter=600)
    due = due_at("job", trigger, START)
    grace = timedelta(seconds=5)

    assert plan(view(trigger, grace=grace), due + grace, MANY).slots
    assert not plan(view(trigger, grace=grace), due + grace + INSTANT, MANY).slots


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
def test_a_jitter_wider_than_the_distance_of_two_fire_times_makes_none_of_them_late(coalesce):
    trigger = CronTrigger(second="*", timezone="UTC", jitter=60)
    grace = timedelta(seconds=1)
    job = view(trigger, coalesce=coalesce, max_instances=MANY, grace=grace)
    due = job.next_run_time

    planned = plan(job, due, MANY)

    assert planned.slots
    assert {str(summary.status) for summary in planned.summaries} <= {"coalesced"}
    assert all(due - slot.due_at <= grace for slot in planned.slots)


def test_a_slot_that_waited_for_the_one_before_it_is_not_late_for_that():
    trigger = CronTrigger(second="*", timezone="UTC", jitter=60)
    starts = [due_at("job", trigger, at(number)) for number in range(100)]
    first = next(at(number) for number in range(99) if starts[number] > starts[number + 1] + timedelta(seconds=5))
    due = due_at("job", trigger, first)
    second = view(
        trigger,
        first + timedelta(seconds=1),
        coalesce=False,
        grace=timedelta(seconds=1),
        claimed_through=first,
        parked=True,
    )

    (slot,) = plan(second, due, 1).slots

    assert (slot.fire_time, slot.due_at) == (first + timedelta(seconds=1), due)


# -- triggers that misbehave -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [pytest.param(START, id="stands-still"), pytest.param(at(-1), id="goes-back")])
def test_a_trigger_that_does_not_increase_is_refused(answer):
    odd = OddTrigger(answer)

    with pytest.raises(ValueError, match="fire times must increase") as caught:
        plan(view(odd), START, MANY)

    assert str(caught.value) == (
        f"Trigger OddTrigger() gave {answer.isoformat()} as the fire time after {START.isoformat()}: "
        "fire times must increase. Correct the trigger's get_next_fire_time()."
    )


def test_every_status_of_a_summary_is_final():
    assert {RunStatus.MISSED, RunStatus.SKIPPED, RunStatus.COALESCED}.isdisjoint({"pending", "claimed", "running"})


# -- overlaps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
@pytest.mark.parametrize("overlap", ["queue", "replace"])
def test_a_fire_time_that_meets_a_run_waits_where_the_job_asks_for_that(coalesce, overlap):
    planned = plan(view(live=1, overlap=overlap, coalesce=coalesce), at(0), MANY)

    assert planned.waits == Slot(at(0), at(0))
    assert (slots(planned), summaries(planned), planned.parked) == ([], [], False)
    assert (planned.next_fire_time, planned.closed_through) == (at(10), at(0))


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesce", "catch-up"])
def test_a_fire_time_is_skipped_while_another_one_waits(coalesce):
    planned = plan(view(live=1, overlap="queue", waiting=True, coalesce=coalesce), at(0), MANY)

    assert (planned.waits, summaries(planned)) == (None, [("skipped", 0, 0, 1)])


def test_with_an_instance_free_a_fire_time_runs_whatever_the_overlap():
    planned = plan(view(live=1, max_instances=2, overlap="replace"), at(0), MANY)

    assert (slots(planned), planned.waits) == ([0], None)


def test_of_several_fire_times_the_latest_waits_and_the_others_are_coalesced():
    planned = plan(view(live=1, overlap="queue"), at(25), MANY)

    assert planned.waits == Slot(at(20), at(20))
    assert summaries(planned) == [("coalesced", 0, 10, 2)]
    assert planned.closed_through == at(20)


def test_where_each_counts_the_first_one_waits_and_the_others_are_skipped():
    planned = plan(view(live=1, overlap="queue", coalesce=False), at(25), MANY)

    assert planned.waits == Slot(at(0), at(0))
    assert summaries(planned) == [("skipped", 10, 20, 2)]
    assert planned.closed_through == at(20)


def test_what_is_older_than_the_grace_time_does_not_wait():
    planned = plan(view(DateTrigger(START), live=1, overlap="queue", grace=timedelta(seconds=5)), at(6), MANY)

    assert (planned.waits, summaries(planned)) == (None, [("missed", 0, 0, 1)])


def test_a_backlog_is_no_overlap():
    planned = plan(view(live=1, overlap="queue", coalesce=False, parked=True), at(25), MANY)

    assert (planned.waits, summaries(planned), planned.parked) == (None, [], True)
