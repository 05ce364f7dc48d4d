"""What the scheduler's API does with jobs, on the memory store and a clock that stands still."""

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_apscheduler_ng.events import EVENT_JOB_ADDED, EVENT_JOB_MODIFIED, EVENT_JOB_REMOVED
from django_apscheduler_ng.exceptions import (
    CallableReferenceError,
    ConfigurationError,
    ConflictingIdError,
    InvalidJobError,
    InvalidTriggerError,
    JobLookupError,
    SchedulerError,
)
from django_apscheduler_ng.jobstores.memory import MemoryJobStore
from django_apscheduler_ng.testing import EventLog, FakeClock, ManualScheduler
from django_apscheduler_ng.triggers.cron import CronTrigger
from django_apscheduler_ng.triggers.date import DateTrigger
from django_apscheduler_ng.triggers.interval import IntervalTrigger

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
OVER = IntervalTrigger(hours=1, end_date=NOW - timedelta(days=1))
calls = []


def work(value=None):
    calls.append(value)
    return value


def other(value=None):
    calls.append(("other", value))


def at(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def no_calls():
    calls.clear()


@pytest.fixture
def waiting():
    """A scheduler that was not started."""
    scheduler = ManualScheduler(FakeClock(NOW), timezone="UTC")
    yield scheduler
    if scheduler.running:
        scheduler.shutdown()


@pytest.fixture
def scheduler(waiting):
    """A started scheduler with two job stores."""
    for alias in ("default", "second"):
        waiting.add_jobstore("memory", alias)
    waiting.start()
    return waiting


@pytest.fixture
def log(scheduler):
    log = EventLog()
    scheduler.add_listener(log)
    return log


# -- adding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("func", [work, "tests.unit.schedulers.test_jobs:work"], ids=["callable", "reference"])
def test_a_job_is_added_by_callable_or_reference(scheduler, func):
    job = scheduler.add_job(func, "interval", minutes=2)

    assert job.func is work
    assert job.name == "work"
    assert job.next_run_time == at(120)
    assert job.jobstore == "default"
    assert not job.pending


@pytest.mark.parametrize(
    ("trigger", "arguments", "next_run_time"),
    [
        pytest.param("date", {"run_date": "2026-01-05 12:00:00"}, at(3 * 3600), id="date"),
        pytest.param("interval", {"seconds": 5}, at(5), id="interval"),
        pytest.param("cron", {"hour": 10}, at(3600), id="cron"),
        pytest.param("calendarinterval", {"days": 1, "hour": 11}, at(2 * 3600), id="calendarinterval"),
        pytest.param(DateTrigger(at(7)), {}, at(7), id="instance"),
        pytest.param(None, {}, at(0), id="none-is-now"),
    ],
)
def test_a_trigger_is_given_by_name_or_as_an_instance(scheduler, trigger, arguments, next_run_time):
    assert scheduler.add_job(work, trigger, **arguments).next_run_time == next_run_time


def test_the_zone_of_the_scheduler_is_that_of_triggers_that_name_none():
    scheduler = ManualScheduler(FakeClock(NOW), timezone="Asia/Tokyo")
    scheduler.start()

    ours = scheduler.add_job(work, "cron", hour=12)
    theirs = scheduler.add_job(work, "cron", hour=12, timezone="UTC")

    assert ours.next_run_time == datetime(2026, 1, 6, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert theirs.next_run_time == datetime(2026, 1, 5, 12, tzinfo=UTC)
    scheduler.shutdown()


def test_a_job_without_a_trigger_runs_now_and_is_gone(scheduler):
    scheduler.add_job(work, args=["now"])

    scheduler.travel(0)

    assert calls == ["now"]
    assert scheduler.get_jobs() == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(at(3), at(3), id="aware"),
        pytest.param(datetime(2026, 1, 5, 9, 0, 3), at(3), id="naive-in-the-zone-of-the-scheduler"),
        pytest.param("2026-01-05 09:00:03", at(3), id="text"),
        pytest.param("2026-01-05T10:00:03+01:00", at(3), id="text-with-offset"),
        pytest.param(None, None, id="none-is-paused"),
    ],
)
def test_the_first_run_time_can_be_chosen(scheduler, value, expected):
    job = scheduler.add_job(work, "interval", hours=1, next_run_time=value)

    assert job.next_run_time == expected
    scheduler.travel(10)
    assert len(calls) == (expected is not None)


def test_an_explicit_id_is_unique(scheduler):
    scheduler.add_job(work, "interval", seconds=5, id="mine")

    with pytest.raises(ConflictingIdError) as caught:
        scheduler.add_job(other, "interval", seconds=9, id="mine")

    assert str(caught.value) == (
        "Job 'mine' already exists in job store 'default'. Pass replace_existing=True to replace it."
    )
    assert scheduler.get_job("mine").func is work


def test_an_id_is_unique_within_its_job_store(scheduler):
    scheduler.add_job(work, "interval", seconds=5, id="mine")
    scheduler.add_job(other, "interval", seconds=5, id="mine", jobstore="second")

    assert scheduler.get_job("mine").func is work
    assert scheduler.get_job("mine", "second").func is other
    assert len(scheduler.get_jobs()) == 2


def test_an_existing_job_is_replaced_on_demand(scheduler, log):
    scheduler.add_job(work, "interval", seconds=50, id="mine")
    scheduler.travel(5)

    job = scheduler.add_job(other, "interval", seconds=50, id="mine", name="New", replace_existing=True)

    assert (scheduler.get_job("mine").func, scheduler.get_job("mine").name) == (other, "New")
    assert job.next_run_time == at(50)
    assert log.names() == ["JOB_ADDED", "JOB_MODIFIED"]


def test_the_defaults_of_the_scheduler_count_where_a_job_says_nothing():
    defaults = {"coalesce": False, "max_instances": 3, "misfire_grace_time": 60, "on_abandoned": "rerun"}
    scheduler = ManualScheduler(job_defaults=defaults)

    plain = scheduler.add_job(work, "interval", seconds=5)
    special = scheduler.add_job(
        work, "interval", seconds=5, coalesce=True, max_instances=1, misfire_grace_time=None, on_abandoned="abandon"
    )

    assert [
        (job.coalesce, job.max_instances, job.misfire_grace_time, job.on_abandoned) for job in (plain, special)
    ] == [
        (False, 3, 60, "rerun"),
        (True, 1, None, "abandon"),
    ]


def test_a_function_is_decorated_and_stays_what_it_is(scheduler):
    @scheduler.scheduled_job("interval", args=[5], id="mine", seconds=10)
    def decorated(value):
        calls.append(value)

    scheduler.travel(10)

    assert calls == [5]
    decorated(6)
    assert calls == [5, 6]


def test_decorating_again_replaces_the_job(scheduler):
    for _ in range(2):
        scheduler.scheduled_job("interval", id="mine", seconds=10)(work)

    assert len(scheduler.get_jobs()) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param(
            {"trigger": "intervall", "seconds": 5},
            InvalidTriggerError,
            "Unknown trigger 'intervall'. Did you mean 'interval'?",
            id="trigger-typo",
        ),
        pytest.param(
            {"trigger": "interval", "second": 5},
            InvalidTriggerError,
            "Trigger 'interval' has no argument 'second'. Did you mean 'seconds'?",
            id="argument-typo",
        ),
        pytest.param(
            {"jobstore": "secnd"},
            ConfigurationError,
            "Job store 'secnd' is not configured. Did you mean 'second'? There are: 'default', 'second'. "
            "Add it with add_jobstore() or in the configuration.",
            id="store-typo",
        ),
        pytest.param(
            {"executor": "defalut"},
            ConfigurationError,
            "Executor 'defalut' is not configured. Did you mean 'default'? There are: 'default', 'processpool', 'asyncio'. "
            "Add it with add_executor() or in the configuration.",
            id="executor-typo",
        ),
        pytest.param(
            {"func": "tests.unit.schedulers.test_jobs:wrok"},
            CallableReferenceError,
            "Callable 'tests.unit.schedulers.test_jobs:wrok' cannot be loaded: module 'tests.unit.schedulers.test_jobs' "
            "has no 'wrok'. Did you mean 'tests.unit.schedulers.test_jobs:work'?",
            id="callable-typo",
        ),
        pytest.param(
            {"args": [1, 2]},
            InvalidJobError,
            "Arguments of 'tests.unit.schedulers.test_jobs:work' do not fit its signature (value=None): "
            "takes 1 positional arguments, got 2. Change args and kwargs of the job.",
            id="arguments",
        ),
        pytest.param(
            {"next_run_time": "soon"},
            ConfigurationError,
            "Job option 'next_run_time' must be a datetime or an ISO string like '2026-01-31 09:00:00', got 'soon'.",
            id="run-time",
        ),
        pytest.param(
            {"next_run_time": "0001-01-01 00:00:00+12:00"},
            ConfigurationError,
            "Job option 'next_run_time' must be a datetime or an ISO string like '2026-01-31 09:00:00', "
            "got '0001-01-01 00:00:00+12:00'.",
            id="run-time-before-all-times",
        ),
        pytest.param(
            {"trigger": "interval", "seconds": 5, "start_date": "2025-01-01", "end_date": "2025-01-02"},
            InvalidTriggerError,
            "Trigger interval[0:00:05] of job 'mine' never fires after now. Give it a fire time in the future.",
            id="never-fires",
        ),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_is_added(scheduler, log, arguments, error, message):
    with pytest.raises(error) as caught:
        scheduler.add_job(**{"func": work, "id": "mine", **arguments})

    assert str(caught.value) == message
    assert scheduler.get_jobs() == []
    assert log.events == []


# -- before the start ----------------------------------------------------------------------------------------------------


def test_a_job_that_is_added_before_the_start_is_planned_at_the_start(waiting):
    job = waiting.add_job(work, "interval", seconds=10, id="mine")
    before = (job.pending, job.next_run_time, waiting.get_jobs(), waiting.get_jobs(pending=False))
    waiting.clock.advance(1000)

    waiting.start()

    assert before == (True, None, [job], [])
    assert (job.pending, job.next_run_time, job.jobstore) == (False, at(1010), "default")
    assert waiting.get_jobs(pending=True) == []


def test_a_waiting_job_can_be_changed(waiting):
    job = waiting.add_job(work, "interval", seconds=10, id="mine")

    job.modify(name="New", max_instances=4)
    waiting.reschedule_job("mine", trigger="interval", seconds=20)
    waiting.start()

    assert (waiting.get_job("mine").name, waiting.get_job("mine").max_instances) == ("New", 4)
    assert waiting.get_job("mine").next_run_time == at(20)


def test_a_waiting_job_that_is_paused_starts_paused(waiting):
    waiting.add_job(work, "interval", seconds=10, id="mine")

    waiting.pause_job("mine", reason="not yet")
    waiting.start()
    waiting.travel(60)

    assert (waiting.get_job("mine").next_run_time, waiting.get_job("mine").pause_reason) == (None, "not yet")
    assert calls == []


def test_a_waiting_job_that_is_paused_and_resumed_starts_as_if_nothing_had_been(waiting):
    waiting.add_job(work, "interval", seconds=10, id="mine")
    waiting.pause_job("mine", reason="not yet")
    waiting.clock.advance(5)

    waiting.resume_job("mine")
    waiting.start()

    assert (waiting.get_job("mine").next_run_time, waiting.get_job("mine").pause_reason) == (at(15), "")


def test_a_waiting_job_that_is_paused_and_rescheduled_stays_paused(waiting):
    waiting.add_job(work, "interval", seconds=10, id="mine")
    waiting.pause_job("mine")

    waiting.reschedule_job("mine", trigger="interval", seconds=20)
    waiting.start()

    assert waiting.get_job("mine").next_run_time is None
    assert waiting.get_job("mine").trigger == IntervalTrigger(seconds=20, timezone="UTC")


def test_a_run_time_chosen_for_a_waiting_job_is_kept(waiting):
    waiting.add_job(work, "interval", seconds=10, id="mine")

    waiting.modify_job("mine", next_run_time=at(3))
    waiting.start()

    assert waiting.get_job("mine").next_run_time == at(3)


def test_a_waiting_job_can_be_removed(waiting):
    kept = waiting.add_job(work, "interval", seconds=10, id="kept")
    waiting.add_job(work, "interval", seconds=10, id="one").remove()
    waiting.add_job(work, "interval", seconds=10, id="two")
    waiting.remove_job("two")

    waiting.start()

    assert waiting.get_jobs() == [kept]


def test_all_waiting_jobs_can_be_removed(waiting):
    waiting.add_job(work, "interval", seconds=10, id="here")
    waiting.add_job(work, "interval", seconds=10, id="there", jobstore="second")

    waiting.remove_all_jobs("second")
    left = [job.id for job in waiting.get_jobs()]
    waiting.remove_all_jobs()

    assert left == ["here"]
    assert waiting.get_jobs() == []


def test_a_job_that_cannot_be_added_at_the_start_is_logged_and_the_others_start(waiting, caplog):
    waiting.add_job(work, "interval", seconds=10, id="twice")
    waiting.add_job(other, "interval", seconds=10, id="twice")
    waiting.add_job(work, "interval", seconds=10, id="sound")

    waiting.start()

    assert {job.id for job in waiting.get_jobs()} == {"twice", "sound"}
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == (
        "Job 'twice' could not be added to job store 'default': "
        "Job 'twice' already exists in job store 'default'. Pass replace_existing=True to replace it."
    )


def test_a_job_for_a_store_that_comes_later_waits_for_it(waiting):
    waiting.add_job(work, "interval", seconds=10, id="mine", jobstore="later")

    waiting.add_jobstore(MemoryJobStore(), "later")
    waiting.start()

    assert waiting.get_job("mine", "later").next_run_time == at(10)


# -- changing ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["scheduler", "job"])
def by(request, scheduler):
    """Change the job `mine` through the scheduler, or through the job."""
    job = scheduler.add_job(work, "interval", seconds=10, id="mine")

    def change(action, **arguments):
        if request.param == "job":
            return getattr(job, action)(**arguments)
        return getattr(scheduler, f"{action}_job")("mine", **arguments)

    change.job = job
    change.is_job = request.param == "job"
    return change


def test_options_are_changed(by, scheduler, log):
    by("modify", max_instances=6, name="Alternate name")

    assert (scheduler.get_job("mine").max_instances, scheduler.get_job("mine").name) == (6, "Alternate name")
    assert scheduler.get_job("mine").next_run_time == at(10)
    assert log.names() == ["JOB_MODIFIED"]
    if by.is_job:
        assert (by.job.max_instances, by.job.name) == (6, "Alternate name")


def test_the_next_run_time_is_changed(by, scheduler):
    by("modify", next_run_time=datetime(2026, 1, 5, 9, 0, 42))

    assert scheduler.get_job("mine").next_run_time == at(42)


def test_a_job_is_rescheduled_from_now_on(by, scheduler, log):
    scheduler.clock.advance(5)

    by("reschedule", trigger="cron", minute="*/5")

    assert scheduler.get_job("mine").next_run_time == at(300)
    assert scheduler.get_job("mine").trigger == CronTrigger(minute="*/5", timezone="UTC")
    assert log.names() == ["JOB_MODIFIED"]


def test_a_job_is_edited_and_rescheduled_from_now_on_in_one_change(scheduler, log):
    scheduler.add_job(work, "interval", seconds=10, id="mine")
    log.clear()
    scheduler.clock.advance(5)

    job = scheduler.edit_job(
        "mine", trigger=IntervalTrigger(seconds=20, timezone="UTC"), name="Edited", max_instances=2
    )

    assert (job.name, job.max_instances, job.next_run_time, job.next_fire_time) == ("Edited", 2, at(25), at(25))
    assert log.names() == ["JOB_MODIFIED"]


def test_an_edit_without_a_trigger_keeps_the_next_run_time(scheduler):
    scheduler.add_job(work, "interval", seconds=10, id="mine")
    scheduler.clock.advance(5)

    assert scheduler.edit_job("mine", name="Edited").next_run_time == at(10)


def test_an_edit_of_a_paused_job_leaves_it_paused(scheduler):
    scheduler.add_job(work, "interval", seconds=10, id="mine").pause()

    job = scheduler.edit_job("mine", trigger=IntervalTrigger(seconds=20, timezone="UTC"))

    assert (job.next_run_time, job.trigger) == (None, IntervalTrigger(seconds=20, timezone="UTC"))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        pytest.param({"trigger": OVER}, InvalidTriggerError, "never fires after now", id="over"),
        pytest.param({"trigger": "cron"}, InvalidJobError, "Job option 'trigger' must be a trigger", id="name"),
        pytest.param({"executor": "gone"}, ConfigurationError, "Executor 'gone' is not configured", id="executor"),
        pytest.param({"args": [1, 2]}, InvalidJobError, "do not fit its signature", id="arguments"),
        pytest.param({"max_instances": 0}, InvalidJobError, "must be a positive whole number", id="option"),
    ],
)  # fmt: skip
def test_an_edit_that_is_refused_changes_nothing(scheduler, changes, error, message):
    before = scheduler.add_job(work, "interval", seconds=10, id="mine")

    with pytest.raises(error, match=message):
        scheduler.edit_job("mine", **{"name": "Edited", **changes})

    kept = scheduler.get_job("mine")
    assert (kept.name, kept.trigger, kept.next_run_time) == (before.name, before.trigger, at(10))


def test_a_waiting_job_is_edited(waiting):
    waiting.add_job(work, "interval", seconds=10, id="mine")

    waiting.edit_job("mine", trigger=IntervalTrigger(seconds=20, timezone="UTC"), name="Edited")
    waiting.start()

    assert (waiting.get_job("mine").name, waiting.get_job("mine").next_run_time) == ("Edited", at(20))


def test_a_job_is_paused_and_resumed(by, scheduler):
    by("pause")
    paused = scheduler.get_job("mine").next_run_time
    scheduler.travel(100)
    by("resume")

    assert paused is None
    assert scheduler.get_job("mine").next_run_time == at(110)
    assert calls == []


def test_a_job_is_removed(by, scheduler, log):
    by("remove")

    assert scheduler.get_job("mine") is None
    assert log.names() == ["JOB_REMOVED"]


def test_resuming_a_job_that_is_not_paused_changes_nothing(scheduler):
    scheduler.add_job(work, "interval", seconds=10, id="mine")
    scheduler.clock.advance(5)

    scheduler.resume_job("mine")

    assert scheduler.get_job("mine").next_run_time == at(10)


@pytest.mark.parametrize(
    ("action", "arguments", "error", "message"),
    [
        pytest.param(
            "modify",
            {"id": "new"},
            InvalidJobError,
            "Job option 'id' cannot be changed. Remove the job and add it again under its new id.",
            id="id",
        ),
        pytest.param(
            "modify",
            {"executor": "defalut"},
            ConfigurationError,
            "Executor 'defalut' is not configured. Did you mean 'default'? There are: 'default', 'processpool', 'asyncio'. "
            "Add it with add_executor() or in the configuration.",
            id="executor",
        ),
        pytest.param(
            "modify",
            {"coalesce": 1},
            InvalidJobError,
            "Job option 'coalesce' must be True or False, got 1.",
            id="value",
        ),
        pytest.param(
            "reschedule",
            {"trigger": "crn"},
            InvalidTriggerError,
            "Unknown trigger 'crn'. Did you mean 'cron'?",
            id="trigger",
        ),
        pytest.param(
            "reschedule",
            {"trigger": "interval", "seconds": 5, "end_date": "2025-01-01"},
            InvalidTriggerError,
            "Trigger interval[0:00:05] of job 'mine' never fires after now. Give it a fire time in the future.",
            id="never-fires",
        ),
    ],
)
def test_a_change_that_cannot_work_is_refused_and_changes_nothing(
    by, scheduler, log, action, arguments, error, message
):
    with pytest.raises(error) as caught:
        by(action, **arguments)

    assert str(caught.value) == message
    stored = scheduler.get_job("mine")
    assert (stored.next_run_time, stored.trigger) == (at(10), IntervalTrigger(seconds=10, timezone="UTC"))
    assert log.events == []


@pytest.mark.parametrize("action", ["modify", "reschedule", "pause", "resume", "remove", "run"])
@pytest.mark.parametrize(
    ("jobstore", "message"),
    [
        pytest.param(
            None,
            "Job 'nobody' is in no job store ('default', 'second'). It may have finished; get_jobs() lists what is there.",
            id="anywhere",
        ),
        pytest.param(
            "second",
            "Job 'nobody' is not in job store 'second'. It may have finished; get_jobs() lists what is there.",
            id="in-one-store",
        ),
    ],
)
def test_a_job_that_is_not_there_is_said_to_be_so(scheduler, action, jobstore, message):
    with pytest.raises(JobLookupError) as caught:
        getattr(scheduler, f"{action}_job")("nobody", jobstore=jobstore)

    assert str(caught.value) == message


def test_a_job_is_found_in_whichever_store_it_is(scheduler):
    scheduler.add_job(work, "interval", seconds=10, id="mine", jobstore="second")

    scheduler.modify_job("mine", name="New")

    assert scheduler.get_job("mine").jobstore == "second"
    assert scheduler.get_job("mine", "default") is None


def test_a_job_is_run_by_hand(scheduler):
    scheduler.add_job(work, "interval", args=["x"], seconds=10, id="mine", jobstore="second")

    run_id = scheduler.run_job("mine")
    scheduler.travel(0)

    assert isinstance(run_id, str)
    assert calls == ["x"]
    assert scheduler.get_job("mine").next_run_time == at(10)


# -- listing -----------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_by_store_and_next_run_time(scheduler):
    scheduler.add_job(work, "interval", seconds=30, id="late")
    scheduler.add_job(work, "interval", seconds=10, id="soon")
    scheduler.add_job(work, "interval", seconds=20, id="second", jobstore="second")
    scheduler.pause_job("soon")

    assert [job.id for job in scheduler.get_jobs("default")] == ["late", "soon"]
    assert [job.id for job in scheduler.get_jobs()] == ["late", "soon", "second"]


def test_a_store_that_is_not_there_cannot_be_listed(scheduler):
    with pytest.raises(ConfigurationError) as caught:
        scheduler.get_jobs("secnd")

    assert str(caught.value) == (
        "Job store 'secnd' is not configured. Did you mean 'second'? There are: 'default', 'second'. "
        "Add it with add_jobstore() or in the configuration."
    )


def test_jobs_are_printed(scheduler, capsys):
    scheduler.add_job(work, "interval", seconds=10, name="Report")
    scheduler.add_job(work, "cron", hour=3, name="Nightly", next_run_time=None)

    scheduler.print_jobs()

    assert capsys.readouterr().out == (
        "Jobstore default:\n"
        "    Report (trigger: interval[0:00:10], next run at: 2026-01-05 09:00:10 UTC)\n"
        "    Nightly (trigger: cron[hour='3'], paused)\n"
        "Jobstore second:\n"
        "    No scheduled jobs\n"
    )


def test_jobs_that_wait_for_the_start_are_printed_on_their_own(waiting):
    waiting.add_job(work, "interval", seconds=10, name="Report")
    out = io.StringIO()

    waiting.print_jobs(out=out)

    assert out.getvalue() == "Pending jobs:\n    Report (trigger: interval[0:00:10], pending)\n"


def test_all_jobs_of_one_store_are_removed(scheduler, log):
    scheduler.add_job(work, "interval", seconds=10, id="here")
    scheduler.add_job(work, "interval", seconds=10, id="there", jobstore="second")
    log.clear()

    scheduler.remove_all_jobs("second")

    assert [job.id for job in scheduler.get_jobs()] == ["here"]
    assert [(event.alias, log.names()) for event in log.events] == [("second", ["ALL_JOBS_REMOVED"])]


def test_each_change_is_told_once(scheduler, log):
    job = scheduler.add_job(work, "interval", seconds=10, id="mine")
    job.pause()
    job.resume()
    job.remove()

    assert log.names() == ["JOB_ADDED", "JOB_MODIFIED", "JOB_MODIFIED", "JOB_REMOVED"]
    wanted = EVENT_JOB_ADDED | EVENT_JOB_MODIFIED | EVENT_JOB_REMOVED
    assert {(event.job_id, event.jobstore) for event in log.of(wanted)} == {("mine", "default")}


def test_a_job_from_elsewhere_belongs_to_no_scheduler():
    with pytest.raises(SchedulerError):
        MemoryJobStore().modify_job("mine", lambda job: {})
