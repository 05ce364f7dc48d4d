"""Jobs that wait for a run to end are woken whatever becomes of the connection: the row's own moment is half a minute away."""

import pytest
from django.db import OperationalError

from django_apscheduler_ng import get_scheduler, parking
from django_apscheduler_ng.models import ScheduledJob
from django_apscheduler_ng.parking import Parking
from tests.project import jobs


@pytest.fixture
def key(db):
    get_scheduler().add_job(jobs.noop, "interval", id="job", hours=1, coalesce=False)
    ScheduledJob.objects.update(parked=True)
    return ScheduledJob.objects.get().pk


@pytest.fixture
def lost(monkeypatch):
    """Let the database fail so many times: `lost(2)`."""
    original = parking.wake_parked

    def lose(times):
        left = iter(range(times))

        def wake_parked(*args):
            if next(left, None) is not None:
                raise OperationalError("server closed the connection, on purpose")
            return original(*args)

        monkeypatch.setattr(parking, "wake_parked", wake_parked)

    return lose


def is_parked():
    return ScheduledJob.objects.get().parked


def test_a_connection_that_is_lost_once_costs_nothing(key, lost):
    woken = []
    lost(1)

    Parking("default", lambda: woken.append(1)).wake({key})

    assert not is_parked()
    assert woken


def test_who_could_not_be_woken_is_woken_with_the_next_heartbeat(key, lost, caplog):
    parked = Parking("default", lambda: None)
    lost(2)

    parked.wake({key})
    assert is_parked()
    assert "could not be woken" in caplog.text

    parked.wake()
    assert not is_parked()


def test_who_was_woken_is_not_woken_again(key, django_assert_num_queries):
    parked = Parking("default", lambda: None)
    parked.wake({key})

    with django_assert_num_queries(0):
        parked.wake()
