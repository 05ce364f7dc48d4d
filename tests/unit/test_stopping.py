"""OS signals as something to wait for."""

import os
import signal

import pytest

from django_apscheduler_ng.stopping import StopRequests


@pytest.fixture
def requests():
    made = StopRequests().install()
    yield made
    made.close(ignore=False)


def test_without_a_signal_waiting_ends_in_vain(requests):
    assert requests.wait(0) is False
    assert requests.wait(0.01) is False


def test_a_look_without_waiting_sees_a_request_that_has_come(requests):
    os.kill(os.getpid(), signal.SIGTERM)

    assert requests.wait(0) is True


def test_a_second_request_is_waited_for_on_its_own(requests):
    os.kill(os.getpid(), signal.SIGTERM)

    assert requests.wait(0.01, more_than=1) is False

    os.kill(os.getpid(), signal.SIGINT)

    assert requests.wait(1, more_than=1) is True
