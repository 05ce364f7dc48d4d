"""The API in async code: the same names with an `a` before them (C2)."""

import asyncio
import inspect

import pytest

from django_apscheduler_ng import get_scheduler
from django_apscheduler_ng.actors import acting
from django_apscheduler_ng.exceptions import JobLookupError
from django_apscheduler_ng.models import JobLogEntry, JobRun, ScheduledJob
from django_apscheduler_ng.schedulers.api import JobsApi
from django_apscheduler_ng.triggers.interval import IntervalTrigger

NOOP = "tests.project.jobs:noop"


def test_every_method_about_jobs_has_its_async_twin():
    methods = {name for name, _ in inspect.getmembers(JobsApi, inspect.isfunction) if not name.startswith("_")}

    def is_async(function):
        return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)

    twins = {name for name in methods if is_async(getattr(get_scheduler(), f"a{name}", None))}

    assert methods - twins == {"print_jobs", "scheduled_job"}


@pytest.mark.django_db(transaction=True)
def test_a_job_is_added_changed_and_removed_from_a_coroutine(django_user_model):
    scheduler, user = get_scheduler(), django_user_model.objects.create(username="ada")

    async def view():
        job = await scheduler.aadd_job(NOOP, "interval", hours=1, id="j", next_run_time="2030-01-01 00:00:00")
        assert (await scheduler.aget_job("j")).next_run_time == job.next_run_time
        await scheduler.amodify_job("j", name="renamed")
        await scheduler.areschedule_job("j", trigger="cron", hour=3)
        await scheduler.aedit_job("j", name="edited", trigger=IntervalTrigger(hours=2, timezone="UTC"))
        with acting(user):
            await scheduler.apause_job("j", reason="busy")
        assert [job.id for job in await scheduler.aget_jobs()] == ["j"]
        run = await scheduler.arun_job("j")
        await scheduler.aresume_job("j")
        await scheduler.aremove_job("j")
        await scheduler.aremove_all_jobs()
        return run

    run = asyncio.run(view())

    actions = list(JobLogEntry.objects.order_by("pk").values_list("action", "actor_name"))
    assert actions == [
        ("added", ""),
        ("modified", ""),
        ("rescheduled", ""),
        ("modified", ""),
        ("paused", "ada"),
        ("run requested", ""),
        ("resumed", ""),
        ("removed", ""),
    ]
    assert JobRun.objects.get().pk == int(run)
    assert not ScheduledJob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_errors_come_through():
    async def view():
        await get_scheduler().apause_job("absent")

    with pytest.raises(JobLookupError):
        asyncio.run(view())
