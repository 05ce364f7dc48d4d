"""Troubleshooting."""

import logging

import pytest

from django_apscheduler_ng.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED

from .jobs import crash, myfunc


@pytest.fixture
def unconfigured():
    """Logging as it is before a program configures it."""
    package, root = logging.getLogger("django_apscheduler_ng"), logging.getLogger()
    before = package.level, root.handlers[:]
    yield
    package.setLevel(before[0])
    root.handlers[:] = before[1]


def test_the_level_of_the_packages_logger_is_raised(unconfigured, scheduler, log, caplog):
    import logging

    logging.basicConfig()
    logging.getLogger("django_apscheduler_ng").setLevel(logging.DEBUG)

    scheduler.add_job(myfunc, id="works")
    scheduler.add_job(crash, id="crashes")
    log.wait_for(EVENT_JOB_EXECUTED)
    log.wait_for(EVENT_JOB_ERROR)
    scheduler.shutdown()
    said = [record.getMessage() for record in caplog.records]
    assert all(record.name.startswith("django_apscheduler_ng.") for record in caplog.records)
    assert any(line.startswith("Job 'works' ran in") for line in said)
    assert any(line.startswith("Job 'crashes' failed in run") for line in said)
    assert "Scheduler shut down." in said
