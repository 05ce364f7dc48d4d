"""OS signals as something to wait for."""

import os
import signal
import threading
import time

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


def test_a_signal_that_another_thread_takes_wakes_the_waiting_one_at_once(requests):
    def take():
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    threading.Timer(0.1, take).start()
    began = time.monotonic()

    assert requests.wait(10) is True
    assert time.monotonic() - began < 5
