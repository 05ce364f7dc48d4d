"""Fixtures of the tests that add and edit jobs in the admin."""

from __future__ import annotations

import pytest

from django_apscheduler_ng import declarations, get_scheduler
from django_apscheduler_ng.decorators import job as register
from django_apscheduler_ng.models import JobLogEntry, ScheduledJob
from tests.django.admin_kit import client_of
from tests.django.edit_kit import BERLIN, EVERYTHING, HISTORY
from tests.project import jobs


@pytest.fixture
def registered():
    """Callables that may be chosen, as the code of a project makes them known."""
    before = dict(declarations._registered)
    declarations._registered.clear()
    for func in (jobs.noop, jobs.echo, jobs.nap):
        register(func)
    yield
    declarations._registered.clear()
    declarations._registered.update(before)


@pytest.fixture
def editor(db, registered):
    return client_of(*EVERYTHING, *HISTORY, name="maria")


@pytest.fixture
def report(db, registered):
    """A job with a few options that are not usual."""
    get_scheduler().add_job(
        "tests.project.jobs:noop", "interval", hours=1, id="report", name="Report", args=[1], kwargs={"limit": 5},
        timeout=90, retry={"attempts": 3, "on": ["TimeoutError"]}, timezone=BERLIN,
    )  # fmt: skip
    JobLogEntry.objects.all().delete()
    return ScheduledJob.objects.get()
