"""What bodies say while they run, in every executor."""

from __future__ import annotations

import re

import pytest

from django_apscheduler_ng.capture import LogCapture, captured_logs
from django_apscheduler_ng.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from django_apscheduler_ng.output import Progress, Report
from django_apscheduler_ng.runs import RunStatus

from . import bodies
from .support import PATIENCE, Host, make_run
from .test_base import body, in_both_colours, with_every_executor

CAPTURE = LogCapture()


@pytest.fixture(autouse=True)
def _capture():
    """Do in this process what a node does in its own."""
    with captured_logs(CAPTURE):
        yield


@pytest.fixture
def host() -> Host:
    host = Host()
    host.log_capture = CAPTURE
    return host


def without_moments(report: Report | None) -> Report:
    assert report is not None
    return report._replace(log=re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", "", report.log, flags=re.MULTILINE))


SAID = Report(Progress(3, 3, "step 3"), "".join(f"WARNING bodies.speaker: did step {step}\n" for step in (1, 2, 3)))


@with_every_executor
@in_both_colours
def test_what_a_body_says_comes_with_its_outcome(start, ends, host, make, suffix):
    executor = start(make(), host)
    run = make_run(body("say", suffix), job_id="report")

    executor.submit(run, ends)
    outcome = ends.outcome()

    assert outcome.result == f"report 1 {run.context.key}"
    assert without_moments(outcome.report) == SAID


@with_every_executor
def test_a_body_that_says_nothing_has_no_report(start, ends, host, make):
    executor = start(make(), host)

    executor.submit(make_run(bodies.add, 1), ends)

    assert ends.outcome().report is None
    assert host.reports.empty()


@with_every_executor
def test_what_a_body_said_before_it_failed_comes_with_its_outcome(start, ends, host, make):
    executor = start(make(), host)

    executor.submit(make_run(bodies.say_and_fail), ends)
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_message) == (RunStatus.FAILED, "on purpose")
    assert without_moments(outcome.report) == SAID


@with_every_executor
def test_one_run_hears_nothing_of_what_another_one_says(start, ends, host, make):
    executor = start(make(), host)

    for _ in range(3):
        executor.submit(make_run(bodies.say), ends)

    assert [without_moments(ends.outcome().report) for _ in range(3)] == [SAID] * 3


@pytest.mark.parametrize(
    "make", [pytest.param(ThreadPoolExecutor, id="thread"), pytest.param(ProcessPoolExecutor, id="process")]
)
def test_what_a_body_says_is_reported_while_it_runs(start, ends, host, make, tmp_path):
    executor = start(make(1), host)
    run = make_run(bodies.say_and_wait, str(tmp_path / "go on"))

    executor.submit(run, ends)
    said = None
    while said is None or without_moments(said) != SAID:
        reported, said = host.reports.get(timeout=PATIENCE)
        assert reported is run
    assert ends.count() == 0

    (tmp_path / "go on").touch()
    outcome = ends.outcome()
    assert outcome.status is RunStatus.SUCCEEDED, outcome.traceback
    assert without_moments(outcome.report).progress == Progress(5, 5, "step 5")
    assert without_moments(outcome.report).log.count("did step") == 8


def test_what_a_killed_process_reported_last_is_kept(start, ends, host, tmp_path):
    executor = start(ProcessPoolExecutor(1), host)

    executor.submit(make_run(bodies.say_and_be_killed, str(tmp_path / "die")), ends)
    host.reports.get(timeout=PATIENCE)
    (tmp_path / "die").touch()
    outcome = ends.outcome()

    assert (outcome.status, outcome.exception_type) == (
        RunStatus.FAILED,
        "django_apscheduler_ng.exceptions.WorkerError",
    )
    assert without_moments(outcome.report) == SAID


def test_what_an_interrupted_run_said_is_kept(start, ends, host, tmp_path):
    executor = start(ThreadPoolExecutor(1), host)

    executor.submit(make_run(bodies.say_and_wait, str(tmp_path / "go on")), ends)
    host.reports.get(timeout=PATIENCE)
    executor.kill()
    outcome = ends.outcome()
    (tmp_path / "go on").touch()

    assert outcome.status is RunStatus.INTERRUPTED
    assert outcome.report is not None
    assert outcome.report.progress is not None


def test_what_was_said_survives_a_result_that_does_not_get_through(start, ends, host):
    executor = start(ProcessPoolExecutor(1), host)

    executor.submit(make_run(bodies.say_and_return_lock), ends)
    outcome = ends.outcome()

    assert outcome.status is RunStatus.FAILED
    assert without_moments(outcome.report) == SAID


def test_a_body_in_a_process_that_reports_all_the_time_sends_little(start, ends, host):
    executor = start(ProcessPoolExecutor(1), host)

    executor.submit(make_run(bodies.chatter, 1_000_000), ends)
    outcome = ends.outcome()

    assert outcome.report == Report(Progress(999_999, 1_000_000))
    assert host.reports.qsize() <= outcome.result + 2  # one a second, one soon after the start, and one at the end


def test_nothing_is_kept_of_logs_where_the_scheduler_keeps_none(start, ends):
    executor = start(ProcessPoolExecutor(1))

    executor.submit(make_run(bodies.say), ends)

    assert ends.outcome().report == Report(Progress(3, 3, "step 3"))
