from datetime import UTC, datetime, timedelta

import pytest

from django_apscheduler_ng.exceptions import CallableReferenceError, InvalidJobError, SchedulerError
from django_apscheduler_ng.job import Job
from django_apscheduler_ng.triggers.interval import IntervalTrigger

TRIGGER = IntervalTrigger(minutes=2, timezone="UTC")


def work(first, second=2, *, third=3):
    return first, second, third


class Callable:
    def __call__(self):
        return None


def make(**options) -> Job:
    return Job(**{"func": work, "trigger": TRIGGER, "args": [1], **options})


def test_a_job_without_an_id_gets_a_random_one():
    assert make().id != make().id
    assert len(make().id) == 32


@pytest.mark.parametrize(
    ("func", "name"),
    [
        pytest.param(work, "work", id="function"),
        pytest.param("tests.unit.test_job:work", "work", id="reference"),
        pytest.param(lambda *args: None, "<lambda>", id="lambda"),
        pytest.param(Callable(), "Callable", id="instance"),
    ],
)
def test_a_job_is_named_after_its_callable(func, name):
    assert make(func=func, args=[] if isinstance(func, Callable) else [1]).name.endswith(name)


def test_a_job_has_the_documented_defaults():
    job = make()

    assert (job.executor, job.coalesce, job.max_instances, job.misfire_grace_time) == ("default", True, 1, None)
    assert (job.on_abandoned, job.next_run_time, job.pending, job.jobstore) == ("abandon", None, True, None)
    assert (job.args, job.kwargs) == ((1,), {})


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(InvalidJobError) as caught:
        make(args=[], kwargs={"secnd": 5})

    assert str(caught.value) == (
        "Arguments of 'tests.unit.test_job:work' do not fit its signature (first, second=2, *, third=3): "
        "missing 'first'; unexpected 'secnd' (did you mean 'second'?). Change args and kwargs of the job."
    )


def test_changes_are_taken_over_all_or_none():
    job = make()

    with pytest.raises(InvalidJobError):
        job.apply({"name": "new", "coalesce": "maybe"})

    assert job.name == "work"


def test_changed_arguments_are_checked_against_the_callable_that_stays():
    job = make()

    with pytest.raises(InvalidJobError):
        job.apply({"args": [1, 2, 3]})
    job.apply({"args": [1, 2], "kwargs": {"third": 4}})

    assert (job.args, job.kwargs) == ((1, 2), {"third": 4})


def test_a_changed_callable_is_checked_with_the_arguments_that_come_with_it():
    job = make()

    with pytest.raises(InvalidJobError):
        job.apply({"func": Callable().__call__})
    job.apply({"func": Callable(), "args": []})

    assert job.func_ref is None


def test_a_callable_is_imported_when_it_is_first_needed():
    job = make()
    job._func, job.func_ref = None, "tests.unit.test_job:gone"

    with pytest.raises(CallableReferenceError):
        _ = job.func
    job.func_ref = "tests.unit.test_job:work"

    assert job.func is work


def test_a_job_whose_callable_is_gone_can_still_be_changed():
    job = make()
    job._func, job.func_ref = None, "tests.unit.test_job:gone"

    job.apply({"args": [1, 2, 3, 4], "name": "new"})

    assert (job.name, job.args) == ("new", (1, 2, 3, 4))


def test_the_planner_sees_what_decides():
    job = make(coalesce=False, max_instances=3, misfire_grace_time=90)
    job.choose_run_time(datetime(2026, 1, 5, tzinfo=UTC))

    view = job.view(live=2)

    assert (view.job_id, view.trigger, view.coalesce, view.max_instances, view.live) == (job.id, TRIGGER, False, 3, 2)
    assert view.grace == timedelta(seconds=90)
    assert view.next_fire_time == view.next_run_time == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("action", ["modify", "pause", "resume", "remove"])
def test_a_job_of_no_scheduler_cannot_be_changed(action):
    with pytest.raises(SchedulerError) as caught:
        getattr(make(id="lonely"), action)()

    assert str(caught.value) == "Job 'lonely' belongs to no scheduler. Get it from get_job() or add_job()."


@pytest.mark.parametrize(
    ("jobstore", "next_run_time", "broken", "text"),
    [
        pytest.param(None, None, "", "pending", id="pending"),
        pytest.param("default", None, "", "paused", id="paused"),
        pytest.param("default", None, "gone", "broken", id="broken"),
        pytest.param(
            "default", datetime(2026, 1, 5, 9, 30, tzinfo=UTC), "", "next run at: 2026-01-05 09:30:00 UTC", id="planned"
        ),
    ],
)
def test_a_job_in_a_line(jobstore, next_run_time, broken, text):
    job = make(name="Report").attach(None, jobstore)
    job.next_run_time, job.broken_reason = next_run_time, broken

    assert str(job) == f"Report (trigger: interval[0:02:00], {text})"


def test_jobs_are_the_same_when_their_ids_are():
    assert make(id="a") == make(id="a", name="other")
    assert make(id="a") != make(id="b")
    assert make(id="a") != "a"
    assert len({make(id="a"), make(id="a"), make(id="b")}) == 2
    assert repr(make(id="a", name="Report")) == "<Job (id=a name=Report)>"
