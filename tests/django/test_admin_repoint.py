"""A job whose callable moved is pointed to the new place by one button (S5)."""

import pytest

from django_apscheduler_ng import declarations
from django_apscheduler_ng.decorators import job as register
from django_apscheduler_ng.models import JobLogEntry, ScheduledJob
from django_apscheduler_ng.triggers.interval import IntervalTrigger
from tests.django.admin_kit import address, client_of, told
from tests.project import jobs
from tests.shop import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost():
    """A job whose callable is gone, while a similar one is registered."""
    before = dict(declarations._registered)
    register(jobs.echo)
    made = make_job("lost", "Lost", IntervalTrigger(hours=1), func_ref="tests.project.tasks:echo")
    made.broken_reason = "CallableReferenceError: Callable 'tests.project.tasks:echo' cannot be loaded."
    made.save()
    yield made
    declarations._registered.clear()
    declarations._registered.update(before)


@pytest.fixture
def maria():
    return client_of("view_scheduledjob", "change_scheduledjob", name="maria")


def test_the_page_of_the_job_offers_it(lost, maria):
    assert "Use the callable it may have moved to" in maria.get(address(lost)).text


def test_the_button_points_the_job_there_and_says_who_did_it(lost, maria):
    response = maria.post(address(lost, "repoint"))

    row = ScheduledJob.objects.get(pk=lost.pk)
    assert (row.func_ref, row.broken_reason) == ("tests.project.jobs:echo", "")
    assert told(response) == ["1 job has another callable."]
    assert JobLogEntry.objects.latest("pk").actor_name == "maria"


def test_without_the_right_to_change_it_is_refused(lost):
    client = client_of("view_scheduledjob", "run_scheduledjob", "pause_scheduledjob")

    assert "moved to" not in client.get(address(lost)).text
    assert client.post(address(lost, "repoint")).status_code == 403
    assert ScheduledJob.objects.get(pk=lost.pk).func_ref == "tests.project.tasks:echo"


def test_a_job_that_works_offers_nothing(maria):
    assert (
        "moved to"
        not in maria.get(
            address(make_job("fine", "Fine", IntervalTrigger(hours=1), func_ref="tests.project.jobs:noop"))
        ).text
    )
