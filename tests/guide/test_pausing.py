"""Pausing and resuming jobs."""

from django_apscheduler_ng.events import EVENT_JOB_EXECUTED

from .jobs import myfunc


def test_a_job_pauses_and_resumes_itself(manual):
    scheduler = manual

    job = scheduler.add_job(myfunc, "interval", seconds=2, id="my_job_id")
    job.pause()
    paused = scheduler.get_job("my_job_id").next_run_time
    job.resume()

    assert paused is None
    assert scheduler.get_job("my_job_id").next_run_time is not None


def test_a_job_is_paused_and_resumed_by_its_id(manual):
    scheduler = manual

    scheduler.add_job(myfunc, "interval", seconds=2, id="my_job_id")
    scheduler.pause_job("my_job_id")
    paused = scheduler.get_job("my_job_id").next_run_time
    scheduler.resume_job("my_job_id")

    assert paused is None
    assert scheduler.get_job("my_job_id").next_run_time is not None


def test_a_paused_job_does_not_run(manual, manual_log):
    job = manual.add_job(myfunc, "interval", seconds=2)
    job.pause()
    manual.travel(60)
    paused = len(manual_log.of(EVENT_JOB_EXECUTED))

    job.resume()
    manual.travel(2)

    assert (paused, len(manual_log.of(EVENT_JOB_EXECUTED))) == (0, 1)
