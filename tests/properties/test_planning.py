"""Over any sequence of passes, ends and waits, every fire time is accounted for exactly once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from django_apscheduler_ng.planning import JobView, first_plan, plan
from django_apscheduler_ng.runs import RunStatus
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

#: An hour before the clocks go back in Berlin.
START = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)

TRIGGERS = st.sampled_from(
    [
        IntervalTrigger(seconds=10, start_date=START, timezone="UTC"),
        IntervalTrigger(seconds=7, timezone="UTC"),
        IntervalTrigger(seconds=10, start_date=START, timezone="UTC", jitter=10),
        IntervalTrigger(seconds=30, timezone="UTC", jitter=4.5, end_date=START + timedelta(minutes=4)),
        CronTrigger(second="*/20", timezone="Europe/Berlin"),
        CronTrigger(minute="*/7", timezone="Europe/Berlin"),
        CronTrigger(second="*/20", timezone="Europe/Berlin", jitter=90),
        CronTrigger(hour="1-3", minute=30, timezone="Europe/Berlin", on_overlap="both"),
    ]
)

WAITS = st.one_of(
    st.floats(0, 15),
    st.integers(0, 120),
    st.integers(0, 4 * 3600),
)
STEPS = st.lists(
    st.one_of(st.tuples(st.just("wait"), WAITS), st.tuples(st.just("end"), st.integers(0, 5))), max_size=15
)


class Ledger:
    """A job store for one job: applies plans, and remembers what became of which fire time."""

    def __init__(self, view: JobView, limit: int) -> None:
        first = first_plan(view.job_id, view.trigger, START)
        self.view = view._replace(next_fire_time=first.next_fire_time, next_run_time=first.next_run_time)
        self.limit = limit
        self.now = START
        self.slots: list[datetime] = []
        self.summaries = []
        self.running = 0
        self.waiting = False

    def make_pass(self) -> None:
        while self.view.next_fire_time is not None and self.view.next_run_time <= self.now:
            self.claim_waiting()
            if self.view.parked and self.running >= self.view.max_instances:
                return
            planned = plan(self.view._replace(live=self.running, waiting=self.waiting), self.now, self.limit)
            self._apply(planned)
            changes = (planned.slots, planned.summaries, planned.waits, planned.parked)
            assert any(changes), "a plan of something due must change something"

    def claim_waiting(self) -> None:
        if self.waiting and self.running < self.view.max_instances:
            self.waiting = False
            self.running += 1

    def _apply(self, planned) -> None:
        closed = [slot.fire_time for slot in planned.slots] + [summary.span.last for summary in planned.summaries]
        self.slots += [slot.fire_time for slot in planned.slots]
        if planned.waits is not None:
            assert not self.waiting
            assert self.view.overlap != "skip"
            assert self.running == self.view.max_instances
            assert planned.waits.due_at <= self.now
            self.waiting = True
            self.slots.append(planned.waits.fire_time)
            closed.append(planned.waits.fire_time)
        self.summaries += planned.summaries
        self.running += len(planned.slots)
        assert self.running <= self.view.max_instances
        assert len(planned.slots) <= self.limit
        assert all(slot.due_at <= self.now for slot in planned.slots)
        self.view = self.view._replace(
            next_fire_time=planned.next_fire_time,
            next_run_time=planned.next_run_time,
            claimed_through=max([*closed, *filter(None, [self.view.claimed_through])], default=None),
            parked=planned.parked,
        )


def all_fire_times(trigger, until):
    found = trigger.get_next_fire_time(None, START)
    times = []
    while found is not None and found <= until:
        times.append(found.astimezone(UTC))
        found = trigger.get_next_fire_time(found, found)
    return times


@settings(deadline=None)
@given(
    trigger=TRIGGERS,
    coalesce=st.booleans(),
    max_instances=st.integers(1, 4),
    grace=st.one_of(st.none(), st.sampled_from([0.5, 10, 60, 3600])),
    limit=st.integers(1, 5),
    overlap=st.sampled_from(["skip", "queue", "replace"]),
    steps=STEPS,
)
def test_every_fire_time_is_accounted_for_exactly_once(trigger, coalesce, max_instances, grace, limit, overlap, steps):
    ledger = Ledger(
        JobView(
            job_id="job",
            trigger=trigger,
            next_fire_time=None,
            next_run_time=None,
            coalesce=coalesce,
            max_instances=max_instances,
            grace=None if grace is None else timedelta(seconds=grace),
            overlap=overlap,
        ),
        limit,
    )

    for what, amount in steps:
        if what == "wait":
            ledger.now += timedelta(seconds=amount)
        else:
            ledger.running = max(0, ledger.running - amount)
        ledger.make_pass()
    ledger.make_pass()
    while ledger.view.parked:
        ledger.running = 0
        ledger.make_pass()

    open_from = ledger.view.next_fire_time
    expected = [moment for moment in all_fire_times(trigger, ledger.now) if open_from is None or moment < open_from]
    accounted = Counter(ledger.slots)
    for summary in ledger.summaries:
        inside = [moment for moment in expected if summary.span.first <= moment <= summary.span.last]
        assert summary.span.exact
        assert len(inside) == summary.span.count
        assert inside[0] == summary.span.first
        assert inside[-1] == summary.span.last
        accounted.update(inside)
    assert accounted == Counter(expected)
    assert ledger.slots == sorted(ledger.slots)
    assert open_from is None or open_from + timedelta(seconds=trigger.jitter or 0) > ledger.now
    allowed = (
        {RunStatus.SKIPPED} | ({RunStatus.COALESCED} if coalesce else set()) | ({RunStatus.MISSED} if grace else set())
    )
    assert {summary.status for summary in ledger.summaries} <= allowed
