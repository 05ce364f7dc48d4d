"""The environment label: a copied database does not fire where it was copied to (C8)."""

import pytest
from django.test import override_settings

from django_apscheduler_ng.bootstrap import get_scheduler
from django_apscheduler_ng.models import JobRun, ScheduledJob
from django_apscheduler_ng.testing import FakeClock, ManualScheduler

pytestmark = pytest.mark.django_db


def run_a_node(clock: FakeClock, environment: str) -> int:
    """Let a node with this label work for a minute; returns how many runs it made."""
    before = JobRun.objects.filter(status="succeeded").count()
    with override_settings(APSCHEDULER={"environment": environment}):
        scheduler = ManualScheduler(clock, jobstores={"default": {"type": "django"}})
        scheduler.start()
        scheduler.travel(60)
        scheduler.shutdown()
    return JobRun.objects.filter(status="succeeded").count() - before


@pytest.mark.parametrize(
    ("job", "node", "runs"),
    [
        pytest.param("production", "production", 1, id="same-label-runs"),
        pytest.param("production", "staging", 0, id="other-label-is-left-alone"),
        pytest.param("production", "", 1, id="node-without-label-checks-nothing"),
        pytest.param("", "staging", 1, id="job-without-label-runs-anywhere"),
        pytest.param("Production", "production", 0, id="case-counts"),
    ],
)
def test_a_node_leaves_jobs_of_another_environment_alone(fake_clock, job, node, runs):
    with override_settings(APSCHEDULER={"environment": job}):
        get_scheduler().add_job(
            "tests.project.jobs:noop", "interval", minutes=1, id="j", next_run_time=fake_clock.now(), jobstore="default"
        )
    ScheduledJob.objects.update(next_fire_time=fake_clock.now(), next_run_time=fake_clock.now())

    assert (run_a_node(fake_clock, node) > 0) == bool(runs)


def test_a_pending_run_of_another_environment_is_left_alone(fake_clock):
    with override_settings(APSCHEDULER={"environment": "production"}):
        get_scheduler().add_job("tests.project.jobs:noop", "interval", days=9, id="j")
        get_scheduler().run_job("j")
    JobRun.objects.update(due_at=fake_clock.now())

    assert run_a_node(fake_clock, "staging") == 0
    assert JobRun.objects.get().status == "pending"
